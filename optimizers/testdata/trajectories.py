"""Writes torch.json: trajectories of torch.optim's optimizers in float64.

Run with Debian's python3-torch:  /usr/bin/python3 trajectories.py > torch.json
"""
import json
import math
import random

import torch

STEPS = 48
torch.set_default_dtype(torch.float64)


def gradients():
    """Gradients over 12 decades that change sign and contain exact zeros.

    All are float32 numbers, so that both float types can be given the same.
    """
    r = random.Random(1)
    rows = []
    for t in range(STEPS):
        sweep = 10 ** (-9 + 12 * t / (STEPS - 1))
        rows.append([
            1.0,
            r.gauss(0, 1),
            sweep,
            (-1) ** t * 1e-6 / sweep,
            r.choice([-1, 1]) * 10 ** r.uniform(-9, 3),
            0.0 if t % 3 else 10 ** r.uniform(-9, 3),
            0.0 if t < 5 else r.gauss(0, 1e-9),
            1e-3 * math.cos(t / 4),
        ])
    return torch.tensor(rows, dtype=torch.float32).tolist()


START = [0.0, 0.5, 0.0, -1.5, 0.25, 0.0, 0.0, 2.0]

# torch.optim's class, its arguments, and the same in gradflow's words.
CASES = [
    ("SGD", dict(lr=0.1), "sgd(rate=0.1)"),
    ("SGD", dict(lr=0.01, momentum=0.9), "sgd(momentum=0.9)"),
    ("SGD", dict(lr=0.02, momentum=0.5, nesterov=True), "sgd(rate=0.02,momentum=0.5,nesterov=true)"),
    ("RMSprop", dict(), "rmsprop"),
    ("RMSprop", dict(lr=0.003, alpha=0.9, eps=1e-12), "rmsprop(rate=0.003,rho=0.9,eps=1e-12)"),
    ("RMSprop", dict(eps=1e-20), "rmsprop(eps=1e-20)"),
    ("RMSprop", dict(centered=True, alpha=0.9), "rmsprop(rho=0.9,centered=true)"),
    ("RMSprop", dict(momentum=0.9), "rmsprop(momentum=0.9)"),
    ("RMSprop", dict(centered=True, alpha=0.9, momentum=0.5), "rmsprop(rho=0.9,centered=true,momentum=0.5)"),
    ("Rprop", dict(), "irprop-minus"),
    ("Rprop", dict(lr=0.1, etas=(0.4, 1.5), step_sizes=(1e-3, 0.3)),
     "irprop-minus(rate=0.1,down=0.4,up=1.5,min-step=0.001,max-step=0.3)"),
    ("Adam", dict(), "adam"),
    ("Adam", dict(lr=0.03, betas=(0.5, 0.9), eps=1e-30), "adam(rate=0.03,beta1=0.5,beta2=0.9,eps=1e-30)"),
    ("AdamW", dict(), "adamw"),
    ("AdamW", dict(lr=0.01, weight_decay=0.1), "adamw(rate=0.01,weight-decay=0.1)"),
    ("Adagrad", dict(), "adagrad"),
    ("Adagrad", dict(lr=0.1, lr_decay=0.01, initial_accumulator_value=0.1, eps=1e-6),
     "adagrad(rate=0.1,rate-decay=0.01,start=0.1,eps=1e-6)"),
    ("Adadelta", dict(), "adadelta"),
    ("Adadelta", dict(lr=0.5, rho=0.95, eps=1e-9), "adadelta(rate=0.5,rho=0.95,eps=1e-9)"),
]


def trajectory(name, arguments, grads):
    w = torch.tensor(START, requires_grad=True)
    optimizer = getattr(torch.optim, name)([w], **arguments)
    out = []
    for g in grads:
        w.grad = torch.tensor(g)
        optimizer.step()
        out.append(w.tolist())
    assert all(math.isfinite(x) for row in out for x in row), name
    return out


def main():
    grads = gradients()
    lines = []
    for name, arguments, ours in CASES:
        call = "torch.optim.%s(%s)" % (name, ", ".join("%s=%r" % a for a in arguments.items()))
        lines.append(json.dumps(dict(call=call, optimizer=ours, values=trajectory(name, arguments, grads))))
    print('{"torch": %s,\n"start": %s,\n"gradients": %s,\n"cases": [\n%s\n]}' % (
        json.dumps(torch.__version__), json.dumps(START), json.dumps(grads), ",\n".join(lines)))


main()
