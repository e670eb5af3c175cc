"""Reference values of the package's tests, from SciPy and by enumeration.

    python3 reference.py > reference.json       (SciPy 1.10.1, NumPy 1.24.2)

Each entry has the call that gave it.
"""
import json
import random

import numpy as np
from scipy import stats

out = {"signed_rank": [], "mann_whitney": [], "quantile": []}
rng = random.Random(1)


def signed_rank_statistic(x, y, axis=-1):
    d = np.asarray(x) - np.asarray(y)
    r = stats.rankdata(np.abs(d), axis=axis)
    return np.sum(np.where(d > 0, r, 0), axis=axis) - np.sum(np.where(d < 0, r, 0), axis=axis)


# Without ties: scipy.stats.wilcoxon, exact.
for n in (3, 5, 6, 8, 12, 20):
    for shift in (0.0, 0.4, 2.0):
        x = [round(rng.gauss(shift, 1), 3) for _ in range(n)]
        y = [round(rng.gauss(0, 1), 3) for _ in range(n)]
        p = stats.wilcoxon(x, y, mode="exact").pvalue
        out["signed_rank"].append({"call": "scipy.stats.wilcoxon(x, y, mode='exact')", "x": x, "y": y, "p": float(p)})

# With ties: all 2^n signs; pairs without a difference are left out first.
for n in (5, 6, 8, 10):
    for _ in range(3):
        x = [rng.randint(0, 4) for _ in range(n)]
        y = [rng.randint(0, 3) for _ in range(n)]
        pairs = [(a, b) for a, b in zip(x, y) if a != b]
        u, v = zip(*pairs)
        p = stats.permutation_test((u, v), signed_rank_statistic, permutation_type="samples", n_resamples=np.inf).pvalue
        out["signed_rank"].append({"call": "scipy.stats.permutation_test((x, y), W+ - W-, permutation_type='samples', n_resamples=inf)", "x": x, "y": y, "p": float(p)})

# More than 200 pairs: scipy.stats.wilcoxon, approximate.
x = [round(rng.gauss(0.15, 1), 2) for _ in range(260)]
y = [round(rng.gauss(0, 1), 2) for _ in range(260)]
p = stats.wilcoxon(x, y, mode="approx", correction=True).pvalue
out["signed_rank"].append({"call": "scipy.stats.wilcoxon(x, y, mode='approx', correction=True)", "x": x, "y": y, "p": float(p)})

for n, m in ((4, 4), (5, 5), (6, 6), (8, 8), (10, 10), (5, 8)):
    for shift in (0.0, 1.0, 20.0):
        x = [round(rng.gauss(shift, 1), 3) for _ in range(n)]
        y = [round(rng.gauss(0, 1), 3) for _ in range(m)]
        p = stats.mannwhitneyu(x, y, method="exact").pvalue
        out["mann_whitney"].append({"call": "scipy.stats.mannwhitneyu(x, y, method='exact')", "x": x, "y": y, "p": float(p)})


def u_statistic(x, y, axis=-1):
    r = stats.rankdata(np.concatenate([x, y], axis=axis), axis=axis)
    return np.sum(np.take(r, range(np.shape(x)[axis]), axis=axis), axis=axis)


for n in (4, 5, 6):
    for _ in range(3):
        x = [rng.randint(0, 5) for _ in range(n)]
        y = [rng.randint(0, 3) for _ in range(n)]
        p = stats.permutation_test((x, y), u_statistic, permutation_type="independent", n_resamples=np.inf).pvalue
        out["mann_whitney"].append({"call": "scipy.stats.permutation_test((x, y), U, permutation_type='independent', n_resamples=inf)", "x": x, "y": y, "p": float(p)})

x = [round(rng.gauss(0, 1), 3) for _ in range(11)]
for q in (0, 0.025, 0.25, 0.5, 0.61, 0.75, 1):
    out["quantile"].append({"call": "numpy.quantile(x, q)", "x": x, "q": q, "value": float(np.quantile(x, q))})

print("{")
for i, (name, entries) in enumerate(out.items()):
    print(f'"{name}": [')
    print(",\n".join(json.dumps(e) for e in entries))
    print("]," if i + 1 < len(out) else "]")
print("}")
