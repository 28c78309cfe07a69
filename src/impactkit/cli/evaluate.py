"""``impactkit evaluate STUDY -o OUT``: the main job."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import click

if TYPE_CHECKING:
    from impactkit.errors import Problem
    from impactkit.pipeline import Plan
    from impactkit.results import Evaluation
    from impactkit.study import Study

FEW_SKIPPED = 5
"""Up to so many metrics that nobody asked for are told one by one when they could not run."""


@click.command(name="evaluate")
@click.argument("study", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    help="Folder for the results. [default: `evaluation` beside the study file]",
)
@click.option(
    "--data", type=click.Path(path_type=Path), help="Folder that the study's paths are in."
)
@click.option("--dry-run", is_flag=True, help="Say what would be done, from headers alone.")
@click.option(
    "--strict", is_flag=True, help="Exit with 1 when a metric or plugin was skipped, too."
)
@click.option(
    "--allow-local", is_flag=True, help="Run the study's local_metrics/*.py: read them first."
)
@click.option("--no-plugin", "deny", multiple=True, metavar="NAME", help="Leave a plugin out.")
def command(
    study: Path,
    out: Path | None,
    data: Path | None,
    dry_run: bool,
    strict: bool,
    allow_local: bool,
    deny: tuple[str, ...],
) -> int:
    """Evaluate STUDY (a study.toml, or the folder it is in) and write the report."""
    from impactkit.study import Study

    loaded, problems = Study.read(study)
    if deny:
        loaded = attrs.evolve(loaded, plugins_deny=(*loaded.plugins_deny, *deny))
    out = out or (loaded.folder or Path()) / "evaluation"
    return evaluate_to(
        loaded,
        out,
        data=data,
        dry_run=dry_run,
        strict=strict,
        allow_local=allow_local,
        problems=problems,
    )


def evaluate_to(
    study: Study,
    out: Path,
    *,
    data: Path | None = None,
    dry_run: bool = False,
    strict: bool = False,
    allow_local: bool = False,
    problems: Iterable[Problem] = (),
) -> int:
    """Evaluate a study into `out`, say what was found, and return the exit code."""
    from impactkit.cli.progress import Progress
    from impactkit.errors import InputError
    from impactkit.pipeline import check_out, plan, registry_for, run, write

    check_out(out)
    with Progress() as progress:
        progress("Finding plugins", 0, 1)
        registry = registry_for(study, allow_local=allow_local)
        planned = plan(study, registry=registry, data=data, problems=problems)
        if dry_run and planned.errors:
            raise InputError(planned.errors)
        if not dry_run:
            finished = run(planned, progress=progress)
            progress("Writing the report", 0, 1)
            written = write(finished, out)
    _say_warnings(planned)
    if dry_run:
        _say_plan(planned)
        return 0
    asked = {metric.metric.id for metric in planned.metrics if metric.asked}
    return _say_found(finished.evaluation, written, out, strict=strict, asked=asked)


def _say_plan(planned: Plan) -> None:
    click.echo(f"{planned.study.title}: what would be done")
    for file in planned.files:
        click.echo(f"  read   {file.shown} into {file.table}, with {file.reader.id}")
    for metric in planned.metrics:
        why = f": skipped, the study lacks {'; '.join(metric.missing)}" if metric.missing else ""
        click.echo(f"  metric {metric.metric.id}{why}")
    click.echo("Nothing was estimated or written.")


def _say_warnings(planned: Plan) -> None:
    """Say what the study file itself leaves to be desired, though it can be run."""
    for problem in planned.problems:
        if problem.severity != "error":
            click.secho(str(problem), err=True)


def _say_found(
    evaluation: Evaluation, written: Path, out: Path, *, strict: bool, asked: Collection[str]
) -> int:
    from impactkit.pipeline.core import FIRST_PARTY
    from impactkit.pipeline.planning import PLAN_TABLE
    from impactkit.report import summary_sentences

    for sentence in summary_sentences(evaluation):
        click.echo(sentence)
    for table in evaluation.tables:
        if table.id == PLAN_TABLE:
            click.echo(table.note)
    failed = [r for r in evaluation.results if r.status == "failed"]
    skipped = [r for r in evaluation.results if r.status == "skipped"]
    broken = [p for p in evaluation.plugins if p["reason"] and p["status"] != "denied"]
    for result in failed:
        by = f"{result.plugin} {result.plugin_version}".strip()
        click.secho(f"{result.metric} failed: {result.reason} (plugin {by})", fg="red", err=True)
    for plugin in broken:
        click.secho(f"Plugin {plugin['name']}: {plugin['reason']}", fg="red", err=True)
    # A study that names no metrics gets all that its files allow; nobody waits for the others.
    told = [r for r in skipped if r.metric in asked or r.plugin not in FIRST_PARTY]
    told = skipped if len(skipped) - len(told) <= FEW_SKIPPED else told
    for result in told:
        click.echo(f"Not run for want of data: {result.metric}; {result.reason}.")
    if len(skipped) > len(told):
        click.echo(
            f"Not run for want of data: {len(skipped) - len(told)} metrics that the study does "
            "not name; the report says what each lacks."
        )
    for result in evaluation.results:
        if result.estimates and all(e.status == "not_estimable" for e in result.estimates):
            click.echo(f"Not estimated: {result.metric}; {result.estimates[0].reason}")
    click.echo(f"Report: {out / 'release' / 'report.html'}")
    click.echo(f"Only {out / 'release'} is for sharing; {out / 'private'} is not.")
    return int(bool(failed) or (strict and bool(skipped or broken)))
