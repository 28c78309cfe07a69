"""One file, looked at as a study would read it: what `impactkit check FILE` says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from impactkit.declarations import Head, Reader, Recognised, TableSpec, load_code
from impactkit.errors import InputError, Problem

if TYPE_CHECKING:
    import polars as pl

    from impactkit.plugins import Registry

NATIONAL_LINES = 40
"""How many published figures are shown in words; a program gets them all."""


@attrs.frozen(kw_only=True)
class FileSeen:
    """What a file is, in words (`lines`) and as data (`about`)."""

    lines: tuple[str, ...] = ()
    about: Mapping[str, Any] = attrs.field(factory=dict)
    problems: tuple[Problem, ...] = ()


def inspect_file(path: Path, registry: Registry) -> FileSeen:
    """Say what a file is, for which year, with how many schools and figures, and who reads it.

    The whole file is read and its values are checked, as in a study.
    """
    from impactkit.engine.files import head, read_text
    from impactkit.readers import recognise_file

    top, faults = head(path)
    if top is None:
        return FileSeen(problems=tuple(faults))
    found = recognise_file(path, tuple(registry.readers.values()))
    if not found:
        rule = f"no reader recognises it; its columns are {', '.join(top.columns[:12])}"
        remedy = "Name a table for it in the study (see `impactkit show tables`)."
        problem = Problem(code="file.unknown", file=path.name, rule=rule, remedy=remedy)
        # Another sheet of the workbook may be the one that is meant.
        notes = read_text(path).notes if top.kind == "xlsx" else ()
        return FileSeen(problems=(problem, *notes))
    reader, recognised = found[0]
    spec = _table_of(reader, top, registry)
    lines = [f"{path.name}: {recognised.what}", *_reader_lines(reader, recognised, spec)]
    about: dict[str, Any] = {"file": path.name, "reader": reader.id, "what": recognised.what}
    about["others"] = [other.id for other, _ in found[1:]]
    about |= {"columns_read": recognised.columns_read, "columns_unread": recognised.unread}
    if spec is None:
        return FileSeen(lines=tuple(lines), about=about)
    return _read(path, reader, spec, registry, lines, about)


def _table_of(reader: Reader, top: Head, registry: Registry) -> TableSpec | None:
    """Return the table that a reader fills; for one's own tables, the one that the header fits."""
    from impactkit.readers.plain import nearest_table

    if reader.table:
        return registry.tables[reader.table]
    return nearest_table(top.columns, registry.tables.values())


def _reader_lines(reader: Reader, recognised: Recognised, spec: TableSpec | None) -> list[str]:
    table = f", into the table {spec.name}" if spec else ""
    lines = [f"  read by {reader.id} ({reader.title}){table}"]
    lines += [f"  {note}" for note in (*recognised.notes, reader.notes) if note]
    if not reader.met_real_file and "not met a real file" not in reader.notes:
        lines.append("  This reader has not met a real file.")
    return lines


def _read(
    path: Path,
    reader: Reader,
    spec: TableSpec,
    registry: Registry,
    lines: list[str],
    about: dict[str, Any],
) -> FileSeen:
    """Read the whole file with the reader that takes it, check its values, and count."""
    from impactkit.tables import validate

    options = reader.options() if reader.options else None
    try:
        result = load_code(reader.read)(path, options, spec=spec, shown=path.name)
    except InputError as error:
        return FileSeen(lines=tuple(lines), about=about, problems=tuple(error.problems))
    about |= {"year": result.year, "rows": result.n_rows, "table": spec.name}
    problems = list(result.problems)
    if any(problem.severity == "error" for problem in problems) and not result.frame.height:
        return FileSeen(lines=tuple(lines), about=about, problems=tuple(problems))
    checked = validate(
        result.frame,
        spec,
        file=path.name,
        register=spec.register and not reader.table,
        measures=registry.measures.values(),
    )
    problems += checked.problems
    aside = _set_aside(result.set_aside, checked.rejected)
    about["set_aside"] = aside
    lines += _counted(checked.frame, result, about)
    first = _first_rows(result.set_aside, checked.rejected)
    lines += [f"  {n:,} set aside{first.get(why, '')}: {why}" for why, n in aside.items()]
    return FileSeen(lines=tuple(lines), about=about, problems=tuple(problems))


def _set_aside(*frames: pl.DataFrame | None) -> dict[str, int]:
    """Return how many rows (or, of results, figures) were set aside, by reason."""
    counts: dict[str, int] = {}
    for frame in frames:
        if frame is not None:
            for reason, n in frame.group_by("reason", maintain_order=True).len().iter_rows():
                counts[reason] = counts.get(reason, 0) + n
    return counts


