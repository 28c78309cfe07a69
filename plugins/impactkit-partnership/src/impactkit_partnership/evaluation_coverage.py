"""M01, ``partnership.evaluation_coverage``: who evaluates systematically.

Each partnership is scored by rubric R1 (`impactkit.score_r1`). The table of partnerships by
criteria is the scorecard; the share stands beside Ofsted's 11 of 20.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import attrs

from impactkit import (
    Card,
    Estimate,
    MetricContext,
    Needs,
    Note,
    Period,
    estimating_metric,
)
from impactkit_partnership.evaluation_tables import (
    OFSTED,
    OFSTED_LABEL,
    SYSTEMATIC,
    beside_ofsted,
    charts,
    criteria,
    scorecard,
)

if TYPE_CHECKING:
    import polars as pl

    from impactkit import RubricR1, RubricScore

ID = "partnership.evaluation_coverage"


def _least(low: int) -> Any:
    return attrs.validators.ge(low)


@attrs.frozen(kw_only=True)
class EvaluationParams:
    """What a study may set under ``[metrics."partnership.evaluation_coverage"]``.

    The first seven are the rubric's numbers. `observed_until` is the last day that the register
    covers; otherwise that of the latest evidence. Partnerships with less than a whole year behind
    them are not scored.
    """

    baseline_days: int = attrs.field(default=60, validator=_least(0))
    reviews_a_year: int = attrs.field(default=2, validator=_least(1))
    evidence_types: int = attrs.field(default=2, validator=_least(1))
    systematic_from: int = attrs.field(default=6, validator=_least(1))
    partial_from: int = attrs.field(default=3, validator=_least(0))
    references: bool = True
    levels: tuple[str, ...] = attrs.field(default=(), converter=tuple)
    observed_until: dt.date | None = None

    def rubric(self) -> RubricR1:
        """Return the rubric with these numbers."""
        from impactkit import RubricR1

        return RubricR1(**attrs.asdict(self, filter=lambda f, _: f.name != "observed_until"))


CARD = Card(
    definition=(
        "The share of partnerships that meet at least six of the eight criteria of rubric R1, "
        "among them both gates: a baseline recorded no later than 60 days after the start, and "
        "reviews that took place at least twice in every whole year. A criterion is met by "
        "evidence that has a date and a reference to where it can be seen."
    ),
    formula="100 x partnerships with 6 or more criteria and both gates / partnerships that are a "
    "whole year old",
    source="Founding claim: Ofsted 090232 (2010), systematic evaluation evident in 11 of 20 "
    "partnerships. What its inspectors counted is not published: rubric R1 is this project's. "
    "Interval: Wilson (1927)",
    caveats=(
        "The rubric is ours, not Ofsted's, and the partnerships that Ofsted visited were no random "
        "sample: that its share is higher or lower proves nothing about either.",
        "It reads what was written down. A partnership that evaluates and keeps no record is "
        "counted as one that does not.",
        "Whether governors of all members were told cannot be seen: one report to governors meets "
        "the criterion.",
        "Outcomes are wanted for the levels named in the log of joint activity, if there is one, "
        "and for those that the study names; otherwise for any.",
        "Where two coders judged, a criterion is met if both found it met.",
        "The interval treats the partnerships as a sample of those that could have been.",
        "So far only the synthetic authority has filled the table of evaluation activity.",
    ),
    founding="M01",
    ours=True,
)


@estimating_metric(
    id=ID,
    title="Evaluation coverage",
    question="How many partnerships evaluate themselves systematically?",
    unit="percent",
    direction="higher",
    needs=Needs(
        tables={
            "evaluation_activity": (
                *("partnership_id", "criterion", "evidenced_on"),
                *("evidence_ref", "evidence_type", "levels"),
            ),
            "partnerships": ("partnership_id", "start_date"),
        },
        optional={
            "evaluation_activity": ("reported_to_governors", "decision_ref", "coder"),
            "partnerships": ("end_date",),
            "activity": ("partnership_id", "level"),
        },
    ),
    params=EvaluationParams,
    card=CARD,
)
def evaluation_coverage(context: MetricContext) -> Iterator[Any]:
    """Yield the share of systematic partnerships, the scorecard, and what was left out."""
    import polars as pl

    from impactkit import set_aside
    from impactkit_partnership import frames
    from impactkit_partnership.evaluation_scores import evidence_of, levels_at_work, scores_of

    params = context.params or EvaluationParams()
    known, lost = frames.started(context.table("partnerships"), ID)
    evidence, more = set_aside(
        evidence_of(context),
        [
            frames.unknown_partnership(known, "Evidence"),
            (
                "planned",
                "Evidence that is planned and has no date",
                pl.col("evidenced_on").is_null(),
            ),
        ],
        ID,
    )
    yield from (*lost, *more)
    if params.references:
        bare = evidence.filter(pl.col("evidence_ref").fill_null("") == "").filter(
            pl.col("decision_ref").fill_null("") == ""
        )
        if bare.height:
            yield Note(
                text="{n} pieces of evidence name no document and meet no criterion.",
                values={"n": bare.height},
                of="events",
            )
    until = params.observed_until or frames.latest(evidence, "evidenced_on")
    levels = levels_at_work(context)
    scores = scores_of(evidence, known, until, levels, params.rubric())
    young = known.height - len(scores.agreed)
    if young:
        from impactkit import Exclusion

        yield Exclusion(
            reason="partnership.young",
            text="Partnerships with less than a whole year behind them, which are not scored",
            n_rows=young,
            stage=ID,
        )
    yield _headline(scores.agreed)
    if scores.agreed:
        yield _against_ofsted(scores.agreed)
    yield from _by_year(evidence, known, until, levels, params.rubric())
    yield from _kappa(scores.by_coder)
    yield scorecard(scores.agreed)
    yield criteria(scores.agreed)
    yield beside_ofsted(scores.agreed)
    yield from charts(len(scores.agreed))
    yield Note(
        text="Ofsted found systematic evaluation in {n} of {m} partnerships visited in 2009; what "
        "it counted as such is not published.",
        values={"n": OFSTED[0], "m": OFSTED[1]},
        of="partnerships",
    )


def _headline(scores: tuple[RubricScore, ...], term: str = "") -> Estimate:
    names: dict[str, Any] = {"estimand": SYSTEMATIC, "term": term, "unit": "percent"}
    if not scores:
        return Estimate(
            **names,
            status="not_estimable",
            reason="no partnership with dated evidence has a whole year behind it; give the start "
            "of each in `partnerships` and the dates of evidence in `evaluation_activity`",
            n_partnerships=0,
        )
    from impactkit import wilson

    hits, n = sum(score.systematic for score in scores), len(scores)
    low, high = wilson(hits / n, n)
    spread = hits / n * (1 - hits / n) / n
    return Estimate(
        **names,
        value=100 * hits / n,
        std_error=100 * spread**0.5 or None,
        ci_low=100 * low,
        ci_high=100 * high,
        n_partnerships=n,
        n_clusters=n,
        method="share of partnerships; Wilson interval",
        variance="binomial, partnerships independent",
    )


def _against_ofsted(scores: tuple[RubricScore, ...]) -> Estimate:
    from impactkit import newcombe

    hits, n = sum(score.systematic for score in scores), len(scores)
    low, high = newcombe(hits / n, n, OFSTED[0] / OFSTED[1], OFSTED[1])
    return Estimate(
        estimand="Share less that of Ofsted's survey",
        term=OFSTED_LABEL,
        unit="percentage points",
        value=100 * (hits / n - OFSTED[0] / OFSTED[1]),
        ci_low=100 * low,
        ci_high=100 * high,
        n_partnerships=n,
        n_comparison=OFSTED[1],
        method="difference of two shares; Newcombe's hybrid score interval",
        variance="binomial, partnerships independent",
        warnings=("Another rubric, other partnerships, and no random sample: read it as a mark.",),
    )


def _by_year(
    evidence: pl.DataFrame,
    known: pl.DataFrame,
    until: dt.date | None,
    levels: Mapping[str, set[str]],
    rubric: RubricR1,
) -> Iterator[Estimate]:
    """Yield the share at the end of each academic year, of partnerships still at work."""
    import polars as pl

    from impactkit_partnership.evaluation_scores import scores_of

    if until is None or not known.height:
        return
    first = min(known["start_date"])
    for year in range(Period.of(first).year + 1, Period.of(until).year + 1):
        day = min(Period(year).end, until)
        going = pl.col("end_date").is_null() | (pl.col("end_date") >= day)
        scores = scores_of(evidence, known.filter(going), day, levels, rubric)
        if scores.agreed:
            yield _headline(scores.agreed, term=Period(year).label)


def _kappa(by_coder: Mapping[str, tuple[RubricScore, ...]]) -> Iterator[Any]:
    from impactkit_partnership.agreement import kappa_of

    judged = {
        coder: {(s.partnership, name): met for s in scores for name, met in s.by_criterion.items()}
        for coder, scores in by_coder.items()
    }
    yield from kappa_of(judged, "criteria")
