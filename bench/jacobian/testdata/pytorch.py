# Makes pytorch.json: singular values of Jacobians of single examples, from every layer to the
# last hidden one and from the input to the output, in double precision, by
# torch.autograd.functional.jacobian and torch.linalg.svdvals. Parameters have the names and
# shapes of package models: a weight is the transpose of PyTorch's.
# Run with Debian's python3-torch (1.13): python3 pytorch.py > pytorch.json
import json
import torch

F = torch.nn.functional
torch.manual_seed(2)
torch.set_default_dtype(torch.double)
inputs, units, outputs, depth = 7, 6, 3, 5
cases = []


class Net:
    """Makes parameters by name as they are asked for."""

    def __init__(self):
        self.parameters = {}

    def get(self, name, *shape):
        if name not in self.parameters:
            self.parameters[name] = torch.randn(*shape) * (1.2 / shape[0] ** 0.5 if len(shape) > 1 else 0.5)
        return self.parameters[name]

    def affine(self, name, x, n):
        return x @ self.get(name + "/weight", x.shape[-1], n) + self.get(name + "/bias", n)


def dense(f, norm=False):
    """Yields the layers of a network as functions from one pre-activation to the next."""

    def layer(net, i, x):
        name = "layer%02d" % (i + 1)
        z = net.affine(name, x, units)
        if norm:
            z = F.layer_norm(z, (units,), eps=1e-5) * net.get(name + "/gamma", units) + net.get(name + "/beta", units)
        return z

    first = lambda net, x: layer(net, 0, x)
    steps = [("layer%02d" % (i + 1), lambda net, z, i=i: layer(net, i + 1, f(z))) for i in range(depth - 1)]
    last = lambda net, z: net.affine("output", f(z), outputs)
    return first, steps, last


def residual(f):
    def block(net, x, i):
        return x + net.affine("layer%02d" % (i + 2), f(net.affine("layer%02d" % (i + 1), f(x), units)), units)

    first = lambda net, x: net.affine("stem", x, units)
    steps = [("layer%02d" % (i + 1), lambda net, x, i=i: block(net, x, i)) for i in range(0, depth - 1, 2)]
    last = lambda net, x: net.affine("output", f(x), outputs)
    return first, steps, last


def highway(f):
    def layer(net, x, i):
        name = "layer%02d" % (i + 1)
        t = torch.sigmoid(net.affine(name + "/gate", x, units))
        return t * f(net.affine(name, x, units)) + (1 - t) * x

    first = lambda net, x: net.affine("layer01", x, units)
    steps = [("layer01", lambda net, z: f(z))] + [
        ("layer%02d" % (i + 1), lambda net, x, i=i: layer(net, x, i)) for i in range(1, depth)]
    last = lambda net, x: net.affine("output", x, outputs)
    return first, steps, last


def case(name, model, activation, norm, depth, parts):
    first, steps, last = parts
    net, x = Net(), torch.randn(inputs)
    states = [first(net, x)]
    for _, step in steps:
        states.append(step(net, states[-1]))

    def rest(k, z):
        for _, step in steps[k:]:
            z = step(net, z)
        return z

    def log10(function, at):
        s = torch.linalg.svdvals(torch.autograd.functional.jacobian(function, at))
        return torch.log10(s).tolist()

    whole = lambda x: last(net, rest(0, first(net, x)))
    whole(x)  # makes all parameters
    layers = {layer: log10(lambda z, k=k: rest(k, z), states[k]) for k, (layer, _) in enumerate(steps)}
    cases.append(dict(
        name=name, model=model, activation=activation, norm=norm, depth=depth, x=x.tolist(),
        parameters={n: p.flatten().tolist() for n, p in net.parameters.items()},
        layers=layers, through=log10(whole, x)))


case("dense tanh", "mlp", "tanh", "none", depth, dense(torch.tanh))
case("dense softplus", "mlp", "softplus", "none", depth, dense(F.softplus))
case("dense Gaussian", "mlp", "gaussian", "none", depth, dense(lambda z: torch.exp(-z * z)))
case("layer norm", "mlp", "tanh", "layer-norm", depth, dense(torch.tanh, True))
case("residual", "residual", "sigmoid", "none", depth - 1, residual(torch.sigmoid))
case("highway", "highway", "tanh", "none", depth, highway(torch.tanh))
print(json.dumps(cases))
