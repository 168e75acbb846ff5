"""Golden probabilities of being best: python3 tests/golden/best.py > tests/golden/best.json (numpy 2, scipy 1.1x).

Extended precision, 24-point panels some hundred to an arm; where scipy's own distribution functions are exact, its
adaptive quadrature has to agree.
"""
import json
from scipy import integrate, stats


def best_normalised(logpdfs, points):
    """P(best) by running integrals on a fine grid of Gauss-Legendre panels of 24 nodes, in extended precision."""
    import numpy as np
    x, w = np.polynomial.legendre.leggauss(24)
    edges = np.array(sorted(set(points)), dtype=np.longdouble)
    mid, half = (edges[1:] + edges[:-1]) / 2, (edges[1:] - edges[:-1]) / 2
    t = mid[:, None] + half[:, None] * x[None, :]
    f = [np.exp(lp(t)) for lp in logpdfs]
    # Integration matrix through the nodes, by solving a Vandermonde system in Legendre polynomials.
    from numpy.polynomial import legendre as L
    v = L.legvander(x, 23)
    a = np.stack([L.legval(x, L.legint(np.eye(24)[n], lbnd=-1)) for n in range(24)], axis=1)
    m = a @ np.linalg.inv(v)
    cdf = []
    for i, fi in enumerate(f):
        mass = (fi * w).sum(1) * half
        total = mass.sum()
        f[i] = fi / total
        start = np.concatenate([[0], np.cumsum(mass / total)[:-1]])
        cdf.append(start[:, None] + half[:, None] * (f[i] @ m.T))
    out = []
    for j in range(len(f)):
        prod = f[j].copy()
        for i in range(len(f)):
            if i != j:
                prod = prod * cdf[i]
        out.append(float(((prod * w).sum(1) * half).sum()))
    return out


def betas(shapes):
    import numpy as np
    pts, lps = [], []
    for a, b in shapes:
        c, s = np.log(a / b), np.sqrt(1 / a + 1 / b)
        lo = c - s * 12 - 45 / a
        hi = c + s * 12 + 45 / b
        pts += list(np.linspace(lo, hi, 400)) + list(c + s * np.linspace(-12, 12, 160))
        pl = -a * np.log1p(np.exp(-np.longdouble(c))) - b * np.log1p(np.exp(np.longdouble(c)))

        def lp(t, a=a, b=b, pl=pl):
            return -a * np.logaddexp(np.longdouble(0), -t) - b * np.logaddexp(np.longdouble(0), t) - pl
        lps.append(lp)
    return best_normalised(lps, pts)


def students(shapes):
    import numpy as np
    pts, lps = [], []
    for m, s, v in shapes:
        pts += list(m + s * np.linspace(-12, 12, 200)) + list(m + s * np.sinh(np.linspace(-24, 24, 800)))

        def lp(t, m=m, s=s, v=v):
            return -(v + 1) / 2 * np.log1p(((t - m) / s) ** 2 / v)
        lps.append(lp)
    return best_normalised(lps, pts)


def check_beta(shapes):
    """The same by scipy's distribution functions and adaptive quadrature."""
    out = []
    for j, (a, b) in enumerate(shapes):
        def g(x):
            r = stats.beta.pdf(x, a, b)
            for i, (c, d) in enumerate(shapes):
                if i != j:
                    r *= stats.beta.cdf(x, c, d)
            return r
        cuts = sorted({0.0, 1.0} | {min(max(m / (m + n) + k * (m * n / (m + n) ** 2 / (m + n + 1)) ** .5, 0), 1)
                                    for m, n in shapes for k in (-8, -4, -2, -1, 0, 1, 2, 4, 8)})
        parts = [integrate.quad(g, lo, hi, epsabs=1e-13, epsrel=1e-11)[0] for lo, hi in zip(cuts, cuts[1:])]
        out.append(float(sum(parts)))
    return out


cases = []
for name, shapes in [
    ("T3", [(10, 90), (12, 88), (8, 92)]),
    ("no data beside much", [(2, 18), (50_002, 449_998)]),
    ("ten million assignments", [(1_000_000, 9_000_000), (1_000_500, 8_999_500), (999_000, 9_001_000)]),
    ("ten million beside twenty", [(1_000_000, 9_000_000), (2, 18), (2.5, 17.5)]),
    ("a thousand million", [(2e8, 8e8), (2.0001e8, 7.9999e8)]),
    ("rare successes", [(0.02, 19.98), (0.3, 3000), (5, 50_000)]),
    ("shapes far below one", [(0.002, 20), (0.5, 0.5), (0.01, 0.01)]),
    ("near one", [(9990, 10), (19.9, 0.1), (9985, 15)]),
    ("ten arms", [(50 + i, 950 - i) for i in range(10)]),
]:
    best = betas(shapes)
    if name in ("T3", "no data beside much", "ten arms"):
        other = check_beta(shapes)
        assert max(abs(p - q) for p, q in zip(best, other)) < 1e-9, (name, best, other)
    assert abs(sum(best) - 1) < 1e-9, (name, best)
    cases.append({"name": name, "beta": shapes, "best": best})
for name, shapes in [
    ("student, three arms", [(1.0, 0.1, 22), (1.1, 0.2, 30), (0.9, 0.05, 400)]),
    ("student, heavy tails", [(0.0, 1.0, 2.5), (0.5, 0.1, 2.5), (-3.0, 4.0, 3.0)]),
    ("student, one broad and one very narrow", [(10.0, 1e-4, 1e6), (10.2, 1.0, 22)]),
    ("student, large means", [(9e8, 1.0, 50), (9e8 + 1, 2.0, 60)]),
]:
    if name == "student, large means":
        best = students([(m - 9e8, s, v) for m, s, v in shapes])
    else:
        best = students(shapes)
    assert abs(sum(best) - 1) < 1e-9, (name, best)
    cases.append({"name": name, "student": shapes, "best": best})
print(json.dumps({"command": "python3 tests/golden/best.py > tests/golden/best.json", "cases": cases}, indent=1))
