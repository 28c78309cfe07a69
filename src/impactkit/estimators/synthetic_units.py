"""What synthetic control and synthetic difference-in-differences share: panels, weights, paths.

For cohort g with N1 treated units, N0 units never treated, weights w on these and weights l on the
T0 periods before g, the effect in period t is

    tau_gt = (treated mean in t - sum_i w_i y_it) - sum_s l_s (treated mean in s - sum_i w_i y_is)

with l = 0 for the synthetic control. Cohorts are done one at a time, each against the units never
treated, and averaged by treated unit-periods.

Sources: Arkhangelsky et al. (2021), AER 111(12), algorithm 1 and appendix A (staggered adoption);
Clarke, Pailanir, Athey & Imbens (2023), "Synthetic difference-in-differences estimation", arXiv
2301.11859 (the average over cohorts).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import attrs
import numpy as np

from impactkit.errors import EstimationError
from impactkit.estimators.checks import drop, tidy
from impactkit.estimators.rectangle import Floats, Ints
from impactkit.estimators.simplex_weights import Solver, Task, solve
from impactkit.results import Exclusion

if TYPE_CHECKING:
    import polars as pl

_TOLERANCE = 1e-5


@attrs.frozen(kw_only=True, eq=False)
class Recipe:
    """How weights are found: ridge as a multiple of noise, and whether levels may differ.

    `unit_ridge` is given the numbers of treated units and of periods after the start.
    """

    unit_ridge: Callable[[int, int], float]
    intercept: bool
    time_weights: bool
    solver: Solver


@attrs.frozen(kw_only=True, eq=False)
class Units:
    """A complete panel: outcomes (N, T), each unit's first treated period by index (T: never)."""

    y: Floats
    start: Ints
    labels: tuple[object, ...]
    periods: tuple[int, ...]
    exclusions: tuple[Exclusion, ...]

    def cohorts(self) -> list[int]:
        """Return the distinct starts of treated units, by index."""
        return [int(s) for s in np.unique(self.start) if s < len(self.periods)]


@attrs.frozen(kw_only=True, eq=False)
class Weighed:
    """One cohort's weights on units never treated, shape (N0,), and on periods before, (T0,)."""

    unit: Floats
    time: Floats


def complete_panel(
    frame: pl.DataFrame | pl.LazyFrame, *, unit: str, time: str, cohort: str, outcome: str
) -> Units:
    """Lay out units seen in every period; others are set aside, and counted.

    Raises
    ------
    DataError
        With every fault of the frame.
    EstimationError
        When no treated unit has two periods before its treatment, or nobody is never treated.
    """
    import polars as pl

    checked = tidy(frame, unit=unit, time=time, cohort=cohort, outcome=outcome)
    rows, exclusions = checked.rows, list(checked.exclusions)
    periods = rows["time"].unique().sort()
    T = len(periods)
    rows, lost = drop(
        rows, pl.len().over("unit") < T, "incomplete", f"not observed in all {T} periods"
    )
    exclusions += lost
    second = periods[1] if T > 1 else None
    rows, lost = drop(
        rows,
        (pl.col("cohort") <= second).fill_null(False) if T > 1 else pl.lit(True),
        "too_early",
        "fewer than two periods before treatment, too few to choose weights by",
    )
    exclusions += lost
    rows = rows.sort("unit", "time")
    per_unit = rows.unique("unit", maintain_order=True)
    first = per_unit["cohort"].fill_null(float("inf")).to_numpy()
    start = np.searchsorted(periods.to_numpy(), first)
    labels = frame.lazy().select(unit).unique().collect()[unit]
    named = (labels if labels.dtype.is_integer() else labels.cast(pl.String)).sort()
    treated, never = int((start < T).sum()), int((start == T).sum())
    if not treated or never < 2:
        why = "; ".join(f"{e.n_schools:,} units: {e.text}" for e in exclusions)
        raise EstimationError(
            f"{treated:,} treated units and {never:,} that are never treated are left in {T} "
            f"periods; one of the former and two of the latter are needed at least "
            f"({why or 'none were set aside'})"
        )
    return Units(
        y=rows["outcome"].to_numpy().reshape(-1, T),
        start=start,
        labels=tuple(named.gather(per_unit["unit"]).to_list()),
        periods=tuple(int(p) for p in periods),
        exclusions=tuple(exclusions),
    )


