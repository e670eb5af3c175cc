# Makes pytorch.json: losses and their gradients from torch.nn.functional, in
# double precision. Run with Debian's python3-torch (1.13): python3 pytorch.py > pytorch.json
import json
import torch

F = torch.nn.functional
torch.manual_seed(1)
cases = []


def case(name, call, y, t):
    y = torch.as_tensor(y, dtype=torch.double).requires_grad_()
    t = torch.as_tensor(t, dtype=torch.double)
    loss = eval(call)
    loss.backward()
    cases.append(dict(name=name, call=call, shape=list(y.shape), y=y.detach().flatten().tolist(),
                      t=t.flatten().tolist(), loss=loss.item(), gradient=y.grad.flatten().tolist()))


def one_hot(classes, n):
    return F.one_hot(torch.tensor(classes), n).double()


ce, mse = "F.cross_entropy(y, t)", "F.mse_loss(y, t)"
case("normal", ce, torch.randn(6, 10).tolist(), one_hot([0, 9, 3, 3, 5, 1], 10))
case("wide", ce, (20 * torch.randn(17, 3)).tolist(), one_hot([0, 1, 2] * 5 + [1, 2], 3))
case("soft targets", ce, torch.randn(4, 5).tolist(), torch.softmax(torch.randn(4, 5), 1).double())
case("label smoothing", ce, torch.randn(3, 4).tolist(), 0.9 * one_hot([0, 1, 2], 4) + 0.1 / 4)
case("equal", ce, [[7.0] * 5] * 2, one_hot([0, 4], 5))
case("wrong by far", ce, [[1e4, -1e4, 0], [-1e4, -1e4, 1e4]], one_hot([1, 0], 3))
case("one huge", ce, [[1e30, 0, 1], [0, 1e30, 1]], one_hot([1, 0], 3))
case("one class", ce, [[3.0], [-2.0]], [[1.0], [1.0]])
case("one row", ce, [[0.5, -0.25]], [[0.0, 1.0]])
case("normal", mse, torch.randn(6, 10).tolist(), torch.randn(6, 10).tolist())
case("large", mse, [[1e100, -3.0]], [[-1e100, 4.0]])
case("small", mse, [[1e-100, 2e-100]], [[0.0, 5e-100]])
case("one number", mse, [[2.0]], [[5.0]])
json.dump(dict(torch=torch.__version__, cases=cases), __import__("sys").stdout, indent=1)
print()
