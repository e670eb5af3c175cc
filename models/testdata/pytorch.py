# Makes pytorch.json: losses and gradients of recurrent, highway and residual networks, in
# double precision, from torch.nn.LSTM, torch.nn.GRU, torch.nn.RNN, torch.nn.Linear and
# torch.nn.functional.mse_loss, all by autograd. Parameters have the names and shapes
# of this package: a weight is the transpose of PyTorch's, an LSTM's gates are in the order
# i f o g (PyTorch: i f g o), and the two biases of an LSTM or RNN are one.
# Run with Debian's python3-torch (1.13): python3 pytorch.py > pytorch.json
import json
import torch

F = torch.nn.functional
torch.manual_seed(1)
torch.set_default_dtype(torch.double)
cases = []
batch, steps, inputs, units, outputs = 3, 7, 2, 4, 2


def columns(w, order):
    """Transposes a weight, or takes a bias, with its blocks of gates in another order."""
    blocks = w.chunk(len(order))
    w = torch.cat([blocks[k] for k in order])
    return w.t() if w.dim() == 2 else w


def case(model, depth, shape, x, t, loss, parameters):
    loss.backward()
    cases.append(dict(
        model=model, depth=depth, width=units, shape=shape, loss=loss.item(),
        x=x.flatten().tolist(), t=t.flatten().tolist(),
        parameters={n: columns(p.detach(), o).flatten().tolist() for n, p, o in parameters},
        gradients={n: columns(p.grad, o).flatten().tolist() for n, p, o in parameters}))


def recurrent(model, call, order, layers, answers):
    net, out = call(inputs, units, num_layers=layers, batch_first=True), torch.nn.Linear(units, outputs)
    for p in list(net.parameters()) + list(out.parameters()):
        torch.nn.init.normal_(p, std=0.7)
    x, t = torch.randn(batch, steps, inputs), torch.randn(batch, answers, outputs)
    parameters = []
    for i in range(layers):
        name = "layer%02d" % (i + 1)
        get = lambda what: getattr(net, "%s_l%d" % (what, i))
        parameters += [(name + "/weight", get("weight_ih"), order), (name + "/recurrent", get("weight_hh"), order),
                       (name + "/bias", get("bias_ih"), order)]
        if model == "gru":
            parameters += [(name + "/recurrent-bias", get("bias_hh"), order)]
        else:
            torch.nn.init.zeros_(get("bias_hh"))
    parameters += [("output/weight", out.weight, [0]), ("output/bias", out.bias, [0])]
    y = out(net(x)[0][:, -answers:])
    shape = dict(Inputs=steps * inputs, Outputs=answers * outputs, Batch=batch, Steps=steps, TargetSteps=answers)
    case(model, layers, shape, x, t, F.mse_loss(y, t), parameters)


for layers, answers in (1, 1), (2, 1), (2, steps):
    recurrent("lstm", torch.nn.LSTM, [0, 1, 3, 2], layers, answers)
    recurrent("gru", torch.nn.GRU, [0, 1, 2], layers, answers)
    recurrent("rnn", torch.nn.RNN, [0], layers, answers)


def feedforward(model, depth, forward, names):
    x, t = torch.randn(batch, inputs), torch.randn(batch, outputs)
    layers = {n: torch.nn.Linear(a, b) for n, (a, b) in names.items()}
    for l in layers.values():
        torch.nn.init.normal_(l.weight)
        torch.nn.init.normal_(l.bias)
    scales = {n: torch.randn(1, requires_grad=True) for n in ("layer02", "layer04")}
    y = forward(x, layers, scales)
    parameters = [(n + "/" + w, getattr(l, w), [0]) for n, l in layers.items() for w in ("weight", "bias")]
    parameters += [(n + "/scale", s, [0]) for n, s in scales.items() if s.requires_grad and "skip" in model]
    case(model, depth, dict(Inputs=inputs, Outputs=outputs, Batch=batch), x, t, F.mse_loss(y, t), parameters)


def highway(x, l, _):
    y = torch.tanh(l["layer01"](x))
    for n in "layer02", "layer03":
        gate = torch.sigmoid(l[n + "/gate"](y))
        y = gate * torch.tanh(l[n](y)) + (1 - gate) * y
    return l["output"](y)


def post(x, l, _):
    y = torch.tanh(l["stem"](x)) if "stem" in l else x
    for a, b in ("layer01", "layer02"), ("layer03", "layer04"):
        f = l[b](torch.tanh(l[a](y)))
        s = l[b + "/shortcut"].weight if b + "/shortcut" in l else None
        y = torch.tanh((y if s is None else y @ s.t()) + f)
    return l["output"](y)


def pre(x, l, scales):
    y = l["stem"](x)
    for a, b in ("layer01", "layer02"), ("layer03", "layer04"):
        y = y + scales[b] * l[b](torch.tanh(l[a](torch.tanh(y))))
    return l["output"](torch.tanh(y))


square = (units, units)
hidden = dict(layer02=square, layer03=square, layer04=square, output=(units, outputs))
feedforward("highway", 3, highway, {"layer01": (inputs, units), "layer02": square, "layer02/gate": square,
                                    "layer03": square, "layer03/gate": square, "output": (units, outputs)})
feedforward("residual(scale=skip-init)", 4, pre, dict(stem=(inputs, units), layer01=square, **hidden))
inputs = units  # no projection
feedforward("residual(order=post-activation)", 4, post, dict(layer01=square, **hidden))
print(json.dumps(dict(torch=torch.__version__, cases=cases), indent=None))
