"""Averages of group-time effects: overall, by event time, by cohort, by period.

With p_g the (weighted) share of units in cohort g, over post-treatment effects (t >= g):

    simple    sum p_g ATT(g, t) / sum p_g
    dynamic   the same over effects with t - g = e; overall, the mean over e >= 0
    group     mean over t of ATT(g, t); overall, the mean over cohorts with weights p_g
    calendar  as simple, over effects in period t; overall, the mean over periods

The shares are estimates too. For theta = sum_k p_k ATT_k / S, S = sum_k p_k, a unit of cohort g
and weight w adds w (ATT_k - theta) / S for every effect k of its cohort, beside the influence of
the effects themselves.

Source: Callaway & Sant'Anna (2021), section 3, table 1 and corollary 2; `balance_e` as their
event study of a balanced composition.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Literal

import attrs
import numpy as np

from impactkit.errors import Problem, UsageError
from impactkit.estimators.att_gt_cells import Cells
from impactkit.estimators.att_gt_comparisons import Comparison
from impactkit.estimators.blocks import Units
from impactkit.estimators.printing import table
from impactkit.estimators.summaries import (
    BASE,
    Inference,
    Quantity,
    loadings,
    to_estimates,
)
from impactkit.estimators.two_by_two import Floats, listing
from impactkit.inference.contributions import MOST_CLUSTERS
from impactkit.inference.small_sample import correct
from impactkit.results import Estimate, estimates_to_frame

if TYPE_CHECKING:
    import polars as pl

Kind = Literal["simple", "dynamic", "group", "calendar"]
KINDS: tuple[Kind, ...] = ("simple", "dynamic", "group", "calendar")

_LABELS = {"simple": "", "dynamic": "event time", "group": "cohort", "calendar": "period"}


@attrs.frozen(kw_only=True)
class Aggregation:
    """Averages of group-time effects of one kind.

    Attributes
    ----------
    kind
        ``simple``, ``dynamic``, ``group`` or ``calendar``.
    overall
        One number for all.
    terms
        One `Estimate` an event time, cohort or period, named in `term`; none for ``simple``.
    """

    kind: Kind
    overall: Estimate
    terms: tuple[Estimate, ...]

    def estimates(
        self, metric: str = "", measure: str = "", unit: str = ""
    ) -> tuple[Estimate, ...]:
        """Return the overall estimate and the terms, labelled for a report."""
        return tuple(
            attrs.evolve(e, metric=metric, measure=measure, unit=unit)
            for e in (self.overall, *self.terms)
        )

    def to_frame(self) -> pl.DataFrame:
        """Return one row a term, columns as the fields of `Estimate`; ``simple`` has one row."""
        return estimates_to_frame(self.terms or (self.overall,))

    def __str__(self) -> str:
        return table(
            f"Average effect on the treated: {self.overall}", self.terms, _LABELS[self.kind]
        )


class _Rows:
    """Averages as combinations of the rows of `Cells.contributions`: cells, then cohorts."""

    def __init__(self, units: Units, n_cells: int) -> None:
        self._n_cells = n_cells
        self._shares = np.add.reduceat(units.weight, units.start[:-1])
        self.none = np.zeros(n_cells + len(units.cohorts))

    def of(self, cell: int) -> Floats:
        """Return the combination that is one cell."""
        row = self.none.copy()
        row[cell] = 1.0
        return row

    def average(
        self, values: Floats, combinations: Floats, cohorts: list[int]
    ) -> tuple[float, Floats]:
        """Average estimates by their cohorts' shares, the shares' own estimation included."""
        p = self._shares[cohorts]
        total = p.sum()
        value = float(p @ values / total)
        combination: Floats = p / total @ combinations
        np.add.at(combination, self._n_cells + np.array(cohorts), (values - value) / total)
        return value, combination


def aggregate(
    units: Units,
    cells: Cells,
    inference: Inference,
    kind: Kind,
    *,
    min_e: int | None = None,
    max_e: int | None = None,
    balance_e: int | None = None,
    warnings: tuple[str, ...] = (),
) -> Aggregation:
    """Average group-time effects; see `AttGt.aggregate`."""
    _check(kind, min_e, max_e, balance_e)
    overall, terms = _quantities(units, cells, kind, min_e=min_e, max_e=max_e, balance_e=balance_e)
    overall = attrs.evolve(overall, warnings=(*overall.warnings, *warnings))
    first, *rest = to_estimates([overall, *terms], units, cells.contributions, inference)
    return Aggregation(kind=kind, overall=first, terms=tuple(rest))


def influence(units: Units, cells: Cells, kind: Kind) -> pl.DataFrame:
    """Return what each cluster contributes to an overall average; see `AttGt.influence`."""
    import polars as pl

    _check(kind, None, None, None)
    if units.labels is None:
        raise UsageError(
            Problem(
                code="argument.clusters",
                column="cluster",
                rule="clusters were not named, or are too many in one cohort to be told apart",
                remedy=f"Name a column of clusters, {MOST_CLUSTERS:,} in a cohort at most.",
            )
        )
    overall, _ = _quantities(units, cells, kind)
    own = cells.contributions.of(overall.combination[None, :])
    order = np.argsort(own.cluster)
    return pl.DataFrame(
        {"cluster": units.labels.gather(own.cluster[order]), "contribution": own.columns[0, order]}
    )


def _quantities(
    units: Units,
    cells: Cells,
    kind: Kind,
    *,
    min_e: int | None = None,
    max_e: int | None = None,
    balance_e: int | None = None,
) -> tuple[Quantity, list[Quantity]]:
    """Return the overall average and the terms of one kind, as combinations of contributions."""
    rows = _Rows(units, len(cells.cells))
    listed = [c.comparison for c in cells.cells]
    event = _event(units, cells)
    inside = [
        k
        for k in range(len(listed))
        if (min_e is None or event[k] >= min_e) and (max_e is None or event[k] <= max_e)
    ]
    if balance_e is not None:
        inside = _balanced(units, cells, event, inside, balance_e)
    post = [k for k in inside if event[k] >= 0]

    def mean(members: list[int], estimand: str, term: str, in_band: bool = True) -> Quantity:
        return _mean(units, cells, rows, members, estimand, term, in_band)

    if kind == "simple":
        overall, terms = mean(post, "ATT", "", in_band=False), []
    elif kind == "dynamic":
        terms = _event_times(units, cells, rows, inside)
        after = [q for q in terms if int(q.term) >= 0]
        overall = _of_terms(after, "ATT, mean over event times", rows)
    elif kind == "group":
        by_cohort = [[k for k in post if listed[k].cohort == g] for g in range(len(units.cohorts))]
        terms = [
            mean(members, f"ATT, cohort {g}", str(g))
            for g, members in zip(units.cohorts, by_cohort, strict=True)
            if members
        ]
        overall = _of_terms(terms, "ATT, mean over cohorts", rows, by_share=True)
    else:
        terms = [
            mean([k for k in post if listed[k].time == t], f"ATT, period {p}", str(p))
            for t, p in enumerate(units.periods)
            if any(listed[k].time == t for k in post)
        ]
        overall = _of_terms(terms, "ATT, mean over periods", rows)
    return overall, terms


def before_treatment(units: Units, cells: Cells) -> list[Quantity]:
    """Return the event times before treatment that can be estimated, nearest to treatment first."""
    rows = _Rows(units, len(cells.cells))
    before = [
        k for k, c in enumerate(cells.cells) if c.comparison.before and not c.comparison.is_base
    ]
    found = _event_times(units, cells, rows, before)
    return [q for q in reversed(found) if q.value is not None]


def event_times(units: Units, cells: Cells, inference: Inference) -> dict[str, Any]:
    """Return the estimable event times, their effects and the covariance, the base left out."""
    rows = _Rows(units, len(cells.cells))
    members = [k for k, c in enumerate(cells.cells) if not c.comparison.is_base]
    found = [q for q in _event_times(units, cells, rows, members) if q.value is not None]
    columns = np.zeros((0, 0))
    if found:
        own = cells.contributions.of(np.array([q.combination for q in found]))
        columns = own.columns
        if inference.shares is not None:
            columns = correct(own, loadings(found, units), inference.shares).columns
    return {
        "event_times": tuple(int(q.term) for q in found),
        "values": np.array([q.value for q in found], dtype=float),
        "covariance": columns @ columns.T,
    }


def _event(units: Units, cells: Cells) -> list[int]:
    """Return the event time of each effect."""
    listed = (c.comparison for c in cells.cells)
    return [units.periods[c.time] - units.cohorts[c.cohort] for c in listed]


def _event_times(units: Units, cells: Cells, rows: _Rows, members: list[int]) -> list[Quantity]:
    """Average effects of the same event time, in the order of time."""
    event = _event(units, cells)
    return [
        _mean(
            units,
            cells,
            rows,
            [k for k in members if event[k] == e],
            f"ATT, event time {e}",
            str(e),
            in_band=True,
        )
        for e in sorted({event[k] for k in members})
    ]


def _mean(
    units: Units,
    cells: Cells,
    rows: _Rows,
    members: list[int],
    estimand: str,
    term: str,
    in_band: bool,
) -> Quantity:
    """Average the effects that could be estimated, and say how many could not."""
    found = [k for k in members if cells.cells[k].value is not None]
    lost = [k for k in members if cells.cells[k].value is None]
    rests_on = tuple(cells.cells[k].comparison for k in found)
    if not found:
        reason = f"none of {len(members)} effects by cohort and period could be estimated"
        if lost:
            first = cells.cells[lost[0]]
            reason += f"; the first, {_name(units, first.comparison)}: {first.reason}"
        return Quantity(
            estimand=estimand,
            term=term,
            value=None,
            combination=rows.none,
            rests_on=tuple(cells.cells[k].comparison for k in members),
            reason=reason,
            in_band=False,
        )
    value, combination = rows.average(
        np.array([cells.cells[k].value for k in found]),
        np.array([rows.of(k) for k in found]),
        [c.cohort for c in rests_on],
    )
    return Quantity(
        estimand=estimand,
        term=term,
        value=value,
        combination=combination,
        rests_on=rests_on,
        reason=BASE if all(c.is_base for c in rests_on) else "",
        warnings=(*_alone(units, rests_on), *_left_out(cells, lost, members, units)),
        in_band=in_band,
    )


def _left_out(cells: Cells, lost: list[int], members: list[int], units: Units) -> tuple[str, ...]:
    if not lost:
        return ()
    names = listing([_name(units, cells.cells[k].comparison) for k in lost])
    count = f"{len(lost)} of {len(members)} effects by cohort and period"
    return (f"{count} could not be estimated: {names}",)


def _alone(units: Units, rests_on: tuple[Comparison, ...]) -> tuple[str, ...]:
    """Name the cohorts of one cluster, whose own variation cannot be seen."""
    cohorts = sorted({c.cohort for c in rests_on})
    alone = [str(units.cohorts[g]) for g in cohorts if units.clusters[g] == 1]
    if not alone:
        return ()
    return (
        f"a single treated cluster in {listing(alone)}: how it varies is judged by how far its "
        "effect is from the average",
    )


def _name(units: Units, c: Comparison) -> str:
    return f"cohort {units.cohorts[c.cohort]} in {units.periods[c.time]}"


def _of_terms(
    terms: list[Quantity], estimand: str, rows: _Rows, *, by_share: bool = False
) -> Quantity:
    """Average terms equally, or by cohort shares."""
    found = [q for q in terms if q.value is not None]
    rests_on = tuple(dict.fromkeys(c for q in found for c in q.rests_on))
    warnings = tuple(dict.fromkeys(w for q in found for w in q.warnings))
    if not found:
        return Quantity(
            estimand=estimand,
            value=None,
            combination=rows.none,
            rests_on=(),
            reason="no post-treatment effect could be estimated"
            + (f"; the first: {terms[0].reason}" if terms else " in the event times asked for"),
            in_band=False,
        )
    if len(found) < len(terms):
        names = ", ".join(q.term for q in terms if q.value is None)
        warnings += (f"left out, since not estimable: {names}",)
    values = np.array([q.value for q in found])
    combinations = np.array([q.combination for q in found])
    value, combination = float(values.mean()), combinations.mean(axis=0)
    if by_share:
        cohorts = [q.rests_on[0].cohort for q in found]
        value, combination = rows.average(values, combinations, cohorts)
    return Quantity(
        estimand=estimand,
        value=value,
        combination=combination,
        rests_on=rests_on,
        warnings=warnings,
        in_band=False,
    )


def _balanced(
    units: Units, cells: Cells, event: list[int], inside: Iterable[int], balance_e: int
) -> list[int]:
    """Keep cohorts with an effect at every event time from 0 to `balance_e` that the data has.

    Later event times are left out, so that from 0 on the same cohorts stand behind each.
    """
    listed = [c.comparison for c in cells.cells]
    last = max(p for t, p in enumerate(units.periods) if units.occupied[t])
    eligible = {g for g, c in enumerate(units.cohorts) if last - c >= balance_e}
    window = range(balance_e + 1)
    needed = {
        event[k]
        for k, c in enumerate(listed)
        if c.cohort in eligible and event[k] in window and units.periods[c.time] <= last
    }
    complete = {
        g
        for g in eligible
        if needed
        <= {
            event[k]
            for k, c in enumerate(listed)
            if c.cohort == g and cells.cells[k].value is not None
        }
    }
    return [k for k in inside if listed[k].cohort in complete and event[k] <= balance_e]


def _check(kind: str, min_e: int | None, max_e: int | None, balance_e: int | None) -> None:
    problems = []
    if kind not in KINDS:
        problems.append(
            Problem(
                code="argument.kind",
                column="kind",
                value=str(kind),
                rule=f"expected one of {KINDS}",
            )
        )
    given = {"min_e": min_e, "max_e": max_e, "balance_e": balance_e}
    for name, value in given.items():
        if value is None:
            continue
        if (
            not isinstance(value, int)
            or isinstance(value, bool)
            or (name == "balance_e" and value < 0)
        ):
            problems.append(
                Problem(
                    code=f"argument.{name}",
                    column=name,
                    value=str(value),
                    rule="expected a whole number of periods",
                )
            )
        takes = {"calendar": (), "dynamic": tuple(given)}.get(kind, ("min_e", "max_e"))
        if name not in takes:
            problems.append(
                Problem(
                    code=f"argument.{name}",
                    column=name,
                    value=str(value),
                    rule=f"it has no meaning for aggregate({kind!r})",
                    remedy="Leave it out.",
                )
            )
    if problems:
        raise UsageError(problems)