def weigh(
    panels: Sequence[tuple[Floats, Floats, int]],
    recipe: Recipe,
    starts: Sequence[Weighed] | None = None,
    noises: Sequence[float] | None = None,
) -> list[Weighed]:
    """Find weights for panels side by side.

    Parameters
    ----------
    panels
        Outcomes of units never treated (N0, T), of treated units (N1, T), and the number of
        periods before treatment.
    starts, noises
        Weights to start from, by default equal ones; and the noise level that ridge and tolerance
        are multiples of, by default of the panel itself.
    """
    unit_tasks, time_tasks = [], []
    for p, (other, treated, T0) in enumerate(panels):
        noise = noise_level(other, T0) if noises is None else noises[p]
        ridge = recipe.unit_ridge(len(treated), other.shape[1] - T0)
        begin = None if starts is None else starts[p]
        A, b = other[:, :T0].T, treated[:, :T0].mean(axis=0)
        unit_tasks.append(
            _task(
                A, b, ridge * noise, noise, recipe.intercept, None if begin is None else begin.unit
            )
        )
        if recipe.time_weights:
            after = other[:, T0:].mean(axis=1)
            time_tasks.append(
                _task(
                    other[:, :T0],
                    after,
                    1e-6 * noise,
                    noise,
                    True,
                    None if begin is None else begin.time,
                )
            )
    units = solve(unit_tasks, recipe.solver)
    times = (
        solve(time_tasks, recipe.solver)
        if recipe.time_weights
        else [np.zeros(T0) for _, _, T0 in panels]
    )
    return [Weighed(unit=u, time=t) for u, t in zip(units, times, strict=True)]


def _task(
    A: Floats, b: Floats, zeta: float, noise: float, intercept: bool, start: Floats | None
) -> Task:
    if intercept:
        A, b = A - A.mean(axis=0), b - b.mean()
    return Task(
        A=A,
        b=b,
        zeta=zeta,
        start=np.full(A.shape[1], 1 / A.shape[1]) if start is None else start,
        tolerance=_TOLERANCE * noise,
    )


def noise_level(other: Floats, T0: int) -> float:
    """Return the standard deviation of changes from year to year of units never treated."""
    changes = np.diff(other[:, :T0], axis=1)
    return float(changes.std(ddof=1)) if changes.size > 1 else float(np.abs(changes).max())


def path(other: Floats, treated: Floats, T0: int, weights: Weighed) -> Floats:
    """Return the effect in every period, shape (T,); before treatment, the gap."""
    gap: Floats = treated.mean(axis=0) - weights.unit @ other
    return gap - weights.time @ gap[:T0]


@attrs.frozen(kw_only=True, eq=False)
class Design:
    """Which average is asked for: starts by index, their numbers of treated units, event times."""

    starts: tuple[int, ...]
    sizes: tuple[int, ...]
    T: int

    @property
    def events(self) -> range:
        """Return event times from 0 to the last that any cohort reaches."""
        return range(self.T - min(self.starts))

    def averages(self, paths: Sequence[Floats]) -> Floats:
        """Return the overall effect, then those by event time."""
        total = np.zeros(1 + len(self.events))
        rows = np.zeros(1 + len(self.events))
        for start, size, found in zip(self.starts, self.sizes, paths, strict=True):
            after = found[start:]
            total[1 : 1 + len(after)] += size * after
            rows[1 : 1 + len(after)] += size
        total[0], rows[0] = total[1:].sum(), rows[1:].sum()
        return np.asarray(total / rows)
