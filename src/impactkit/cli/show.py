"""``impactkit show metrics|plugins|readers|tables|measures [ID]``: what is there."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import click

if TYPE_CHECKING:
    from impactkit.plugins import Registry

KINDS = ("metrics", "plugins", "readers", "tables", "measures")


@click.command(name="show")
@click.argument("kind", type=click.Choice(KINDS))
@click.argument("name", required=False, metavar="[ID]")
@click.option(
    "--study", type=click.Path(path_type=Path), help="Say what can run on this study, too."
)
@click.option(
    "--data", type=click.Path(path_type=Path), help="Folder that the study's paths are in."
)
@click.option("--json", "as_json", is_flag=True, help="For a program to read.")
def command(
    kind: str, name: str | None, study: Path | None, data: Path | None, as_json: bool
) -> None:
    """List what is there, or explain one of it."""
    from impactkit.errors import Problem, UsageError, did_you_mean
    from impactkit.pipeline import default_registry, plan, registry_for
    from impactkit.study import Study

    lacking: dict[str, tuple[str, ...]] = {}
    if study is not None:
        loaded = Study.load(study)
        registry = registry_for(loaded)
        planned = plan(loaded, registry=registry, data=data)
        lacking = {m.metric.id: m.missing for m in planned.metrics}
    else:
        registry = default_registry()
    entries = {entry["id"]: entry for entry in _entries(registry, kind, lacking)}
    if name is not None and name not in entries:
        rule = f"there is nothing of that name among the {kind}"
        problem = Problem(
            code="show.unknown", value=name, rule=rule, remedy=did_you_mean(name, entries)
        )
        raise UsageError(problem)
    if as_json:
        chosen = entries[name] if name else list(entries.values())
        click.echo(json.dumps(chosen, indent=1, ensure_ascii=False, default=str))
    elif name is not None:
        _explain(entries[name])
    else:
        _list(entries.values(), kind)


def _entries(
    registry: Registry, kind: str, lacking: dict[str, tuple[str, ...]]
) -> Iterable[dict[str, Any]]:
    """Yield each thing as a flat dictionary: `id`, `title`, and everything about it."""
    if kind == "plugins":
        for info in registry.plugins:
            title = " ".join(part for part in (info.version[:12], info.status) if part)
            yield {"id": info.name, "title": title, **info.to_plain(), "slow": info.slow}
        return
    for name, declared in sorted(getattr(registry, kind).items()):
        owner = registry.owner(kind, name)
        entry: dict[str, Any] = {"id": name, "title": getattr(declared, "title", "")}
        if kind == "metrics":
            card = declared.card
            entry |= {
                "question": declared.question,
                "unit": declared.unit,
                "better": declared.direction,
                "shape": declared.shape,
                "needs": {t: list(c) for t, c in declared.needs.tables.items()},
                "parameters": _parameters(declared.params),
                **(attrs.asdict(card) if card else {}),
            }
            if name in lacking:
                why = f"no: the study lacks {'; '.join(lacking[name])}"
                entry["can run on this study"] = why if lacking[name] else "yes"
        elif kind == "readers":
            years = declared.years
            entry |= {
                "fills": declared.table or "the table it stands under",
                "years": f"{years[0]} to {years[-1]}" if years else "any",
                "measures": list(declared.measures),
                "options": _parameters(declared.options),
                "source": declared.source,
                "notes": declared.notes,
                "has met a real file": "yes" if declared.met_real_file else "no",
            }
        elif kind == "tables":
            entry |= {
                "description": declared.description,
                "supplied by": declared.supplied_by,
                "key": list(declared.key),
                "columns": [_column(column) for column in declared.columns],
            }
        else:
            entry |= attrs.asdict(declared) | {"title": declared.label}
        yield entry | {"from": f"{owner.name} {owner.version}".strip()}


def _parameters(cls: type | None) -> dict[str, str]:
    if cls is None:
        return {}
    described = {}
    for field in attrs.fields(cls):
        default = field.default
        make = getattr(default, "factory", None)
        default = make() if make is not None else default
        described[field.name] = "required" if default is attrs.NOTHING else f"default {default!r}"
    return described


def _column(column: Any) -> str:
    parts = [column.dtype, column.unit, "" if column.required else "optional"]
    if column.values:
        parts.append("one of " + ", ".join(column.values))
    text = "; ".join(part for part in parts if part)
    return f"{column.name} ({text})" + (f": {column.description}" if column.description else "")


def _list(entries: Iterable[dict[str, Any]], kind: str) -> None:
    entries = list(entries)
    width = max((len(e["id"]) for e in entries), default=0)
    for entry in entries:
        line = f"{entry['id'].ljust(width)}  {entry['title']}"
        why = "; ".join(entry[key] for key in ("reason", "slow") if entry.get(key))
        if kind == "plugins" and why:
            click.secho(f"{line}: {why}", fg="red")
        else:
            click.echo(line)
        if "can run on this study" in entry:
            click.echo(f"{' ' * width}  runs here: {entry['can run on this study']}")


def _explain(entry: dict[str, Any]) -> None:
    click.secho(entry["id"], bold=True)
    for key, value in entry.items():
        if key == "id" or value in ("", None, [], {}, ()):
            continue
        label = key.replace("_", " ").capitalize()
        if isinstance(value, dict):
            click.echo(f"{label}:")
            for name, item in value.items():
                shown = ", ".join(item) if isinstance(item, list) else item
                click.echo(f"  {name}: {shown}")
        elif isinstance(value, list | tuple):
            click.echo(f"{label}:")
            for item in value:
                click.echo(f"  {item}")
        else:
            click.echo(f"{label}: {value}")
