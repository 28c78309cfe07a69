"""``impactkit new study|metric|templates``: something to start from."""

from __future__ import annotations

import keyword
import re
import unicodedata
from importlib import resources
from pathlib import Path

import click

TEMPLATES = ("support-schools", "clusters", "chains", "federations", "peer-review")
"""As in `study_templates`, which is not imported for a page of help."""


@click.group(name="new")
def command() -> None:
    """Start something new."""


@command.command(name="study")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--template",
    type=click.Choice([*TEMPLATES]),
    help="A study of this kind, with made-up data of its true shape.",
)
@click.option(
    "--from",
    "earlier",
    type=click.Path(path_type=Path),
    metavar="OUT",
    help="Next round of the study evaluated in OUT: its plan, registers and release come along.",
)
@click.option(
    "--study",
    "origin",
    type=click.Path(path_type=Path),
    help="With --from: where that study is.  [default: the folder that OUT is in]",
)
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    help="With --from: folder that the study's paths are in.  [default: the study's]",
)
def study(
    folder: Path,
    template: str | None,
    earlier: Path | None,
    origin: Path | None,
    data: Path | None,
) -> None:
    """Make FOLDER with a study.toml: one to fill in, one that runs, or the next round of one."""
    target = folder / "study.toml"
    if target.exists():
        raise _usage("new.taken", str(target), "there is a study here already", "another folder")
    if template is not None and earlier is not None:
        raise _usage("new.both", template, "--template and --from do not go together", "one")
    if earlier is not None:
        _next_round(folder, earlier, origin, data)
        return
    if template is not None:
        from impactkit.cli.study_templates import write_template

        write_template(template, folder)
        click.echo(f"Made {target}, with made-up data that has a planted effect of two points.")
        click.echo(f"Run: impactkit plan {folder} --diagnose, and: impactkit evaluate {folder}")
        return
    text = resources.files("impactkit.cli").joinpath("study_template.toml").read_text("utf-8")
    (folder / "data").mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")
    click.echo(
        f"Made {target}. Put your files into {folder / 'data'}, read through the study file,"
    )
    click.echo(f"then: impactkit check {folder}, and: impactkit evaluate {folder}")


def _next_round(folder: Path, earlier: Path, origin: Path | None, data: Path | None) -> None:
    from impactkit.pipeline.next_round import next_round

    made = next_round(folder, earlier, study=origin, data=data)
    click.echo(f"Made {folder / 'study.toml'} from {earlier}: {made.files} files came along.")
    for line in made.notes:
        click.echo(line)
    click.echo(f"Then: impactkit check {folder}, and: impactkit evaluate {folder}")


@command.command(name="templates")
@click.argument("folder", type=click.Path(path_type=Path))
@click.argument("tables", nargs=-1, metavar="[TABLE]...")
def templates(folder: Path, tables: tuple[str, ...]) -> None:
    """Write a workbook to fill in for every TABLE that only an authority can supply; or for some.

    Each has a sheet to fill in, with lists to choose from and checks, and one that explains the
    columns. Filled in, a study reads it as it is: needs = { path = "data/needs.xlsx" }.
    """
    from impactkit.pipeline.workbooks import write_workbooks

    for path in write_workbooks(folder, tables):
        click.echo(str(path))
    click.echo("Codes in place of names: no workbook has a column for anybody's name.")


@command.command(name="metric")
@click.argument("metric", metavar="LA.NAME")
@click.option("--package", is_flag=True, help="A distribution with tests, to share and install.")
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(),
    help="The study's folder, or where the distribution is to be.  [default: this one]",
)
def metric(metric: str, package: bool, folder: Path) -> None:
    """Write a metric that works, with tests that pass, for you to change.

    LA.NAME is its id: who makes it, a dot, and what it is, as in kent.late_arrivals. It becomes
    one file in local_metrics, beside the study; with --package, a distribution of its own.
    """
    la, name = _parts(metric)
    target = folder / (f"impactkit-{la}" if package else f"local_metrics/{la}_{name}.py")
    if target.exists():
        raise _usage("new.taken", str(target), "it is there already", "another name or --folder")
    test = "python -m pytest" if package else f"python -m pytest local_metrics/{target.name}"
    files = _package(la, name, test) if package else {"": _local(la, name, test)}
    _write(target, files)
    click.echo(f"Made {target}. It works as it stands, on overall absence.")
    click.echo(f"Change the places marked HERE, then run: python -m pytest {target}")
    if not package and not any(folder.glob("*.toml")):
        click.echo(f"No study is in {folder.resolve()} yet: local_metrics belongs beside one.")
    elif not package:
        click.echo(f"Then: impactkit evaluate {folder} --allow-local")
        click.echo(
            f'If the study lists the metrics that it runs, add the line [metrics."{metric}"].'
        )


