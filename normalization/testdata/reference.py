"""Makes reference.json: normalisations and their gradients by PyTorch, in float64.

    python3 reference.py > reference.json

The calls are named in the file. The loss is (y * c).sum() with the given c. RMSNorm is
written out as its documentation states it where this version of PyTorch has no
torch.nn.RMSNorm.
"""
import json
import torch

torch.manual_seed(1)
torch.set_default_dtype(torch.float64)
B, N = 6, 4
x = torch.randn(B, N) * torch.tensor([1.0, 3.0, 0.5, 10.0]) + torch.tensor([0.0, 5.0, -2.0, 1.0])
c = torch.randn(B, N)
gamma, beta = torch.rand(N) + 0.5, torch.randn(N)
cases = []


def flat(t):
    return t.detach().reshape(-1).tolist()


def case(name, call, f, inputs, extra=None):
    for t in inputs.values():
        t.requires_grad_(True)
        t.grad = None
    y = f()
    (y * c).sum().backward()
    cases.append(dict(name=name, call=call, inputs={k: flat(v) for k, v in inputs.items()}, y=flat(y),
                      gradients={k: flat(v.grad) for k, v in inputs.items()}, **(extra or {})))


def load(module):
    with torch.no_grad():
        module.weight.copy_(gamma)
        if getattr(module, "bias", None) is not None:
            module.bias.copy_(beta)
    return module


bn = load(torch.nn.BatchNorm1d(N, eps=1e-5, momentum=0.1))
v = x.clone()
case("batch-norm", "torch.nn.BatchNorm1d(4, eps=1e-5, momentum=0.1), training", lambda: bn(v), dict(x=v, gamma=bn.weight, beta=bn.bias))
cases[-1]["running-mean"], cases[-1]["running-variance"] = flat(bn.running_mean), flat(bn.running_var)
bn.eval()
cases[-1]["evaluation"] = flat(bn(v))
ln = load(torch.nn.LayerNorm(N, eps=1e-5))
v2 = x.clone()
case("layer-norm", "torch.nn.LayerNorm(4, eps=1e-5)", lambda: ln(v2), dict(x=v2, gamma=ln.weight, beta=ln.bias))
v3, g3 = x.clone(), gamma.clone()
if hasattr(torch.nn, "RMSNorm"):
    rms, call = (lambda: torch.nn.functional.rms_norm(v3, (N,), g3, eps=1e-5)), "torch.nn.functional.rms_norm(x, (4,), gamma, eps=1e-5)"
else:
    rms, call = (lambda: v3 * torch.rsqrt(v3.pow(2).mean(-1, keepdim=True) + 1e-5) * g3), "x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-5) * gamma"
case("rms-norm", call, rms, dict(x=v3, gamma=g3))
# PyTorch's weights are (units, inputs): x is the transposed.
linear = torch.nn.Linear(B, N, bias=False)
with torch.no_grad():
    linear.weight.copy_(x.T)
linear = torch.nn.utils.weight_norm(linear)
with torch.no_grad():
    linear.weight_g.copy_(gamma[:, None])


def weight():
    linear(torch.zeros(1, B))  # computes linear.weight
    return linear.weight.T


wv, wg = linear.weight_v, linear.weight_g
for t in (wv, wg):
    t.grad = None
y = weight()
(y * c).sum().backward()
cases.append(dict(name="weight-norm", call="torch.nn.utils.weight_norm(torch.nn.Linear(6, 4)), weights transposed", y=flat(y),
                  inputs=dict(x=flat(wv.T), gain=flat(wg)), gradients=dict(x=flat(wv.grad.T), gain=flat(wg.grad))))
gn = load(torch.nn.GroupNorm(2, N, eps=0.1))
v4 = x.clone()
case("group-norm(groups=2,eps=0.1)", "torch.nn.GroupNorm(2, 4, eps=0.1)", lambda: gn(v4), dict(x=v4, gamma=gn.weight, beta=gn.bias))
for name, f, more in (("dyt", torch.tanh, {}), ("derf", torch.erf, dict(shift=torch.tensor([0.3])))):
    p = dict(x=x.clone(), alpha=torch.tensor([0.7]), gamma=gamma.clone(), beta=beta.clone(), **more)
    case(name, "gamma * torch.%s(alpha * x%s) + beta" % (f.__name__, " + shift" if more else ""),
         lambda: p["gamma"] * f(p["alpha"] * p["x"] + p.get("shift", 0)) + p["beta"], p)
v5, g5, b5 = x.clone(), gamma.clone(), beta.clone()
case("rms-norm(beta=0.5)", "x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-5) * gamma + beta",
     lambda: v5 * torch.rsqrt(v5.pow(2).mean(-1, keepdim=True) + 1e-5) * g5 + b5, dict(x=v5, gamma=g5, beta=b5))
v6 = x.clone()
case("pseudo-norm", "x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-12)", lambda: v6 * torch.rsqrt(v6.pow(2).mean(-1, keepdim=True) + 1e-12), dict(x=v6))
print(json.dumps(dict(torch=torch.__version__, batch=B, units=N, c=flat(c), cases=cases), indent=1))
