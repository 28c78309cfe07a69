"""The known-effect test: a planted effect is found, and nothing is found where none was planted.

What a metric should find follows from the metric itself: it is run on the county as it would have
been without partnerships and as it is, and the difference for the treated is the truth.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

import attrs

from impactkit.declarations import Metric
from impactkit.errors import MetricError, did_you_mean
from impactkit.metrics import MetricContext
from impactkit.study import Design

if TYPE_CHECKING:
    import polars as pl

    from impactkit.results import Estimate, MetricResult
    from impactkit.synthetic import County

SEEDS = (1, 2, 3)
PLANTED = {"attainment": 2.0, "overall_absence": -1.0, "pupil_teacher_ratio": -2.0}
PLAIN: Mapping[str, Any] = {
    "conversions": 0.0,
    "closures": 0.0,
    "merges": 0,
    "doubled_reports": 0.0,
}
"""Schools that stay as they are: linking those that change is core's work, not a metric's."""
STAND_IN = "overall_absence"
"""The county's measure that plays any measure that the metric names and the county lacks."""
DESIGN = Design(
    treated="role in ['client', 'peer']", outcome=(STAND_IN,), bootstrap=0, randomisation=0
)


def faults(metric: Metric, params: Mapping[str, Any] | None, effect_of: str = "") -> Iterator[str]:
    """Yield what is wrong with what a metric finds on the synthetic authority."""
    tried = _outcome if metric.shape == "outcome" else _estimating
    try:
        yield from tried(metric, params, effect_of)
    except Exception as error:
        words = str(error).strip().partition("\n")[0]
        yield f"[raises] on the synthetic authority it raised {type(error).__name__}: {words}"


def untried(metric: Metric, effect_of: str = "") -> Iterator[str]:
    """Yield what cannot be tried on the synthetic authority, and why."""
    if metric.shape == "outcome":
        if "outcomes" not in metric.needs.tables:
            yield "known effect: effects are planted into `outcomes`, which it does not read"
        return
    lacking = _lacking(metric)
    if lacking:
        yield f"synthetic authority: it has no {', '.join(lacking)}"
    elif not effect_of:
        yield (
            "known effect: what it should find, only you know; if it is the effect on a measure, "
            "say effect_of='overall_absence'"
        )


def _outcome(metric: Metric, params: Mapping[str, Any] | None, _: str) -> Iterator[str]:
    """Yield where an outcome metric's estimates differ from what was planted."""
    if any(untried(metric)):
        return
    pairs = [(known_county(seed, 1.0), known_county(seed, 0.0)) for seed in SEEDS]
    truths = []
    for planted, bare in pairs:
        difference = _difference(metric, params, planted, bare)
        if difference.is_empty():
            yield (
                "[unseen] it gave no value on the synthetic authority; name the measures that "
                "it reads in Needs(measures=[...]), and one of the county's will play them"
            )
            return
        early = difference.filter(difference["event_time"] < 0)["gap"].abs().max()
        if isinstance(early, float) and early > 1e-9:
            yield (
                "[early] it shows an effect before the schools joined: does its `year` stand for "
                "another year than that of its tables, or does it set schools beside each other, "
                "as a rank does? Then what others gained counts as a loss."
            )
            return
        truths.append(_truth(difference))
    if not any(truths):
        yield (
            "[unseen] effects were planted into every measure of the synthetic authority, and "
            "none shows in the metric"
        )
        return
    yield from _found(metric, params, [p for p, _ in pairs], truths)
    yield from _found(metric, params, [b for _, b in pairs], [0.0] * len(pairs))


def _lacking(metric: Metric) -> list[str]:
    """Name the tables, and columns of tables, that the metric needs and the county has not."""
    tables = known_county(SEEDS[0], 1.0).tables
    return [
        f"table {name}" if name not in tables else f"column {column} of {name}"
        for name, columns in sorted(metric.needs.tables.items())
        for column in (columns if name in tables else ("",))
        if name not in tables or column not in tables[name].columns
    ]


def _estimating(metric: Metric, params: Mapping[str, Any] | None, effect_of: str) -> Iterator[str]:
    """Yield where an estimating metric fails on real fits, or misses the effect that it is of."""
    if effect_of and effect_of not in PLANTED:
        hint = did_you_mean(effect_of, PLANTED)
        yield f"[effect] no effect is planted into a measure {effect_of!r}. {hint}"
        return
    if _lacking(metric):
        return
    measure = effect_of or STAND_IN
    planted = [known_county(seed, 1.0) for seed in SEEDS]
    found = result(metric, params, planted[0], measure)
    if found.status != "ok":
        yield f"[raises] on the synthetic authority it {found.status}: {found.reason}"
        return
    if result(metric, params, planted[0], measure) != found:
        yield "[determinism] it gave something else when run again; draw from context.rng()"
    if effect_of:
        bare = [known_county(seed, 0.0) for seed in SEEDS]
        truths = [float(made.truth.att(measure)) for made in planted]  # type: ignore[arg-type]
        yield from _found(metric, params, planted, truths, measure)
        yield from _found(metric, params, bare, [0.0] * len(bare), measure)


