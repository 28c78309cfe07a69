"""Effects by cohort and period from one saturated regression, and their averages.

    y_it = a_i + l_t + x_it'g + sum_{(g, t) in S} b_gt 1{G_i = g} 1{period t} + u_it

`sun_abraham` and `etwfe` differ in the set S. Units that can tell nothing are set aside first, and
counted: those treated in every period, and those never seen at the reference. Where nobody is
never treated the last cohort is the comparison, and periods from its start on are set aside.

An average sum_k n_k b_k / sum_k n_k weighs effects by the (weighted) number of rows they rest on.
These shares are taken as fixed, as fixest and etwfe take them: the standard error is that of the
average in this sample of units. `att_gt` allows for the shares' own sampling.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import attrs
import numpy as np

from impactkit.errors import EstimationError
from impactkit.estimators.aggregation import KINDS, Aggregation, Kind
from impactkit.estimators.event_coefficients import EventCoefficients
from impactkit.estimators.fixed_effects import Fit
from impactkit.estimators.options import check_options
from impactkit.estimators.printing import account, notes, table
from impactkit.estimators.rectangle import Floats, Rectangle, restrict, within_window
from impactkit.estimators.regression import (
    Combination,
    clusters_of,
    not_estimable,
    pretest,
    to_estimates,
)
from impactkit.results import Diagnostic, Estimate, Exclusion, estimates_to_frame

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray


@attrs.frozen(kw_only=True, eq=False)
class CohortEffects:
    """Effects by cohort and period, one `Estimate` each, and what can be made of them.

    Attributes
    ----------
    title
        What was estimated.
    cells
        One `Estimate` a cohort and period, cohorts first.
    index
        (cohort, period) of each cell.
    exclusions, warnings
        Rows and units left out, counted, with reasons; what a reader must know, in sentences.
    """

    title: str
    cells: tuple[Estimate, ...]
    index: tuple[tuple[int, int], ...]
    exclusions: tuple[Exclusion, ...]
    warnings: tuple[str, ...]
    _fit: Fit
    _panel: Rectangle
    _rows: Floats
    _level: float
    _method: str

    def to_frame(self) -> pl.DataFrame:
        """Return one row a cell: `cohort`, `time`, then the fields of `Estimate`."""
        import polars as pl

        where = pl.DataFrame(
            self.index, schema={"cohort": pl.Int64, "time": pl.Int64}, orient="row"
        )
        return pl.concat([where, estimates_to_frame(self.cells)], how="horizontal")

    def aggregate(self, kind: Kind) -> Aggregation:
        """Average the effects, each weighed by the rows it rests on.

        Parameters
        ----------
        kind
            ``simple``: all effects after the start. ``dynamic``: by event time; overall, their
            plain mean over e >= 0. ``group``: by cohort; overall, their mean by number of units.
            ``calendar``: by period; overall, their plain mean.

        Raises
        ------
        UsageError
            When there is no such kind.
        EstimationError
            When no effect after the start could be estimated.
        """
        check_options([(kind not in KINDS, "kind", kind, f"one of {', '.join(KINDS)}")])
        estimated = self._estimated()
        after = [k for k in estimated if self.index[k][1] >= self.index[k][0]]
        if not after:
            raise EstimationError(
                f"none of {len(self.cells):,} effects by cohort and period is of a period after "
                "the start and could be estimated; add periods after it in which others are "
                "untreated"
            )
        if kind == "simple":
            return Aggregation(kind=kind, overall=self._average("", [after], np.ones(1)), terms=())
        groups: dict[int, list[int]] = {}
        for k in estimated if kind == "dynamic" else after:
            g, t = self.index[k]
            groups.setdefault({"dynamic": t - g, "group": g, "calendar": t}[kind], []).append(k)
        terms = tuple(self._average(str(key), [groups[key]], np.ones(1)) for key in sorted(groups))
        used = [key for key in sorted(groups) if kind != "dynamic" or key >= 0]
        size = np.array([self._size(key) if kind == "group" else 1.0 for key in used])
        overall = self._average("", [groups[key] for key in used], size / size.sum())
        return Aggregation(kind=kind, overall=overall, terms=terms)

    def event_study(self) -> EventCoefficients:
        """Return effects by event time with their covariance, for `honest_did` and its kind.

        Raises
        ------
        UsageError
            When event times before treatment have no single reference, as with
            ``etwfe(control="notyettreated")``, which has no effects before treatment.
        EstimationError
            When there is no covariance, with the reason.
        """
        if self._fit.covariance is None:
            raise EstimationError(self._fit.reason)
        fitted = self._estimated()
        event = np.array([self.index[k][1] - self.index[k][0] for k in fitted])
        times = np.unique(event)
        averages = np.where(event == times[:, None], self._rows[fitted], 0.0)
        averages /= averages.sum(axis=1, keepdims=True)
        at = self._fit.at([name_of(*self.index[k]) for k in fitted])
        return EventCoefficients(
            event_times=[int(e) for e in times],
            values=averages @ self._fit.beta[at],
            covariance=averages @ self._fit.covariance[np.ix_(at, at)] @ averages.T,
        )

    def _estimated(self) -> list[int]:
        fitted = set(self._fit.names)
        return [k for k, cell in enumerate(self.index) if name_of(*cell) in fitted]

    def _size(self, cohort: int) -> float:
        members = self._panel.cohort == self._panel.cohorts.index(cohort)
        return float(self._panel.weight[members].sum())

    def _average(self, term: str, groups: Sequence[Sequence[int]], size: Floats) -> Estimate:
        """Average within groups by rows, then over groups by `size`."""
        cells = [k for group in groups for k in group]
        weights = [
            s * self._rows[k] / self._rows[list(group)].sum()
            for s, group in zip(size, groups, strict=True)
            for k in group
        ]
        combination = Combination(
            estimand="ATT",
            term=term,
            names=[name_of(*self.index[k]) for k in cells],
            weights=np.array(weights),
            treated=treated_units(self._panel, [self.index[k] for k in cells]),
        )
        (found,) = to_estimates(
            self._fit, self._panel, [combination], level=self._level, method=self._method
        )
        return found if term else attrs.evolve(found, warnings=self.warnings)

    def pretest(self) -> Diagnostic | None:
        """Test jointly that all effects before treatment are zero; None when there are none."""
        there = [self.index[k] for k in self._estimated()]
        return pretest(self._fit, [name_of(g, t) for g, t in there if t < g])

    def estimates(
        self,
        metric: str = "",
        measure: str = "",
        unit: str = "",
        kinds: Sequence[Kind] = ("simple", "dynamic"),
    ) -> tuple[Estimate, ...]:
        """Return estimates for a report: the overall effect, then the event study."""
        return tuple(
            e for kind in kinds for e in self.aggregate(kind).estimates(metric, measure, unit)
        )

    def __str__(self) -> str:
        lines = [table(self.title, self.cells, "ATT(g, t)")]
        ever = clusters_of(self._panel, self._panel.cohort < len(self._panel.cohorts))
        lines += account(self.cells[0], self.exclusions, ever)
        return "\n".join([*lines, *notes(self.warnings)])

    __repr__ = __str__


def name_of(cohort: int, period: int) -> str:
    """Return the name of a cell's coefficient."""
    return f"ATT({cohort}, {period})"


