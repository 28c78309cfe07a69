"""A look at a study or a file before anything is estimated: what `impactkit check` says."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from impactkit.declarations import load_code
from impactkit.errors import InputError, Problem
from impactkit.metrics import Panel
from impactkit.pipeline.checks import run_checks
from impactkit.pipeline.execute import no_progress
from impactkit.pipeline.ground import ground_of, missing_outcomes
from impactkit.pipeline.read import Progress, read_tables
from impactkit.pipeline.resolve import Plan
from impactkit.results import SourceFile

if TYPE_CHECKING:
    from impactkit.declarations import Reader
    from impactkit.plugins import Registry


@attrs.frozen(kw_only=True)
class StudySeen:
    """What a study would work with: files, panels by outcome, and every problem."""

    sources: tuple[SourceFile, ...] = ()
    panels: tuple[Panel, ...] = ()
    problems: tuple[Problem, ...] = ()


@attrs.frozen(kw_only=True)
class FileSeen:
    """What a file is, in words (`lines`) and as data (`about`)."""

    lines: tuple[str, ...] = ()
    about: Mapping[str, Any] = attrs.field(factory=dict)
    problems: tuple[Problem, ...] = ()


def inspect_study(plan: Plan, *, progress: Progress = no_progress) -> StudySeen:
    """Read and link what a plan names, as far as its problems allow; estimate nothing."""
    tables = read_tables(plan, progress)
    found = (*tables.problems, *missing_outcomes(plan, tables))
    panels: tuple[Panel, ...] = ()
    stopped = plan.errors or any(p.severity == "error" for p in found)
    if not stopped:
        ground = ground_of(plan, tables)
        found = (*found, *ground.lineage.findings, *run_checks(ground))
    if not stopped and {"outcomes", "memberships"} <= set(tables.frames):
        panels = tuple(ground.panel(measure) for measure in plan.study.design.outcome)
    return StudySeen(sources=tables.sources, panels=panels, problems=found)


def inspect_file(path: Path, registry: Registry) -> FileSeen:
    """Say what a file is, for which year, with how many schools, and which reader takes it."""
    from impactkit.engine.files import head
    from impactkit.readers import recognise_file

    top, faults = head(path)
    if top is None:
        return FileSeen(problems=tuple(faults))
    found = recognise_file(path, tuple(registry.readers.values()))
    if not found:
        rule = f"no reader recognises it; its columns are {', '.join(top.columns[:12])}"
        remedy = "Name a table for it in the study (see `impactkit show tables`)."
        problem = Problem(code="file.unknown", file=path.name, rule=rule, remedy=remedy)
        return FileSeen(problems=(problem,))
    reader, recognised = found[0]
    lines = [f"{path.name}: {recognised.what}", f"  reader {reader.id} ({reader.title})"]
    lines += [f"  {note}" for note in recognised.notes]
    about: dict[str, Any] = {"file": path.name, "reader": reader.id, "what": recognised.what}
    if not reader.table:
        return FileSeen(lines=tuple(lines), about=about)
    return _read(path, reader, registry, lines, about)


def _read(
    path: Path, reader: Reader, registry: Registry, lines: list[str], about: dict[str, Any]
) -> FileSeen:
    """Read the whole file with the reader that takes it, and count."""
    options = reader.options() if reader.options else None
    spec = registry.tables[reader.table]
    try:
        result = load_code(reader.read)(path, options, spec)
    except InputError as error:
        return FileSeen(lines=tuple(lines), about=about, problems=tuple(error.problems))
    frame = result.frame
    about |= {"year": result.year, "rows": result.n_rows, "table": reader.table}
    if result.year:
        lines.append(f"  academic year {result.year - 1}/{result.year % 100:02d}")
    lines.append(f"  {result.n_rows:,} rows, {frame.height:,} of them for the table {reader.table}")
    if "urn" in frame.columns:
        about["schools"] = frame["urn"].n_unique()
        lines.append(f"  {about['schools']:,} schools")
    if "measure" in frame.columns:
        with_value = frame.drop_nulls("value").group_by("measure").len().sort("measure")
        about["values"] = dict(with_value.iter_rows())
        lines += [f"  {measure}: {n:,} values" for measure, n in with_value.iter_rows()]
    if result.national is not None:
        lines += [f"  {line}" for line in _national(result.national)]
    return FileSeen(lines=tuple(lines), about=about, problems=tuple(result.problems))


def _national(frame: Any) -> list[str]:
    """Say which aggregate figures the file carries beside its schools."""
    shown = frame.drop_nulls("value") if "value" in frame.columns else frame
    lines = []
    for row in shown.head(12).iter_rows(named=True):
        place = " ".join(str(row[k]) for k in ("level", "la_code", "phase") if row.get(k))
        lines.append(f"{place}: {row.get('measure', '')} {row.get('value', '')}")
    return lines
