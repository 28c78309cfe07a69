"""What would be done, resolved from names and headers alone: step 3 of the way of the data."""

from __future__ import annotations

import datetime as dt
import glob
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from impactkit.conditions import Value
from impactkit.declarations import (
    ColumnSpec,
    DisclosureProfile,
    Estimator,
    Metric,
    Needs,
    Reader,
    TableSpec,
)
from impactkit.errors import Problem, did_you_mean
from impactkit.pipeline.compared import faults_of
from impactkit.pipeline.engines import PLAIN, engine_reader
from impactkit.pipeline.params import structure
from impactkit.study import CORE_ENGINE, Study, TableSource, public_path

if TYPE_CHECKING:
    import polars as pl

    from impactkit.plugins import Registry


@attrs.frozen(kw_only=True)
class PlannedFile:
    """One file, the reader that takes it, and the table that it fills.

    `path` is text where an engine of a plugin opens it, and need not be a file at all.
    """

    table: str
    path: Path | str
    shown: str
    reader: Reader
    options: Any
    year: int | None = None
    columns: tuple[str, ...] = ()


@attrs.frozen(kw_only=True)
class PlannedMetric:
    """One metric with its parameters; `missing` says why it cannot run, and is empty if it can."""

    metric: Metric
    params: Any
    asked: bool = False
    missing: tuple[str, ...] = ()


@attrs.frozen(kw_only=True, eq=False)
class Plan:
    """A study with every name resolved. It can be run when it has no problem of severity error."""

    study: Study
    registry: Registry
    files: tuple[PlannedFile, ...] = ()
    frames: Mapping[str, pl.DataFrame] = attrs.field(factory=dict)
    metrics: tuple[PlannedMetric, ...] = ()
    estimator: Estimator | None = None
    profile: DisclosureProfile | None = None
    problems: tuple[Problem, ...] = ()

    @property
    def errors(self) -> tuple[Problem, ...]:
        """The problems that stop the run."""
        return tuple(p for p in self.problems if p.severity == "error")


def plan(
    study: Study,
    *,
    tables: Mapping[str, pl.DataFrame] | None = None,
    registry: Registry,
    data: str | Path | None = None,
    problems: Iterable[Problem] = (),
) -> Plan:
    """Resolve files, readers, metrics, parameters, estimator and profile; read headers only.

    Nothing is raised: `Plan.problems` has every fault found, after the given `problems` of the
    study file itself, to be shown in one message.
    """
    problems = list(problems)
    frames = dict(tables or {})
    problems += [
        _unknown(study, f"tables.{name}", "table", name, registry.tables)
        for name in frames
        if name not in registry.tables
    ]
    frames = {name: frame for name, frame in frames.items() if name in registry.tables}
    root = Path(data) if data is not None else (study.folder or Path())
    if data is not None and not root.is_dir():
        rule, remedy = "there is no such folder", "Give the folder that holds the data to --data."
        problems.append(Problem(code="data.folder", file=str(data), rule=rule, remedy=remedy))
    files = tuple(_files(study, registry, root, problems))
    estimator = registry.estimators.get(study.design.estimator)
    if estimator is None:
        problems.append(
            _unknown(
                study, "design.estimator", "estimator", study.design.estimator, registry.estimators
            )
        )
    profile = registry.profiles.get(study.disclosure)
    if profile is None:
        problems.append(
            _unknown(
                study,
                "disclosure.profile",
                "disclosure profile",
                study.disclosure,
                registry.profiles,
            )
        )
    problems += _design(study, registry)
    available = _available(files, frames, registry)
    problems += faults_of(study.design, available, study.file)
    metrics = tuple(_metrics(study, registry, available, problems))
    return Plan(
        study=study,
        registry=registry,
        files=files,
        frames=frames,
        metrics=metrics,
        estimator=estimator,
        profile=profile,
        problems=tuple(study.placed(problem) for problem in problems),
    )


def _unknown(study: Study, column: str, what: str, name: str, known: Iterable[str]) -> Problem:
    return Problem(
        code=f"study.unknown_{what.split()[-1]}",
        file=study.file,
        column=column,
        value=name,
        rule=f"there is no {what} of that name",
        remedy=did_you_mean(name, known),
    )