def _parts(given: str) -> tuple[str, str]:
    """Return the two halves of an id.

    Raises
    ------
    UsageError
        When it cannot be one, or is taken by impactkit itself.
    """
    from impactkit.pipeline.core import FIRST_PARTY

    if not re.fullmatch(r"[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*", given):
        rule = "an id is LA.NAME: small letters, digits and _, with one dot between"
        halves = [_plain(half) for half in given.split(".", 1)]
        better = ".".join(halves if len(halves) == 2 else ["kent", *halves])
        raise _usage("new.name", given, rule, f"a name such as {better}")
    la, _, name = given.partition(".")
    if la in FIRST_PARTY:
        rule = f"{la!r} is the name of a plugin made with impactkit"
        raise _usage("new.name", given, rule, f"your own name, as in kent.{name}")
    if keyword.iskeyword(name) or name in ("context", "pl", "rows"):
        rule = f"{name!r} has another meaning in the file"
        raise _usage("new.name", given, rule, f"a longer name, as in {la}.{name}_rate")
    return la, name


def _plain(text: str) -> str:
    """Return the nearest that half of an id can be.

    Examples
    --------
    >>> _plain("Évaluation 2024"), _plain("2024")
    ('evaluation_2024', 'm2024')
    """
    ascii_only = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    name = re.sub(r"\W+", "_", ascii_only).strip("_")
    return name if name[:1].isalpha() else f"m{name}"


def _usage(code: str, value: str, rule: str, give: str) -> Exception:
    from impactkit.errors import Problem, UsageError

    return UsageError(Problem(code=code, value=value, rule=rule, remedy=f"Give {give}."))


def _filled(template: str, la: str, name: str, test: str) -> str:
    """Return a template with its $words put in."""
    from string import Template

    from impactkit import __version__

    file = resources.files("impactkit.cli").joinpath("templates", f"{template}.txt")
    return Template(file.read_text("utf-8")).substitute(
        id=f"{la}.{name}",
        la=la,
        name=name,
        words=name.replace("_", " ").strip().capitalize(),
        test=test,
        series=__version__.rpartition(".")[0],
    )


def _local(la: str, name: str, test: str) -> str:
    """Return the one file of a local metric, which holds its tests too."""
    filled = [_filled(template, la, name, test) for template in ("metric.py", "metric_test.py")]
    return "\n\n".join(filled)


def _package(la: str, name: str, test: str) -> dict[str, str]:
    """Return the files of a distribution by their paths in it."""
    head = (
        f'"""The tests of {la}.{name}."""\n\nfrom __future__ import annotations\n\n'
        f"import polars as pl\n\nfrom impactkit_{la}.{name} import {name}\n\n\n"
    )
    return {
        "pyproject.toml": _filled("pyproject.toml", la, name, test),
        "README.md": _filled("readme.md", la, name, test),
        f"src/impactkit_{la}/__init__.py": f'"""Metrics of {la}."""\n',
        f"src/impactkit_{la}/{name}.py": _filled("metric.py", la, name, test),
        f"tests/test_{name}.py": head + _filled("metric_test.py", la, name, test),
    }


def _write(target: Path, files: dict[str, str]) -> None:
    """Write a file, or a folder of files, all at once."""
    partial = target.with_name(f".{target.name}.partial")
    for path, text in files.items():
        file = partial / path if path else partial
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    partial.replace(target)
