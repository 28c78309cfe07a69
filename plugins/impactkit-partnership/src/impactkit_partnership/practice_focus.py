"""M29, ``partnership.practice_focus``: joint time that is about practice in classrooms."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import attrs

from impactkit import Card, Chart, Estimate, MetricContext, Needs, Table, estimating_metric
from impactkit_partnership import columns as c

if TYPE_CHECKING:
    import polars as pl

ID = "partnership.practice_focus"
SHARE = "Joint hours that are about practice"
THIRDS = ("lowest third", "middle third", "highest third")


@attrs.frozen(kw_only=True)
class PracticeParams:
    """What a study may set under ``[metrics."partnership.practice_focus"]``.

    Where the log does not say whether an activity was about practice, those of `practice_types`
    were and those of `other_types` were not; the rest is left out.
    """

    practice_types: tuple[str, ...] = attrs.field(
        default=("lesson_study", "joint_planning", "observation"), converter=tuple
    )
    other_types: tuple[str, ...] = attrs.field(default=("meeting",), converter=tuple)


CARD = Card(
    definition=(
        "Of the hours that schools of a partnership spent together, the share that was about "
        "practice in classrooms: lesson study, planning together, watching lessons, and whatever "
        "else the log marks so."
    ),
    formula="100 x joint hours about practice / all joint hours, partnerships pooled",
    source="Founding claim: Central South Consortium, the biggest impact when the work is about "
    "practice. Definition and coding are this project's",
    caveats=(
        "It rests on how activities were coded: agree on rules before the log is kept.",
        "Hours of an activity are counted once, however many people came.",
        "That the time was about practice does not show that practice changed.",
        "So far only the synthetic authority has filled the log of joint activity.",
    ),
    founding="M29",
    ours=True,
)


@estimating_metric(
    id=ID,
    title="Focus on practice",
    question="How much of the time that schools spend together is about practice in classrooms?",
    unit="percent",
    direction="higher",
    needs=Needs(
        tables={"activity": ("partnership_id", "date", "schools", "hours", "practice_focused")},
        optional={"activity": ("activity_id", "type"), "schools": ("urn", "school_key")},
    ),
    params=PracticeParams,
    card=CARD,
)
def practice_focus(context: MetricContext) -> Iterator[Any]:
    """Yield the share of joint hours about practice, by partnership and by kind of activity."""
    import polars as pl

    from impactkit import set_aside
    from impactkit_partnership import activities, resampling
    from impactkit_partnership.spread import spread

    params = context.params or PracticeParams()
    log, lost = activities.logged(context, ID)
    by_type = (
        pl.when(pl.col("type").is_in(list(params.practice_types)))
        .then(pl.lit(value=True))
        .when(pl.col("type").is_in(list(params.other_types)))
        .then(pl.lit(value=False))
    )
    rows, more = set_aside(
        log.with_columns(pl.coalesce("practice_focused", by_type).alias("practice")),
        [
            (
                "no_hours",
                "Joint activities of which nobody wrote down the hours",
                pl.col("hours").is_null() | (pl.col("hours") <= 0),
            ),
            (
                "not_coded",
                "Joint activities of which it is not known whether they were about practice",
                pl.col("practice").is_null(),
            ),
        ],
        ID,
    )
    yield from (*lost, *more)
    hours = _hours(rows, "partnership_id")
    found = resampling.ratio(hours["practice"].to_list(), hours["hours"].to_list(), context.rng())
    if found is None:
        yield Estimate(
            estimand=SHARE,
            status="not_estimable",
            reason="no joint activity has hours and says whether it was about practice; give "
            "`hours` and `practice_focused` in `activity`",
            n_partnerships=0,
        )
    else:
        yield resampling.drawn_estimate(
            *found,
            hours.height,
            scale=100,
            estimand=SHARE,
            unit="percent",
            n_schools=rows["schools"].explode().n_unique(),
            method="joint hours about practice over all joint hours, partnerships pooled",
        )
    yield from _thirds(hours)
    yield from _tables(hours, rows)
    yield from _focus(hours)
    shares = (100 * row[3] / row[2] for row in _ranked(hours))
    yield from spread(shares, "Partnerships by how much of their joint time is about practice")


def _hours(rows: pl.DataFrame, by: str) -> pl.DataFrame:
    """Return joint hours and those about practice, in an order of their own."""
    import polars as pl

    practice = pl.when("practice").then("hours").otherwise(0.0)
    return (
        rows.group_by(by)
        .agg(
            pl.len().alias("events"),
            pl.col("hours").sort().sum(),
            practice.sort().sum().alias("practice"),
        )
        .sort(by)
    )


def _third(position: int, n: int) -> str:
    return THIRDS[min(2, 3 * position // n)]


def _ranked(hours: pl.DataFrame) -> list[tuple[str, int, float, float]]:
    """Return partnerships from the lowest to the highest share about practice."""
    rows = hours.select("partnership_id", "events", "hours", "practice").rows()
    return sorted(rows, key=lambda row: (row[3] / row[2], row[0]))


def _thirds(hours: pl.DataFrame) -> Iterator[Estimate]:
    """Yield the share in each third of partnerships, ranked by it: how far they lie apart."""
    ranked = _ranked(hours)
    if len(ranked) < len(THIRDS):
        return
    for third in THIRDS:
        part = [row for i, row in enumerate(ranked) if _third(i, len(ranked)) == third]
        yield Estimate(
            estimand="Joint hours that are about practice, by third of partnerships",
            term=third,
            unit="percent",
            value=100 * sum(row[3] for row in part) / sum(row[2] for row in part),
            n_partnerships=len(part),
            method="partnerships ranked by their own share",
            variance="none",
            reason="thirds are made by ranking, so they differ even where only chance is at work",
        )


def _focus(hours: pl.DataFrame) -> Iterator[Table | Chart]:
    """Yield joint hours by what they were about, in all and by third, and their picture."""
    ranked = _ranked(hours)
    if not ranked:
        return
    groups = {"all partnerships": ranked}
    if len(ranked) >= len(THIRDS):
        for i, row in enumerate(ranked):
            groups.setdefault(f"the {_third(i, len(ranked))}", []).append(row)
    rows = []
    for name, part in groups.items():
        whole, practice = sum(row[2] for row in part), sum(row[3] for row in part)
        for about, of in (("practice", practice), ("something else", whole - practice)):
            rows.append((name, about, of, 100 * of / whole))
    yield Table(
        id="focus",
        title="What joint hours were about",
        columns=(
            c.what("partnerships", "Partnerships"),
            c.what("about", "About"),
            c.number("hours", "Hours", "hours"),
            c.number("share", "Of their joint hours, %", "percent"),
        ),
        rows=rows,
        note="Thirds are of partnerships, ranked by their own share about practice.",
    )
    yield Chart(
        id="focus",
        kind="stacked",
        title="What joint hours were about",
        data="focus",
        x="partnerships",
        y="share",
        series="about",
        y_title="Percent of joint hours",
    )


def _tables(hours: pl.DataFrame, rows: pl.DataFrame) -> Iterator[Table]:
    import polars as pl

    measured = (
        c.events("events", "Joint activities"),
        c.number("hours", "Hours", "hours"),
        c.number("practice", "About practice", "hours"),
        c.number("share", "About practice, %", "percent"),
    )
    ranked = _ranked(hours)
    yield Table(
        id="practice",
        title="Joint hours by partnership",
        columns=(c.what("partnership", "Partnership"), *measured, c.text("third", "Third")),
        rows=[
            (*row, 100 * row[3] / row[2], _third(i, len(ranked))) for i, row in enumerate(ranked)
        ],
    )
    kinds = _hours(rows.with_columns(pl.col("type").fill_null("not stated")), "type")
    yield Table(
        id="kinds",
        title="Joint hours by kind of activity",
        columns=(c.what("type", "Activity"), *measured),
        rows=[(*row, 100 * row[3] / row[2]) for row in kinds.rows()],
    )
