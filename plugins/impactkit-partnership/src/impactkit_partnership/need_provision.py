"""M13, ``partnership.need_provision``: whether the help that is given answers a need.

Of the hours of help delivered, the share that carries the tag of a domain in which the school had
been found in need before the help began.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import attrs

from impactkit import Card, Chart, MetricContext, Needs, Note, Table, estimating_metric
from impactkit_partnership import columns as c

if TYPE_CHECKING:
    import polars as pl

ID = "partnership.need_provision"
ANSWERED = "Delivered hours that answer a diagnosed need"
TAGGED = "Delivered hours that carry the tag of a need"
DIAGNOSED, TAG_ONLY, UNTAGGED = "a diagnosed need", "a need not diagnosed before", "no need named"


@attrs.frozen(kw_only=True)
class NeedProvisionParams:
    """What a study may set under ``[metrics."partnership.need_provision"]``.

    A school has a need in a domain from a score of `need_from` (0 to 4) on. Days and full-time
    terms become hours at `hours_a_day` and `hours_a_term`.
    """

    need_from: float = attrs.field(default=2.0, validator=attrs.validators.gt(0))
    hours_a_day: float = attrs.field(default=6.5, validator=attrs.validators.gt(0))
    hours_a_term: float = attrs.field(default=422.0, validator=attrs.validators.gt(0))


CARD = Card(
    definition=(
        "Of all hours of help delivered, the share given under the tag of a domain in which the "
        "school had been diagnosed with a need (a score of 2 or more out of 4) before that help "
        "began. Without a table of needs, the share that carries any tag."
    ),
    formula="100 x hours tagged with a diagnosed need / hours delivered",
    source="Founding claim: Ofsted 090232 (2010), training tailored to need. Definition, score and "
    "conversion of days (6.5 hours) and terms (422 hours) are this project's",
    caveats=(
        "Tags are given by those who give the help.",
        "Whether the help met the need is another question.",
        "A need judged after the help began does not count, since the help may have shaped it; one "
        "without a date counts.",
        "So far only the synthetic authority has filled the tables of needs and of tagged help.",
    ),
    founding="M13",
    ours=True,
)


@estimating_metric(
    id=ID,
    title="Help that answers a need",
    question="Does the help that schools get answer their diagnosed needs?",
    unit="percent",
    direction="higher",
    needs=Needs(
        tables={
            "interventions": (
                *("partnership_id", "school_key", "dose_delivered", "dose_unit", "need_tag"),
            )
        },
        optional={
            "interventions": ("start", "type"),
            "needs": ("school_key", "domain", "kind", "score", "assessed_on"),
        },
    ),
    params=NeedProvisionParams,
    card=CARD,
)
def need_provision(context: MetricContext) -> Iterator[Any]:
    """Yield the share of hours that answer a diagnosed need, and where the others went."""
    import polars as pl

    from impactkit_partnership.shares import Event, share_estimate

    params = context.params or NeedProvisionParams()
    rows, lost = _helped(context.table("interventions"), params)
    yield from lost
    rows = rows.with_columns(_answers(rows, context.tables.get("needs"), params))
    with_needs = "needs" in context.tables
    answered = pl.Series([DIAGNOSED] if with_needs else [DIAGNOSED, TAG_ONLY])
    for estimand, kinds, term in (
        (ANSWERED if with_needs else TAGGED, answered, ""),
        *([(TAGGED, pl.Series([DIAGNOSED, TAG_ONLY]), "any tag")] if with_needs else []),
    ):
        hit = rows["answers"].is_in(kinds.implode())
        events = [
            Event(group=group, hit=one, weight=hours)
            for group, one, hours in zip(rows["partnership_id"], hit, rows["hours"], strict=True)
        ]
        yield share_estimate(
            events,
            missing="no help was delivered whose hours are known; give `dose_delivered` and "
            "`dose_unit` in `interventions`",
            estimand=estimand,
            term=term,
            n_schools=rows["school_key"].n_unique(),
        )
    if not with_needs:
        yield Note(
            text="No table of needs was given, so a tag is taken at its word: whether the need had "
            "been diagnosed is not known."
        )
    yield from _tables(rows)
    if rows.height:
        yield _routes(rows)
        yield Chart(
            id="routes",
            kind="flow",
            title="Hours of help, from what they answer to the kind of help",
            data="routes",
            x="answers",
            y="hours",
            series="kind",
            y_title="Hours delivered",
        )


def _helped(interventions: pl.DataFrame, params: NeedProvisionParams) -> tuple[pl.DataFrame, Any]:
    """Return help delivered, in hours."""
    import polars as pl

    from impactkit import set_aside, typed_columns

    hours = {"hours": 1.0, "days": params.hours_a_day, "fte_terms": params.hours_a_term}
    columns = {
        "partnership_id": pl.String,
        "school_key": pl.String,
        "dose_delivered": pl.Float64,
        "dose_unit": pl.String,
        "need_tag": pl.String,
        "start": pl.Date,
        "type": pl.String,
    }
    rows, lost = set_aside(
        typed_columns(interventions, columns),
        [
            (
                "no_dose",
                "Help of which nobody wrote down how much was delivered, or in which unit",
                pl.col("dose_delivered").is_null()
                | ~pl.col("dose_unit").is_in(list(hours)).fill_null(value=False),
            ),
            ("nothing_delivered", "Help that was not delivered", pl.col("dose_delivered") == 0),
            (
                "unnamed",
                "Help of no partnership or school",
                pl.any_horizontal(pl.col("partnership_id", "school_key").is_null()),
            ),
        ],
        ID,
    )
    factor = pl.col("dose_unit").replace_strict(hours, return_dtype=pl.Float64)
    return rows.with_columns((pl.col("dose_delivered") * factor).alias("hours")), lost


def _answers(
    rows: pl.DataFrame, needs: pl.DataFrame | None, params: NeedProvisionParams
) -> pl.Series:
    """Return what each piece of help answers: a diagnosed need, another, or none that is named."""
    import polars as pl

    from impactkit import typed_columns

    columns = {
        "school_key": pl.String,
        "domain": pl.String,
        "kind": pl.String,
        "score": pl.Float64,
        "assessed_on": pl.Date,
    }
    plain = pl.col("domain").str.strip_chars().str.to_lowercase()
    found = (
        typed_columns(needs, columns)
        .filter((pl.col("kind") == "need") & (pl.col("score") >= params.need_from))
        .select("school_key", plain.alias("domain"), "assessed_on")
    )
    tag = pl.col("need_tag").str.strip_chars().str.to_lowercase()
    numbered = rows.select("school_key", "start", tag.alias("domain")).with_row_index("row")
    before = (
        pl.col("assessed_on").is_null()
        | pl.col("start").is_null()
        | (pl.col("assessed_on") <= pl.col("start"))
    )
    diagnosed = numbered.join(found, on=["school_key", "domain"]).filter(before)["row"].unique()
    named = tag.fill_null("") != ""
    return (
        rows.with_row_index("row")
        .select(
            pl.when(named & pl.col("row").is_in(diagnosed.implode()))
            .then(pl.lit(DIAGNOSED))
            .when(named)
            .then(pl.lit(TAG_ONLY))
            .otherwise(pl.lit(UNTAGGED))
            .alias("answers")
        )
        .to_series()
    )


def _tables(rows: pl.DataFrame) -> Iterator[Table]:
    import polars as pl

    total = float(rows["hours"].sum())
    for id_, column, label in (
        ("answers", "answers", "Help that answers"),
        ("kinds", "type", "Kind of help"),
    ):
        parts = (
            rows.with_columns(pl.col(column).fill_null("not stated"))
            .group_by(column)
            .agg(
                pl.len().alias("n"),
                pl.col("hours").sort().sum(),
                pl.col("hours").filter(pl.col("answers") == DIAGNOSED).sort().sum().alias("hit"),
            )
            .sort(column)
        )
        yield Table(
            id=id_,
            title=f"Hours of help by {label.lower() if id_ == 'kinds' else 'what they answer'}",
            columns=(
                c.what(id_, label),
                c.events("pieces", "Pieces of help"),
                c.number("hours", "Hours delivered", "hours", digits=0),
                c.number("share", "Of all hours, %", "percent"),
                c.number("answered", "Of these, for a diagnosed need, %", "percent"),
            ),
            rows=[
                (name, n, hours, 100 * hours / total, 100 * hit / hours)
                for name, n, hours, hit in parts.iter_rows()
            ],
        )


def _routes(rows: pl.DataFrame) -> Table:
    """Return hours by what they answer and by kind of help."""
    import polars as pl

    hours = (
        rows.with_columns(pl.col("type").fill_null("not stated").str.replace_all("_", " "))
        .group_by("answers", "type")
        .agg(pl.len(), pl.col("hours").sort().sum())
        .sort("answers", "type")
    )
    return Table(
        id="routes",
        title="Hours of help by what they answer and kind of help",
        columns=(
            c.what("answers", "Help that answers"),
            c.what("kind", "Kind of help"),
            c.events("pieces", "Pieces of help"),
            c.number("hours", "Hours delivered", "hours", digits=0),
        ),
        rows=hours.rows(),
    )
