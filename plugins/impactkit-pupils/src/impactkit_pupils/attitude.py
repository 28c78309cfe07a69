"""M43, ``pupils.attitude``: what pupils say of lessons, before their school joined and after."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import attrs

from impactkit import (
    Card,
    Column,
    Diagnostic,
    Estimate,
    EstimationError,
    Exclusion,
    MetricContext,
    Needs,
    Table,
    estimating_metric,
)
from impactkit_pupils.changes import before_and_after, change_inside
from impactkit_pupils.common import ALIKE, Window, estimate, joint

if TYPE_CHECKING:
    import polars as pl

    from impactkit import Answers

BEYOND = "Change of what pupils say, beyond that elsewhere"
CHANGE = "Change of what pupils say in schools that joined"
RELIABILITY = "Reliability of the scale (Cronbach's alpha)"
POINTS = "points of the scale"
SAID = ("what pupils say, not what they learnt",)
LOW_RESPONSE = "many of those asked did not answer; who did may be those who like school"


@attrs.frozen(kw_only=True)
class Params:
    """What a study may say under ``[metrics."pupils.attitude"]``.

    Attributes
    ----------
    instrument
        The questionnaire.
    before, after
        Event years compared; 0 is the first year in a partnership.
    enough_response
        Share of those asked below which a warning goes with every figure.
    min_pupils
        Pupils of schools that joined who must have answered for anything to be told.
    """

    instrument: str = "pupil_attitude"
    before: Window = (-1, -1)
    after: Window = (0, 30)
    enough_response: float = attrs.field(
        default=0.6, validator=[attrs.validators.ge(0), attrs.validators.le(1)]
    )
    min_pupils: int = 11


@estimating_metric(
    id="pupils.attitude",
    title="Pupils' confidence and enthusiasm",
    question="Do pupils say that they are more confident and keen than before?",
    unit=POINTS,
    direction="higher",
    needs=Needs(
        tables={
            "survey_responses": (
                *("instrument_id", "item", "wave", "respondent_key", "school_key", "level"),
                *("value", "answered_on"),
            ),
            "instruments": ("instrument_id", "item", "reverse", "scale_low", "scale_high"),
            "memberships": ("school_key", "partnership_id", "joined"),
        },
        optional={"survey_responses": ("retro_pre", "invited")},
        panel=True,
    ),
    params=Params,
    card=Card(
        definition=(
            "The mean answer of pupils to a questionnaire, items that run the other way turned "
            "round: its change in schools that joined, beyond its change in schools elsewhere "
            "over the same years."
        ),
        formula="mean over schools of (mean answer after - before), joined less elsewhere",
        source=(
            "Founding claim: Maximising Progress, pupils' confidence and enthusiasm. Reliability: "
            "Cronbach (1951), Psychometrika 16. Definition of the project's own"
        ),
        caveats=(
            ALIKE,
            "It is what pupils say. People agree more readily than they disagree, and please who "
            "asks; items that run the other way soften that.",
            "Those who answer may be those who like school.",
            "Other pupils are asked each year, so nobody in particular has changed.",
            "Children under 13 need a parent's consent, so fewer of them are heard.",
            "So far only the synthetic authority has filled the table of pupils' answers.",
        ),
        founding="M43",
        ours=True,
    ),
)
def attitude(context: MetricContext) -> Iterator[Any]:
    """Yield the change beyond that elsewhere, that inside, reliability and who answered."""
    import polars as pl

    from impactkit import scored_answers

    params = context.params or Params()
    answers = scored_answers(
        context.table("survey_responses"), context.table("instruments"), params.instrument
    )
    yield from answers.exclusions
    people, lost = _pupils(answers)
    yield from lost
    if people.is_empty():
        raise EstimationError(
            f"no pupil answered the questionnaire {params.instrument!r}; give rows of level "
            "'pupil' with the day in `survey_responses`, and its items in `instruments`"
        )
    rate = _rate(answers)
    low = rate is not None and rate < params.enough_response
    warnings = (*SAID, *((LOW_RESPONSE,) if low else ()))
    schools = people.group_by("school_key", "year").agg(pl.col("value").mean(), n=pl.len())
    panel = context.panel(schools.select("school_key", "year", "value").sort("school_key", "year"))
    yield from panel.exclusions
    found = joint({"attitude": panel.frame}, context, before=params.before, after=params.after)
    yield from found.exclusions
    inside = found.each["attitude"].schools["school_key"]
    n = int(schools.filter(pl.col("school_key").is_in(inside.implode()))["n"].sum())
    about: dict[str, Any] = {"unit": POINTS, "n_people": n, "warnings": warnings}
    if n < params.min_pupils:
        raise EstimationError(
            "fewer pupils of schools that joined answered than are needed to tell anything"
        )
    yield estimate(context, BEYOND, found, [1.0], **about)
    yield change_inside(context, CHANGE, found, **about)
    yield from before_and_after(found, "What pupils say, before joining and after", POINTS)
    yield from _checks(context, answers, rate, params)
    yield _asked(answers)


def _pupils(answers: Answers) -> tuple[pl.DataFrame, list[Exclusion]]:
    """Return each pupil's mean answer with `school_key` and academic `year`."""
    import polars as pl

    from impactkit import set_aside

    rows = answers.frame.with_columns(_year())
    years = rows.group_by("respondent_key", "wave", "retro_pre").agg(pl.col("year").min())
    means = answers.means().join(years, on=["respondent_key", "wave", "retro_pre"])
    kept, lost = set_aside(
        means,
        [
            ("looking_back", "people asked how it had been before", pl.col("retro_pre")),
            ("not_pupils", "people who are no pupils", pl.col("level").ne_missing("pupil")),
            ("undated", "pupils whose answers have no day", pl.col("year").is_null()),
            ("no_school", "pupils of no school", pl.col("school_key").is_null()),
        ],
        "pupils.attitude",
    )
    return kept.sort("school_key", "year", "respondent_key"), lost


