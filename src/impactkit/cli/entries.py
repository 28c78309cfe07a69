"""What `impactkit show` knows of each thing: a flat dictionary, the most telling first."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import attrs

from impactkit.types import YEAR_END, Period

if TYPE_CHECKING:
    from impactkit.declarations import Metric, Reader, TableSpec
    from impactkit.plugins import PluginInfo, Registry
    from impactkit.types import Break, Gap, Measure

KINDS = ("metrics", "plugins", "readers", "tables", "measures")

BETTER = {
    "higher": "higher is better",
    "lower": "lower is better",
    "none": "no direction of its own",
}
SHAPES = {
    "outcome": "outcome: core applies the study's design to its values",
    "estimating": "estimating: it makes estimates of its own",
}


def entries(
    registry: Registry, kind: str, lacking: Mapping[str, tuple[str, ...]] | None
) -> Iterable[dict[str, Any]]:
    """Yield each thing of a kind: `id`, `title`, and everything about it.

    `lacking` says what each metric that a study runs needs and the study does not have; None
    without a study.
    """
    if kind == "plugins":
        yield from map(_plugin, registry.plugins)
        return
    describe = DESCRIBE[kind]
    for name, declared in sorted(getattr(registry, kind).items()):
        entry = {"id": name, **describe(declared)}
        if kind == "metrics" and lacking is not None:
            entry["can run on this study"] = _runs(name, lacking.get(name))
        owner = registry.owner(kind, name)
        yield entry | {"from": _owner(owner)}


def _runs(name: str, lacking: tuple[str, ...] | None) -> str:
    if lacking is None:
        return f'no: the study lists the metrics that it runs; to run it, add [metrics."{name}"]'
    return f"no: the study lacks {'; '.join(lacking)}" if lacking else "yes"


def _owner(info: PluginInfo) -> str:
    local = ", not reviewed by anyone but its author" if info.local else ""
    return f"plugin {info.label} ({info.source}{local})"


def _plugin(info: PluginInfo) -> dict[str, Any]:
    return {
        "id": info.name,
        "title": " ".join(part for part in (info.version[:12], info.status) if part),
        **info.to_plain(),
        "slow": info.slow,
    }


def _metric(metric: Metric) -> dict[str, Any]:
    card = metric.card
    needs, optional = metric.needs.tables, metric.needs.optional
    return {
        "title": metric.title,
        "question": metric.question,
        "definition": card.definition if card else "",
        "formula": card.formula if card else "",
        "source": card.source if card else "",
        "whose definition": "our own proposal, no official one" if card and card.ours else "",
        "tests the claim": card.founding if card else "",
        "unit": metric.unit,
        "direction": BETTER[metric.direction],
        "shape": SHAPES[metric.shape],
        "needs": {table: list(columns) for table, columns in needs.items()},
        "uses when there": {table: list(columns) for table, columns in optional.items()},
        "measures": list(metric.needs.measures),
        "parameters": _parameters(metric.params),
        "caveats": list(card.caveats) if card else [],
    }


def _reader(reader: Reader) -> dict[str, Any]:
    years = reader.years
    return {
        "title": reader.title,
        "fills": reader.table or "the table it stands under",
        "years": f"{years[0]} to {years[-1]}" if years else "any",
        "measures": list(reader.measures),
        "options": _parameters(reader.options),
        "source": reader.source,
        "notes": reader.notes,
        "has met a real file": "yes" if reader.met_real_file else "no",
    }


def _table(spec: TableSpec) -> dict[str, Any]:
    return {
        "title": spec.title,
        "description": spec.description,
        "supplied by": spec.supplied_by,
        "key": list(spec.key),
        "columns": [_column(column) for column in spec.columns],
    }


def _measure(measure: Measure) -> dict[str, Any]:
    hard, soft = ([_change(b) for b in measure.breaks if b.hard is kind] for kind in (True, False))
    return {
        "title": measure.label,
        "unit": measure.unit,
        "direction": BETTER[measure.direction],
        "values": _between(measure.low, measure.high),
        "phase": measure.phase,
        "years": _between(_label(measure.first_year), _label(measure.last_year)),
        "measured": measure.measured,
        "continues": measure.continues,
        "a joining school is exposed": _exposed(measure.exposed_by),
        "hard breaks": hard,
        "soft breaks": soft,
        "gap years": [_change(gap) for gap in measure.gaps],
        "national figures": [
            f"{_label(f.year)}, {f.phase}: {f.value:,g} ({f.source})" for f in measure.national
        ],
        "source": measure.source,
    }


def _label(year: int | None) -> str | None:
    return None if year is None else Period(year).label


def _between(low: Any, high: Any) -> str:
    first, last = (f"{x:,g}" if isinstance(x, float) else x for x in (low, high))
    if low is None and high is None:
        return "any"
    return (
        f"from {first}" if high is None else f"to {last}" if low is None else f"{first} to {last}"
    )


def _change(event: Break | Gap) -> str:
    """Say when and what, and who says so: what nobody has checked must not read as a fact."""
    known = event.source if event.checked else "not checked against a source"
    text = event.text.rstrip(".") or "no reason is known"
    return f"{_label(event.year)}: {text} ({known})"


def _exposed(exposed_by: str) -> str:
    if exposed_by == YEAR_END:
        return "in the school year in which it joins"
    day = dt.date.fromisoformat(f"2024-{exposed_by}")
    return f"in the school year in which it joins, if by {day.day} {day:%B}; else in the next"


def _parameters(cls: type | None) -> dict[str, str]:
    if cls is None:
        return {}
    described = {}
    for field in attrs.fields(cls):
        default = field.default
        make = getattr(default, "factory", None)
        default = make() if make is not None else default
        kind = getattr(field.type, "__name__", None) or str(field.type)
        value = "required" if default is attrs.NOTHING else f"default {default!r}"
        described[field.name] = f"{kind}, {value}" if field.type is not None else value
    return described


def _column(column: Any) -> str:
    parts = [column.dtype, column.unit, "" if column.required else "optional"]
    if column.values:
        parts.append("one of " + ", ".join(column.values))
    text = "; ".join(part for part in parts if part)
    return f"{column.name} ({text})" + (f": {column.description}" if column.description else "")


DESCRIBE: Mapping[str, Callable[[Any], dict[str, Any]]] = {
    "metrics": _metric,
    "readers": _reader,
    "tables": _table,
    "measures": _measure,
}
