"""``impactkit show metrics|plugins|readers|tables|measures [ID]``: what is there."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from impactkit.cli.entries import KINDS, entries
from impactkit.cli.page import fields, page

if TYPE_CHECKING:
    from impactkit.plugins import Registry


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
@click.option("--markdown", is_flag=True, help="A page for documentation: everything about all.")
def command(
    kind: str,
    name: str | None,
    study: Path | None,
    data: Path | None,
    as_json: bool,
    markdown: bool,
) -> None:
    """List what is there, or explain one of it: what it is, what it needs, whether it can run."""
    from impactkit.pipeline import default_registry, plan, registry_for
    from impactkit.study import Study

    lacking: dict[str, tuple[str, ...]] | None = None
    if study is not None:
        loaded, problems = Study.read(study)
        registry = registry_for(loaded)
        planned = plan(loaded, registry=registry, data=data, problems=problems)
        lacking = {m.metric.id: m.missing for m in planned.metrics}
        if planned.errors:
            told = f"The study has faults that come first: see `impactkit check {study}`."
            click.secho(told, fg="red", err=True)
    else:
        registry = default_registry()
    found = {entry["id"]: entry for entry in entries(registry, kind, lacking)}
    if name is not None and name not in found:
        _unknown(kind, name, found, registry)
    chosen = [found[name]] if name else list(found.values())
    if as_json:
        plain = chosen[0] if name else chosen
        click.echo(json.dumps(plain, indent=1, ensure_ascii=False, default=str))
    elif markdown:
        click.echo(page(kind, chosen), nl=False)
    elif name is not None:
        _explain(chosen[0])
    else:
        _list(chosen, kind)


def _unknown(kind: str, name: str, known: Iterable[str], registry: Registry) -> None:
    """Raise what to say of a name that is not there, with the plugins that might have it."""
    from impactkit.errors import Problem, UsageError, did_you_mean
    from impactkit.pipeline import not_in_use

    rule = f"there is nothing of that name among the {kind}"
    remedy = " ".join(part for part in (did_you_mean(name, known), not_in_use(registry)) if part)
    raise UsageError(Problem(code="show.unknown", value=name, rule=rule, remedy=remedy))


def _list(found: Iterable[dict[str, Any]], kind: str) -> None:
    found = list(found)
    width = max((len(e["id"]) for e in found), default=0)
    titles = max((len(e["title"]) for e in found), default=0) if kind == "plugins" else 0
    for entry in found:
        line = f"{entry['id'].ljust(width)}  {entry['title'].ljust(titles)}"
        if kind == "plugins":
            why = "; ".join(entry[key] for key in ("reason", "slow") if entry[key])
            line += f"  {entry['source']}" + (f": {why}" if why else "")
            click.secho(line, fg="red" if why else None)
        else:
            claim = entry.get("tests the claim")
            click.echo(line + (f"  (claim {claim})" if claim else ""))
        if "can run on this study" in entry:
            click.echo(f"{' ' * width}  runs here: {entry['can run on this study']}")


def _explain(entry: dict[str, Any]) -> None:
    click.secho(entry["id"], bold=True)
    for label, text, lines in fields(entry):
        click.echo(f"{label}: {text}".rstrip())
        for name, line in lines:
            click.echo(f"  {name}: {line}" if name else f"  {line}")
