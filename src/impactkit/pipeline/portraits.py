"""Pictures of the data behind an effect: year by year, and partnership by partnership.

A line of means over calendar years shows what an estimate is made of, with a dashed line where what
is measured has changed. The changes of partnerships are ordered and drawn with their intervals, and
have no rank: most of the order is luck, which shrinking takes out as far as it can be told.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import polars as pl

from impactkit.errors import EstimationError
from impactkit.evidence import shrink
from impactkit.evidence.improvement import improvement
from impactkit.pipeline.ground import Ground
from impactkit.results import Chart, Column, Note, RenderedSection, Table
from impactkit.types import Period

if TYPE_CHECKING:
    from impactkit.metrics import Panel

AFTER = (0, 2)
"""Event years of which a partnership's outcome is the mean."""
MOST = 60
"""Partnerships up to which their changes are drawn, and not only listed."""

JOINED, OTHERS = "Joined", "Comparison"

# Means are taken of lists: those that threads add up differ in the last digit from run to run.


def portraits(ground: Ground, outcomes: Iterable[str]) -> Iterator[RenderedSection]:
    """Yield the sections of pictures, for the measures of the design that have a panel."""
    outcomes = tuple(m for m in outcomes if not ground.panel(m).frame.is_empty())
    years = [_years(ground, measure) for measure in outcomes]
    changes = changes_table(ground, outcomes)
    if years:
        yield RenderedSection(
            id="years",
            title="Year by year",
            plugin="core",
            notes=(
                Note(
                    "Means over the schools that have a value in the year. They are no estimate: "
                    "schools join in different years, and differed before."
                ),
            ),
            tables=(*years, *([changes] if changes.rows else [])),
            charts=[_line(ground, m, t) for m, t in zip(outcomes, years, strict=True)],
        )
    each = [part for measure in outcomes for part in _partnerships(ground, measure)]
    if each:
        yield RenderedSection(
            id="partnerships",
            title="Partnership by partnership",
            plugin="core",
            notes=[part for part in each if isinstance(part, Note)],
            tables=[part for part in each if isinstance(part, Table)],
            charts=[part for part in each if isinstance(part, Chart)],
        )


def _label(ground: Ground, measure: str) -> str:
    known = ground.measures.get(measure)
    return known.label if known else measure


def _years(ground: Ground, measure: str) -> Table:
    """Return the mean of a measure by calendar year, of schools that joined and of others."""
    panel = ground.panel(measure)
    last = panel.years[-1] if panel.years else 0
    means = (
        panel.frame.with_columns(joined=(pl.col("cohort") <= last).fill_null(False))
        .group_by("joined", "year")
        .agg("value", n=pl.col("school_key").n_unique())
        .with_columns(pl.col("value").list.mean())
        .sort("joined", "year", descending=[True, False])
    )
    return Table(
        id=f"years_{measure}",
        title=f"{_label(ground, measure)}, year by year",
        columns=(
            Column(name="group", label="Schools", kind="dimension"),
            Column(name="year", label="Year (by its end)", kind="dimension"),
            Column(name="value", label="Mean", unit=panel.unit, digits=2),
            Column(name="n", label="Schools with a value", kind="count", of="schools"),
        ),
        rows=[
            (JOINED if joined else OTHERS, str(year), value, n)
            for joined, year, value, n in means.iter_rows()
        ],
        note=panel.scale,
    )


def _line(ground: Ground, measure: str, table: Table) -> Chart:
    return Chart(
        id=f"years_{measure}",
        kind="line",
        title=f"{_label(ground, measure)}: means year by year",
        data=table.id,
        where={"measure": measure},
        x="year",
        y="value",
        series="group",
        x_title="School year, by its end",
    )


def changes_table(ground: Ground, outcomes: Iterable[str]) -> Table:
    """Return the register of changes to curriculum, tests and definitions, in the years studied.

    Hard ones cannot be crossed with the published values. One that nobody has checked against a
    source says so.
    """
    rows = []
    for measure in outcomes:
        panel, known = ground.panel(measure), ground.measures.get(measure)
        if known is None or not panel.years:
            continue
        rows += [
            (
                known.label,
                Period(item.year).label,
                item.text,
                "hard: values before and after cannot be compared" if item.hard else "caution",
                item.source if item.checked else "not checked against a source",
            )
            for item in known.breaks
            if panel.years[0] < item.year <= panel.years[-1]
        ]
    names = ("Measure", "From", "What changed", "What that means", "Source")
    return Table(
        id="changes",
        title="Changes to what is measured",
        columns=[
            Column(
                name=name.lower().replace(" ", "_"),
                label=name,
                kind="dimension" if k < 2 else "text",
            )
            for k, name in enumerate(names)
        ],
        rows=rows,
    )