def _first_rows(*frames: pl.DataFrame | None) -> dict[str, str]:
    """Return, by reason, the first row that was set aside for it, in words."""
    import polars as pl

    rows: dict[str, int] = {}
    for frame in frames:
        if frame is not None:
            numbered = frame.drop_nulls("row")
            for reason, row in numbered.group_by("reason").agg(pl.col("row").min()).iter_rows():
                rows[reason] = min(row, rows.get(reason, row))
    return {reason: f", the first in row {row}" for reason, row in rows.items()}


def _counted(frame: pl.DataFrame, result: Any, about: dict[str, Any]) -> Iterator[str]:
    """Say how much the file holds: year, rows, schools, figures, and what is published beside."""
    import polars as pl

    if result.year:
        yield f"  academic year {result.year - 1}/{result.year % 100:02d}"
    yield f"  {_number(result.n_rows, 'row')}"
    keys = [name for name in ("urn", "school_key") if name in frame.columns]
    if keys:
        named = frame.select(keys).filter(pl.any_horizontal(pl.all().is_not_null()))
        about["schools"] = named.unique().height
        yield f"  {_number(about['schools'], 'school')}"
    if {"measure", "value"} <= set(frame.columns):
        about["values"], about["without_value"] = _figures(frame)
        for measure, n in about["values"].items():
            without = about["without_value"].get(measure, {})
            told = ", ".join(f"{n_of:,} {status}" for status, n_of in without.items())
            yield f"  {measure}: {_number(n, 'value')}" + (f" ({told})" if told else "")
    if result.national is not None and "value" in result.national.columns:
        about["published"] = _published(result.national)
        yield from _published_lines(about["published"])


def _figure(value: float) -> str:
    """Return a published figure for people: thousands parted, no more than two decimals.

    Examples
    --------
    >>> _figure(4137755.0), _figure(19.17094), _figure(-0.03), _figure(61.0)
    ('4,137,755', '19.17', '-0.03', '61')
    """
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{round(value, 2):g}"


def _in_text(words: str) -> str:
    """Return a phase as it stands within a sentence; KS4 keeps its capitals.

    Examples
    --------
    >>> _in_text("Secondary without KS4"), _in_text("State-funded")
    ('secondary without KS4', 'state-funded')
    """
    return words[:1].lower() + words[1:]


def _number(n: int, what: str) -> str:
    return f"{n:,} {what}{'' if n == 1 else 's'}"


def _figures(frame: pl.DataFrame) -> tuple[dict[str, int], dict[str, dict[str, int]]]:
    """Return the number of values by measure, and of figures without one by status."""
    import polars as pl

    name = pl.col("measure")
    if "subgroup" in frame.columns:
        everybody = pl.col("subgroup") == "all"
        name = pl.when(everybody).then(name).otherwise(name + ", " + pl.col("subgroup"))
    named = frame.with_columns(name.alias("measure"))
    values = named.group_by("measure").agg(pl.col("value").count()).sort("measure")
    if "status" not in frame.columns:
        return dict(values.iter_rows()), {}
    missing = named.filter(pl.col("value").is_null()).group_by("measure", "status").len()
    without: dict[str, dict[str, int]] = {}
    for measure, status, n in missing.sort("measure", "status").iter_rows():
        without.setdefault(measure, {})[status] = n
    return dict(values.iter_rows()), without


def _published(national: pl.DataFrame) -> list[dict[str, Any]]:
    """Return the figures about England and its parts that stand beside the schools'."""
    names = ("level", "la_code", "phase", "measure", "subgroup", "year", "value")
    kept = [name for name in names if name in national.columns]
    return national.drop_nulls("value").select(kept).to_dicts()


def _published_lines(published: list[dict[str, Any]]) -> Iterator[str]:
    whole = [row for row in published if row["level"] in ("national", "wales")]
    for row in whole[:NATIONAL_LINES]:
        pupils = "" if row.get("subgroup") in (None, "all") else f", {row['subgroup']}"
        place = "Wales" if row["level"] == "wales" else "England"
        whom = f"{place}, {_in_text(row['phase'])} schools"
        yield f"  {whom}: {row['measure']}{pupils} {_figure(row['value'])}"
    rest = len(published) - min(len(whole), NATIONAL_LINES)
    if rest:
        yield f"  {rest:,} more published figures, of authorities, regions or England"
