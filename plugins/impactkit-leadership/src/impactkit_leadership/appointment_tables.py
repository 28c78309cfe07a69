"""The estimates, table and charts of ``leadership.internal_appointments``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import attrs
import polars as pl

from impactkit import Chart, Column, Estimate, Table, clopper_pearson
from impactkit_leadership.levels import LABELS
from impactkit_leadership.shares import (
    IN,
    OUT,
    Limits,
    difference_estimate,
    share_estimate,
    tally,
)

if TYPE_CHECKING:
    from impactkit_leadership.appointments import AppointmentParams

METRIC = "leadership.internal_appointments"
OWN = "Appointed from the school itself"
PARTNER = "Appointed from the partnership"
WITHIN = "Appointed from the school or the partnership"
ALL = "all senior posts"

SOURCES = {
    "internal_school": "The school itself",
    "internal_partnership": "The partnership",
    "external_la": "Elsewhere in the authority",
    "external_other": "Beyond the authority",
}
KINDS = {
    WITHIN: ("internal_school", "internal_partnership"),
    OWN: ("internal_school",),
    PARTNER: ("internal_partnership",),
}
"""The first is what the report says first."""
UNADJUSTED = (
    "Schools in partnerships may differ from others in size, phase and applicants; this difference "
    "adjusts for none of them.",
)


def _segments(params: AppointmentParams, *, groups: bool) -> Iterator[tuple[str, str, pl.Expr]]:
    """Yield post (empty: all), group and filter: by level, and in or out of a partnership."""
    yield "", "all", pl.lit(value=True)
    for label in dict.fromkeys(LABELS[level] for level in params.levels):
        yield label, "all", pl.col("level") == label
    if groups:
        yield "", IN, pl.col("in_partnership")
        yield "", OUT, ~pl.col("in_partnership")


def estimates(
    rows: pl.DataFrame, params: AppointmentParams, *, groups: bool, years: int
) -> Iterator[Estimate]:
    """Yield the shares by source, level and partnership.

    `rows` has `school_key`, `level` (in words), `source`, `in_partnership` and `cluster`, one row
    an appointment; `years` is how many academic years they cover.
    """
    limits = Limits(params.min_appointments, params.min_schools, params.min_clusters)
    known = rows.filter(pl.col("source") != "not_known")
    segments = list(_segments(params, groups=groups))
    for estimand, sources in KINDS.items():
        sides = {}
        for term, group, chosen in segments:
            if estimand == PARTNER and group == OUT:
                continue
            counted = tally(
                known.filter(chosen),
                pl.col("source").is_in(sources),
                limits,
                what=f"appointments with a known source ({term or ALL})",
            )
            if years < params.min_years and counted.worth is not None:
                counted = attrs.evolve(
                    counted,
                    worth=None,
                    status="not_estimable",
                    reason=f"the appointments cover fewer than {params.min_years} academic years; "
                    "supply more, or set `min_years`",
                )
            sides[group] = counted
            yield share_estimate(
                counted,
                clopper_pearson,
                interval_name="exact Clopper-Pearson interval",
                metric=METRIC,
                estimand=estimand,
                term=term,
                subgroup=group,
            )
        if groups and estimand != PARTNER:
            yield difference_estimate(
                sides[IN],
                sides[OUT],
                warnings=UNADJUSTED,
                metric=METRIC,
                estimand=f"{estimand}: partnership schools less others",
            )


def table(rows: pl.DataFrame, params: AppointmentParams, *, groups: bool) -> Table:
    """Return appointments by level, partnership and source."""
    cells = []
    for term, group, chosen in _segments(params, groups=groups):
        part = rows.filter(chosen)
        if part.is_empty():
            continue
        by_source = dict(part["source"].value_counts().iter_rows())
        parts = [by_source.get(source, 0) for source in SOURCES]
        unknown = by_source.get("not_known", 0)
        schools = part["school_key"].n_unique()
        cells.append((term or ALL, group, part.height, unknown, sum(parts), *parts, schools))

    def people(name: str, label: str) -> Column:
        return Column(name=name, label=label, kind="count", of="people")

    return Table(
        id="appointments",
        title="Where those appointed came from",
        columns=(
            Column(name="level", label="Post", kind="dimension"),
            Column(name="group", label="School was", kind="dimension"),
            people("appointments", "Appointments"),
            people("not_known", "Source not known"),
            people("known", "Source known"),
            *(people(name, label) for name, label in SOURCES.items()),
            Column(name="schools", label="Schools", kind="count", of="schools"),
        ),
        rows=cells,
        totals={"level": ALL, "group": "all"},
        sums=(("appointments", ("known", "not_known")), ("known", tuple(SOURCES))),
        note="Each appointment is of one person. Whether the school was in a partnership is taken "
        "on the day the post was filled.",
    )


def charts() -> Iterator[Chart]:
    """Yield the pictures: in and out of partnerships, and where those appointed came from."""
    yield Chart(
        id="internal_sources",
        kind="interval",
        title="Senior posts filled from within, by partnership",
        x="subgroup",
        y="value",
        low="ci_low",
        high="ci_high",
        where={"estimand": WITHIN, "term": ""},
        x_title="School",
        y_title="Percent",
    )
    yield Chart(
        id="sources",
        kind="stacked",
        title="Where those appointed to senior posts came from",
        data="appointments",
        x="group",
        y="known",
        where={"level": ALL},
        y_title="Percent of appointments whose source is known",
    )
