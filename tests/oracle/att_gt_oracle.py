"""Group-time effects by plain loops over rows: slow, and written from the papers alone.

Nothing of the product is imported. Point estimates follow Callaway & Sant'Anna (2021), section 2
and table 1, and Sant'Anna & Zhao (2020), equations 2.6, 3.1 and 3.4, term by term.

Standard errors use the influence function as it is defined, not anyone's algebra of it: the
influence of a cluster is the derivative of the estimate with respect to a small reweighting of
that cluster. It is taken with a complex step, Im f(w (1 + ih)) / h, which is exact to rounding.
Every estimated part (regressions, propensity scores, cohort shares) is estimated again under the
new weights, so a term missing from the product's influence functions would show.
"""

from __future__ import annotations

import cmath
from collections.abc import Callable
from typing import Any

Row = dict[str, Any]
STEP = 1e-30


def solve(a: list[list[complex]], b: list[complex]) -> list[complex]:
    """Solve a linear system by elimination with pivoting."""
    n = len(b)
    m = [[*row, right] for row, right in zip(a, b, strict=True)]
    for i in range(n):
        pivot = max(range(i, n), key=lambda r: abs(m[r][i]))
        m[i], m[pivot] = m[pivot], m[i]
        for r in range(i + 1, n):
            factor = m[r][i] / m[i][i]
            for c in range(i, n + 1):
                m[r][c] -= factor * m[i][c]
    x: list[complex] = [0j] * n
    for i in reversed(range(n)):
        x[i] = (m[i][n] - sum(m[i][c] * x[c] for c in range(i + 1, n))) / m[i][i]
    return x


def dot(x: list[float], beta: list[complex]) -> complex:
    """Return x'beta."""
    return sum((a * b for a, b in zip(x, beta, strict=True)), 0j)


def least_squares(x: list[list[float]], y: list[float], w: list[complex]) -> list[complex]:
    """Return weighted least squares coefficients."""
    k = range(len(x[0]))
    gram = [[sum(wi * xi[a] * xi[b] for xi, wi in zip(x, w, strict=True)) for b in k] for a in k]
    right = [sum(wi * xi[a] * yi for xi, yi, wi in zip(x, y, w, strict=True)) for a in k]
    return solve(gram, right)


def logit(x: list[list[float]], d: list[int], w: list[complex]) -> list[complex]:
    """Return weighted logit coefficients, by Newton's method run well past convergence."""
    k = range(len(x[0]))
    beta: list[complex] = [0j for _ in k]
    for _ in range(25):
        p = [1 / (1 + cmath.exp(-dot(xi, beta))) for xi in x]
        score = [
            sum(wi * (di - pi) * xi[a] for xi, di, wi, pi in zip(x, d, w, p, strict=True))
            for a in k
        ]
        information = [
            [
                sum(wi * pi * (1 - pi) * xi[a] * xi[b] for xi, wi, pi in zip(x, w, p, strict=True))
                for b in k
            ]
            for a in k
        ]
        beta = [b + s for b, s in zip(beta, solve(information, score), strict=True)]
    return beta


def mean(values: list[Any], w: list[complex]) -> complex:
    """Return a weighted mean."""
    return sum(v * wi for v, wi in zip(values, w, strict=True)) / sum(w)


def odds(x: list[list[float]], d: list[int], w: list[complex]) -> list[complex]:
    """Return w p / (1 - p), zero for those trimmed at 0.995."""
    beta = logit(x, d, w)
    p = [1 / (1 + cmath.exp(-dot(xi, beta))) for xi in x]
    return [wi * pi / (1 - pi) if pi.real < 0.995 else 0j for wi, pi in zip(w, p, strict=True)]


def panel_effect(
    dy: list[float], d: list[int], x: list[list[float]], w: list[complex], method: str
) -> complex:
    """Return the ATT from changes of the same units."""
    t = [i for i, di in enumerate(d) if di]
    c = [i for i, di in enumerate(d) if not di]
    r: list[Any] = list(dy)
    if method in ("dr", "reg"):
        beta = least_squares([x[i] for i in c], [dy[i] for i in c], [w[i] for i in c])
        r = [dyi - dot(xi, beta) for dyi, xi in zip(dy, x, strict=True)]
    att = mean([r[i] for i in t], [w[i] for i in t])
    if method in ("dr", "ipw"):
        v = odds(x, d, w)
        att -= mean([r[i] for i in c], [v[i] for i in c])
    return att


def cross_section_effect(
    y: list[float],
    post: list[int],
    d: list[int],
    x: list[list[float]],
    w: list[complex],
    method: str,
) -> complex:
    """Return the ATT from two periods whose units need not be the same."""
    everyone = range(len(y))
    group = {
        (a, b): [i for i in everyone if d[i] == a and post[i] == b] for a in (0, 1) for b in (0, 1)
    }

    def average(values: list[Any], who: list[int], by: list[complex]) -> complex:
        return mean([values[i] for i in who], [by[i] for i in who])

    def fitted(who: list[int]) -> list[complex]:
        beta = least_squares([x[i] for i in who], [y[i] for i in who], [w[i] for i in who])
        return [dot(xi, beta) for xi in x]

    v = odds(x, d, w) if method in ("dr", "ipw") else w
    if method == "ipw":
        treated = average(y, group[1, 1], w) - average(y, group[1, 0], w)
        return treated - (average(y, group[0, 1], v) - average(y, group[0, 0], v))
    mu = {b: fitted(group[0, b]) for b in (0, 1)}
    all_treated = group[1, 0] + group[1, 1]
    if method == "reg":
        trend = [a - b for a, b in zip(mu[1], mu[0], strict=True)]
        treated = average(y, group[1, 1], w) - average(y, group[1, 0], w)
        return treated - average(trend, all_treated, w)
    residual = [y[i] - mu[post[i]][i] for i in everyone]
    att = average(residual, group[1, 1], w) - average(residual, group[1, 0], w)
    att -= average(residual, group[0, 1], v) - average(residual, group[0, 0], v)
    for b, sign in ((1, 1), (0, -1)):
        nu = fitted(group[1, b])
        gap = [a - c for a, c in zip(nu, mu[b], strict=True)]
        att += sign * (average(gap, all_treated, w) - average(gap, group[1, b], w))
    return att


