"""Whether the same file, or the same year of the same schools, was given twice.

Two files that differ may still tell the same: a year's provisional and final results, the whole of
England and one of its counties, last year's file under this year's name. Each school would count
twice.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import combinations

import polars as pl

from impactkit.errors import Problem
from impactkit.results import SourceFile

KEY = ("urn", "school_key", "year", "measure", "subgroup")
"""What one figure is about."""


def given_twice(
    sources: Sequence[SourceFile],
    frames: Mapping[str, Sequence[pl.DataFrame]],
    events: Collection[str] = (),
) -> list[Problem]:
    """Return a problem for each file that repeats another.

    `frames` are validated, by table, each with the file that its rows are from in `source`. Files
    repeat each other if their bytes are the same, or if most figures of the one are in the other.
    Files of `events` (see `Reader.events`) may tell of the same ones: what two of them say alike
    counts once in a panel, and where they differ neither counts.
    """
    problems = []
    first: dict[tuple[str, str], str] = {}
    for file in sources:
        content = (file.table, file.sha256)
        if content in first:
            problems.append(_same_content(file.path, first[content]))
        first.setdefault(content, file.path)
    told = {problem.file for problem in problems}
    parts = [
        frame.select([name for name in KEY if name in frame.columns] + ["source"])
        for frame in frames.get("outcomes", ())
        if frame.height
    ]
    for one, other in combinations(parts, 2):
        if {one["source"][0], other["source"][0]} <= set(events):
            continue
        keys = [name for name in KEY if name in one.columns and name in other.columns]
        if not {"year", "measure"} <= set(keys) or len(keys) < 3:
            continue
        smaller, larger = sorted((one, other), key=lambda part: part.height)
        if set(smaller["year"].unique()).isdisjoint(larger["year"].unique()):
            continue
        common = smaller.join(larger.unique(keys), on=keys, how="semi", nulls_equal=True).height
        file = other["source"][0]
        if 2 * common > smaller.height and file not in told:
            problems.append(_same_figures(file, one["source"][0], common))
    return problems


def _same_content(file: str, earlier: str) -> Problem:
    rule = f"it has the same content as {earlier}"
    remedy = "Was last year's file saved under this year's name? Give each file once."
    if earlier == file:
        rule = "the study names it twice"
        remedy = "Two patterns may both match it: give each file once."
    return Problem(code="file.twice", file=file, rule=rule, remedy=remedy)


def _same_figures(file: str, earlier: str, common: int) -> Problem:
    return Problem(
        code="file.repeats",
        file=file,
        rule=f"{common:,} of its figures are in {earlier} too, for the same schools and years",
        remedy="Give one of the two: final rather than provisional results, England or a county.",
    )
