"""The study's design applied to a panel: what every outcome metric gets for nothing.

The same parts are handed to estimating metrics through `MetricContext.effect`.
"""

from __future__ import annotations

import contextlib
import inspect
import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Literal

import attrs

from impactkit.declarations import Estimator, load_code
from impactkit.errors import EstimationError, UsageError
from impactkit.results import Chart, Diagnostic, Estimate, Exclusion

if TYPE_CHECKING:
    import polars as pl

    from impactkit.metrics import Panel
    from impactkit.study import Design


def fit(panel: Panel, design: Design, estimator: Estimator, *, seed: int, **options: Any) -> Any:
    """Run the study's estimator on a panel; `options` override the design by name.

    Raises
    ------
    EstimationError
        When nothing can be estimated from the panel; the message has the counts and the remedy.
    """
    function = load_code(estimator.fit)
    # Named for what it is, since the variance says which column it is clustered on.
    frame = panel.frame.rename({"cluster": "partnership"})
    columns = {"unit": "school_key", "time": "year", "cohort": "cohort", "outcome": "value"}
    if design.cluster == "partnership":
        columns["cluster"] = "partnership"
    if "weight" in frame.columns:
        columns["weights"] = "weight"
    settings = {
        "control": design.control,
        "base_period": design.base_period,
        "anticipation": design.anticipation,
        "level": design.level,
        "bootstrap": design.bootstrap,
        "small_sample": "cr2",
        # Schools differ in level far more than in change: who is seen must not pass for an effect.
        "gaps": "pairs",
        "seed": seed,
        **options,
    }
    accepted = inspect.signature(function).parameters
    if not any(p.kind is p.VAR_KEYWORD for p in accepted.values()):
        settings = {name: value for name, value in settings.items() if name in accepted}
        # Without them the answer would be another one, so they are not left out in silence.
        ignored = [name for name in columns if name not in accepted]
        if ignored:
            raise EstimationError(
                f"the estimator {estimator.id} takes no {' and no '.join(ignored)}, and the "
                f"study's panel of {panel.measure} has them; choose another estimator"
            )
    if panel.frame["cohort"].drop_nulls().is_empty():
        raise EstimationError(
            f"no school in the panel of {panel.measure} joined a partnership in a role that counts "
            "here; check `treated`, the roles in the memberships, `years` and the exclusions"
        )
    try:
        return function(frame, **columns, **settings)
    except EstimationError as error:
        raise EstimationError(of_schools(str(error))) from error


def lead_of(
    panel: Panel,
    design: Design,
    estimator: Estimator,
    *,
    seed: int,
    aggregations: Iterable[str] = ("group",),
    **options: Any,
) -> Estimate:
    """Return the estimate that `effect` leads with, without its bootstrap: to try it many times."""
    result = fit(panel, design, estimator, seed=seed, **{**options, "bootstrap": 0})
    kinds = {"kinds": tuple(aggregations)[:1]} if hasattr(result, "aggregate") else {}
    first: Estimate = result.estimates(**kinds)[0]
    return first


def effect(
    panel: Panel,
    design: Design,
    estimator: Estimator,
    *,
    metric: str,
    seed: int,
    label: str = "",
    aggregations: Iterable[str] = ("group", "dynamic", "calendar", "simple"),
    cells: bool = True,
    record: Callable[[Estimate, pl.DataFrame], None] | None = None,
    **options: Any,
) -> Iterable[Estimate | Chart | Diagnostic | Exclusion]:
    """Yield the estimates, the event-study chart and the diagnostics of one panel.

    `record` is given the headline and what each cluster contributes to it, where that is known.

    Raises
    ------
    EstimationError
        When nothing can be estimated.
    """
    from impactkit.inference.few_clusters import Thresholds

    unit = panel.effect_unit
    result = fit(panel, design, estimator, seed=seed, **options)
    extra = _partnerships(panel)
    kinds = {"kinds": tuple(aggregations)} if hasattr(result, "aggregate") else {}
    found = [*result.estimates(metric=metric, measure=panel.measure, unit=unit, **kinds)]
    if cells:
        of = {"metric": metric, "measure": panel.measure, "unit": unit}
        found += [attrs.evolve(cell, **of) for cell in getattr(result, "cells", ())]
    enough = Thresholds().cr2 if _corrects(estimator) else Thresholds().analytic
    found = [_finish(estimate, extra, enough) for estimate in found]
    how: list[Diagnostic] = []
    if found and found[0].status == "ok":
        found[0], how = _tested(
            found[0], panel, design, estimator, seed=seed, kinds=kinds, **options
        )
    if record and hasattr(result, "influence") and found and found[0].status == "ok":
        with contextlib.suppress(UsageError):  # too many clusters to be told apart
            record(found[0], result.influence(kinds["kinds"][0]))
    yield from found
    sides = _either_side(panel, design, estimator, unit=unit, metric=metric, seed=seed, **options)
    yield from (_finish(side, extra, enough) for side in sides)
    yield from (attrs.evolve(d, measure=panel.measure) for d in how)
    yield from _diagnostics(result, panel.measure)
    for exclusion in getattr(result, "exclusions", ()):
        yield attrs.evolve(exclusion, measure=panel.measure, stage="estimation")
    label = label or panel.measure.replace("_", " ")
    yield Chart(
        id=chart_id(panel.measure),
        kind="event_study",
        title=chart_title(label),
        data="estimates",
        where={"measure": panel.measure},
        x="term",
        y="value",
        low="ci_low",
        high="ci_high",
        x_title="Years since joining (0: the first year)",
        y_title=f"Difference, {unit}" if unit else "Difference",
        reference=0.0,
    )


