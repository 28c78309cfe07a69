"""How a metric is written: the two decorators, and the context that a metric is given.

An *outcome metric* returns one tidy frame and gets the study's design for nothing::

    from impactkit import Card, outcome_metric

    @outcome_metric(
        id="kent.late_arrivals",
        title="Late arrivals",
        unit="percent",
        direction="lower",
        needs={"outcomes": ["school_key", "year", "measure", "value"]},
        card=Card(definition="Sessions that began late, as a share of all sessions."),
    )
    def late_arrivals(context):
        rows = context.table("outcomes").filter(pl.col("measure") == "late_sessions")
        return rows.select("school_key", "year", "value")

An *estimating metric* returns estimates, tables, charts, notes and diagnostics of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal

import attrs

from impactkit.declarations import Card, Metric, Needs
from impactkit.errors import EstimationError
from impactkit.results import Estimate, Exclusion
from impactkit.types import EFFECT_UNITS, YEAR_END, Break

if TYPE_CHECKING:
    import numpy as np
    import polars as pl

__all__ = ["MetricContext", "Panel", "estimating_metric", "outcome_metric"]


@attrs.frozen(kw_only=True, eq=False)
class Panel:
    """Schools by years for one outcome, ready for an estimator.

    `frame` has `school_key` (text), `year` (integer), `value` (in `unit`), `cohort` (first exposed
    year, null for never treated), `cluster` (text: the partnership, or the school itself) and, when
    it was asked for, `weight`. One row a school and year; rows without a value are not in it.
    `counts` holds what ``evaluation.json`` shows under ``exclusions``, `exclusions` the reasons.
    `scale` says what standardised values are, `exposed_by` is the last day of joining that counts
    for the same academic year, and `breaks` are the years between which the measure changed.
    `beside` has the same columns: of schools set aside since they share a partnership with treated
    ones, the years before they did. They are no comparison group, but what was chosen by results
    must not be missing from what forecasts are learnt from (see `impactkit.evidence.recovery`).
    """

    frame: pl.DataFrame
    measure: str
    unit: str = ""
    years: tuple[int, ...] = ()
    counts: Mapping[str, int] = attrs.field(factory=dict)
    exclusions: tuple[Exclusion, ...] = ()
    warnings: tuple[str, ...] = ()
    scale: str = ""
    exposed_by: str = YEAR_END
    breaks: tuple[Break, ...] = ()
    beside: pl.DataFrame | None = None

    @property
    def effect_unit(self) -> str:
        """The unit of a change of the values: percentage points where they are in per cent.

        Examples
        --------
        >>> Panel(frame=None, measure="absence", unit="percent").effect_unit
        'percentage points'
        """
        return EFFECT_UNITS.get(self.unit, self.unit)


def _absent(*_: Any, **__: Any) -> Any:
    raise RuntimeError(
        "this context was made by hand, without a study behind it; "
        "use `study.context(...)`, or pass the callable when making the MetricContext"
    )


@attrs.frozen(kw_only=True, eq=False)
class MetricContext:
    """What a metric may see and call. It sees the columns that it declared, and nothing else.

    Attributes
    ----------
    tables
        Validated polars frames by name, with the declared columns only.
    params
        The metric's own `params`, an attrs object, filled from the study file.
    design
        The study's `Design`.
    seed
        Of the study, mixed with the metric's id: the same study gives the same draws.
    """

    metric: str = ""
    tables: Mapping[str, pl.DataFrame] = attrs.field(factory=dict)
    params: Any = None
    design: Any = None
    seed: int = 0
    years: tuple[int, ...] = ()
    measures: Mapping[str, Any] = attrs.field(factory=dict)
    build_panel: Callable[..., Panel] = attrs.field(default=_absent, repr=False)
    run_estimator: Callable[..., Any] = attrs.field(default=_absent, repr=False)
    run_effect: Callable[..., Any] = attrs.field(default=_absent, repr=False)
    run_standardise: Callable[..., Any] = attrs.field(default=_absent, repr=False)

    def table(self, name: str) -> pl.DataFrame:
        """Return a declared table.

        Raises
        ------
        KeyError
            When the metric did not declare it in `needs`.
        """
        try:
            return self.tables[name]
        except KeyError:
            declared = ", ".join(sorted(self.tables)) or "none"
            raise KeyError(
                f"metric {self.metric} did not declare table {name!r} in its needs "
                f"(declared: {declared})"
            ) from None

    def label(self, measure: str) -> str:
        """Return a measure's name as readers know it; without one its id in words.

        Examples
        --------
        >>> MetricContext().label("reading_score")
        'Reading score'
        """
        known = self.measures.get(measure)
        words = measure.replace("_", " ")
        return (known.label if known is not None else "") or words[:1].upper() + words[1:]

    def rng(self) -> np.random.Generator:
        """Return a random generator seeded by the study and the metric."""
        import numpy as np

        return np.random.default_rng(self.seed)

    def panel(self, data: str | pl.DataFrame, **options: Any) -> Panel:
        """Return the study's school-by-year panel of a measure, or of a tidy frame.

        A frame has `school_key`, `year`, `value` and optionally `weight`. Lineage, exposure,
        clusters and exclusions follow the study's design; `options` override it by name.
        """
        return self.build_panel(data, **options)

    def standardise(self, frame: pl.DataFrame, how: str) -> pl.DataFrame:
        """Place the values of a tidy frame among the schools of their year, and `phase` if given.

        `how` is ``z``, ``logit_z`` (shares, with `denominator`) or ``rank``. Rows that cannot be
        placed have no value, and say so in `why_not`. The study's own outcomes come standardised
        from `panel` when its design asks for that; a metric's own frames never do.
        """
        placed: pl.DataFrame = self.run_standardise(frame, how)
        return placed

    def effect(self, data: str | pl.DataFrame | Panel, **options: Any) -> tuple[Any, ...]:
        """Apply the study's design: estimates, event-study chart, diagnostics and notes, to yield.

        Raises
        ------
        EstimationError
            When nothing can be estimated from this data; the message has counts and remedy.
        """
        return tuple(self.run_effect(data, **options))

    def estimate(self, data: str | pl.DataFrame | Panel, **options: Any) -> tuple[Estimate, ...]:
        """Return the estimates of `effect` only."""
        return tuple(part for part in self.effect(data, **options) if isinstance(part, Estimate))

    def each_outcome(self, found: Callable[[str], Iterable[Any]]) -> Iterator[Any]:
        """Yield what `found` gives of each outcome of the study, to be yielded by a metric.

        An outcome that cannot be estimated is told as such, and leaves the others be.

        Examples
        --------
        >>> def of(measure):
        ...     raise EstimationError("no school joined")
        >>> from types import SimpleNamespace
        >>> context = MetricContext(metric="a.b", design=SimpleNamespace(outcome=("reading",)))
        >>> [(e.measure, e.status, e.reason) for e in context.each_outcome(of)]
        [('reading', 'not_estimable', 'no school joined')]
        """
        for measure in self.design.outcome:
            try:
                yield from tuple(found(measure))
            except EstimationError as error:
                yield Estimate(
                    metric=self.metric, measure=measure, status="not_estimable", reason=str(error)
                )

    def fit(self, data: str | pl.DataFrame | Panel, **options: Any) -> Any:
        """Return the estimator's own result, with everything it can do.

        It speaks of units and periods; `impactkit.of_schools` says it of schools and years.
        """
        return self.run_estimator(data, **options)


def _needs(needs: Needs | Mapping[str, Iterable[str]] | None) -> Needs:
    if isinstance(needs, Needs):
        return needs
    return Needs(tables=needs or {})


def _declare(shape: Literal["outcome", "estimating"], declared: dict[str, Any]) -> Any:
    def decorate(compute: Callable[..., Any]) -> Metric:
        card = declared.pop("card", None) or Card(
            definition=(compute.__doc__ or "").strip().partition("\n\n")[0]
        )
        needs = _needs(declared.pop("needs", None))
        return Metric(shape=shape, compute=compute, card=card, needs=needs, **declared)

    return decorate


def outcome_metric(
    *,
    id: str,  # noqa: A002 - the name users write
    title: str,
    needs: Needs | Mapping[str, Iterable[str]],
    unit: str = "",
    direction: str = "none",
    question: str = "",
    params: type | None = None,
    card: Card | None = None,
    version: str = "1",
) -> Callable[[Callable[[MetricContext], Any]], Metric]:
    """Turn a function that returns `school_key`, `year`, `value` into a `Metric`.

    Core applies the study's design to the frame: cohorts, clusters, estimator, bands, exclusions.

    Examples
    --------
    >>> @outcome_metric(id="kent.size", title="Pupils on roll", needs={"outcomes": ["value"]})
    ... def size(context):
    ...     "Pupils on roll, by school and year."
    ...     return context.table("outcomes")
    >>> size.id, size.shape, size.card.definition
    ('kent.size', 'outcome', 'Pupils on roll, by school and year.')
    """
    return _declare("outcome", dict(locals()))  # type: ignore[no-any-return]


def estimating_metric(
    *,
    id: str,  # noqa: A002 - the name users write
    title: str,
    needs: Needs | Mapping[str, Iterable[str]] | None = None,
    unit: str = "",
    direction: str = "none",
    question: str = "",
    params: type | None = None,
    card: Card | None = None,
    version: str = "1",
) -> Callable[[Callable[[MetricContext], Any]], Metric]:
    """Turn a function that yields estimates, tables, charts and notes into a `Metric`."""
    return _declare("estimating", dict(locals()))  # type: ignore[no-any-return]
