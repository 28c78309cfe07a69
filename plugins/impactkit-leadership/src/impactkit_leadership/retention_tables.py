"""The estimates, tables and charts of ``leadership.retention``, from one row a new leader."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import attrs
import polars as pl

from impactkit import Chart, Column, Estimate, Table, wilson
from impactkit_leadership.cohorts import FATES, NOT_RETAINED, RETAINED
from impactkit_leadership.levels import LABELS
from impactkit_leadership.shares import (
    IN,
    OUT,
    Limits,
    Tally,
    difference_estimate,
    share_estimate,
    tally,
)

if TYPE_CHECKING:
    from impactkit_leadership.retention import RetentionParams

METRIC = "leadership.retention"
NATIONAL_SOURCE = (
    "Department for Education, School leadership retention, reporting year 2024 (School Workforce "
    "Census, England)"
)
NATIONAL = (
    ("head", "primary", 1, 89.7),
    ("head", "primary", 3, 79.3),
    ("head", "primary", 5, 70.0),
    ("head", "secondary", 3, 64.7),
    ("deputy head", "primary", 3, 80.3),
    ("deputy head", "secondary", 3, 74.8),
    ("assistant head", "primary", 3, 76.0),
    ("assistant head", "secondary", 3, 71.4),
)
"""Level, phase, years after, percent; revised method, not comparable with 2018 and 2022."""

UNADJUSTED = (
    "Schools in partnerships may differ from others in ways that matter for retention; this "
    "difference adjusts for none of them.",
)


@attrs.frozen(kw_only=True)
class Found:
    """What goes into the result."""

    estimates: tuple[Estimate, ...]
    tables: tuple[Table, ...]
    charts: tuple[Chart, ...]


def _span(years: int) -> str:
    return "1 year" if years == 1 else f"{years} years"


def estimand(years: int) -> str:
    """Name what is estimated at one horizon."""
    return f"Still at the same level or higher, {_span(years)} on"


def _segments(rows: pl.DataFrame, *, has_groups: bool) -> Iterator[tuple[str, str, pl.Expr]]:
    """Yield phase, group and filter: everybody, each phase, and in or out of a partnership."""
    yield "all", "all", pl.lit(value=True)
    phases = sorted(rows["phase"].unique())
    for phase in [] if phases == ["not known"] else phases:
        yield phase, "all", pl.col("phase") == phase
    if has_groups:
        yield "all", IN, pl.col("in_partnership")
        yield "all", OUT, ~pl.col("in_partnership")


def summarise(rows: pl.DataFrame, params: RetentionParams, *, has_groups: bool) -> Found:
    """Turn one row a new leader and horizon into estimates, tables and charts.

    `rows` has `level`, `phase`, `in_partnership`, `years_after`, `observed`, `fate`, `school_key`
    and `cluster`.
    """
    estimates: list[Estimate] = []
    rates: list[Sequence[Any]] = []
    destinations: list[Sequence[Any]] = []
    limits = Limits(params.min_cohort, params.min_schools, params.min_clusters)
    national = {(level, phase, years): value for level, phase, years, value in NATIONAL}
    for level in dict.fromkeys(LABELS[level] for level in params.levels):
        of_level = rows.filter(pl.col("level") == level)
        compare = has_groups and not of_level.is_empty()
        for years in params.horizons:
            at = of_level.filter(pl.col("years_after") == years)
            tallies: dict[str, Tally] = {}
            for phase, group, chosen in _segments(at, has_groups=compare):
                everyone = at.filter(chosen)
                followed = everyone.filter("observed")
                counted = tally(
                    followed,
                    pl.col("fate").is_in(RETAINED),
                    limits,
                    what=f"new {level}s who could be followed for {_span(years)}",
                )
                tallies[group if phase == "all" else phase] = counted
                estimate = share_estimate(
                    counted,
                    wilson,
                    interval_name="Wilson score interval",
                    metric=METRIC,
                    estimand=estimand(years),
                    term=level,
                    subgroup=phase if phase != "all" else group,
                )
                estimates.append(estimate)
                if everyone.is_empty():
                    continue
                rates.append(
                    (
                        level,
                        phase,
                        group,
                        years,
                        counted.people,
                        counted.successes,
                        estimate.value,
                        counted.schools,
                        national.get((level, phase, years)) if group == "all" else None,
                    )
                )
                if phase == "all" and (group == "all" or params.destinations_by_partnership):
                    destinations.append((level, group, years, *_fates(everyone)))
            if compare:
                estimates.append(
                    difference_estimate(
                        tallies[IN],
                        tallies[OUT],
                        warnings=UNADJUSTED,
                        metric=METRIC,
                        estimand=f"{estimand(years)}: partnership schools less others",
                        term=level,
                    )
                )
    return Found(
        estimates=tuple(estimates),
        tables=(_rates_table(rates), _destinations_table(destinations), national_table()),
        charts=tuple(_chart(years) for years in params.horizons),
    )


def _fates(everyone: pl.DataFrame) -> Iterator[int]:
    """Yield new leaders, not yet observed, followed, retained, not retained, and each fate."""
    followed = everyone.filter("observed")
    fates = dict(followed["fate"].value_counts().iter_rows())
    parts = [fates.get(name, 0) for name in FATES]
    kept = sum(parts[: len(RETAINED)])
    yield from (everyone.height, everyone.height - followed.height)
    yield from (followed.height, kept, followed.height - kept, *parts)


_KEY = (
    Column(name="level", label="Post", kind="dimension"),
    Column(name="phase", label="Phase", kind="dimension"),
    Column(name="group", label="School was", kind="dimension"),
    Column(name="years_after", label="Years on", kind="dimension"),
)


def _people(name: str, label: str) -> Column:
    return Column(name=name, label=label, kind="count", of="people")


def _rates_table(rows: list[Sequence[Any]]) -> Table:
    return Table(
        id="retention",
        title="New leaders still at the same level or higher",
        columns=(
            *_KEY,
            _people("cohort", "Followed"),
            _people("retained", "Retained"),
            Column(
                name="share",
                label="Retained, %",
                kind="share",
                numerator="retained",
                denominator="cohort",
                unit="percent",
                digits=1,
            ),
            Column(name="schools", label="Schools", kind="count", of="schools"),
            Column(name="england", label="England, %", unit="percent", digits=1),
        ),
        rows=rows,
        totals={"phase": "all", "group": "all"},
        # No intervals here: with the number of people they would give a withheld share away.
        note="No share is given where there are too few people or schools; intervals are with the "
        "estimates. England: the last cohort published in reporting year 2024, where there is one.",
        source=f"The register of leadership spells; for England: {NATIONAL_SOURCE}",
    )


def _destinations_table(rows: list[Sequence[Any]]) -> Table:
    return Table(
        id="destinations",
        title="What became of new leaders",
        columns=(
            _KEY[0],
            _KEY[2],
            _KEY[3],
            _people("new_leaders", "New leaders"),
            _people("not_yet_observed", "Not yet observed"),
            _people("cohort", "Followed"),
            _people("retained", "Retained"),
            _people("not_retained", "Not retained"),
            *(_people(name, label) for name, label in FATES.items()),
        ),
        rows=rows,
        totals={"group": "all"},
        sums=(
            ("new_leaders", ("cohort", "not_yet_observed")),
            ("cohort", ("retained", "not_retained")),
            ("retained", RETAINED),
            ("not_retained", NOT_RETAINED),
        ),
        note="Retained is by the Department's definition. Those at a trust's central team look "
        "like leavers in the census; those who moved to a school outside these data cannot be "
        "followed.",
    )


def national_table() -> Table:
    """Return the Department's published figures, to stand beside the local ones."""
    return Table(
        id="retention_england",
        title="Retention of new leaders in England",
        columns=(
            _KEY[0],
            _KEY[1],
            _KEY[3],
            Column(name="percent", label="Retained, %", unit="percent", digits=1),
        ),
        rows=NATIONAL,
        source=NATIONAL_SOURCE,
        note="The Department's method was revised: these do not compare with its 2018 and 2022 "
        "releases.",
        published=True,
    )


def _chart(years: int) -> Chart:
    return Chart(
        id=f"retention_{years}",
        kind="interval",
        title=f"New leaders retained, {_span(years)} on",
        x="term",
        y="value",
        low="ci_low",
        high="ci_high",
        where={"estimand": estimand(years), "subgroup": "all"},
        x_title="Post",
        y_title="Percent",
    )
