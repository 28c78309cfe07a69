"""``impactkit plan STUDY``: lock what is to be done before outcomes are read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import click

if TYPE_CHECKING:
    from impactkit.pipeline import Plan
    from impactkit.planning import Diagnosis, LockedPlan

POWER = 0.8


@click.command(name="plan")
@click.argument("study", type=click.Path(path_type=Path))
@click.option(
    "--data", type=click.Path(path_type=Path), help="Folder that the study's paths are in."
)
@click.option(
    "--diagnose",
    "look",
    is_flag=True,
    help="Lock nothing; simulate this design and say what it could detect.",
)
@click.option("--replace", is_flag=True, help="Lock in place of a plan that is there already.")
@click.option("--json", "as_json", is_flag=True, help="For a program to read.")
def command(study: Path, data: Path | None, look: bool, replace: bool, as_json: bool) -> None:
    """Lock the analysis plan of STUDY in plan.json beside it, from headers alone.

    Everything that the study says is in it: outcomes (the first is primary), comparison, years,
    exclusions, metrics with their parameters, disclosure rules. `evaluate` then says what was done
    as planned, what was changed and what was added. Outcome files need not be there yet.
    """
    from impactkit.pipeline import lock, plan, registry_for
    from impactkit.study import Study

    loaded, problems = Study.read(study)
    registry = registry_for(loaded)
    planned = plan(loaded, registry=registry, data=data, problems=problems)
    if look:
        _diagnose(planned, as_json=as_json)
        return
    locked = lock(planned, replace=replace)
    if as_json:
        click.echo(json.dumps(attrs.asdict(locked), indent=1, ensure_ascii=False))
        return
    for line in _told(locked):
        click.echo(line)


def _told(locked: LockedPlan) -> Iterator[str]:
    content: dict[str, Any] = dict(locked.content)
    design = content["design"]
    years = design["years"]
    yield f"Locked: {content['title']}"
    rows = {
        "primary outcome": content["primary_outcome"] or "none",
        "other outcomes": ", ".join(design["outcome"][1:]),
        "estimand": content["estimand"],
        "treated": design["treated"] or "every member",
        "comparison": design["comparison"],
        "estimator": design["estimator"],
        "years": f"{years[0]} to {years[1]}" if years else "those in the data",
        "left out": ", ".join(design["exclude"]) or "nothing by [design] exclude",
        "disclosure": content["disclosure"],
        "metrics": ", ".join(content["metrics"]),
        "time": f"{locked.created} (this computer's clock: no proof to others)",
        "SHA-256": locked.sha256,
    }
    for name, text in rows.items():
        if text:
            yield f"  {name:<16}{text}"
    if locked.read_before is not None:
        yield (
            f"Outcomes had been read before, first at {locked.read_before.at}. Evaluations will "
            "say so, and call every result exploratory."
        )
    elif locked.outcomes_there:
        yield "Outcome files are there; by this study's record none was read for an estimate yet."
    else:
        yield "Outcome files are not there yet."
    yield "Keep plan.json. To prove the time, lodge the SHA-256 with somebody outside now."


def _diagnose(planned: Plan, *, as_json: bool) -> None:
    from impactkit.cli.progress import Progress
    from impactkit.pipeline import diagnose_study

    with Progress() as progress:
        found = diagnose_study(planned, progress=progress)
    if as_json:
        frame = found.to_frame()
        plain = {"log": found.log, "effect": found.effect, "estimators": frame.to_dicts()}
        click.echo(json.dumps(plain, indent=1, ensure_ascii=False))
        return
    outcome = planned.study.design.outcome[0]
    click.echo(f"{planned.study.title}: what this design could detect of {outcome}")
    click.echo(str(found))
    for line in _meaning(found, planned.study.design.estimator):
        click.echo(line)
    click.echo("Nothing was locked. To lock the plan, leave --diagnose out.")


def _meaning(found: Diagnosis, estimator: str) -> Iterator[str]:
    """Say in words what the row of `evaluate`'s own intervals means (CR2, see the table)."""
    own = next((p for p in found.performances if p.estimator.endswith(":cr2")), None)
    if own is None or own.coverage is None or own.detectable is None or estimator != "att_gt":
        yield f"How {estimator} does, with intervals as `evaluate` makes them, cannot be told."
        return
    yield (
        f"With {own.estimator}, as `evaluate` has it, an effect of {own.detectable:.3g} "
        f"{found.unit} would be found {POWER:.0%} of the time; smaller ones less often."
    )
    yield (
        f"Its {found.level:.0%} intervals held the truth in {own.coverage:.0%} of "
        f"{found.simulations:,} simulations."
    )
