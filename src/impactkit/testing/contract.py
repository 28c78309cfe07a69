"""`assert_metric_contract`: a metric meets what it will meet, and every fault is told at once."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import attrs

from impactkit.declarations import ColumnSpec, Metric, TableSpec
from impactkit.errors import EstimationError, MetricError, did_you_mean
from impactkit.metrics import MetricContext
from impactkit.pipeline.returned import computed
from impactkit.plugins.tablespecs import extended
from impactkit.results import MetricResult
from impactkit.study import Design
from impactkit.testing import budget, invented, known
from impactkit.testing.alike import same

if TYPE_CHECKING:
    import polars as pl

RANGES = {"percent": (0.0, 100.0), "share": (0.0, 1.0), "count": (0.0, math.inf)}
"""What a value of an outcome metric may be, by its unit."""

Tables = Mapping[str, "pl.DataFrame"]


@attrs.frozen(kw_only=True)
class Scene:
    """One thing that a metric will meet: what it is called, and how its tables are invented."""

    name: str
    schools: int = 4
    unicode: bool = False
    blank: bool = False


SCENES = (
    Scene(name="no school", schools=0),
    Scene(name="one school", schools=1),
    Scene(name="few schools, some values suppressed"),
    Scene(name="names and keys beyond English", unicode=True),
    Scene(name="every cell blank that may be", blank=True),
)


def assert_metric_contract(
    metric: Metric,
    *,
    params: Mapping[str, Any] | None = None,
    specs: Iterable[TableSpec] = (),
    seeds: Sequence[int] = (1, 2, 3),
    known_effect: bool = True,
    import_budget: bool = True,
    effect_of: str = "",
) -> tuple[str, ...]:
    """Run a metric on what it will meet, and raise with everything that is wrong with it.

    It meets no school, one and a few; suppressed values; columns that are all blank; names beyond
    English; the same rows in another order; and more columns than it asked for. It must give the
    same for the same seed, change nothing that it was given, and keep to its unit and to the
    schools and years of its tables. Its module must be quick to import. An outcome metric that
    reads `outcomes` is then estimated on the synthetic authority: an effect that was planted is
    found, and none is found where none was planted.

    For an estimating metric `effect`, `fit` and `panel` say on invented tables that there is
    nothing to estimate; then it is evaluated on the synthetic authority, where they work. What it
    should find there, only its author knows: `effect_of` names the measure whose effect it is.

    Parameters
    ----------
    metric
        What the decorator returned.
    params
        Parameters, as a study file would give them.
    specs
        Your own tables, if the metric needs any.
    seeds
        Of the invented tables; each scene is run with each.
    known_effect, import_budget
        Whether to run these two slower parts (a few seconds).

    effect_of
        For an estimating metric: its headline is the effect on this measure, ``attainment``,
        ``overall_absence`` or ``pupil_teacher_ratio``, and what was planted is to be found.

    Returns
    -------
    tuple of str
        What could not be tried, each with the reason; empty when all of it was.

    Raises
    ------
    AssertionError
        With every fault, a line each. It begins with the fault's name in brackets.

    Examples
    --------
    >>> from impactkit import outcome_metric
    >>> @outcome_metric(
    ...     id="kent.size", title="Size", unit="count", needs={"outcomes": ["school_key", "year"]}
    ... )
    ... def size(context):
    ...     "Pupils on roll."
    ...     return context.table("outcomes").select("school_key", "year", value=-1)
    >>> assert_metric_contract(size, known_effect=False)
    Traceback (most recent call last):
        ...
    AssertionError: kent.size does not keep the contract of a metric:
      [keys] ... school-years that appear more than once; keep a row for each...
    """
    __tracebackhide__ = True  # pytest shows the faults, not the code that found them
    faults = metric_faults(
        metric,
        params=params,
        specs=specs,
        seeds=seeds,
        known_effect=known_effect,
        import_budget=import_budget,
        effect_of=effect_of,
    )
    if faults:
        lines = "".join(f"\n  {fault}" for fault in faults)
        raise AssertionError(f"{metric.id} does not keep the contract of a metric:{lines}")
    return tuple(known.untried(metric, effect_of)) if known_effect else ()


def metric_faults(
    metric: Metric,
    *,
    params: Mapping[str, Any] | None = None,
    specs: Iterable[TableSpec] = (),
    seeds: Sequence[int] = (1, 2, 3),
    known_effect: bool = True,
    import_budget: bool = True,
    effect_of: str = "",
) -> list[str]:
    """Return what `assert_metric_contract` would complain of, each as ``[name] words``."""
    from impactkit.tables import core_tables

    tables = {spec.name: _keyed(spec) for spec in core_tables()}
    for spec in specs:
        base = tables.get(spec.extends)
        tables[base.name if base else spec.name] = extended(base, spec) if base else _keyed(spec)
    faults = list(_declared(metric, tables))
    if faults:  # what cannot be given to the metric cannot be tried
        return faults
    met: list[tuple[str, str]] = []
    for scene in SCENES:
        for seed in seeds:
            given = _tables(metric, tables, scene, seed)
            met += ((scene.name, fault) for fault in _met(metric, scene, given, seed, params))
    faults += _folded(met)
    if import_budget:
        faults += budget.faults(metric)
    # A metric that fails on a handful of rows would fail there too, with a worse message.
    if known_effect and not faults:
        faults += known.faults(metric, params, effect_of)
    return faults


def _keyed(spec: TableSpec) -> TableSpec:
    """Return a table as metrics get it: where there is a URN, core adds the school's key."""
    names = {column.name for column in spec.columns}
    if "urn" not in names or "school_key" in names:
        return spec
    return attrs.evolve(spec, columns=(ColumnSpec(name="school_key"), *spec.columns))


