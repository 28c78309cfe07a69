"""``impactkit demo [OUT]``: a made-up county, evaluated from its files to its report."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Literal

import click


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
def command(out: Path, seed: int, effect: float, selection: Literal["random", "worst"]) -> int:
    """Make a fictional county in OUT, evaluate it, and write the report.

    No real school is in it. The effect of the partnerships is known, so that you can see what the
    report says of a difference that is there, or of one that is not. With `--selection worst
    --effect 0` you see how regression to the mean looks like an effect.
    """
    from impactkit.cli.evaluate import evaluate_to
    from impactkit.errors import Problem, UsageError
    from impactkit.pipeline import check_out
    from impactkit.study import Study
    from impactkit.synthetic import county

    study = out / "study.toml"
    if out.is_file() or (out.is_dir() and any(out.iterdir())):
        rule = "the folder is not empty" if out.is_dir() else "it is a file, not a folder"
        remedy = "Give the name of a new folder: impactkit demo NAME."
        raise UsageError(Problem(code="out.taken", file=str(out), rule=rule, remedy=remedy))
    check_out(out / "evaluation")
    county(seed=seed, effect=effect, selection=selection).write(out / "data")
    text = resources.files("impactkit.cli").joinpath("demo_study.toml").read_text("utf-8")
    study.write_text(text.replace("seed = 2010", f"seed = {seed}"), encoding="utf-8")
    code = evaluate_to(Study.load(study), out / "evaluation")
    planted = f"an effect of {effect:+g} points on attainment" if effect else "no effect at all"
    click.echo(f"Planted in this county: {planted}.")
    if selection == "worst":
        click.echo("Schools were helped after a bad year, so part of any rise is their recovery.")
    return code
