"""``impactkit new study FOLDER``: a folder to start from."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import click


@click.group(name="new")
def command() -> None:
    """Start something new."""


@command.command(name="study")
@click.argument("folder", type=click.Path(path_type=Path))
def study(folder: Path) -> None:
    """Make FOLDER with a commented study.toml to fill in."""
    from impactkit.errors import Problem, UsageError

    target = folder / "study.toml"
    if target.exists():
        rule, remedy = "there is a study here already", "Give another folder."
        raise UsageError(Problem(code="new.taken", file=str(target), rule=rule, remedy=remedy))
    text = resources.files("impactkit.cli").joinpath("study_template.toml").read_text("utf-8")
    (folder / "data").mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")
    click.echo(
        f"Made {target}. Put your files into {folder / 'data'}, read through the study file,"
    )
    click.echo(f"then: impactkit check {folder}, and: impactkit evaluate {folder}")
