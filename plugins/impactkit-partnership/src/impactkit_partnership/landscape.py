"""M48, ``partnership.landscape``: what partnerships there are, of which kind, and since when."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import attrs

from impactkit import (
    Card,
    Chart,
    Estimate,
    MetricContext,
    Needs,
    Period,
    Table,
    estimating_metric,
)
from impactkit_partnership import columns as c

if TYPE_CHECKING:
    import polars as pl

ID = "partnership.landscape"
AT_WORK = "Partnerships at work in the last year"
REGISTER = "a count of a register, not of a sample: there is nothing to estimate"
NOT_STATED = "not stated"


@attrs.frozen(kw_only=True)
class LandscapeParams:
    """What a study may set under ``[metrics."partnership.landscape"]``.

    Counted are the academic years from `first_year` to `last_year`; otherwise from the first start
    in the register to the last year of the study.
    """

    first_year: int | None = None
    last_year: int | None = None


CARD = Card(
    definition=(
        "How many partnerships were at work in each academic year, by structure; how many schools "
        "were members, by role; and of each partnership when it began and ended. A partnership is "
        "at work in a year on some day of which it had begun and not ended."
    ),
    formula="count of partnerships at work, by structure and academic year",
    source="Founding claim: the middle tier's capacity, and the autonomy and choice of schools. "
    "The register is this project's",
    caveats=(
        "It counts what is in the register: partnerships that nobody entered are not there.",
        "More partnerships are not better ones.",
        "There is no Gantt chart: the table of dates and the lines by year stand in for it.",
    ),
    founding="M48",
    ours=True,
)


@estimating_metric(
    id=ID,
    title="Landscape of partnerships",
    question="Which partnerships are there, of which kind, and since when?",
    unit="partnerships",
    direction="none",
    needs=Needs(
        tables={"partnerships": ("partnership_id", "start_date")},
        optional={
            "partnerships": ("name", "structure", "purpose", "end_date"),
            "memberships": ("partnership_id", "school_key", "role", "joined", "left"),
        },
    ),
    params=LandscapeParams,
    card=CARD,
)
def landscape(context: MetricContext) -> Iterator[Any]:
    """Yield counts of partnerships at work, and the register by year, structure and role."""
    import polars as pl

    from impactkit import typed_columns
    from impactkit_partnership import frames

    params = context.params or LandscapeParams()
    known, lost = frames.started(context.table("partnerships"), ID)
    yield from lost
    about = typed_columns(
        context.table("partnerships"),
        dict.fromkeys(("partnership_id", "name", "structure", "purpose"), pl.String),
    ).unique("partnership_id", keep="any")
    rows = known.join(about.sort("partnership_id"), on="partnership_id", how="left").with_columns(
        pl.col("structure", "purpose").fill_null(NOT_STATED)
    )
    years = _years(rows, params, context.years)
    members = _members(context, rows)
    yield from _counts(rows, members, years)
    yield _by_year(rows, years)
    yield _by_role(members, years)
    yield _register(rows, members)
    yield Chart(
        id="by_structure",
        kind="line",
        title="Partnerships at work",
        data="by_structure",
        x="year",
        y="partnerships",
        series="structure",
        x_title="Academic year",
        y_title="Partnerships",
    )


def _years(rows: pl.DataFrame, params: LandscapeParams, study: tuple[int, ...]) -> range:
    days = [day for column in ("start_date", "end_date") for day in rows[column].drop_nulls()]
    seen = [Period.of(day).year for day in days]
    first = params.first_year or min(seen, default=None)
    last = params.last_year or max([*seen, *study], default=None)
    return range(0) if first is None or last is None else range(first, last + 1)


def _members(context: MetricContext, rows: pl.DataFrame) -> pl.DataFrame:
    import polars as pl

    from impactkit import typed_columns

    columns = {
        **dict.fromkeys(("partnership_id", "school_key", "role"), pl.String),
        **dict.fromkeys(("joined", "left"), pl.Date),
    }
    found = typed_columns(context.tables.get("memberships"), columns)
    return (
        found.drop_nulls(["partnership_id", "school_key"])
        .join(rows.select("partnership_id", "start_date", "end_date"), on="partnership_id")
        .with_columns(
            # A membership lasts no longer than the partnership.
            pl.max_horizontal("joined", "start_date").alias("start_date"),
            pl.min_horizontal("left", "end_date").alias("end_date"),
            pl.col("role").fill_null("peer"),
        )
    )


def _at_work(rows: pl.DataFrame, year: int) -> pl.DataFrame:
    import polars as pl

    period = Period(year)
    return rows.filter(
        (pl.col("start_date") <= period.end)
        & (pl.col("end_date").is_null() | (pl.col("end_date") >= period.start))
    )


def _counts(rows: pl.DataFrame, members: pl.DataFrame, years: range) -> Iterator[Estimate]:
    names: dict[str, Any] = {"estimand": AT_WORK, "unit": "partnerships"}
    if rows.is_empty() or not years:
        yield Estimate(
            **names,
            status="not_estimable",
            reason="no partnership has a date of starting; give `start_date` in `partnerships`",
            n_partnerships=0,
        )
        return
    last = _at_work(rows, years[-1])
    schools = _at_work(members, years[-1])
    for term, part in (
        ("", last),
        *((s, last.filter(last["structure"] == s)) for s in sorted(set(last["structure"]))),
    ):
        theirs = schools.filter(schools["partnership_id"].is_in(part["partnership_id"].implode()))
        yield Estimate(
            **names,
            term=term,
            value=float(part.height),
            n_partnerships=part.height,
            n_schools=theirs["school_key"].n_unique() if theirs.height else 0,
            method=f"count of the register, academic year {Period(years[-1]).label}",
            variance="none",
            reason=REGISTER,
        )


def _by_year(rows: pl.DataFrame, years: range) -> Table:
    structures = sorted(set(rows["structure"]))
    found = []
    for year in years:
        there = _at_work(rows, year)["structure"].to_list()
        found += [(Period(year).label, s, there.count(s)) for s in structures]
    return Table(
        id="by_structure",
        title="Partnerships at work, by structure and academic year",
        columns=(
            c.what("year", "Academic year"),
            c.what("structure", "Structure"),
            c.partnerships(),
        ),
        rows=found,
    )


def _by_role(members: pl.DataFrame, years: range) -> Table:
    roles = sorted(set(members["role"]))
    found = []
    for year in years:
        there = _at_work(members, year)
        found += [
            (Period(year).label, role, part["school_key"].n_unique() if part.height else 0)
            for role in roles
            for part in (there.filter(there["role"] == role),)
        ]
    return Table(
        id="by_role",
        title="Schools in a partnership, by role and academic year",
        columns=(c.what("year", "Academic year"), c.what("role", "Role"), c.schools()),
        rows=found,
        note="A school with several roles stands in each of them.",
    )


def _register(rows: pl.DataFrame, members: pl.DataFrame) -> Table:
    pairs = members.select("partnership_id", "school_key").unique()
    size = dict(pairs.group_by("partnership_id").len().iter_rows())
    return Table(
        id="register",
        title="Register of partnerships",
        columns=(
            c.what("partnership", "Partnership"),
            c.text("name", "Name"),
            c.text("structure", "Structure"),
            c.text("purpose", "Purpose"),
            c.text("start", "Began"),
            c.text("end", "Ended"),
            c.schools("schools", "Schools, ever"),
        ),
        rows=[
            (
                row["partnership_id"],
                row["name"] or "",
                row["structure"],
                row["purpose"],
                row["start_date"].isoformat(),
                row["end_date"].isoformat() if row["end_date"] else "",
                size.get(row["partnership_id"], 0),
            )
            for row in rows.iter_rows(named=True)
        ],
    )
