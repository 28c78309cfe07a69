"""``impactkit demo [OUT]``: a made-up county, evaluated from its files to its report."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

if TYPE_CHECKING:
    from impactkit.plugins import Registry
    from impactkit.synthetic import County

FULL: Mapping[str, Any] = {
    "full": True,
    "n_schools": 400,
    "n_partnerships": 60,
    "pairs": 0.4,
    "ends": 0.3,
    "fade": 0.5,
}
"""A county with everything that a metric may ask for: pairs and chains, some of which end."""
MATHEMATICS, RIPPLE = 2.0, 0.5
"""In a full county: what a specialist adds to mathematics, in effects on attainment, and the share
of that which shows in English."""
SETTLED: Mapping[str, str] = {"pupils.ripple": 'others_are = "spillover"   # said beforehand\n'}
"""What a study has to settle before it looks, by metric; the county's is that English may gain."""


@click.command(name="demo")
@click.argument("out", type=click.Path(path_type=Path), default=Path("impactkit-demo"))
@click.option(
    "--seed", type=int, default=2010, show_default=True, help="Another seed: another county."
)
@click.option(
    "--effect",
    type=float,
    default=2.0,
    show_default=True,
    help="The effect planted on attainment, in points; 0 for none.",
)
@click.option(
    "--selection",
    type=click.Choice(["random", "worst"]),
    default="random",
    show_default=True,
    help="Who is helped. `worst`: schools after a bad year, which recover anyway.",
)
@click.option("--full", is_flag=True, help="Every table, and every metric made with impactkit.")
@click.option(
    "--strict", is_flag=True, help="Exit with 1 when a metric or plugin was skipped, too."
)
def command(
    out: Path,
    seed: int,
    effect: float,
    selection: Literal["random", "worst"],
    full: bool,
    strict: bool,
) -> int:
    """Make a fictional county in OUT, evaluate it, and write the report.

    No real school is in it. The effect of the partnerships is known, so that you can see what the
    report says of a difference that is there, or of one that is not. With `--selection worst
    --effect 0` you see how regression to the mean looks like an effect.
    """
    from impactkit.cli.evaluate import evaluate_to
    from impactkit.errors import Problem, UsageError
    from impactkit.pipeline import check_out, default_registry
    from impactkit.study import Study
    from impactkit.synthetic import county

    study = out / "study.toml"
    if out.is_file() or (out.is_dir() and any(out.iterdir())):
        rule = "the folder is not empty" if out.is_dir() else "it is a file, not a folder"
        remedy = "Give the name of a new folder: impactkit demo NAME."
        raise UsageError(Problem(code="out.taken", file=str(out), rule=rule, remedy=remedy))
    check_out(out / "evaluation")
    planted = {"attainment": effect}
    if full:
        taught = MATHEMATICS * effect
        planted |= {"mathematics": taught, "english": RIPPLE * taught}
    here = county(seed=seed, effect=planted, selection=selection, **(FULL if full else {}))
    here.write(out / "data")
    text = resources.files("impactkit.cli").joinpath("demo_study.toml").read_text("utf-8")
    text = text.replace("seed = 2010", f"seed = {seed}")
    text = _with_everything(text, here, default_registry()) if full else text
    study.write_text(text, encoding="utf-8")
    code = evaluate_to(Study.load(study), out / "evaluation", strict=strict)
    size = f"an effect of {effect:+g} points" if effect else "no effect"
    click.echo(f"Planted in this county: {size} on attainment.")
    if full and effect:
        click.echo(
            f"Where a partnership ends, {FULL['fade']:.0%} of it is left a year later. Teachers of "
            f"mathematics add {planted['mathematics']:+g} points there, and {RIPPLE:.0%} of that "
            "shows in English."
        )
    if full:
        click.echo(
            "Other gains were planted too, whatever the effect on results: in what leaders and "
            "pupils say, in lessons observed, in staff who stay, in partners matched to needs."
        )
    if selection == "worst":
        click.echo("Schools were helped after a bad year, so part of any rise is their recovery.")
    return code


def _with_everything(text: str, here: County, registry: Registry) -> str:
    """Return the study with the county's other tables, and all metrics made with impactkit."""
    import tomllib

    said = tomllib.loads(text)
    owners = {name: registry.owner("metrics", name) for name in registry.metrics}
    ours = [name for name, owner in sorted(owners.items()) if owner.first_party]
    tables = [f'{n} = {{ path = "data/{n}.csv" }}' for n in _others(here.tables, said["tables"])]
    metrics = [
        f'[metrics."{name}"]\n{SETTLED.get(name, "")}' for name in _others(ours, said["metrics"])
    ]
    allowed = sorted({owners[name].name for name in ours})
    head, design, rest = text.partition("[design]\n")
    plugins = f"[plugins]\nallow = {allowed}\n".replace("'", '"')
    more = "\n".join(["# What so far only a made-up county has ever filled:", *tables])
    return "\n".join([head.rstrip("\n"), more, "", design + rest, *metrics, plugins])


def _others(names: Iterable[str], said: Iterable[str]) -> list[str]:
    return [name for name in names if name not in set(said)]
