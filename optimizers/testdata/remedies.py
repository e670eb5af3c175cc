"""Writes remedies.json: trajectories of newer optimizers in NumPy, in float64.

Each is written down from its source, in that source's own form, not in that of the Go code.
The gradients are those of torch.json. Run with NumPy 1.24:  /usr/bin/python3 remedies.py > remedies.json
"""
import json

import numpy as np

with open("torch.json") as f:
    RECORDED = json.load(f)
START = np.array(RECORDED["start"])
GRADIENTS = np.array(RECORDED["gradients"])


def nadamw(rate=1e-3, b1=0.9, b2=0.999, eps=1e-8, decay=0.01):
    """AlgoPerf's nadamw: scale_by_nadam, add_decayed_weights, scale by the rate."""
    w, mu, nu = START.copy(), np.zeros(8), np.zeros(8)
    for count, g in enumerate(GRADIENTS, 1):
        mu = (1 - b1) * g + b1 * mu
        nu = (1 - b2) * g ** 2 + b2 * nu
        mu_hat = ((1 - b1) * g + b1 * mu) / (1 - b1 ** count)
        nu_hat = nu / (1 - b2 ** count)
        w = w - rate * (mu_hat / (np.sqrt(nu_hat) + eps) + decay * w)
        yield w, None


def schedule_free_sgd(rate=1.0, beta=0.9, decay=0.0, warm_up=0):
    """schedulefree/sgd_schedulefree.py: y is moved without x, which eval() extrapolates."""
    y, z, largest, total = START.copy(), START.copy(), -1.0, 0.0
    for k, g in enumerate(GRADIENTS):
        lr = rate * ((k + 1) / warm_up if k < warm_up else 1.0)
        largest = max(lr, largest)
        weight = largest ** 2
        total += weight
        c = weight / total
        g = g + decay * y
        y = y + c * (z - y)
        y = y + lr * (beta * (1 - c) - 1) * g
        z = z - lr * g
        yield y, y + (1 - 1 / beta) * (z - y)


def schedule_free_adamw(rate=0.0025, b1=0.9, b2=0.999, eps=1e-8, decay=0.0, warm_up=0):
    """schedulefree/adamw_schedulefree.py."""
    y, z, v, largest, total = START.copy(), START.copy(), np.zeros(8), -1.0, 0.0
    for k, g in enumerate(GRADIENTS):
        lr = rate * ((k + 1) / warm_up if k < warm_up else 1.0) * np.sqrt(1 - b2 ** (k + 1))
        largest = max(lr, largest)
        weight = largest ** 2
        total += weight
        c = weight / total
        v = b2 * v + (1 - b2) * g * g
        g = g / (np.sqrt(v) + eps) + decay * y
        y = y + c * (z - y)
        y = y + lr * (b1 * (1 - c) - 1) * g
        z = z - lr * g
        yield y, y + (1 - 1 / b1) * (z - y)


def cautious_adam(rate=1e-3, b1=0.9, b2=0.999, eps=1e-8, least=1e-3):
    w, m, v = START.copy(), np.zeros(8), np.zeros(8)
    for t, g in enumerate(GRADIENTS, 1):
        m = b1 * m + (1 - b1) * g
        v = b2 * v + (1 - b2) * g * g
        u = m / (1 - b1 ** t) / (np.sqrt(v / (1 - b2 ** t)) + eps)
        mask = (u * g > 0).astype(float)
        mask = mask / max(mask.mean(), least)
        w = w - rate * u * mask
        yield w, None


CASES = [
    (nadamw, dict(), "nadamw"),
    (nadamw, dict(rate=0.03, b1=0.5, b2=0.9, eps=1e-30, decay=0.1),
     "nadamw(rate=0.03,beta1=0.5,beta2=0.9,eps=1e-30,weight-decay=0.1)"),
    (nadamw, dict(decay=0.0), "nadamw(weight-decay=0)"),
    (schedule_free_sgd, dict(), "schedule-free-sgd"),
    (schedule_free_sgd, dict(rate=0.1, beta=0.6, decay=0.01, warm_up=7),
     "schedule-free-sgd(rate=0.1,beta=0.6,weight-decay=0.01,warm-up=7)"),
    (schedule_free_adamw, dict(), "schedule-free-adamw"),
    (schedule_free_adamw, dict(rate=0.03, b1=0.95, b2=0.99, eps=1e-5, decay=0.1, warm_up=10),
     "schedule-free-adamw(rate=0.03,beta1=0.95,beta2=0.99,eps=1e-5,weight-decay=0.1,warm-up=10)"),
    (cautious_adam, dict(), "chain(optimizer=adam,after=[cautious])"),
    (cautious_adam, dict(b1=0.5, least=0.9), "chain(optimizer=adam(beta1=0.5),after=[cautious(least=0.9)])"),
]


