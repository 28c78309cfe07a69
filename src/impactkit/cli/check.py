"""``impactkit check STUDY|FILE``: look before anything is estimated."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import click

from impactkit.cli.checkup import COLOURS, Line, page, total, wrapped

if TYPE_CHECKING:
    from impactkit.errors import Problem

WIDEST = 100
"""Columns beyond which lines are too long to read."""


@click.command(name="check")
@click.argument("target", type=click.Path(path_type=Path))
@click.option(
    "--data", type=click.Path(path_type=Path), help="Folder that the study's paths are in."
)
@click.option("--json", "as_json", is_flag=True, help="For a program to read.")
def command(target: Path, data: Path | None, as_json: bool) -> int:
    """Say what is wrong with a study, or what a file is and which reader takes it.

    TARGET is a study.toml, the folder that it is in, or a data file. A study is read, linked and
    examined; no effect is estimated. Exit code 2 on errors.
    """
    is_study = target.is_dir() or target.suffix == ".toml"
    found, lines = _check_study(target, data) if is_study else _check_file(target)
    if as_json:
        click.echo(json.dumps(found, indent=1, ensure_ascii=False, default=str))
    else:
        for line, colour in lines:
            click.secho(line, fg=colour)
    told = [*found["problems"], *found.get("findings", ())]
    return 2 if any(one["severity"] == "error" for one in told) else 0


def _plain(problems: Iterable[Problem]) -> list[dict[str, Any]]:
    return [{**attrs.asdict(problem), "text": str(problem)} for problem in problems]


def _problem_lines(problems: Iterable[Problem], width: int | None = None) -> Iterator[Line]:
    for problem in problems:
        for line, _ in wrapped(f"{problem.severity}: {problem}", "", "    ", width):
            yield line, COLOURS.get(problem.severity)


def _check_study(target: Path, data: Path | None) -> tuple[dict[str, Any], list[Line]]:
    from impactkit.cli.progress import Progress
    from impactkit.pipeline import inspect_study, plan, registry_for
    from impactkit.study import Study

    study, problems = Study.read(target)
    with Progress() as progress:
        registry = registry_for(study)
        planned = plan(study, registry=registry, data=data, problems=problems)
        seen = inspect_study(planned, progress=progress)
    every = (*planned.problems, *seen.problems)
    plugins = [info.to_plain() for info in registry.plugins]
    labels = {m.id: m.label for m in seen.measures.values()}
    width = _width()
    severities = [f.severity for f in seen.examination.findings] + [p.severity for p in every]
    lines = [
        *page(study.title, seen.examination, labels, width=width),
        *(
            line
            for p in plugins
            if p["reason"]
            for line in wrapped(f"plugin {p['name']}: {p['reason']}", "", "    ", width)
        ),
        *_problem_lines(every, width),
        *wrapped(total(severities), "", "", width),
    ]
    return {
        "study": study.title,
        "files": [attrs.asdict(file) for file in seen.sources],
        "counts": {panel.measure: dict(panel.counts) for panel in seen.panels},
        "metrics": {m.metric.id: list(m.missing) for m in planned.metrics},
        "facts": [attrs.asdict(fact) for fact in seen.examination.facts],
        "findings": [attrs.asdict(finding) for finding in seen.examination.findings],
        "problems": _plain(every),
        "plugins": plugins,
    }, lines


def _width() -> int | None:
    """Return how wide the page may be; None where no terminal shows it."""
    return min(shutil.get_terminal_size().columns, WIDEST) if sys.stdout.isatty() else None


def _check_file(path: Path) -> tuple[dict[str, Any], list[Line]]:
    from impactkit.pipeline import default_registry, inspect_file

    seen = inspect_file(path, default_registry())
    lines = [*((line, None) for line in seen.lines), *_problem_lines(seen.problems)]
    about = {"lines": list(seen.lines), **seen.about, "problems": _plain(seen.problems)}
    return about, lines
