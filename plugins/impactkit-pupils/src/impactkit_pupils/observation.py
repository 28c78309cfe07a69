"""M42, ``pupils.observation``: lessons seen with a fixed rubric, leniency of raters taken out."""

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
from impactkit_pupils.common import ALIKE, Joint, Window, estimate, joint

if TYPE_CHECKING:
    import polars as pl

    from impactkit_pupils.raters import Adjusted

BEYOND = "Change of observed lessons, beyond that elsewhere"
CHANGE = "Change of observed lessons in schools that joined"
AGREEMENT = "Agreement of raters on single lessons (ICC)"
POINTS = "points of the rubric"
RAW = "not adjusted for raters"


@attrs.frozen(kw_only=True)
class Params:
    """What a study may say under ``[metrics."pupils.observation"]``.

    Attributes
    ----------
    rubric
        The rubric whose lessons are compared.
    before, after
        Event years compared; 0 is the first year in a partnership.
    min_agreement
        Intraclass correlation of two raters of one lesson below which scores say little.
    """

    rubric: str = "lesson"
    before: Window = (-1, -1)
    after: Window = (0, 30)
    min_agreement: float = attrs.field(
        default=0.5, validator=[attrs.validators.ge(0), attrs.validators.le(1)]
    )


@estimating_metric(
    id="pupils.observation",
    title="Observed lessons",
    question="Did lessons score higher than before, whoever observed them?",
    unit=POINTS,
    direction="higher",
    needs=Needs(
        tables={
            "observations": (
                *("lesson_id", "school_key", "rubric", "domain", "rater_key", "score"),
                "observed_on",
            ),
            "memberships": ("school_key", "partnership_id", "joined"),
        },
        optional={"observations": ("urn", "rater_urn")},
        panel=True,
    ),
    params=Params,
    card=Card(
        definition=(
            "The mean score of lessons on one rubric, less the leniency of whoever gave it: its "
            "change in schools that joined, beyond its change in schools elsewhere over the same "
            "years. Beside it the same without that adjustment, and how far raters agree."
        ),
        formula="score(lesson, rater) = school and year + rater; change of (school and year)",
        source=(
            "Founding claims: Maximising Progress; Central South Consortium, quality of teaching. "
            "Raters: Linacre (1989); agreement: one-way ICC, Shrout & Fleiss (1979), ICC(1,1)"
        ),
        caveats=(
            ALIKE,
            "A single lesson, seen once, says little of a teacher: this is about schools and "
            "years, and is not for appraisal.",
            "Raters know who has joined. Adjusting takes out who is lenient always, and not who is "
            "lenient towards partners; raters of another school are some help.",
            "Ofsted does not grade lessons; no score here is an inspector's.",
            "How far raters' leniency is known is not in the interval.",
            "So far only the synthetic authority has filled the table of lessons.",
        ),
        founding="M42",
        ours=True,
    ),
)
def observation(context: MetricContext) -> Iterator[Any]:
    """Yield the change with and without raters' leniency, their agreement, and who rated."""
    import polars as pl

    from impactkit_pupils.raters import adjusted

    params = context.params or Params()
    ratings, lost = _ratings(context.table("observations"), params.rubric)
    yield from lost
    if ratings.is_empty():
        raise EstimationError(
            f"no lesson was scored on the rubric {params.rubric!r} in all of its domains; give "
            "`observations`, or name another rubric"
        )
    fair = adjusted(ratings)
    if fair.n_unlinked:
        yield Exclusion(
            reason="pupils.unlinked",
            text="ratings by raters who share no school and year with the others, so that they "
            "cannot be compared",
            n_rows=fair.n_unlinked,
            stage="raters",
        )
    schools = fair.ratings.group_by("school_key", "year").agg(
        pl.col("adjusted", "score").sort().mean()
    )
    panels = [
        context.panel(
            schools.select("school_key", "year", value=pl.col(name)).sort("school_key", "year")
        )
        for name in ("adjusted", "score")
    ]
    yield from panels[0].exclusions
    about: dict[str, Any] = {"unit": POINTS, "warnings": ("not for appraisal",)}
    for panel, term in zip(panels, ("", RAW), strict=True):
        found = joint({"lessons": panel.frame}, context, before=params.before, after=params.after)
        yield estimate(context, BEYOND, found, [1.0], term=term, **about)
        if not term:
            yield from found.exclusions
            yield change_inside(context, CHANGE, found, **about)
            yield from before_and_after(found, "Observed lessons, before joining and after", POINTS)
            yield _counted(fair, found)
    yield _leniency(fair)
    yield from _agreement(context, ratings, params)
    yield from _strangers(context.table("observations"), params.rubric)