def _partnerships(ground: Ground, measure: str) -> Iterator[Table | Chart | Note]:
    """Yield the changes of the partnerships, ordered, or nothing where they are too few."""
    panel, design = ground.panel(measure), ground.plan.study.design
    unit, label = panel.effect_unit, _label(ground, measure)
    try:
        found = improvement(panel, after=AFTER, control=design.control)
        noise = _noise(panel, found.schools)
        each = (
            found.schools.group_by("cluster")
            .agg("excess", pl.len().alias("n"))
            .with_columns(pl.col("excess").list.mean(), variance=noise / pl.col("n"))
            .sort("cluster")
        )
        drawn = shrink(each["excess"].to_list(), each["variance"].to_list())
    except EstimationError:
        # Too few partnerships, or nobody to compare with, as the results say: nothing to draw.
        return
    from scipy.special import ndtri

    reach = float(ndtri(0.5 + design.level / 2))
    names = _names(ground)
    rows = sorted(
        (
            (names.get(cluster, cluster), n, excess, value, value - reach * se, value + reach * se)
            for (cluster, excess, n, _), value, se in zip(
                each.iter_rows(), drawn.values, drawn.std_errors, strict=True
            )
        ),
        key=lambda row: (-row[3], row[0]),
    )
    yield Table(
        id=f"partnerships_{measure}",
        title=f"{label}: change of each partnership beyond the change elsewhere",
        columns=(
            Column(name="partnership", label="Partnership", kind="dimension"),
            Column(name="schools", label="Schools", kind="count", of="schools"),
            Column(name="observed", label="As observed", unit=unit, digits=2),
            Column(name="value", label="Drawn to the mean", unit=unit, digits=2),
            Column(name="low", label="From", unit=unit, digits=2),
            Column(name="high", label="To", unit=unit, digits=2),
        ),
        rows=rows,
        note="The first three years after joining, against the year before. Figures of few schools "
        "are mostly luck, and are drawn the more to the mean. Two partnerships whose intervals "
        "overlap cannot be told apart; the order is no ranking.",
    )
    share = sum(drawn.kept) / len(drawn.kept)
    yield Note(
        label
        + ": of the distance of a partnership from their mean, {share:.0%} is kept on average; "
        "the rest is what chance alone would make.",
        values={"share": share},
    )
    if len(rows) <= MOST:
        yield Chart(
            id=f"partnerships_{measure}",
            kind="interval",
            title=f"{label}: how each partnership changed",
            data=f"partnerships_{measure}",
            x="partnership",
            y="value",
            low="low",
            high="high",
            y_title=f"Change beyond the change elsewhere, {unit}",
            reference=0.0,
        )


def _noise(panel: Panel, schools: pl.DataFrame) -> float:
    """Return the variance of one school's change, had nothing been done: that of other schools.

    Over the same years, in schools not in a partnership by then, weighted by who joined when.
    """
    frame = panel.frame.select("school_key", "year", "value", "cohort")
    parts = []
    for g, n in schools["cohort"].value_counts().sort("cohort").iter_rows():
        later = pl.col("year").is_between(g + AFTER[0], g + AFTER[1])
        free = frame.filter(pl.col("cohort").is_null() | (pl.col("cohort") > g + AFTER[1]))
        base = free.filter(pl.col("year") == g - 1).select("school_key", before="value")
        changes = (
            free.filter(later)
            .group_by("school_key")
            .agg("value")
            .with_columns(pl.col("value").list.mean())
            .join(base, on="school_key")
            .sort("school_key")
        )
        variance = changes.select((pl.col("value") - pl.col("before")).var()).item()
        if variance:
            parts.append((n, variance))
    if not parts:
        raise EstimationError("no two comparison schools show how much a school's change varies")
    return float(sum(n * variance for n, variance in parts) / sum(n for n, _ in parts))


def _names(ground: Ground) -> dict[str, str]:
    """Return names of partnerships by id, where the study has them, each name once."""
    frame = ground.tables.get("partnerships")
    if frame is None or not {"partnership_id", "name"} <= set(frame.columns):
        return {}
    named = frame.filter(pl.col("name").is_not_null()).sort("name", "partnership_id")
    told: dict[str, str] = {}
    for name, same in itertools.groupby(
        named.select("name", "partnership_id").iter_rows(), key=lambda row: row[0]
    ):
        ids = [str(row[1]) for row in same]
        told |= {i: name if len(ids) == 1 else f"{name} ({i})" for i in ids}
    return told