def estimates(
    rows: list[Row],
    weight: Callable[[Row], complex],
    *,
    control: str,
    base_period: str,
    anticipation: int,
    method: str,
    panel: bool,
    gaps: str = "means",
) -> dict[Any, complex]:
    """Return every effect and aggregation, by name, under the given weights.

    With gaps ``pairs`` an effect is that of the changes of units with a row in both periods.
    """
    periods = sorted({r["time"] for r in rows})
    cohorts = sorted({r["cohort"] for r in rows if r["cohort"] is not None})
    found = {(r["unit"], r["time"]): r for r in rows}
    units = sorted({r["unit"] for r in rows}, key=str)
    balanced = panel and len(rows) == len(units) * len(periods)
    cells: dict[tuple[int, int], complex] = {}
    for g in cohorts:
        reference = max(p for p in periods if p + anticipation < g)
        for k, t in enumerate(periods):
            before = t < g - anticipation
            if base_period == "varying" and k == 0:
                continue
            base = periods[k - 1] if before and base_period == "varying" else reference
            if base == t:
                cells[g, t] = 0j
                continue

            def compared(r: Row, g: int = g, late: int = max(t, base) + anticipation) -> int | None:
                h = r["cohort"]
                if h == g:
                    return 1
                if h is None or (control == "notyettreated" and h > late):
                    return 0
                return None

            taken = [r for r in rows if r["time"] in (t, base) and compared(r) is not None]
            parts = {(compared(r), r["time"]) for r in taken}
            if len(parts) < 4:
                continue
            if balanced or gaps == "pairs":
                pairs = [
                    (found[r["unit"], t], found[r["unit"], base])
                    for r in taken
                    if r["time"] == t and (r["unit"], base) in found
                ]
                if {compared(a) for a, _ in pairs} != {0, 1}:
                    continue
                early = [a if t < base else b for a, b in pairs]
                cells[g, t] = panel_effect(
                    [a["y"] - b["y"] for a, b in pairs],
                    [compared(r) or 0 for r in early],
                    [r["x"] for r in early],
                    [weight(r) for r in early],
                    method,
                )
            else:
                cells[g, t] = cross_section_effect(
                    [r["y"] for r in taken],
                    [int(r["time"] == t) for r in taken],
                    [compared(r) or 0 for r in taken],
                    [r["x"] for r in taken],
                    [weight(r) for r in taken],
                    method,
                )

    share: dict[int, complex] = {}
    for g in cohorts:
        share[g] = 0j
        for u in units:
            own = [r for r in rows if r["unit"] == u]
            if own[0]["cohort"] == g:
                counted = own[:1] if balanced else own
                share[g] += sum((weight(r) for r in counted), 0j) / len(counted)

    def average(names: list[tuple[int, int]]) -> complex:
        return sum((share[g] * cells[g, t] for g, t in names), 0j) / sum(
            (share[g] for g, _ in names), 0j
        )

    result: dict[Any, complex] = {("cell", g, t): value for (g, t), value in cells.items()}
    post = [(g, t) for g, t in cells if t >= g]
    result["simple"] = average(post)
    events = sorted({t - g for g, t in cells})
    for e in events:
        result["dynamic", e] = average([(g, t) for g, t in cells if t - g == e])
    after = [e for e in events if e >= 0]
    result["dynamic"] = sum((result["dynamic", e] for e in after), 0j) / len(after)
    treated = sorted({g for g, _ in post})
    for g in treated:
        own_cells = [cells[name] for name in post if name[0] == g]
        result["group", g] = sum(own_cells, 0j) / len(own_cells)
    result["group"] = sum((share[g] * result["group", g] for g in treated), 0j) / sum(
        (share[g] for g in treated), 0j
    )
    calendar = sorted({t for _, t in post})
    for t in calendar:
        result["calendar", t] = average([name for name in post if name[1] == t])
    result["calendar"] = sum((result["calendar", t] for t in calendar), 0j) / len(calendar)
    return result


def oracle(rows: list[Row], **options: Any) -> dict[Any, tuple[float, float]]:
    """Return estimate and standard error of every effect and aggregation, by name.

    Names are ``("cell", g, t)``, ``(kind, term)`` and ``kind`` for the overall effect. Each row has
    `unit, time, cohort` (None: never), `y, w, cluster` and `x`, a list that starts with 1.
    """
    rows = sorted(rows, key=lambda r: (str(r["unit"]), r["time"]))
    values = estimates(rows, lambda r: complex(r["w"]), **options)
    squares = dict.fromkeys(values, 0.0)
    for cluster in sorted({r["cluster"] for r in rows}, key=str):
        moved = estimates(
            rows,
            lambda r, c=cluster: r["w"] * (1 + (1j * STEP if r["cluster"] == c else 0)),
            **options,
        )
        for name, value in moved.items():
            squares[name] += (value.imag / STEP) ** 2
    return {name: (value.real, squares[name] ** 0.5) for name, value in values.items()}