def _folded(met: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Yield each fault once, with the scenes in which it showed: with others' numbers it is one."""
    scenes: dict[str, dict[str, None]] = {}
    words: dict[str, str] = {}
    for scene, fault in met:
        fault = fault.replace(f"with {scene}", "with …", 1)
        kind = re.sub(r"-?\d[\d.e+-]*", "#", fault)
        words.setdefault(kind, fault)
        scenes.setdefault(kind, {})[scene] = None
    for kind, names in scenes.items():
        fault = words[kind]
        where = "every table" if len(names) == len(SCENES) else "; with ".join(names)
        yield fault.replace("with …", f"with {where}", 1)


def _declared(metric: Metric, tables: Mapping[str, TableSpec]) -> Iterator[str]:
    """Yield what is wrong with the declaration itself."""
    if metric.card is None or not metric.card.definition.strip():
        yield "[card] it has no definition; write Card(definition=...), or a docstring"
    if metric.shape == "outcome" and not metric.unit:
        yield "[unit] it has no unit, and an effect without one says nothing; write unit='percent'"
    if metric.unit not in RANGES and (known := _near_unit(metric.unit)):
        yield (
            f"[unit] {metric.unit!r} is taken for a unit of your own; did you mean {known!r}? "
            "Then the effect is in the right words, and values are held to its range"
        )
    if not metric.needs.tables:
        yield "[needs] it needs no table, so it would be given nothing; write needs={...}"
    for table, columns in (*metric.needs.tables.items(), *metric.needs.optional.items()):
        if table not in tables:
            hint = did_you_mean(table, tables)
            yield f"[needs] there is no table {table!r}. {hint} Pass specs=[...] if it is yours."
            continue
        known_columns = [c.name for c in tables[table].columns]
        for column in columns:
            if column not in known_columns:
                hint = did_you_mean(column, known_columns)
                yield f"[needs] the table {table} has no column {column!r}. {hint}"


def _near_unit(unit: str) -> str:
    """Return the unit that core knows and that was probably meant; empty when there is none."""
    plain = {"%": "percent"}.get(unit, unit.casefold().replace(" ", ""))
    return next(iter(difflib.get_close_matches(plain, RANGES, n=1, cutoff=0.8)), "")


def _tables(
    metric: Metric, specs: Mapping[str, TableSpec], scene: Scene, seed: int
) -> dict[str, pl.DataFrame]:
    """Return the tables that the metric declared, with the declared columns only."""
    import polars as pl

    found: dict[str, pl.DataFrame] = {}
    for source in (metric.needs.tables, metric.needs.optional):
        for name, columns in source.items():
            spec = specs[name]
            rows = invented.rows(
                spec,
                seed=seed,
                schools=scene.schools,
                unicode=scene.unicode,
                measures=metric.needs.measures or invented.MEASURES,
            )
            whole = invented.frame(spec, rows)
            if scene.blank:
                blank = [c.name for c in spec.columns if c.nullable and c.name not in KEYS]
                whole = whole.with_columns(pl.lit(None, whole[c].dtype).alias(c) for c in blank)
            have = found[name].columns if name in found else []
            found[name] = whole.select(list(dict.fromkeys([*have, *columns])))
    return found


KEYS = ("school_key", "urn")
"""What a metric always has: the pipeline gives every school its key."""


def _nothing(*_: Any, **__: Any) -> Any:
    raise EstimationError("there is nothing to estimate from a handful of invented rows")


def _context(metric: Metric, tables: Tables, params: Mapping[str, Any] | None) -> MetricContext:
    return MetricContext(
        metric=metric.id,
        tables=tables,
        params=metric.params(**(params or {})) if metric.params is not None else None,
        design=Design(outcome=metric.needs.measures or invented.MEASURES),
        seed=20100101,
        years=invented.YEARS,
        build_panel=_nothing,
        run_estimator=_nothing,
        run_effect=_nothing,
    )


def _met(
    metric: Metric, scene: Scene, tables: Tables, seed: int, params: Mapping[str, Any] | None
) -> Iterator[str]:
    """Yield what is wrong with what the metric does in one scene."""

    def run(given: Tables) -> Any:
        return computed(metric, _context(metric, given, params))

    before = {name: table.clone() for name, table in tables.items()}
    try:
        found = run(tables)
    except EstimationError:
        return
    except MetricError as error:
        yield f"[{_kind(str(error))}] with {scene.name}: {error}"
        return
    except Exception as error:
        words = str(error).strip().partition("\n")[0]
        yield f"[raises] with {scene.name} it raised {type(error).__name__}: {words}"
        return
    for name, table in tables.items():
        if not table.equals(before[name]):
            yield f"[mutation] it changed the table {name}; make a new frame with with_columns()"
    if not same(found, run(before), exact=True):
        yield "[determinism] it gave something else when run again; draw from context.rng()"
    else:  # what differs by itself would differ there, too
        yield from _trials(run, before, found, seed)
    if isinstance(found, MetricResult):
        yield from _estimates(metric, scene, found)
    else:
        yield from _values(metric, scene, before, found)
        if not _only_values(metric):  # of which less is forgiven, when every cell is blank
            yield from _nothing_summed(run, before, found)


def _trials(run: Callable[[Tables], Any], tables: Tables, found: Any, seed: int) -> Iterator[str]:
    """Yield whether the order of rows, or columns it did not ask for, make a difference."""
    import polars as pl

    shuffled = {n: t.sample(fraction=1.0, shuffle=True, seed=seed) for n, t in tables.items()}
    wider = {n: t.with_columns(kent_extra=pl.lit("x")) for n, t in tables.items()}
    trials = (
        (
            "order",
            shuffled,
            "the rows came in another order; sort before first(), last() or head()",
        ),
        ("columns", wider, "the table had one column more; select the columns by name"),
    )
    for name, given, words in trials:
        try:
            alike = same(found, run(given), exact=False)
        except Exception as error:
            yield f"[{name}] it raised {type(error).__name__} when {words}"
            continue
        if not alike:
            yield f"[{name}] it gave something else when {words}"


def _values(metric: Metric, scene: Scene, tables: Tables, found: pl.DataFrame) -> Iterator[str]:
    """Yield what is wrong with the numbers and keys of an outcome metric's frame."""
    import polars as pl

    low, high = RANGES.get(metric.unit, (-math.inf, math.inf))
    outside = found.filter(~pl.col("value").is_between(low, high))["value"].drop_nulls()
    if len(outside):
        yield (
            f"[range] its unit is {metric.unit}, and it gave {outside[0]:g}; "
            f"values lie between {low:g} and {high:g}; for a change, or what may be more, write a "
            "unit of your own"
        )
    for column, words in (("school_key", "schools"), ("year", "academic years")):
        given = [t[column] for t in tables.values() if column in t.columns]
        strangers = set(found[column]) - {value for series in given for value in series}
        if given and strangers:
            yield (
                f"[strangers] it gave {words} that are not in its tables "
                f"(with {scene.name}: {sorted(strangers)[0]!r})"
            )
    if scene.blank and _only_values(metric) and found["value"].drop_nulls().len():
        yield (
            "[blank] it made a number where every value was suppressed or missing; "
            "leave null as it is, or drop the row"
        )


def _estimates(metric: Metric, scene: Scene, found: MetricResult) -> Iterator[str]:
    """Yield what a reader of an estimating metric's numbers would miss, or be misled by."""
    ok = [e for e in found.estimates if e.status == "ok"]
    for estimate in ok:
        if not estimate.unit:
            yield "[unit] an estimate has no unit; write unit=... in it, or for the whole metric"
        if estimate.ci_low is None and not estimate.reason:
            yield "[interval] an estimate has no interval, and no reason why; write reason=..."
    if scene.blank and ok and _only_values(metric):
        yield (
            "[blank] it made a number where every value was suppressed or missing; "
            "give status='not_estimable' and a reason"
        )


def _only_values(metric: Metric) -> bool:
    return set(metric.needs.tables) == {"outcomes"} and not metric.needs.optional


def _nothing_summed(
    run: Callable[[Tables], Any], tables: Tables, found: pl.DataFrame
) -> Iterator[str]:
    """Yield when nothing but noughts is made of columns without a number: so polars sums them."""
    import polars as pl

    blank = {
        name: table.with_columns(
            pl.lit(None, dtype).alias(column)
            for column, dtype in table.schema.items()
            if table[column].null_count() and dtype.is_numeric() and column not in KEYS
        )
        for name, table in tables.items()
    }
    if all(blank[name].equals(table) for name, table in tables.items()):
        return
    try:
        made = run(blank)["value"].drop_nulls()
    except Exception:  # told in the scene in which every cell is blank
        return
    if len(made) and not (made != 0).any() and (found["value"] != 0).any():
        yield (
            "[blank] it made nought of numbers that are all missing, as polars' sum() does; "
            "leave them out, or give null"
        )


def _kind(words: str) -> str:
    """Name the fault that the pipeline found in what the metric returned."""
    if "more than once" in words or "no school_key" in words:
        return "keys"
    return "nan" if "no number" in words or "nan" in words or "inf" in words else "returned"