def _files(
    study: Study, registry: Registry, root: Path, problems: list[Problem]
) -> Iterable[PlannedFile]:
    for table, sources in study.tables.items():
        if table not in registry.tables:
            problems.append(_unknown(study, f"tables.{table}", "table", table, registry.tables))
            continue
        for source in sources:
            if source.engine != CORE_ENGINE:
                yield from _opened(study, registry, table, source, problems)
                continue
            reader = registry.readers.get(source.reader)
            if reader is None:
                problems.append(
                    _unknown(
                        study, f"tables.{table}.reader", "reader", source.reader, registry.readers
                    )
                )
                continue
            yield from _source(study, table, source, reader, root, problems)


def _opened(
    study: Study, registry: Registry, table: str, source: TableSource, problems: list[Problem]
) -> Iterable[PlannedFile]:
    """Yield what an engine of a plugin is to open: each path as the study has it."""
    where = f"tables.{table}"
    engine = registry.sources.get(source.engine)
    if engine is None:
        known = (CORE_ENGINE, *registry.sources)
        problems.append(_unknown(study, f"{where}.engine", "engine", source.engine, known))
        return
    if source.reader != PLAIN:
        rule = f"readers are for files, and the engine {source.engine!r} opens none"
        remedy = "Leave `reader` out."
        column = f"{where}.reader"
        problems.append(
            Problem(code="study.reader", file=study.file, column=column, rule=rule, remedy=remedy)
        )
        return
    for path in source.path:
        yield PlannedFile(
            table=table,
            path=path,
            shown=f"{engine.scheme}:{public_path(path)}",
            reader=engine_reader(engine),
            options=dict(source.options),
            # What it has shows only once it is open; what is lacking then, its metrics say.
            columns=tuple(column.name for column in registry.tables[table].columns),
        )


def _source(
    study: Study,
    table: str,
    source: TableSource,
    reader: Reader,
    root: Path,
    problems: list[Problem],
) -> Iterable[PlannedFile]:
    from impactkit.engine.files import head

    where = f"tables.{table}"
    if reader.table not in ("", table):
        rule = f"reader {reader.id} fills the table {reader.table!r}, not {table!r}"
        remedy = f"Move it under tables.{reader.table}, or use another reader."
        problems.append(
            Problem(code="study.reader", file=study.file, column=where, rule=rule, remedy=remedy)
        )
        return
    options, unfit = structure(reader.options, source.options, file=study.file, where=where)
    problems.extend(unfit)
    for pattern in source.path:
        # A pattern is relative to the data folder and cannot climb out of it by accident;
        # an absolute path is the user's own choice.
        found = sorted(Path(p) for p in glob.glob(str(root / pattern), recursive=True))
        found = [path for path in found if path.is_file()]
        if not found:
            shown = "the study's folder" if study.folder == root else f"the folder {root.name}"
            rule = f"no file matches it in {shown}"
            remedy = "Check the spelling, or give the folder of the files with --data."
            problems.append(
                Problem(
                    code="file.missing",
                    file=study.file,
                    column=f"{where}.path",
                    value=pattern,
                    rule=rule,
                    remedy=remedy,
                )
            )
        for path in found:
            shown = path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name
            top, faults = head(path, shown=shown)
            problems.extend(faults)
            if top is not None and not unfit:
                yield PlannedFile(
                    table=table,
                    path=path,
                    shown=shown,
                    reader=reader,
                    options=options,
                    columns=top.columns,
                )


def _design(study: Study, registry: Registry) -> Iterable[Problem]:
    design = study.design
    spec = registry.tables.get("memberships")
    condition = design.condition
    if spec is not None and condition is not None:
        known = {column.name: column for column in spec.columns}
        for column in condition.columns:
            if column not in known:
                yield _unknown(study, "design.treated", "column of memberships", column, known)
        for column, values in condition.comparisons:
            if column in known:
                yield from _unlike(study, known[column], values)
    own = "measures" in study.tables or any(
        source.reader == "plain.table" for source in study.tables.get("outcomes", ())
    )
    for measure in design.outcome:
        if measure not in registry.measures and "outcomes" in study.tables and not own:
            yield _unknown(study, "design.outcome", "measure", measure, registry.measures)


_KINDS: dict[str, tuple[tuple[type, ...], str, str]] = {
    "str": ((str,), "text", "Compare it with text in quotes that is not a date."),
    "int": ((int,), "whole numbers", "Write the number without quotes."),
    "float": ((int, float), "numbers", "Write the number without quotes."),
    "date": ((dt.date,), "dates", "Write the day as 'yyyy-mm-dd', in quotes."),
    "bool": ((bool,), "true or false", "Write true or false, without quotes."),
}


