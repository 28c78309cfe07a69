"""``impactkit check STUDY|FILE``: look before anything is estimated."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import click

if TYPE_CHECKING:
    from impactkit.results import Exclusion


@click.command(name="check")
@click.argument("target", type=click.Path(path_type=Path))
@click.option(
    "--data", type=click.Path(path_type=Path), help="Folder that the study's paths are in."
)
@click.option("--json", "as_json", is_flag=True, help="For a program to read.")
def command(target: Path, data: Path | None, as_json: bool) -> int:
    """Say what is wrong with a study, or what a file is and which reader takes it.

    TARGET is a study.toml, the folder that it is in, or a data file. Exit code 2 on errors.
    """
    if target.is_dir() or target.suffix == ".toml":
        found = _check_study(target, data)
    else:
        found = _check_file(target)
    if as_json:
        click.echo(json.dumps(found, indent=1, ensure_ascii=False, default=str))
    else:
        for line in found["lines"]:
            click.echo(line)
        for problem in found["problems"]:
            colour = "red" if problem["severity"] == "error" else None
            click.secho(f"{problem['severity']}: {problem['text']}", fg=colour)
    return 2 if any(p["severity"] == "error" for p in found["problems"]) else 0


def _plain(problems: Any) -> list[dict[str, Any]]:
    return [{**attrs.asdict(problem), "text": str(problem)} for problem in problems]


def _check_study(target: Path, data: Path | None) -> dict[str, Any]:
    from impactkit.cli.progress import Progress
    from impactkit.pipeline import inspect_study, plan, registry_for
    from impactkit.study import Study

    study, problems = Study.read(target)
    with Progress() as progress:
        registry = registry_for(study)
        planned = plan(study, registry=registry, data=data, problems=problems)
        seen = inspect_study(planned, progress=progress)
    lines = [study.title]
    for file in seen.sources:
        year = f", {file.year - 1}/{file.year % 100:02d}" if file.year else ""
        lines.append(f"  {file.path}{year}: {file.n_rows:,} rows, read by {file.reader}")
        lines += [f"    {n:,} set aside: {why}" for why, n in file.set_aside.items()]
    for panel in seen.panels:
        counts = panel.counts
        lines.append(
            f"  {panel.measure}: {counts.get('schools', 0):,} schools, "
            f"{counts.get('treated_in_window', 0):,} of them joined between {panel.years[0]} and "
            f"{panel.years[-1]}; {counts.get('two_before_two_after', 0):,} have two years before "
            "and two after"
        )
        lines += [f"    {_counted(exclusion)}" for exclusion in panel.exclusions]
    for metric in planned.metrics:
        why = (
            f"cannot run: the study lacks {'; '.join(metric.missing)}"
            if metric.missing
            else "can run"
        )
        lines.append(f"  {metric.metric.id} {why}")
    plugins = [info.to_plain() for info in registry.plugins]
    lines += [f"  plugin {p['name']}: {p['reason']}" for p in plugins if p["reason"]]
    return {
        "study": study.title,
        "lines": lines,
        "files": [attrs.asdict(file) for file in seen.sources],
        "counts": {panel.measure: dict(panel.counts) for panel in seen.panels},
        "metrics": {m.metric.id: list(m.missing) for m in planned.metrics},
        "problems": _plain((*planned.problems, *seen.problems)),
    }


def _counted(exclusion: Exclusion) -> str:
    """Say how much was left out, and why."""
    counts = ((exclusion.n_schools, "school"), (exclusion.n_rows, "row"))
    told = [f"{n:,} {what}{'' if n == 1 else 's'}" for n, what in counts if n is not None]
    return ": ".join(part for part in (", ".join(told), exclusion.text) if part)


def _check_file(path: Path) -> dict[str, Any]:
    from impactkit.pipeline import default_registry, inspect_file

    seen = inspect_file(path, default_registry())
    return {"lines": list(seen.lines), **seen.about, "problems": _plain(seen.problems)}