def _either_side(
    panel: Panel, design: Design, estimator: Estimator, *, unit: str, metric: str, **options: Any
) -> Iterable[Estimate]:
    """Yield the overall estimate of the years before, between and after hard breaks, each alone.

    What schools did on one side does not depend on their having kept their places across a break.
    """
    import polars as pl

    edges = sorted({item.year for item in panel.breaks if item.hard})
    if not edges:
        return
    about = {"metric": metric, "measure": panel.measure, "unit": unit}
    for first, end in zip([None, *edges], [*edges, None], strict=True):
        limits = (f"from {first}" if first else "", f"before {end}" if end else "")
        words = " ".join(limit for limit in limits if limit)
        inside = pl.col("year").is_between(first or 0, (end or 10_000) - 1)
        side = attrs.evolve(panel, frame=panel.frame.filter(inside))
        try:
            result = fit(side, design, estimator, **options)
            kinds = {"kinds": ("simple",)} if hasattr(result, "aggregate") else {}
            [overall, *_] = result.estimates(**kinds)
        except EstimationError as error:
            overall = Estimate(estimand="ATT", status="not_estimable", reason=str(error))
        name = f"{overall.estimand}, years {words} alone"
        yield attrs.evolve(overall, estimand=name, **about)


def _tested(
    headline: Estimate,
    panel: Panel,
    design: Design,
    estimator: Estimator,
    *,
    seed: int,
    kinds: dict[str, Any],
    **options: Any,
) -> tuple[Estimate, list[Diagnostic]]:
    """Choose how to test the headline by the number of treated clusters, do so, and say why."""
    from impactkit.inference.few_clusters import choose_inference
    from impactkit.inference.randomisation import randomisation_inference

    treated, clusters = headline.n_treated_clusters, headline.n_clusters
    if treated is None or clusters is None or design.cluster != "partnership":
        return headline, []
    kind: Literal["att_gt", "other"] = "att_gt" if _corrects(estimator) else "other"
    choice = choose_inference(treated, clusters, estimator=kind, level=design.level)
    name = "choice of inference"
    if choice.method != "randomisation":
        return headline, [Diagnostic(name=name, value=choice.method, text=choice.reason)]
    if not design.randomisation:
        text = f"{choice.reason} The study asks for no assignments, so none were tried."
        return headline, [Diagnostic(name=name, value="none", text=text)]

    leading = kinds.get("kinds", ())

    def statistic(frame: Any) -> Estimate:
        again = attrs.evolve(panel, frame=frame)
        return lead_of(again, design, estimator, seed=seed, aggregations=leading, **options)

    try:
        test = randomisation_inference(
            panel.frame,
            statistic,
            unit="school_key",
            cohort="cohort",
            cluster="cluster",
            assignment="units",
            draws=design.randomisation,
            seed=seed,
        )
    except EstimationError as error:
        text = f"{choice.reason} It could not be done: {error}"
        return headline, [Diagnostic(name=name, value="none", text=text)]
    text = f"{choice.reason} Assignment: {test.assignment}."
    done = Diagnostic(name=name, value=choice.method, p_value=test.estimate.p_value, text=text)
    return attrs.evolve(headline, p_value=test.estimate.p_value), [done]


def chart_id(measure: str) -> str:
    """Return the id of the event-study chart of a measure."""
    return f"event_study_{measure}"


def chart_title(label: str) -> str:
    """Return the title of the event-study chart of a measure of that label."""
    return f"{label[:1].upper()}{label[1:]}, before and after joining"


def _partnerships(panel: Panel) -> int:
    treated = panel.frame.filter(panel.frame["cohort"].is_not_null())
    return int(treated["cluster"].n_unique())


def _corrects(estimator: Estimator) -> bool:
    """Tell whether an estimator can correct its intervals for few treated clusters (CR2)."""
    return "small_sample" in inspect.signature(load_code(estimator.fit)).parameters


def _finish(estimate: Estimate, n_partnerships: int, enough: int) -> Estimate:
    """Count partnerships, and warn where fewer than `enough` clusters are treated."""
    from impactkit.inference.few_clusters import warn_of_few

    treated = estimate.n_treated_clusters
    warnings = estimate.warnings + (warn_of_few(treated, enough) if estimate.status == "ok" else ())
    return attrs.evolve(
        estimate,
        n_partnerships=estimate.n_partnerships
        if estimate.n_partnerships is not None
        else (treated if treated is not None else n_partnerships),
        reason=of_schools(estimate.reason),
        warnings=[of_schools(text) for text in warnings],
    )


def of_schools(text: str) -> str:
    """Return what an estimator says of units and periods in the words of a study.

    An effect that core gives is told so already; this is for whoever reads the estimator's own
    result, as `MetricContext.fit` returns it.

    Examples
    --------
    >>> of_schools("34 of 224 units lack some of the 8 periods")
    '34 of 224 schools lack some of the 8 years'
    """
    for word, ours in (("unit", "school"), ("period", "year")):
        text = re.sub(rf"\b{word}(s?)\b", rf"{ours}\1", text)
        text = re.sub(rf"\b{word.capitalize()}(s?)\b", rf"{ours.capitalize()}\1", text)
    return text


def _diagnostics(result: Any, measure: str) -> Iterable[Diagnostic]:
    pretest = getattr(result, "pretest", None)
    if pretest is None:
        return
    found = pretest()
    if isinstance(found, Diagnostic):
        yield attrs.evolve(found, measure=measure, text=of_schools(found.text))