@cache
def known_county(seed: int, times: float) -> County:
    """Return a county into which so many times the usual effects were planted."""
    from impactkit.synthetic import county

    effect = {measure: times * size for measure, size in PLANTED.items()}
    return county(seed=seed, n_schools=80, effect=effect, selection="random", full=True, **PLAIN)


def _tables(metric: Metric, made: County) -> dict[str, pl.DataFrame]:
    """Return the county's tables, with its stand-in under the names of measures it lacks."""
    import polars as pl

    outcomes = made.tables["outcomes"]
    lacking = sorted(set(metric.needs.measures) - set(outcomes["measure"]))
    played = outcomes.filter(pl.col("measure") == STAND_IN)
    parts = [outcomes, *(played.with_columns(measure=pl.lit(name)) for name in lacking)]
    wanted = {*metric.needs.tables, *metric.needs.optional, "memberships", "school_links"}
    tables = {name: made.tables[name] for name in wanted if name in made.tables}
    return {**tables, "outcomes": pl.concat(parts)}


def declared(metric: Metric, tables: Mapping[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """Return the declared columns of the declared tables, and nothing else."""
    found = {}
    for table in dict.fromkeys((*metric.needs.tables, *metric.needs.optional)):
        if table in tables:
            wanted = (
                *metric.needs.tables.get(table, ()),
                *(c for c in metric.needs.optional.get(table, ()) if c in tables[table].columns),
            )
            found[table] = tables[table].select(list(dict.fromkeys(wanted)))
    return found


def _difference(
    metric: Metric, params: Mapping[str, Any] | None, planted: County, bare: County
) -> pl.DataFrame:
    """Return what the planting did to each treated school and year, by the metric itself."""
    import polars as pl

    from impactkit.pipeline.returned import tidy

    def values(made: County) -> pl.DataFrame:
        context = MetricContext(
            metric=metric.id,
            tables=declared(metric, _tables(metric, made)),
            params=metric.params(**(params or {})) if metric.params is not None else None,
            design=DESIGN,
            seed=1,
            years=made.settings.span,
        )
        return tidy(metric(context)).drop_nulls("value")

    cohorts = planted.truth.potential.select("school_key", "cohort").unique()
    both = values(planted).join(values(bare), on=["school_key", "year"], suffix="_bare")
    return (
        both.join(cohorts, on="school_key")
        .drop_nulls("cohort")
        .with_columns(
            gap=pl.col("value") - pl.col("value_bare"),
            event_time=pl.col("year") - pl.col("cohort"),
        )
    )


def _truth(difference: pl.DataFrame) -> float:
    """Return the mean over cohorts, as the study's headline has it."""
    import polars as pl

    cohorts = (
        difference.filter(pl.col("event_time") >= 0)
        .group_by("cohort")
        .agg(pl.col("gap").mean(), pl.col("school_key").n_unique().alias("n"))
    )
    gaps, sizes = cohorts["gap"].to_list(), cohorts["n"].to_list()
    return math.fsum(g * n for g, n in zip(gaps, sizes, strict=True)) / sum(sizes) if sizes else 0.0


def result(
    metric: Metric, params: Mapping[str, Any] | None, made: County, measure: str = STAND_IN
) -> MetricResult:
    """Evaluate one metric on a county, by the path that every study takes."""
    from impactkit.pipeline import default_registry, evaluate_metric
    from impactkit.study import Study

    design = attrs.evolve(DESIGN, years=made.years, outcome=(measure,))
    study = Study(title="Known effect", seed=1, design=design)
    return evaluate_metric(
        study,
        metric,
        tables=_tables(metric, made),
        params=params,
        registry=default_registry(allow=["core"]),
    )


def _headline(
    metric: Metric, params: Mapping[str, Any] | None, made: County, measure: str
) -> Estimate:
    """Return the first estimate that stands for the whole: of the measure, if one is named.

    An estimate of a panel of the metric's own has the metric's name in the measure's place.
    """
    found = result(metric, params, made, measure or STAND_IN)
    if found.status != "ok":
        raise MetricError(found.reason)
    whole = [e for e in found.estimates if not e.term]
    fits = [e for e in whole if measure in ("", e.measure)]
    fits = fits or [e for e in whole if e.measure not in PLANTED]
    if not fits:
        raise MetricError(f"it gave no estimate of {measure or 'anything'} that has no `term`")
    if fits[0].status != "ok":
        raise MetricError(fits[0].reason)
    return fits[0]


def _found(
    metric: Metric,
    params: Mapping[str, Any] | None,
    counties: list[County],
    truths: list[float],
    measure: str = "",
) -> Iterator[str]:
    """Yield when the mean over counties is further from the truth than chance would have it.

    Two standard errors of one county: for the mean of three that is three and a half of its own.
    """
    found = [_headline(metric, params, made, measure) for made in counties]
    values = [e.value for e in found if e.value is not None]
    errors = [e.std_error for e in found if e.std_error is not None]
    if len(errors) < len(found):
        yield "[effect] it has no standard error on the synthetic authority"
        return
    mean, truth = sum(values) / len(values), sum(truths) / len(truths)
    error = math.sqrt(sum(e * e for e in errors) / len(errors))
    if abs(mean - truth) > 2 * error:
        what = "was planted" if truth else "is there, for none was planted"
        yield (
            f"[effect] the design finds {mean:.3g} where {truth:.3g} {what} "
            f"(standard error {error:.2g})"
        )
