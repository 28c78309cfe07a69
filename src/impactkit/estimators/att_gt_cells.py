"""Which comparison stands behind each group-time effect, and the effects themselves.

For cohort g (first treated in g) and period t, with anticipation of a periods:

    base        the last period p with p + a < g; before treatment (t < g - a) and with a varying
                base, the period before t
    comparison  never treated, and with ``notyettreated`` also units first treated after
                max(t, base) + a, other than g
    ATT(g, t)   = E[Y_t - Y_base | G = g] - E[Y_t - Y_base | comparison], given covariates

Periods are those found in the data: where a year is missing, "the period before" is the last one
there is. In a balanced panel covariates and weights are those of the earlier of the two periods,
as in R `did`.

Source: Callaway & Sant'Anna (2021), section 2.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import attrs
import numpy as np

from impactkit.errors import EstimationError
from impactkit.estimators import two_by_two
from impactkit.estimators.blocks import Blocks
from impactkit.estimators.two_by_two import Floats, Method, Propensity

Control = Literal["notyettreated", "nevertreated"]
BasePeriod = Literal["varying", "universal"]


@attrs.frozen(kw_only=True)
class Comparison:
    """Cohort and period of an effect, the base period, and the comparison cohorts, by index.

    `groups` are the runs of comparison cohorts, first and stop (excluded).
    """

    cohort: int
    time: int
    base: int
    groups: tuple[tuple[int, int], ...]
    before: bool

    @property
    def is_base(self) -> bool:
        """Say whether this is the base period itself, whose effect is zero by construction."""
        return self.time == self.base


@attrs.frozen(kw_only=True, eq=False)
class Cell:
    """One group-time effect: its value, or why there is none."""

    comparison: Comparison
    value: float | None
    reason: str = ""


@attrs.frozen(kw_only=True, eq=False)
class Cells:
    """All group-time effects; `influence` has a row a cell and a column a cluster."""

    cells: tuple[Cell, ...]
    influence: Floats


def comparisons(
    periods: tuple[int, ...],
    cohorts: tuple[int, ...],
    *,
    control: Control,
    base_period: BasePeriod,
    anticipation: int,
) -> Iterator[Comparison]:
    """List the effects there are, cohort by cohort.

    Examples
    --------
    >>> for c in comparisons((1, 2, 3), (3,), control="nevertreated", base_period="varying",
    ...                      anticipation=0):
    ...     print(c.time, c.base, c.groups)
    1 0 ((1, 2),)
    2 1 ((1, 2),)
    """
    never = len(cohorts)
    for g, cohort in enumerate(cohorts):
        last_before = max(i for i, p in enumerate(periods) if p + anticipation < cohort)
        for t in range(0 if base_period == "universal" else 1, len(periods)):
            before = periods[t] < cohort - anticipation
            base = t - 1 if before and base_period == "varying" else last_before
            groups: tuple[tuple[int, int], ...] = ((never, never + 1),)
            if control == "notyettreated":
                latest = periods[max(t, base)] + anticipation
                first = sum(c <= latest for c in cohorts)
                groups = ((first, g), (g + 1, never + 1)) if first <= g else ((first, never + 1),)
            groups = tuple(run for run in groups if run[0] < run[1])
            yield Comparison(cohort=g, time=t, base=base, groups=groups, before=before)


def estimate_cells(
    blocks: Blocks,
    *,
    control: Control,
    base_period: BasePeriod,
    anticipation: int,
    method: Method,
) -> Cells:
    """Estimate every group-time effect; one that cannot be estimated says why, with counts."""
    listed = tuple(
        comparisons(
            blocks.periods,
            blocks.cohorts,
            control=control,
            base_period=base_period,
            anticipation=anticipation,
        )
    )
    influence = np.zeros((len(listed), blocks.n_clusters))
    logits: dict[int, dict[object, Propensity]] = {}
    cells = []
    for k, comparison in enumerate(listed):
        if comparison.is_base:
            cells.append(Cell(comparison=comparison, value=0.0))
            continue
        if comparison.cohort not in logits:
            logits = {comparison.cohort: {}}  # fits are shared within a cohort only
        try:
            value, units, phi = _effect(blocks, comparison, method, logits[comparison.cohort])
        except EstimationError as error:
            cells.append(Cell(comparison=comparison, value=None, reason=str(error)))
            continue
        influence[k] = np.bincount(blocks.cluster[units], phi, minlength=blocks.n_clusters)
        cells.append(Cell(comparison=comparison, value=value))
    return Cells(cells=tuple(cells), influence=influence)


def _effect(
    blocks: Blocks, comparison: Comparison, method: Method, logits: dict[object, Propensity]
) -> tuple[float, np.ndarray, Floats]:
    """Estimate one effect: its value, and unit and contribution of each row that it rests on."""
    _require_units(blocks, comparison)
    runs = ((comparison.cohort, comparison.cohort + 1), *comparison.groups)
    later, earlier = comparison.time, comparison.base
    now = [blocks.rows(later, *run) for run in runs]
    then = [blocks.rows(earlier, *run) for run in runs]
    treated = [np.full(s.stop - s.start, i == 0) for i, s in enumerate(now)]
    if blocks.balanced:
        # Covariates and weights of the earlier of the two periods, whichever that is.
        source = then if earlier < later else now
        y_now, y_then, w = _take(blocks.y, now), _take(blocks.y, then), _take(blocks.w, source)
        D = np.concatenate(treated)
        X = None if blocks.X is None else _take(blocks.X, source)
        key = (runs, None if blocks.fixed else min(earlier, later))
        value, phi = two_by_two.panel(
            y_now - y_then,
            D,
            w,
            X,
            blocks.names,
            method,
            lambda X: _cached(logits, key, D, X, w, blocks.names),
        )
        return value, _take(blocks.unit, now), phi
    both = now + then
    treated += [np.full(s.stop - s.start, i == 0) for i, s in enumerate(then)]
    D, w = np.concatenate(treated), _take(blocks.w, both)
    X = None if blocks.X is None else _take(blocks.X, both)
    post = np.arange(len(D)) < sum(s.stop - s.start for s in now)
    value, phi = two_by_two.cross_sections(
        _take(blocks.y, both),
        post,
        D,
        w,
        X,
        blocks.names,
        method,
        lambda X: _cached(logits, (runs, earlier, later), D, X, w, blocks.names),
    )
    return value, _take(blocks.unit, both), phi


def _take(values: np.ndarray, runs: list[slice]) -> np.ndarray:
    return np.concatenate([values[run] for run in runs])


def _cached(
    logits: dict[object, Propensity],
    key: object,
    D: two_by_two.Bools,
    X: Floats,
    w: Floats,
    names: tuple[str, ...],
) -> Propensity:
    if key not in logits:
        start = next(reversed(logits.values())).coefficients if logits else None
        logits[key] = two_by_two.fit_propensity(D, X, w, names, start)
    return logits[key]


def _require_units(blocks: Blocks, comparison: Comparison) -> None:
    """Raise, with counts and the remedy, when one of the four groups has nobody in it."""
    g, (t, base) = comparison.cohort, (comparison.time, comparison.base)
    cohort = blocks.cohorts[g]
    members = int((blocks.unit_cohort == g).sum())
    others = sum(
        int(((blocks.unit_cohort >= a) & (blocks.unit_cohort < b)).sum())
        for a, b in comparison.groups
    )
    if not blocks.occupied(t):
        raise EstimationError(
            f"no comparison: of {len(blocks.unit_cohort):,} units none is still untreated in "
            f"{blocks.periods[t]}, and {members:,} are of cohort {cohort}; add units that are "
            "treated later or never"
        )
    remedies = (
        (t, "the period", "give their outcomes of that period"),
        (base, "the base period", "leave that period out, and the base is the one before it"),
    )
    for p, place, remedy in remedies:
        for who, n, groups in (
            (f"units of cohort {cohort}", members, ((g, g + 1),)),
            ("comparison units", others, comparison.groups),
        ):
            if not sum(blocks.w[blocks.rows(p, *run)].sum() for run in groups) > 0:
                raise EstimationError(
                    f"none of the {n:,} {who} has an outcome with a positive weight in "
                    f"{blocks.periods[p]}, {place}; {remedy}"
                )
