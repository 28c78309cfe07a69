"""M37, ``did.subject_effect``: results in a subject where a specialist teacher of it came."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import attrs

from impactkit import (
    Card,
    Estimate,
    EstimationError,
    Exclusion,
    MetricContext,
    Needs,
    estimating_metric,
)
from impactkit_did.common import MEMBERSHIPS, OUTCOMES, PARALLEL, contrast_of, left_out, named

if TYPE_CHECKING:
    import polars as pl

    from impactkit import Panel

BEYOND = "ATT with a specialist less ATT in other partnership schools"


@attrs.frozen(kw_only=True)
class Params:
    """What a study may say under ``[metrics."did.subject_effect"]``.

    Attributes
    ----------
    subject
        Of the specialist teacher, as `interventions` has it.
    measure
        The outcome in that subject; blank, the measure that is called as the subject.
    types
        Kinds of intervention that are a specialist teacher.
    """

    subject: str = "mathematics"
    measure: str = ""
    types: tuple[str, ...] = attrs.field(default=("specialist_teacher",), converter=tuple)


@estimating_metric(
    id="did.subject_effect",
    title="Specialist teachers and results in their subject",
    question="Did results in a subject change more where a specialist teacher of it came?",
    needs=Needs(
        tables={
            "outcomes": OUTCOMES,
            "memberships": MEMBERSHIPS,
            "interventions": ("school_key", "type", "subject", "start"),
        },
        panel=True,
    ),
    params=Params,
    card=Card(
        definition=(
            "The change of results in a subject since the year before a specialist teacher of it "
            "came to the school, beyond the change in schools in no partnership; and how that "
            "differs from other schools in partnerships."
        ),
        formula=(
            "ATT(g,t) with g the first year of the specialist; ATT(specialist) - ATT(partnership, "
            "no specialist)"
        ),
        source=(
            "Founding claim: a specialist mathematics teacher raised results (Maximising "
            "Progress). Callaway & Sant'Anna (2021), Journal of Econometrics 225(2)"
        ),
        caveats=(
            PARALLEL,
            "Schools that get a specialist are in a partnership as well: the first figure holds "
            "what either did. The second takes away what partnership schools without one gained, "
            "and schools were not given specialists by lot.",
            "A school that was in a partnership before its specialist came is compared from the "
            "year before that; its earlier years are left out.",
            "Year groups of small schools differ by chance: one pupil of ten is ten percentage "
            "points.",
            "So far only the synthetic authority has filled the table of interventions.",
        ),
        founding="M37",
    ),
)
def subject_effect(context: MetricContext) -> Iterator[Any]:
    """Yield the effect where a specialist came, and beyond other schools in partnerships."""
    params = context.params or Params()
    measure = params.measure or params.subject
    try:
        yield from tuple(_of(context, measure, params))
    except EstimationError as error:
        yield Estimate(
            metric=context.metric, measure=measure, status="not_estimable", reason=str(error)
        )


def _of(context: MetricContext, measure: str, params: Params) -> Iterator[Any]:
    import polars as pl

    from impactkit import improvement

    there = context.table("outcomes")["measure"].drop_nulls().unique().sort().to_list()
    if measure not in there:
        known = ", ".join(there[:8]) or "none"
        raise EstimationError(
            f"the outcomes have no measure {measure!r}; set `measure` to the one for "
            f"{params.subject} (there are {known})"
        )
    came, undated = _first_years(context, params, context.panel(measure))
    design = context.design
    panel, told = _with_specialists(context.panel(measure), came, design.anticipation)
    has = pl.col("school_key").is_in(came["school_key"].implode())
    alone = attrs.evolve(panel, frame=panel.frame.filter(has | pl.col("cohort").is_null()))
    yield from context.effect(alone, aggregations=("group", "dynamic"), cells=False)
    found = improvement(panel, control=design.control, anticipation=design.anticipation)
    first = found.schools["school_key"].is_in(came["school_key"].implode())
    yield contrast_of(found, first, BEYOND, level=design.level, **named(context, panel))
    yield from told
    yield from undated


def _first_years(
    context: MetricContext, params: Params, panel: Panel
) -> tuple[pl.DataFrame, tuple[Exclusion, ...]]:
    """Return `school_key`, `came`: the first year exposed to a specialist of the subject."""
    import polars as pl

    from impactkit import exposed_from

    rows = context.table("interventions").select(
        pl.col("school_key", "type", "subject").cast(pl.String), pl.col("start").cast(pl.Date)
    )
    wanted = rows.filter(
        pl.col("type").is_in(params.types)
        & (pl.col("subject").str.to_lowercase() == params.subject.lower())
        & pl.col("school_key").is_not_null()
    )
    dated = wanted.drop_nulls("start").group_by("school_key").agg(pl.col("start").min())
    if dated.is_empty():
        raise EstimationError(
            f"no school has a specialist teacher of {params.subject} with a first day; give rows "
            f"of type {' or '.join(params.types)} with `subject` and `start` in `interventions`"
        )
    years = [exposed_from(day, panel.exposed_by).year for day in dated["start"]]
    came = dated.select("school_key", came=pl.Series(years, dtype=pl.Int64)).sort("school_key")
    lost = wanted.filter(
        pl.col("start").is_null() & ~pl.col("school_key").is_in(came["school_key"].implode())
    )
    words = "schools with a specialist, of whom it is not known when they came"
    n = lost["school_key"].n_unique()
    return came, left_out("undated_specialist", words, n, panel.measure)


def _with_specialists(
    panel: Panel, came: pl.DataFrame, anticipation: int
) -> tuple[Panel, tuple[Exclusion, ...]]:
    """Return the panel in which schools with a specialist are exposed from when they came.

    Those that are no treated school of the study are set aside, for they are no comparison either.
    Nor is a school in a partnership that waits for its specialist: of its years before, only the
    one that its own change is counted from is left.
    """
    import polars as pl

    frame = panel.frame.join(came, on="school_key", how="left", maintain_order="left")
    stray = pl.col("came").is_not_null() & pl.col("cohort").is_null()
    n = frame.filter(stray)["school_key"].n_unique()
    waits = (pl.col("came") > pl.col("cohort")) & (
        pl.col("year") < pl.col("came") - 1 - anticipation
    )
    n_waits = frame.filter(waits).height
    kept = frame.filter(~stray & ~waits.fill_null(value=False))
    kept = kept.with_columns(cohort=pl.coalesce("came", "cohort")).drop("came")
    told = (
        Exclusion(
            reason="did.specialist_elsewhere",
            text="schools with a specialist that the study does not count as joining a partnership",
            n_schools=n,
            measure=panel.measure,
            treated=0,
        ),
        Exclusion(
            reason="did.before_specialist",
            text="earlier years of schools that were in a partnership before their specialist came",
            n_rows=n_waits,
            measure=panel.measure,
            stage="estimation",
        ),
    )
    return attrs.evolve(panel, frame=kept), tuple(e for e in told if e.n_schools or e.n_rows)
