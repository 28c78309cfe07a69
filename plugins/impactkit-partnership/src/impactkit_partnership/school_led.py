"""M30, ``partnership.school_led``: who calls activities, how soon, and who runs the office."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import attrs

from impactkit import Card, Estimate, MetricContext, Needs, Note, Table, estimating_metric
from impactkit_partnership import columns as c

if TYPE_CHECKING:
    import polars as pl

ID = "partnership.school_led"
LED = "Joint activities that a school called"
WAIT = "Days from asking for an activity to its day, median"
OFFICE = "Full-time posts of administration for ten schools"


@attrs.frozen(kw_only=True)
class SchoolLedParams:
    """What a study may set under ``[metrics."partnership.school_led"]``.

    An activity was called by a school where `initiated_by` has the URN or key of one of the schools
    that took part, or one of these `school_words`.
    """

    school_words: tuple[str, ...] = attrs.field(
        default=("school", "schools", "headteacher", "head", "lead school"), converter=tuple
    )


CARD = Card(
    definition=(
        "Of the joint activities of which it is known who called them, the share that a school "
        "called rather than an authority, a trust's office or somebody else. Beside it the days "
        "from asking for an activity to its day, and full-time posts of administration for ten "
        "schools."
    ),
    formula="100 x joint activities called by a school / those with a known caller",
    source="Founding claim: Central South Consortium, led by schools, with the capacity to "
    "organise. Definition is this project's",
    caveats=(
        "It describes; no share is the right one.",
        "Who is said to have called an activity depends on who keeps the log, and what counts as "
        "calling drifts over the years.",
        "Activities that were asked for and never held have no day, and are in no median.",
        "So far only the synthetic authority has filled the log of joint activity.",
    ),
    founding="M30",
    ours=True,
)


@estimating_metric(
    id=ID,
    title="School-led activity",
    question="Do schools call what they do together, and how soon does it come about?",
    unit="percent",
    direction="none",
    needs=Needs(
        tables={"activity": ("partnership_id", "date", "schools", "initiated_by")},
        optional={
            "activity": ("activity_id", "requested_on"),
            "schools": ("urn", "school_key"),
            "partnerships": ("partnership_id", "admin_fte"),
            "memberships": ("partnership_id", "school_key"),
        },
    ),
    params=SchoolLedParams,
    card=CARD,
)
def school_led(context: MetricContext) -> Iterator[Any]:
    """Yield the share of activities that schools called, the wait, and administration."""
    import polars as pl

    from impactkit import set_aside
    from impactkit_partnership import activities
    from impactkit_partnership.shares import Event, share_estimate
    from impactkit_partnership.spread import spread

    params = context.params or SchoolLedParams()
    rows, lost = activities.logged(context, ID)
    yield from lost
    words = [word.lower() for word in params.school_words]
    by_school = pl.col("initiated_by").str.to_lowercase().is_in(words) | pl.col(
        "schools"
    ).list.contains(pl.col("initiated_by"))
    rows = rows.with_columns(by_school.alias("led"))
    known, more = set_aside(
        rows,
        [
            (
                "no_caller",
                "Joint activities of which it is not known who called them",
                pl.col("initiated_by").fill_null("") == "",
            )
        ],
        ID,
    )
    yield from more
    yield share_estimate(
        [
            Event(group=group, hit=led)
            for group, led in known.select("partnership_id", "led").iter_rows()
        ],
        missing="no joint activity says who called it; give `initiated_by` in `activity`",
        estimand=LED,
        n_schools=known["schools"].explode().n_unique(),
    )
    yield from _wait(rows, context)
    yield from _office(context)
    yield from _tables(rows, known)
    shares = known.group_by("partnership_id").agg(pl.col("led").mean())["led"]
    yield from spread(100 * shares, "Partnerships by how much of it their schools called")


def _wait(rows: pl.DataFrame, context: MetricContext) -> Iterator[Any]:
    import numpy as np
    import polars as pl

    from impactkit import set_aside
    from impactkit_partnership import resampling

    asked, lost = set_aside(
        rows.filter(pl.col("requested_on").is_not_null()),
        [
            (
                "asked_after",
                "Activities asked for after the day on which they took place",
                pl.col("requested_on") > pl.col("date"),
            )
        ],
        ID,
    )
    yield from lost
    names: dict[str, Any] = {"estimand": WAIT, "term": "wait", "unit": "days"}
    if asked.is_empty():
        yield Estimate(
            **names,
            status="not_estimable",
            reason="no joint activity says when it was asked for; give `requested_on` in "
            "`activity`",
        )
        return
    days = asked.with_columns(
        (pl.col("date") - pl.col("requested_on")).dt.total_days().alias("days")
    )
    by = [
        np.sort(part["days"].to_numpy())
        for _, part in sorted(days.partition_by("partnership_id", as_dict=True).items())
    ]

    def median(at: Any) -> float:
        return float(np.median(np.concatenate([by[i] for i in at])))

    spread = resampling.bootstrap(len(by), median, context.rng())
    yield resampling.drawn_estimate(
        median(range(len(by))),
        spread,
        len(by),
        method="median over joint activities",
        **names,
    )


def _office(context: MetricContext) -> Iterator[Estimate | Note]:
    import polars as pl

    from impactkit import typed_columns
    from impactkit_partnership import resampling

    names: dict[str, Any] = {
        "estimand": OFFICE,
        "term": "administration",
        "unit": "FTE for ten schools",
    }
    posts = typed_columns(
        context.tables.get("partnerships"), {"partnership_id": pl.String, "admin_fte": pl.Float64}
    ).drop_nulls()
    sizes = (
        typed_columns(
            context.tables.get("memberships"),
            {"partnership_id": pl.String, "school_key": pl.String},
        )
        .drop_nulls()
        .group_by("partnership_id")
        .agg(pl.col("school_key").n_unique().alias("schools"))
    )
    both = posts.join(sizes, on="partnership_id").sort("partnership_id")
    found = resampling.ratio(
        both["admin_fte"].to_list(), (both["schools"] / 10).to_list(), context.rng()
    )
    if found is None:
        yield Estimate(
            **names,
            status="not_estimable",
            reason="administration is not known of any partnership with members; give `admin_fte` "
            "in `partnerships`",
        )
        return
    yield resampling.drawn_estimate(
        *found,
        both.height,
        n_schools=int(both["schools"].sum()),
        method="posts over schools that were ever members, partnerships pooled",
        **names,
    )


def _tables(rows: pl.DataFrame, known: pl.DataFrame) -> Iterator[Table]:
    import polars as pl

    parts = (
        known.group_by("partnership_id")
        .agg(pl.len().alias("n"), pl.col("led").sum())
        .sort("partnership_id")
    )
    yield Table(
        id="callers",
        title="Who called joint activities, by partnership",
        columns=(
            c.what("partnership", "Partnership"),
            c.events("known", "Activities with a known caller"),
            c.events("led", "Called by a school"),
            c.number("share", "Called by a school, %", "percent"),
        ),
        rows=[(name, n, led, 100 * led / n) for name, n, led in parts.iter_rows()],
    )
    who = (
        rows.with_columns(
            pl.when("led")
            .then(pl.lit("a school"))
            .otherwise(pl.col("initiated_by").fill_null("not known"))
            .alias("who")
        )
        .group_by("who")
        .agg(pl.len().alias("n"))
        .sort("n", "who", descending=[True, False])
    )
    yield Table(
        id="who",
        title="Who called joint activities",
        columns=(c.what("who", "Called by"), c.events("activities", "Joint activities")),
        rows=who.rows(),
    )