def kfac(batches, weight, bias, gain, rate, momentum, damping, decay, clip, factors, inverses, others_rate):
    """Two parameters of a layer and one of none, by matrices with a column for the bias."""
    w = np.vstack([weight, bias[None, :]])
    a_bar = s_bar = None
    v, v_gain = np.zeros_like(w), np.zeros_like(gain)
    for k, (x, delta, g_gain) in enumerate(batches):
        n = len(x)
        a = np.hstack([x, np.ones((n, 1))])
        grad = a.T @ delta
        if k % factors == 0:
            new_a, own = a.T @ a / n, n * delta  # errors of each example's own loss
            new_s = own.T @ own / n
            if a_bar is None:
                a_bar, s_bar = new_a, new_s
            else:
                e = min(1 - 1 / (k // factors + 1), decay)
                a_bar, s_bar = e * a_bar + (1 - e) * new_a, e * s_bar + (1 - e) * new_s
        if k % inverses == 0:
            pi = np.sqrt(np.trace(a_bar) / len(a_bar) / (np.trace(s_bar) / len(s_bar)))
            inv_a = np.linalg.inv(a_bar + pi * np.sqrt(damping) * np.eye(len(a_bar)))
            inv_s = np.linalg.inv(s_bar + np.sqrt(damping) / pi * np.eye(len(s_bar)))
        u = inv_a @ grad @ inv_s
        nu = 1.0
        if clip > 0:
            nu = min(1.0, np.sqrt(clip / (rate ** 2 * np.sum(u * grad))))
        v = momentum * v + nu * u
        v_gain = momentum * v_gain + g_gain
        w = w - rate * v
        gain = gain - others_rate * v_gain
        yield w, gain


def kfac_case(text, **settings):
    r = np.random.RandomState(3)
    narrow = lambda x: x.astype(np.float32).astype(np.float64)
    weight, bias, gain = narrow(r.normal(size=(4, 3))), narrow(r.normal(size=3)), np.array([0.5])
    batches = []
    for k in range(25):
        scale = 10 ** (-2 * k / 24)
        batches.append((narrow(r.normal(size=(6, 4)) * [1, 0.3, 2, 1]), narrow(r.normal(size=(6, 3)) * scale), narrow(r.normal(size=1))))
    values = [dict(weight=w[:-1].ravel().tolist(), bias=w[-1].tolist(), gain=g.tolist())
              for w, g in kfac(batches, weight, bias, gain, **settings)]
    return dict(call="kfac(%s)" % ", ".join("%s=%r" % a for a in settings.items()), optimizer=text,
                weight=weight.ravel().tolist(), bias=bias.tolist(), gain=gain.tolist(),
                batches=[dict(x=x.ravel().tolist(), delta=d.ravel().tolist(), gain=g.tolist()) for x, d, g in batches],
                values=values)


def main():
    lines = []
    for f, arguments, ours in CASES:
        call = "%s(%s)" % (f.__name__, ", ".join("%s=%r" % a for a in arguments.items()))
        both = list(f(**arguments))
        averages = [x.tolist() for _, x in both if x is not None]
        lines.append(json.dumps(dict(call=call, optimizer=ours, values=[w.tolist() for w, _ in both], averages=averages)))
    kfacs = [json.dumps(c) for c in [
        kfac_case("kfac", rate=0.1, momentum=0.9, damping=0.001, decay=0.95, clip=0.001, factors=1, inverses=10, others_rate=0.01),
        kfac_case("kfac(rate=0.02,momentum=0.5,damping=0.1,decay=0.5,clip=0,factors=2,inverses=3,others-rate=0.1)",
                  rate=0.02, momentum=0.5, damping=0.1, decay=0.5, clip=0, factors=2, inverses=3, others_rate=0.1),
    ]]
    print('{"numpy": %s,\n"cases": [\n%s\n],\n"kfac": [\n%s\n]}' % (json.dumps(np.__version__), ",\n".join(lines), ",\n".join(kfacs)))


main()
