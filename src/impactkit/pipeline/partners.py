"""Partner matching on a study's files: only what it needs is read, and no outcome."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from impactkit.design import Design
from impactkit.errors import InputError, Problem
from impactkit.pipeline.core import registry_for
from impactkit.pipeline.execute import no_progress
from impactkit.pipeline.ground import ground_of
from impactkit.pipeline.read import Progress, read_tables
from impactkit.pipeline.resolve import plan
from impactkit.study import Study

if TYPE_CHECKING:
    from impactkit.planning import Assignment, Limits

TABLES = ("needs", "schools", "school_links", "memberships")
GIVES, GETS = ("supporter",), ("client",)


@attrs.frozen(kw_only=True)
class Matched:
    """An assignment, the names of its schools, and how clients and supporters were told apart."""

    assignment: Assignment
    names: Mapping[str, str]
    told_by: str


def match_partners(
    study: Study | str | Path,
    *,
    data: str | Path | None = None,
    capacity: int | Mapping[str, int] = 1,
    limits: Limits | None = None,
    progress: Progress = no_progress,
) -> Matched:
    """Match clients with supporters, from a study's tables of needs, schools and memberships.

    Where `memberships` has clients and supporters, they are the ones to be matched, whoever is with
    whom now. Else schools are told apart by their scores, see `impactkit.planning.sides`.

    Raises
    ------
    InputError
        With every fault of the study or its files, and when it has no table of needs.
    EstimationError
        When there is no client or no supporter.
    """
    from impactkit.planning import assign

    problems: tuple[Problem, ...] = ()
    if not isinstance(study, Study):
        study, problems = Study.read(study)
    if "needs" not in study.tables:
        lacking = Problem(
            code="match.needs",
            file=study.file,
            column="tables.needs",
            rule="partners are matched by needs and strengths, and the study has no such table",
            remedy="Fill in a workbook (`impactkit new templates FOLDER needs`) and add needs = "
            '{ path = "data/needs.xlsx" } under [tables].',
        )
        raise InputError([*problems, lacking])
    some = {name: given for name, given in study.tables.items() if name in TABLES}
    small = attrs.evolve(study, tables=some, design=Design(), metrics={})
    planned = plan(small, registry=registry_for(small), data=data, problems=problems)
    tables = read_tables(planned, progress)
    errors = [*planned.errors, *(p for p in tables.problems if p.severity == "error")]
    if errors:
        raise InputError(errors)
    frames = ground_of(planned, tables).tables
    clients: list[str] = []
    supporters: list[str] = []
    if "memberships" in frames:
        roles = frames["memberships"].select("school_key", "role").drop_nulls().unique().rows()
        helping = {school for school, role in roles if role in GIVES}
        supporters = sorted(helping)
        clients = sorted({school for school, role in roles if role in GETS} - helping)
    by_role = bool(clients and supporters)
    found = assign(
        frames["needs"],
        frames.get("schools"),
        clients=clients if by_role else (),
        supporters=supporters if by_role else (),
        capacity=capacity,
        limits=limits,
    )
    named = frames["schools"] if "name" in frames.get("schools", frames["needs"]).columns else None
    return Matched(
        assignment=found,
        names={} if named is None else dict(named.select("school_key", "name").iter_rows()),
        told_by="their roles in memberships"
        if by_role
        else "their scores: whose mean strength is above its mean need supports",
    )
