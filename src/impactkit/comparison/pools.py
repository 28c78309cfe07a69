"""Pools that share the trigger: schools that were in the same trouble in the same year.

A school that fails an inspection improves on average, partnership or not: those that just fail gain
about a tenth of a pupil's standard deviation in two to three years (Allen & Burgess 2012, "How
should we treat under-performing schools?", CMPO working paper 12/287). Compared with schools at
large, whoever helps such schools would get the credit. So each treated school is compared with
schools that met the same trigger in the same year and joined no partnership.

Comparison schools are weighted so that trigger years (and whatever else is held equal) have the
same shares as among the treated.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from impactkit.comparison.group import ComparisonGroup
from impactkit.comparison.schools import require_both
from impactkit.conditions import parse_condition
from impactkit.errors import DataError, Problem, UsageError, did_you_mean
from impactkit.estimators.options import check_options
from impactkit.results import Exclusion


def same_trigger_pool(
    events: pl.DataFrame | pl.LazyFrame,
    treated: pl.DataFrame | pl.LazyFrame,
    *,
    trigger: str,
    unit: str = "school_key",
    time: str = "year",
    cohort: str = "cohort",
    within: int = 2,
    exact: Sequence[str] = (),
) -> ComparisonGroup:
    """Find schools that met the same trigger in the same year as the treated.

    Parameters
    ----------
    events
        One row a school and year (inspections, results): `unit`, `time`, what `trigger` names, and
        `exact`.
    treated
        `unit` and `cohort`: the first treated year of each treated school. Schools without a
        cohort, or not in it, are comparison schools.
    trigger
        The condition, in the grammar of a study: ``grade == 4`` or ``ks2 < 65 and phase ==
        'primary'``.
    within
        The trigger counts up to this many years before the first treated year; the last one does.
    exact
        Columns of `events` that have to be equal as well, at the trigger: phase, framework.

    Returns
    -------
    ComparisonGroup
        Its frame has `unit`, `treated`, `trigger_year`, the cohort, `exact` and `weight`. Treated
        schools that start later are no comparison here: estimators use them until they start.

    Raises
    ------
    DataError, UsageError
        With every fault of the frames or of the arguments.
    EstimationError
        When no treated school met the trigger, or no other school did in the same years.

    Examples
    --------
    >>> events = pl.DataFrame({"school_key": ["a", "b", "c", "d"], "year": [2015, 2015, 2015, 2016],
    ...                        "grade": [4, 4, 2, 4]})
    >>> treated = pl.DataFrame({"school_key": ["a"], "cohort": [2016]})
    >>> same_trigger_pool(events, treated, trigger="grade == 4")
    Comparison group: same trigger (grade == 4) in the same year
    1 treated schools, 1 comparison schools (worth 1.0 equally weighted)
    Left out: 1 schools, 0 of them treated (no record that it met the trigger)
    Left out: 1 schools, 0 of them treated (no treated school met the trigger in the same year)
    """
    try:
        condition = parse_condition(trigger)
    except ValueError as error:
        raise UsageError(
            Problem(code="argument.trigger", column="trigger", value=trigger, rule=str(error))
        ) from error
    check_options([(not within >= 0, "within", within, "a number of years, 0 or more")])
    rows, starts = events.lazy().collect(), treated.lazy().collect()
    _require(rows, (unit, time, *condition.columns, *exact), "the frame of events")
    _require(starts, (unit, cohort), "the frame of treated schools")
    starts = _starts(starts, unit, cohort)

    stratum = ["trigger_year", *exact]
    everyone = rows.select(unit).unique().join(starts, on=unit, how="full", coalesce=True)
    recorded = (
        rows.filter(condition.expr())
        .select(unit, pl.col(time).cast(pl.Int64).alias("trigger_year"), *exact)
        .join(starts, on=unit, how="left")
    )
    # Two records of one school and year: the first in sorting order, so that rows have no order.
    met = recorded.drop_nulls(stratum).sort(unit, *stratum)
    met = met.unique([unit, "trigger_year"], keep="first", maintain_order=True)
    incomplete = recorded.join(met, on=unit, how="anti").unique(unit)
    before = pl.col(cohort) - pl.col("trigger_year")
    mine = met.filter(before.is_between(0, within)).sort("trigger_year")
    mine = mine.unique(unit, keep="last", maintain_order=True)
    other = met.filter(pl.col(cohort).is_null())
    shared = other.join(mine.select(stratum).unique(), on=stratum, how="semi")
    shared = shared.sort("trigger_year").unique(unit, keep="first", maintain_order=True)
    alone = mine.join(shared.select(stratum).unique(), on=stratum, how="anti")
    n_mine = mine.height
    mine = mine.join(alone.select(unit), on=unit, how="anti")

    also = f" and is equal in {', '.join(exact)}" if exact else ""
    treated_schools = everyone[cohort].count()
    gaps = incomplete[cohort].count()
    lost = (
        (
            "no_trigger",
            f"treated, with no record that it met the trigger in the {within} years before",
            treated_schools - n_mine - gaps,
            True,
        ),
        (
            "no_comparison",
            f"no comparison school met the trigger in the same year{also}",
            alone.height,
            True,
        ),
        (
            "not_triggered",
            "no record that it met the trigger",
            everyone.height - treated_schools - other[unit].n_unique() - incomplete.height + gaps,
            False,
        ),
        (
            "other_year",
            f"no treated school met the trigger in the same year{also}",
            other[unit].n_unique() - shared.height,
            False,
        ),
        ("incomplete", "it met the trigger, but year or stratum is missing", gaps, True),
        (
            "incomplete",
            "it met the trigger, but year or stratum is missing",
            incomplete.height - gaps,
            False,
        ),
    )
    exclusions = tuple(
        Exclusion(
            reason=reason,
            text=text,
            n_schools=n,
            n_rows=n,
            treated=n if is_treated else 0,
            stage="comparison",
        )
        for reason, text, n, is_treated in lost
        if n
    )
    both = pl.concat(
        [mine.with_columns(treated=pl.lit(True)), shared.with_columns(treated=pl.lit(False))]
    )
    require_both(both["treated"].to_numpy(), exclusions)
    flag = pl.col("treated")
    ratio = flag.sum().over(stratum) / (~flag).sum().over(stratum)
    return ComparisonGroup(
        method=f"same trigger ({trigger}) in the same year{also}",
        frame=both.with_columns(weight=pl.when(flag).then(1.0).otherwise(ratio))
        .select(unit, "treated", "trigger_year", cohort, *exact, "weight")
        .sort(unit),
        unit=unit,
        treated="treated",
        exclusions=exclusions,
    )


def _require(rows: pl.DataFrame, wanted: Sequence[str], file: str) -> None:
    missing = [name for name in dict.fromkeys(wanted) if name not in rows.columns]
    problems = [
        Problem(
            code="column.missing",
            file=file,
            column=name,
            rule="there is no such column",
            remedy=did_you_mean(name, rows.columns),
        )
        for name in missing
    ]
    unit = wanted[0]
    if unit not in missing and rows[unit].null_count():
        problems.append(
            Problem(
                code="unit.null",
                file=file,
                row=int(rows[unit].is_null().arg_true()[0]) + 2,
                column=unit,
                rule="it is empty",
                remedy="Every row names its school.",
                count=rows[unit].null_count(),
            )
        )
    if problems:
        raise DataError(problems)


def _starts(rows: pl.DataFrame, unit: str, cohort: str) -> pl.DataFrame:
    """Return one row a school; two different first years of one school are an error."""
    starts = rows.select(unit, pl.col(cohort).cast(pl.Int64)).unique()
    twice = starts.filter(pl.len().over(unit) > 1)
    if twice.height:
        raise DataError(
            Problem(
                code="cohort.changes",
                file="the frame of treated schools",
                column=cohort,
                value=str(twice.sort(unit)[unit][0]),
                rule="this school has more than one first treated year",
                remedy="Keep the earliest.",
                count=twice[unit].n_unique(),
            )
        )
    return starts
