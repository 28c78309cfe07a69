"""``impactkit report OUT``: render a finished evaluation again, without its data."""

from __future__ import annotations

from pathlib import Path

import click


@click.command(name="report")
@click.argument("out", type=click.Path(path_type=Path))
@click.option(
    "--format",
    "kind",
    type=click.Choice(["html", "xlsx"]),
    default="html",
    show_default=True,
    help="What to write.",
)
@click.option(
    "--to", type=click.Path(path_type=Path), help="File to write. [default: in OUT/release]"
)
def command(out: Path, kind: str, to: Path | None) -> None:
    """Render the report of OUT again, for instance after an upgrade."""
    from impactkit.errors import Problem, UsageError
    from impactkit.report import render_html, render_workbook
    from impactkit.results import Evaluation

    evaluation = Evaluation.load(out)
    folder = out if out.is_dir() else out.parent
    folder = folder / "release" if (folder / "release").is_dir() else folder
    name = {"html": "report.html", "xlsx": "workbook.xlsx"}[kind]
    path = to or folder / name
    content = (
        render_html(evaluation).encode("utf-8") if kind == "html" else render_workbook(evaluation)
    )
    partial = path.with_name(f".{path.name}.partial")
    try:
        partial.write_bytes(content)
        partial.replace(path)
    except OSError as error:
        rule, remedy = f"it cannot be written ({error.strerror})", "Give another file with --to."
        problem = Problem(code="report.unwritable", file=str(path), rule=rule, remedy=remedy)
        raise UsageError(problem) from error
    finally:
        partial.unlink(missing_ok=True)
    click.echo(str(path))