def treated_units(panel: Rectangle, cells: Sequence[tuple[int, int]]) -> NDArray[np.bool_]:
    """Tell which units have a row in any of these cells, shape (N,)."""
    hits = np.zeros((len(panel.cohorts) + 1, len(panel.periods)), dtype=bool)
    for g, t in cells:
        hits[panel.cohorts.index(g), panel.periods.index(t)] = True
    return panel.units_in(hits)


def comparable(panel: Rectangle) -> Rectangle:
    """Set aside what no effect can be estimated from, and name as never treated who serves as such.

    Raises
    ------
    EstimationError
        When there is nobody to compare, or nobody treated.
    """
    first, last = panel.periods[0], panel.periods[-1]
    every = np.ones(len(panel.periods), dtype=bool)
    start = panel.start
    panel = restrict(
        panel,
        start > first,
        every,
        "always_treated",
        f"treated in every period, from {first} or before, so without a period to compare with",
    )
    start = panel.start
    if not bool((start > last).any()):
        last_start = int(start.max())
        panel = restrict(
            panel,
            np.ones(panel.n_units, dtype=bool),
            np.array(panel.periods) < last_start,
            "no_comparison",
            f"from {last_start} on everybody is treated; the last cohort is the comparison before",
        )
        start = panel.start
    last = panel.periods[-1]
    if not bool((start <= last).any()):
        raise EstimationError(
            f"all {panel.n_units:,} units that are left start at one time or never, after {last} "
            f"(periods {first} to {last}), so there is nobody to compare with; add units that are "
            "never treated, or treated at another time"
        )
    return within_window(panel)