def _year() -> pl.Expr:
    """Return the academic year of an answer, by its end."""
    import polars as pl

    day = pl.col("answered_on")
    return (day.dt.year() + (day.dt.month() >= 9).cast(pl.Int32)).cast(pl.Int64).alias("year")


def _by_year(answers: Answers) -> pl.DataFrame:
    """Return how many pupils were `invited` (null: not known) and how many `answered`, by year."""
    import polars as pl

    rows = answers.frame.filter(~pl.col("retro_pre"), pl.col("level") == "pupil")
    return (
        rows.with_columns(_year())
        .group_by("year", "wave", "school_key")
        .agg(pl.col("invited").max(), answered=pl.col("respondent_key").n_unique())
        # Somebody who answered was asked, whatever the register says.
        .with_columns(
            invited=pl.when(pl.col("invited").is_not_null()).then(
                pl.max_horizontal("invited", "answered")
            )
        )
        .group_by("year")
        .agg(
            invited=pl.when(pl.col("invited").null_count() == 0).then(pl.col("invited").sum()),
            answered=pl.col("answered").sum(),
        )
        .sort("year", nulls_last=True)
    )


def _rate(answers: Answers) -> float | None:
    """Return the share of those asked who answered; None where nobody says who was asked."""
    rows = _by_year(answers)
    asked = rows["invited"].sum()
    if rows["invited"].null_count() or not asked:
        return None
    return float(rows["answered"].sum()) / float(asked)


def _checks(
    context: MetricContext, answers: Answers, rate: float | None, params: Params
) -> Iterator[Any]:
    """Yield how reliable the scale is, whether an item is the wrong way round, who answered."""
    from impactkit import cronbach_alpha

    first = answers.frame["wave"].sort()[0]
    table = answers.wide(first)
    alpha = cronbach_alpha(table.to_numpy()) if table.height else None
    about: dict[str, Any] = {
        "metric": context.metric,
        "estimand": RELIABILITY,
        "unit": "coefficient",
        "term": "alpha",
    }
    reason = "it takes a few people who answered every item, and two items"
    yield (
        Estimate(status="not_estimable", reason=reason, **about)
        if alpha is None
        else Estimate(
            value=alpha,
            n_people=table.height,
            method="Cronbach's alpha of the first survey, complete answers",
            reason="a description of these answers",
            **about,
        )
    )
    contrary = answers.contrary(first)
    yield Diagnostic(
        name="items against the rest",
        value=", ".join(contrary) or "none",
        passed=not contrary,
        text="Such an item is likely reversed and not marked so, or marked and not reversed: look "
        "at `reverse` in `instruments`."
        if contrary
        else "Every item goes with the sum of the others.",
    )
    if rate is not None:
        yield Diagnostic(
            name="response rate",
            value=round(100 * rate, 1),
            passed=rate >= params.enough_response,
            text="Percent of pupils asked who answered, over all surveys.",
        )


def _asked(answers: Answers) -> Table:
    count: dict[str, Any] = {"kind": "count", "of": "people"}
    rows = [
        (
            "not dated" if year is None else f"{year - 1}/{year % 100:02}",
            asked,
            n,
            None if asked is None else asked - n,
        )
        for year, asked, n in _by_year(answers).rows()
    ]
    return Table(
        id="response",
        title="Pupils asked, and pupils who answered",
        columns=(
            Column(name="year", label="School year", kind="dimension"),
            Column(name="invited", label="Asked", **count),
            Column(name="answered", label="Answered", **count),
            Column(name="silent", label="Did not answer", **count),
        ),
        rows=rows,
        sums=(("invited", ("answered", "silent")),),
    )
