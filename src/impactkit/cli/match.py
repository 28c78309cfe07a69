"""``impactkit match STUDY``: partners for needs and strengths."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import click

if TYPE_CHECKING:
    from impactkit.pipeline.partners import Matched
    from impactkit.planning import Partner


@click.command(name="match")
@click.argument("study", type=click.Path(path_type=Path))
@click.option(
    "--data", type=click.Path(path_type=Path), help="Folder that the study's paths are in."
)
@click.option("--min-km", type=float, help="Partners at least so far apart.")
@click.option("--max-km", type=float, help="Partners at most so far apart.")
@click.option("--min-unlike", type=float, help="Partners at least so different (0 to 1).")
@click.option("--max-unlike", type=float, help="Partners at most so different (0 to 1).")
@click.option(
    "--min-match",
    type=float,
    default=0.0,
    show_default=True,
    help="Least share of the need that is met.",
)
@click.option(
    "--capacity",
    multiple=True,
    metavar="N|SCHOOL=N",
    help="Clients that a supporter can take; for one school after its number.  [default: 1]",
)
@click.option("--json", "as_json", is_flag=True, help="For a program to read.")
def command(
    study: Path,
    data: Path | None,
    min_km: float | None,
    max_km: float | None,
    min_unlike: float | None,
    max_unlike: float | None,
    min_match: float,
    capacity: tuple[str, ...],
    as_json: bool,
) -> None:
    """Say who should help whom in STUDY, with the reason for each pair and the alternatives.

    Needs are met by strengths as far as they can be, for as many schools as can be, within the
    limits. It is a proposal on paper: whether two schools can work together, people decide.
    """
    from impactkit.cli.progress import Progress
    from impactkit.pipeline.partners import match_partners
    from impactkit.planning import Limits

    limits = Limits(
        min_km=min_km,
        max_km=max_km,
        min_unlike=min_unlike,
        max_unlike=max_unlike,
        min_match=min_match,
    )
    with Progress() as progress:
        found = match_partners(
            study, data=data, capacity=_capacities(capacity), limits=limits, progress=progress
        )
    if as_json:
        click.echo(json.dumps(attrs.asdict(found), indent=1, ensure_ascii=False))
        return
    for line in _told(found):
        click.echo(line)


def _capacities(given: tuple[str, ...]) -> int | dict[str, int]:
    """Return one number, or numbers by school.

    Raises
    ------
    UsageError
        With every one that is neither.
    """
    from impactkit.errors import Problem, UsageError

    parts = [text.rpartition("=") for text in given]
    problems = [
        Problem(
            code="match.capacity",
            value="".join(part),
            rule="it is no number of clients",
            remedy="Write --capacity 2 for all, or --capacity 123456=2 for one school.",
        )
        for part in parts
        if not part[2].isdigit()
    ]
    every = [part for part in parts if not part[1]]
    if len(every) > 1 or (every and len(parts) > 1):
        problems.append(
            Problem(
                code="match.capacity",
                value=", ".join(given),
                rule="one number for all, or numbers by school; not both",
                remedy="Name schools only: those not named can take one.",
            )
        )
    if problems:
        raise UsageError(problems)
    if every:
        return int(every[0][2])
    return {school.strip(): int(n) for school, _, n in parts} or 1


def _told(found: Matched) -> Iterator[str]:
    match, names = found.assignment, found.names

    def name(school: str) -> str:
        return f"{names[school]} ({school})" if names.get(school) else school

    def fit(pair: Partner) -> str:
        facts = [f"{pair.match:.0%} of the need is met"]
        facts += [f"{pair.km:.1f} km"] if pair.km is not None else []
        facts += [f"dissimilarity {pair.unlike:.2f}"] if pair.unlike is not None else []
        return ", ".join(facts)

    yield (
        f"{match.n_clients} clients and {match.n_supporters} supporters, told apart by "
        f"{found.told_by}."
    )
    mean = "" if match.mean_match is None else f"; on average {match.mean_match:.0%} of need is met"
    yield f"{len(match.pairs)} clients have a supporter{mean}."
    for pair in match.pairs:
        yield ""
        yield f"{name(pair.client)}: {name(pair.supporter)}"
        yield f"  {fit(pair)}"
        yield f"  {pair.reason}"
        for other in match.alternatives[pair.client]:
            yield f"  or {name(other.supporter)}: {fit(other)}; {other.reason}"
    if match.unmatched:
        yield ""
        yield f"{len(match.unmatched)} clients have none:"
        for client, why in match.unmatched.items():
            yield f"  {name(client)}: {why}"
    if match.lost:
        yield ""
        told = "; ".join(f"{why} ({n:,})" for why, n in match.lost.items())
        yield f"Pairs that could not be: {told}."