def rows_by_cell(panel: Rectangle) -> Floats:
    """Return the weighted number of rows by cohort and period, shape (cohorts + 1, T)."""
    n, share = len(panel.cohorts) + 1, panel.share
    if share is None:
        size = np.bincount(panel.cohort, panel.weight, minlength=n).astype(np.float64)
        return np.tile(size[:, None], (1, len(panel.periods)))
    return np.stack(
        [
            np.bincount(panel.cohort, panel.weight * share[:, t], minlength=n)
            for t in range(len(panel.periods))
        ],
        axis=1,
    )


def cell_columns(panel: Rectangle, cells: Sequence[tuple[int, int]]) -> Floats:
    """Return the indicators of cells, shape (cohorts + 1, T, cells)."""
    columns = np.zeros((len(panel.cohorts) + 1, len(panel.periods), len(cells)))
    for k, (g, t) in enumerate(cells):
        columns[panel.cohorts.index(g), panel.periods.index(t), k] = 1.0
    return columns


def cohort_effects(
    fit: Fit,
    panel: Rectangle,
    reasons: dict[tuple[int, int], str],
    *,
    title: str,
    method: str,
    level: float,
    warnings: tuple[str, ...],
) -> CohortEffects:
    """Assemble the result; `reasons` says of every other cell why it has no coefficient.

    A reason that starts with ``the reference`` marks a cell that is zero by construction.
    """
    fitted = set(fit.names)
    index = [(g, t) for g in panel.cohorts for t in panel.periods]
    index = [cell for cell in index if name_of(*cell) in fitted or cell in reasons]
    counts = rows_by_cell(panel)
    cells = []
    for cell in index:
        name = name_of(*cell)
        known = name in fitted
        (e,) = to_estimates(
            fit,
            panel,
            [
                Combination(
                    estimand=name,
                    names=[name] if known else [],
                    weights=np.ones(int(known)),
                    treated=treated_units(panel, [cell]),
                )
            ],
            level=level,
            method=method,
        )
        if not known:
            e = not_estimable(e, reasons[cell])
            if reasons[cell].startswith("the reference"):
                e = attrs.evolve(e, value=0.0, status="ok")
        cells.append(e)
    places = [(panel.cohorts.index(g), panel.periods.index(t)) for g, t in index]
    return CohortEffects(
        title=title,
        cells=tuple(cells),
        index=tuple(index),
        exclusions=panel.exclusions,
        warnings=warnings,
        fit=fit,
        panel=panel,
        rows=np.array([counts[place] for place in places]),
        level=level,
        method=method,
    )


@attrs.frozen(kw_only=True, eq=False)
class Split:
    """Cells whose effect can be told; others with rows; and why each that is wanted has none."""

    told: list[tuple[int, int]]
    alone: list[tuple[int, int]]
    reasons: dict[tuple[int, int], str]


def split_cells(panel: Rectangle, wanted: Sequence[tuple[int, int]]) -> Split:
    """Divide the cells that are to have an effect by whether one can be told.

    In a period where every row is in such a cell there is nobody to compare with. Its rows still
    tell of the units: their indicators stay in the regression, as controls.
    """
    counts = rows_by_cell(panel)
    members = np.bincount(panel.cohort, minlength=len(panel.cohorts) + 1)
    place = {(g, t): (panel.cohorts.index(g), panel.periods.index(t)) for g, t in wanted}
    compared = counts.copy()
    for at in place.values():
        compared[at] = 0.0
    found = Split(told=[], alone=[], reasons={})
    for (g, t), at in place.items():
        if not counts[at] > 0:
            found.reasons[(g, t)] = (
                f"none of the {members[at[0]]:,} units of cohort {g} has a row in {t}"
            )
        elif not compared[:, at[1]].sum() > 0:
            found.alone.append((g, t))
            found.reasons[(g, t)] = f"nobody untreated has a row in {t} to be compared with"
        else:
            found.told.append((g, t))
    return found


def without_reference(panel: Rectangle, references: dict[int, list[int]]) -> Rectangle:
    """Set aside cohorts of which no unit is seen in any of their reference periods."""
    counts = rows_by_cell(panel)
    periods = list(panel.periods)
    lost = [
        g
        for g, there in references.items()
        if not any(counts[panel.cohorts.index(g), periods.index(t)] > 0 for t in there)
    ]
    if not lost:
        return panel
    of_lost = np.isin(panel.cohort, [panel.cohorts.index(g) for g in lost])
    text = f"cohorts {', '.join(map(str, lost))} are not seen in their reference period"
    less = restrict(panel, ~of_lost, np.ones(len(periods), dtype=bool), "no_reference", text)
    return comparable(less)
