"""A claim held to a study: its files, its design, its comparison schools."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from impactkit.errors import InputError, Problem, UsageError, did_you_mean
from impactkit.pipeline.core import registry_for
from impactkit.pipeline.execute import no_progress, prepare
from impactkit.pipeline.read import Progress
from impactkit.pipeline.resolve import plan
from impactkit.study import Study

if TYPE_CHECKING:
    import polars as pl

    from impactkit.evidence.checking import Check
    from impactkit.evidence.claims import Claim


def check_claim(
    claim: Claim | str,
    study: Study | str | Path,
    *,
    measure: str = "",
    tables: Mapping[str, pl.DataFrame] | None = None,
    data: str | Path | None = None,
    progress: Progress = no_progress,
) -> Check:
    """Hold a claim about improvement to the data of a study.

    Parameters
    ----------
    claim
        A sentence in the grammar of ``docs/howto/claims.md``, or a `Claim`.
    study
        A `Study`, or the path of a study file.
    measure
        The measure it is about; by default the first outcome of the design.
    tables
        Polars frames by table name, beside or instead of files.
    data
        The folder that the study's paths are relative to; by default the study's own.
    progress
        Called with (stage, done, total).

    Raises
    ------
    UsageError
        When the claim is not in the grammar, or the measure unknown.
    InputError
        With every problem in the study and the data at once.
    EstimationError
        When no school that joined can be compared.

    Examples
    --------
    >>> from impactkit import Design, Study
    >>> from impactkit.synthetic import county
    >>> made = county(seed=1, effect=0.0, selection="worst")
    >>> study = Study(title="Practice", design=Design(outcome="attainment"))
    >>> found = check_claim("improved three to four times faster", study, tables=made.tables)
    >>> found.recovery.excess.ci_low < 0.0 < found.recovery.excess.ci_high
    True
    """
    from impactkit.evidence.checking import check
    from impactkit.evidence.claims import read_claim

    if isinstance(claim, str):
        claim = read_claim(claim)
    problems: tuple[Problem, ...] = ()
    if not isinstance(study, Study):
        study, problems = Study.read(study)
    study = attrs.evolve(study, metrics={})
    registry = registry_for(study)
    planned = plan(study, tables=tables, registry=registry, data=data, problems=problems)
    _, ground, _ = prepare(planned, progress=progress)
    lacking = [name for name in ("outcomes", "memberships") if name not in ground.tables]
    if lacking:
        raise InputError(
            [
                Problem(
                    code="claim.table",
                    file=study.file,
                    column=f"tables.{name}",
                    rule="a claim about improvement cannot be held to a study without it",
                    remedy=f"Add {name} under [tables].",
                )
                for name in lacking
            ]
        )
    there = sorted(ground.tables["outcomes"]["measure"].unique().to_list())
    measure = measure or next(iter(study.design.outcome), "")
    if measure not in there:
        rule = "no row of the outcomes has this measure" if measure else "no measure is named"
        remedy = f"{did_you_mean(measure, there)} There are: {', '.join(there)}.".strip()
        raise UsageError(Problem(code="claim.measure", value=measure, rule=rule, remedy=remedy))
    panel = ground.panel(measure)
    known = ground.measures.get(measure)
    return check(
        claim,
        panel,
        ground.tables,
        unit=panel.effect_unit,
        label=known.label if known else measure,
        control=study.design.control,
        level=study.design.level,
        seed=study.seed,
    )