def _ratings(observations: pl.DataFrame, rubric: str) -> tuple[pl.DataFrame, tuple[Exclusion, ...]]:
    """Return one row a lesson and rater: the mean over all domains of the rubric, and the year."""
    import polars as pl

    keys = ("lesson_id", "school_key", "rater_key", "domain")
    rows = observations.filter(pl.col("rubric").cast(pl.String) == rubric).select(
        pl.col(keys).cast(pl.String), pl.col("score").cast(pl.Float64), "observed_on"
    )
    sound = rows.drop_nulls()
    domains = sound["domain"].n_unique()
    day = pl.col("observed_on")
    each = (
        sound.sort(*keys, "score")
        .group_by("lesson_id", "school_key", "rater_key", maintain_order=True)
        .agg(
            pl.col("score").mean(),
            year=(day.dt.year() + (day.dt.month() >= 9).cast(pl.Int32)).min().cast(pl.Int64),
            n=pl.col("domain").n_unique(),
        )
    )
    whole = each.filter(pl.col("n") == domains).drop("n")
    lost = (
        ("unstated", "scores without a lesson, school, rater, domain or day", rows, sound),
        ("partial", "ratings without a score in every domain of the rubric", each, whole),
    )
    return whole.sort("school_key", "year", "lesson_id", "rater_key"), tuple(
        Exclusion(reason=f"pupils.{reason}", text=text, n_rows=a.height - b.height, stage="lessons")
        for reason, text, a, b in lost
        if a.height > b.height
    )


def _agreement(context: MetricContext, ratings: pl.DataFrame, params: Params) -> Iterator[Any]:
    """Yield the intraclass correlation of lessons that several raters saw."""
    import polars as pl

    from impactkit import icc

    lesson = pl.struct("school_key", "lesson_id").rank("dense")
    twice = ratings.with_columns(lesson=lesson).filter(pl.len().over("lesson") > 1)
    about: dict[str, Any] = {
        "metric": context.metric,
        "estimand": AGREEMENT,
        "term": "agreement",
        "unit": "coefficient",
    }
    try:
        found = icc(twice, outcome="score", cluster="lesson", level=context.design.level).estimate
    except EstimationError:
        reason = "it takes lessons that several raters saw, and scores that differ"
        yield Estimate(status="not_estimable", reason=reason, **about)
        return
    # The clusters here are lessons, which are neither schools nor people.
    yield attrs.evolve(found, n_people=None, n_clusters=None, **about)
    enough = (found.value or 0.0) >= params.min_agreement
    yield Diagnostic(
        name="agreement of raters",
        value=found.value,
        passed=enough,
        text="Raters of the same lesson agree."
        if enough
        else "Raters of the same lesson agree too little for its score to say much.",
    )


def _leniency(fair: Adjusted) -> Diagnostic:
    """Return how much raters differ in leniency."""
    import numpy as np

    return Diagnostic(
        name="leniency of raters",
        value=float(np.std(list(fair.severity.values()))),
        text="Standard deviation between raters, in points of the rubric.",
    )


def _strangers(observations: pl.DataFrame, rubric: str) -> Iterator[Diagnostic]:
    """Yield how many ratings were by raters of another school, where that is known."""
    import polars as pl

    if not {"urn", "rater_urn"} <= set(observations.columns):
        return
    known = observations.filter(pl.col("rubric") == rubric).drop_nulls(["urn", "rater_urn"])
    if known.height:
        elsewhere = 100 * float((known["urn"] != known["rater_urn"]).sum()) / known.height
        yield Diagnostic(
            name="raters of another school",
            value=round(elsewhere, 1),
            text="Percent of scores given by raters who work in another school.",
        )


def _counted(fair: Adjusted, found: Joint) -> Table:
    """Return how much was seen in schools that joined, and in others."""
    import polars as pl

    inside = found.each["lessons"].schools["school_key"]
    joined = pl.col("school_key").is_in(inside.implode())
    rows = []
    for who, part in (
        ("schools that joined", fair.ratings.filter(joined)),
        ("other schools", fair.ratings.filter(~joined)),
    ):
        lessons = part.select("school_key", "lesson_id").n_unique()
        rows.append((who, part["school_key"].n_unique(), lessons, part.height))
    return Table(
        id="ratings",
        title="Lessons seen, and ratings of them",
        columns=(
            Column(name="who", label="Where", kind="dimension"),
            Column(name="schools", label="Schools", kind="count", of="schools"),
            Column(name="lessons", label="Lessons", kind="count", of="events"),
            Column(name="ratings", label="Ratings", kind="count", of="events"),
        ),
        rows=rows,
    )
