"""``impactkit claim TEXT --study STUDY``: hold a claim about improvement to the data."""

from __future__ import annotations

import json
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import click

if TYPE_CHECKING:
    from impactkit.evidence.checking import Check, Figure
    from impactkit.evidence.claims import Claim
    from impactkit.evidence.recovery import Part

WIDTH = 88
SIMULATED = {"cohort": "cohort", "sd": "between_sd", "shock": "shock_sd", "trend": "trend"}
SIMULATED |= {"worst": "share", "years": "years", "mean": "mean"}
WHOLE = ("cohort", "years")


@click.command(name="claim")
@click.argument("text", required=False, default="")
@click.option("--study", type=click.Path(path_type=Path), help="Study to hold the claim to.")
@click.option(
    "--data", type=click.Path(path_type=Path), help="Folder that the study's paths are in."
)
@click.option("--measure", default="", help="Measure it is about. [default: the first outcome]")
@click.option("--ratio", default="", metavar="LOW[:HIGH]", help="The multiple claimed, as numbers.")
@click.option("--difference", type=float, help="The difference claimed, in the measure's unit.")
@click.option(
    "--simulate",
    default="",
    metavar="KEY=NUMBER,...",
    help="No study: what the worst would seem to gain with no effect at all. "
    "Keys: cohort, sd, shock, trend, worst, years, mean.",
)
@click.option("--json", "as_json", is_flag=True, help="For a program to read.")
def command(
    text: str,
    study: Path | None,
    data: Path | None,
    measure: str,
    ratio: str,
    difference: float | None,
    simulate: str,
    as_json: bool,
) -> int:
    """Hold a claim such as "improved three to four times faster" to the data of a study.

    The change of schools that joined, the change elsewhere, and what such schools gain anyway
    always stand together. What TEXT may say: docs/howto/claims.md.
    """
    from impactkit.errors import Problem, UsageError
    from impactkit.evidence.claims import given_claim

    claim = None
    if text or ratio or difference is not None:
        claim = given_claim(text, ratio=ratio, difference=difference)
    if simulate:
        _say(_simulated(simulate, claim), as_json)
        return 0
    if claim is None or study is None:
        lacking = "--study" if claim is not None else "a claim"
        raise UsageError(
            Problem(
                code="claim.usage",
                rule=f"{lacking} is missing",
                remedy='Write impactkit claim "improved three to four times faster" --study STUDY.',
            )
        )
    from impactkit.cli.progress import Progress
    from impactkit.pipeline.claiming import check_claim

    with Progress() as progress:
        found = check_claim(claim, study, measure=measure, data=data, progress=progress)
    if as_json:
        _say(attrs.asdict(found), as_json)
    else:
        click.echo("\n".join(_page(found)))
    return 0


def _say(found: dict[str, Any], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(found, indent=1, ensure_ascii=False, default=str))
        return
    for name, value in found.items():
        shown = f"{value:.1f}" if isinstance(value, float) else value
        click.echo(f"{name}: {shown}" if value is not None else f"{name}: too near nothing")


def _simulated(given: str, claim: Claim | None) -> dict[str, Any]:
    """Return what schools chosen for poor results seem to gain when nothing is done for them."""
    from impactkit.synthetic.regression import regression_to_the_mean

    found = regression_to_the_mean(**_settings(given))
    told: dict[str, Any] = {
        "Change of all schools, percentage points": found.everyone,
        "Change of the chosen, with no effect at all": found.chosen,
        "Ratio with no effect at all": found.ratio,
    }
    if claim is not None and claim.kind == "ratio" and found.ratio is not None:
        reached = claim.low is None or found.ratio >= claim.low
        told[f"“{claim.words}” can come of choosing poor results alone"] = (
            "yes, such a ratio needs no effect" if reached else "no, not under these settings"
        )
    return told


def _settings(given: str) -> dict[str, Any]:
    from impactkit.errors import Problem, UsageError, did_you_mean

    problems, settings = [], {}
    for part in filter(None, (p.strip() for p in given.split(","))):
        name, _, value = (piece.strip() for piece in part.partition("="))
        try:
            if name not in SIMULATED:
                raise KeyError(name)
            settings[SIMULATED[name]] = int(value) if name in WHOLE else float(value)
        except (KeyError, ValueError):
            known = name in SIMULATED
            problems.append(
                Problem(
                    code="claim.simulate",
                    column="--simulate",
                    value=part,
                    rule=f"{name} wants a {'whole ' if name in WHOLE else ''}number"
                    if known
                    else "there is no such setting",
                    remedy="" if known else did_you_mean(name, SIMULATED),
                )
            )
    needed = [
        k for k in ("cohort", "sd", "shock", "trend", "worst") if SIMULATED[k] not in settings
    ]
    if needed and not problems:
        rule = f"it lacks {', '.join(needed)}"
        remedy = "Write --simulate cohort=30,sd=11,shock=4,trend=2,worst=0.2."
        problems.append(
            Problem(code="claim.simulate", column="--simulate", rule=rule, remedy=remedy)
        )
    if problems:
        raise UsageError(problems)
    return settings


def _page(found: Check) -> Iterator[str]:
    """Yield the lines that a person reads: figures, then words to quote, then notes."""
    rates, parts = found.rates, found.recovery
    beyond = "" if found.claim.kind == "ratio" else " beyond"
    yield f"Claim: {found.claim.text or found.claim.words}"
    yield f"Read as: a change {found.claim.words}{beyond} the change elsewhere"
    yield f"Held to: {found.label}, in {found.unit or 'its own unit'}"
    yield "Change from the year before joining to the mean of the first three years in it"
    yield ""
    yield f"{'':<46}{'value':>8}   95% interval"
    yield _line("Schools that joined (raw)", rates.joined)
    yield _line("Schools elsewhere, the same years (trend)", rates.elsewhere)
    yield _line("Difference (trend-adjusted)", rates.difference)
    if rates.ratio is not None:
        yield _line("Ratio: joined over elsewhere", rates.ratio)
    if found.ratio_by_reliability is not None:
        name = "  with no effect, from one year’s reliability"
        yield f"{name:<46}{found.ratio_by_reliability:>8.2f}"
    if parts is not None:
        yield f"Of the {parts.n_schools} schools with three years of results before:"
        yield _line("  raw change", parts.raw)
        yield _line("  trend", parts.trend)
        yield _line("  recovery that would have come anyway", parts.recovery)
        yield _line("  what is left (recovery-adjusted)", parts.excess)
        if parts.ratio_anyway is not None:
            name = "  ratio that such schools reach with no effect"
            yield f"{name:<46}{parts.ratio_anyway:>8.2f}"
    yield ""
    counts = f"{rates.n_schools} schools in {rates.n_clusters} partnerships joined"
    yield f"{counts}; {rates.n_comparison} schools to compare with."
    yield from (f"Left out: {e.n_schools} schools, {e.text}." for e in rates.exclusions)
    yield ""
    yield from _wrapped(f"To quote: {found.sentence}")
    for note in found.notes:
        yield from _wrapped(f"Note: {note}")


def _line(name: str, figure: Figure | Part) -> str:
    return f"{name:<46}{figure.value:>8.2f}   {figure.ci_low:.2f} to {figure.ci_high:.2f}"


def _wrapped(text: str) -> list[str]:
    if not sys.stdout.isatty():
        return [text]
    return textwrap.wrap(text, WIDTH, subsequent_indent="  ")
