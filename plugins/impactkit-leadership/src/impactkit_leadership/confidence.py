"""M10, ``leadership.confidence``: what leaders say of their confidence, before and after."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import attrs

from impactkit import (
    Card,
    Chart,
    Estimate,
    EstimationError,
    MetricContext,
    Needs,
    estimating_metric,
)
from impactkit_leadership.levels import LABELS

if TYPE_CHECKING:
    import polars as pl

    from impactkit import Answers

ID = "leadership.confidence"
GAIN = "Change in confidence"
POINTS = "Change in confidence, points of the scale"
RETRO = "Change from how leaders say it had been, asked afterwards"
ALL = "all levels"

RESPONSES = (
    "instrument_id",
    "item",
    "wave",
    "respondent_key",
    "school_key",
    "level",
    "value",
    "retro_pre",
    "invited",
)
INSTRUMENTS = ("instrument_id", "item", "reverse", "scale_low", "scale_high")

SAID = ("What leaders say of themselves; with nobody to compare them with, it is no effect.",)
LOOKING_BACK = (
    "How it had been was asked afterwards, when people mark their earlier selves lower (response "
    "shift) or please who asks; read it beside the change between the two surveys, not in its "
    "place.",
)


@attrs.frozen(kw_only=True)
class ConfidenceParams:
    """What a study may set under ``[metrics."leadership.confidence"]``.

    `instrument` names the questionnaire. Below `enough_response` (a share of those asked who
    answered both times) a warning goes with every figure, below `least_response` there is none.
    """

    instrument: str = "leadership_confidence"
    enough_response: float = attrs.field(
        default=0.6, validator=[attrs.validators.ge(0), attrs.validators.le(1)]
    )
    least_response: float = attrs.field(
        default=0.25, validator=[attrs.validators.ge(0), attrs.validators.le(1)]
    )
    min_people: int = attrs.field(default=6, validator=attrs.validators.ge(3))
    min_schools: int = attrs.field(default=5, validator=attrs.validators.ge(1))


CARD = Card(
    definition=(
        "The change of the mean of a confidence questionnaire, of leaders who answered it both "
        "the first and the last time, in standard deviations and in points of its scale."
    ),
    formula=(
        "g_av = J x mean(after - before) / ((s_before + s_after) / 2), items that run the other "
        "way turned round"
    ),
    source=(
        "Founding claims: capacity and confidence of staff (Ofsted 090232, 2010; Maximising "
        "Progress). Lakens (2013), Frontiers in Psychology 4:863; Cronbach (1951); McDonald "
        "(1999); bounds: Manski (1989). Limits of response are this project's"
    ),
    caveats=(
        "It is what people say of themselves: they may wish to please, and what they take for "
        "confidence may change as they learn.",
        "Who answered twice may be those who were content. The bounds say what the change could "
        "be if the others had answered.",
        "How many were asked is known of schools and levels from which somebody answered; where "
        "nobody did, response looks better than it was.",
        "Where many begin near the top of the scale there is little room to rise.",
        "Changes of those with nobody to compare with are no effect of anything.",
        "So far only the synthetic authority has filled the table of answers.",
    ),
    founding="M10",
    ours=True,
)


@estimating_metric(
    id=ID,
    title="Leaders' confidence",
    question="Do leaders say that they are more confident than before?",
    unit="standard deviations",
    direction="higher",
    needs=Needs(
        tables={"survey_responses": RESPONSES[:7], "instruments": INSTRUMENTS},
        optional={
            "survey_responses": RESPONSES[7:],
            "memberships": ("partnership_id", "school_key", "joined", "left"),
        },
    ),
    params=ConfidenceParams,
    card=CARD,
)
def confidence(context: MetricContext) -> Iterator[Any]:
    """Yield the change by level, its bounds, reliability, and who answered."""
    from impactkit import scored_answers
    from impactkit_leadership import confidence_survey

    params = context.params or ConfidenceParams()
    answers = scored_answers(
        context.table("survey_responses"), context.table("instruments"), params.instrument
    )
    yield from answers.exclusions
    waves = answers.frame.filter(~answers.frame["retro_pre"])["wave"].unique().sort().to_list()
    if len(waves) < 2:
        yield _missing(
            GAIN,
            ALL,
            f"the questionnaire {params.instrument!r} was not answered in two waves; give "
            "`survey_responses` of a first and a last wave, and its items in `instruments`",
        )
        return
    people = _pairs(context, answers, waves[0], waves[-1], looking_back=False)
    rate = _share(people, answers.asked(waves[0]))
    yield from confidence_survey.response_told(rate, params)
    yield confidence_survey.asked_and_answered(answers, waves)
    yield from confidence_survey.reliability(answers, waves[0])
    few = _too_few(rate, params)
    if few:
        yield _missing(GAIN, ALL, few)
    else:
        yield from _changes(people, answers, params, rate)
    looking_back = _pairs(context, answers, waves[0], waves[-1], looking_back=True)
    if looking_back.height:
        answered = _share(looking_back, answers.asked(waves[-1]))
        if silent := _too_few(answered, params):
            yield _missing(RETRO, "", silent)
        else:
            warnings = (*LOOKING_BACK, *_silence(answered, params))
            yield from _change(looking_back, RETRO, "", params, "g", warnings)
    if few:
        return
    yield from confidence_survey.by_item(answers, people, waves)
    yield Chart(
        id="confidence_by_level",
        kind="interval",
        title="Change in leaders' confidence, by level",
        where={"estimand": GAIN},
        x="term",
        y="value",
        low="ci_low",
        high="ci_high",
        x_title="Level",
        y_title="Standard deviations",
        reference=0.0,
    )


def _pairs(
    context: MetricContext, answers: Answers, first: int, last: int, *, looking_back: bool
) -> pl.DataFrame:
    """Return people with `before` and `after`, `level` at first, `school_key` and `cluster`.

    With `looking_back` before is what they said afterwards of how it had been.
    """
    import polars as pl

    from impactkit_leadership import partners

    means = answers.means()
    now = means.filter(~pl.col("retro_pre"))
    earlier = (
        means.filter(pl.col("retro_pre") & (pl.col("wave") == last))
        if looking_back
        else now.filter(pl.col("wave") == first)
    )
    after = now.filter(pl.col("wave") == last).select("respondent_key", after="value")
    labels = partners.cluster_labels(partners.members(context.tables.get("memberships")))
    alone = pl.concat_str(pl.lit("school "), pl.col("school_key").fill_null("not known"))
    return (
        earlier.rename({"value": "before"})
        .join(after, on="respondent_key")
        .with_columns(
            cluster=pl.col("school_key").replace_strict(
                labels, default=alone, return_dtype=pl.String
            ),
            level=pl.col("level").replace(LABELS).fill_null("level not known"),
        )
        .sort("respondent_key")
    )


def _share(people: pl.DataFrame, asked: int | None) -> float | None:
    """Return the share of those asked of whom there are both marks; None where it is unknown."""
    return None if not asked else min(1.0, people.height / asked)


def _too_few(rate: float | None, params: ConfidenceParams) -> str:
    """Say why nothing may rest on so few answers; empty when it may."""
    if rate is None or rate >= params.least_response:
        return ""
    return (
        f"{100 * rate:.0f}% of those asked answered, and {100 * params.least_response:.0f}% is "
        "the least that a figure may rest on; ask those who did not answer"
    )


def _silence(rate: float | None, params: ConfidenceParams) -> tuple[str, ...]:
    """Warn of those who did not answer, or of not knowing how many they are."""
    if rate is None:
        return ("How many were asked is not known (`invited`), so nor is who is missing.",)
    if rate < params.enough_response:
        return (
            f"{100 * rate:.0f}% of those asked answered, fewer than "
            f"{100 * params.enough_response:.0f}%: those who did not may think otherwise.",
        )
    return ()


def _changes(
    people: pl.DataFrame, answers: Answers, params: ConfidenceParams, rate: float | None
) -> Iterator[Estimate]:
    """Yield the change of all, of each level, in points, and what it could be."""
    import polars as pl

    from impactkit import response_bounds

    warnings = (*SAID, *_silence(rate, params))
    yield from _change(people, GAIN, ALL, params, "g", warnings)
    yield from _change(people, POINTS, ALL, params, "change", warnings)
    for level in people["level"].unique().sort().to_list():
        part = people.filter(pl.col("level") == level)
        yield from _change(part, GAIN, level, params, "g", warnings)
    if rate is not None and answers.low is not None and answers.high is not None and people.height:
        span = answers.high - answers.low
        mean = float((people["after"] - people["before"]).mean() or 0.0)  # type: ignore[arg-type]
        low, high = response_bounds(mean, rate, -span, span)
        yield Estimate(
            metric=ID,
            estimand="Change in confidence of all who were asked, at worst and at best",
            value=mean,
            ci_low=low,
            ci_high=high,
            unit="points",
            n_people=people.height,
            method="bounds of no assumption: who did not answer fell or rose by the whole scale",
            variance="none; the bounds are no confidence interval",
        )


def _change(
    people: pl.DataFrame,
    estimand: str,
    term: str,
    params: ConfidenceParams,
    of: str,
    warnings: tuple[str, ...],
) -> Iterator[Estimate]:
    from impactkit import paired_change

    schools = people["school_key"].n_unique()
    if people.height < params.min_people:
        reason = f"fewer than {params.min_people} leaders answered both times"
        yield _missing(estimand, term, reason)
        return
    if schools < params.min_schools:
        yield attrs.evolve(
            _missing(
                estimand,
                term,
                f"they come from fewer than {params.min_schools} schools, where one person could "
                "be recognised",
            ),
            status="withheld",
        )
        return
    try:
        got = paired_change(*(people[name].to_list() for name in ("before", "after", "cluster")))
    except EstimationError as error:
        yield _missing(estimand, term, str(error))
        return
    low, high = got.interval(of)
    yield Estimate(
        metric=ID,
        estimand=estimand,
        term=term,
        value=got.g if of == "g" else got.change,
        std_error=got.g_std_error if of == "g" else got.change_std_error,
        ci_low=low,
        ci_high=high,
        df=float(got.df),
        unit="standard deviations" if of == "g" else "points",
        n_people=got.n,
        n_schools=schools,
        n_clusters=got.n_clusters,
        method="the same leaders twice"
        + ("; Hedges g_av (Lakens 2013)" if of == "g" else "; mean change"),
        variance="jackknife over partnerships and schools, t",
        warnings=warnings,
    )


def _missing(estimand: str, term: str, reason: str) -> Estimate:
    return Estimate(metric=ID, estimand=estimand, term=term, status="not_estimable", reason=reason)