def _unlike(study: Study, column: ColumnSpec, values: Iterable[Value]) -> Iterable[Problem]:
    """Say which values of a condition are of another kind than the column."""
    kinds, words, remedy = _KINDS.get(column.dtype, ((), "lists", "Use another column."))
    for value in values:
        if type(value) not in kinds:
            yield Problem(
                code="study.condition",
                file=study.file,
                column="design.treated",
                value=str(value),
                rule=f"the column `{column.name}` holds {words}",
                remedy=remedy,
            )


def _available(
    files: Iterable[PlannedFile], frames: Mapping[str, pl.DataFrame], registry: Registry
) -> dict[str, set[str]]:
    """Return the columns that each table will have, as far as headers tell."""
    available: dict[str, set[str]] = {}
    for file in files:
        spec = registry.tables[file.table]
        columns = _promised(file, spec)
        available.setdefault(file.table, set()).update(columns)
    for name, frame in frames.items():
        available.setdefault(name, set()).update(frame.columns)
    for columns in available.values():
        if columns & {"urn", "school_key"}:
            columns.update({"urn", "school_key"})
    return available


def _promised(file: PlannedFile, spec: TableSpec) -> set[str]:
    if file.reader.table:  # an official form: the reader fills the table's columns
        return {column.name for column in spec.columns}
    present = {column.strip().casefold() for column in file.columns}
    return {column.name for column in spec.columns if column.name.casefold() in present}


def missing(
    metric: Metric, available: Mapping[str, set[str]], measures: Iterable[str] = ()
) -> tuple[str, ...]:
    """Return what a metric needs and does not have, in words; empty when it can run."""
    panel = metric.needs.panel or metric.shape == "outcome"
    return lacking(metric.needs, available, measures, panel=panel)


def lacking(
    needs: Needs,
    available: Mapping[str, set[str]],
    measures: Iterable[str] = (),
    *,
    panel: bool = False,
) -> tuple[str, ...]:
    """Return what of `needs` is not there, in words."""
    faults = []
    for table, columns in needs.tables.items():
        if table not in available:
            faults.append(f"the table {table} (columns {', '.join(columns)})")
            continue
        absent = [column for column in columns if column not in available[table]]
        if absent:
            faults.append(f"{', '.join(absent)} in the table {table}")
    if panel and "memberships" not in available and "memberships" not in needs.tables:
        faults.append("the table memberships")
    have = set(measures)
    faults += [f"the measure {m}" for m in needs.measures if have and m not in have]
    return tuple(faults)


def not_in_use(registry: Registry) -> str:
    """Say which plugins are not in use, and why: what is missing may be in one of them."""
    absent = [f"{p.name} ({p.reason})" for p in registry.plugins if p.status != "loaded"]
    return f"Plugins that are not in use: {'; '.join(absent)}." if absent else ""


def _unlisted(study: Study, name: str) -> Problem:
    """Say that a metric lies beside a study which does not run it: its author will look for it."""
    return Problem(
        code="study.unlisted_metric",
        file=study.file,
        rule=f"the local metric {name} is not run, for the study lists those that are",
        remedy=f'To run it, add the line [metrics."{name}"].',
        severity="warning",
    )


def _metrics(
    study: Study, registry: Registry, available: Mapping[str, set[str]], problems: list[Problem]
) -> Iterable[PlannedMetric]:
    asked = dict(study.metrics) if study.metrics is not None else {}
    for name in asked:
        if name not in registry.metrics:
            unknown = _unknown(study, f'metrics."{name}"', "metric", name, registry.metrics)
            told = " ".join(part for part in (unknown.remedy, not_in_use(registry)) if part)
            problems.append(attrs.evolve(unknown, remedy=told))
    # As the study lists them; what it did not list comes by name.
    place = {name: i for i, name in enumerate(asked)}
    known = sorted(
        registry.metrics.items(), key=lambda item: (place.get(item[0], len(place)), item[0])
    )
    for name, metric in known:
        if study.metrics is not None and name not in asked:
            if registry.owner("metrics", name).local:
                problems.append(_unlisted(study, name))
            continue
        params, faults = structure(
            metric.params, asked.get(name, {}), file=study.file, where=f'metrics."{name}"'
        )
        problems.extend(faults)
        yield PlannedMetric(
            metric=metric,
            params=params,
            asked=name in asked,
            missing=missing(metric, available),
        )
