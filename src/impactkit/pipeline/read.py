"""Files into validated tables: steps 4 and 5 of the way of the data.

Bad rows of an official extract are set aside and counted; any fault in a user's own register is an
error. Every problem of every file is found before anything is said.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

import attrs

from impactkit.errors import PluginError, Problem
from impactkit.pipeline.core import FIRST_PARTY
from impactkit.pipeline.engines import digest
from impactkit.pipeline.resolve import Plan, PlannedFile
from impactkit.results import SourceFile
from impactkit.types import Break, Measure

if TYPE_CHECKING:
    import polars as pl

    from impactkit.tables import Validated

Progress = Callable[[str, int, int], None]


@attrs.frozen(kw_only=True, eq=False)
class Tables:
    """The validated tables, what was set aside, and where everything came from."""

    frames: Mapping[str, pl.DataFrame]
    national: pl.DataFrame | None = None
    set_aside: pl.DataFrame | None = None
    sources: tuple[SourceFile, ...] = ()
    problems: tuple[Problem, ...] = ()
    measures: Mapping[str, Measure] = attrs.field(factory=dict)


def read_tables(plan: Plan, progress: Progress) -> Tables:
    """Read every planned file and take in every frame, validated."""
    import polars as pl

    from impactkit.declarations import load_code
    from impactkit.pipeline.twice import given_twice
    from impactkit.tables import validate

    frames: dict[str, list[pl.DataFrame]] = {}
    national: list[pl.DataFrame] = []
    aside: list[pl.DataFrame] = []
    sources: list[SourceFile] = []
    problems: list[Problem] = []
    total = len(plan.files)
    # The study's own measures come first: they bound the values of its outcomes.
    files = sorted(plan.files, key=lambda file: file.table != "measures")
    measures = dict(plan.registry.measures)
    for done, file in enumerate(files):
        progress(f"Reading {file.shown}", done, total)
        spec = plan.registry.tables[file.table]
        read = load_code(file.reader.read)
        try:
            result = read(file.path, file.options, shown=file.shown, spec=spec)
        except PluginError as error:
            remedy = "Tell the plugin's author, or use another reader."
            problems.append(
                Problem(code="reader.failed", file=file.shown, rule=str(error), remedy=remedy)
            )
            continue
        problems += _placed(plan, file, result.problems)
        # Of a published form bad rows are set aside; in a table of the user's own they are errors.
        register = spec.register and not file.reader.table
        checked = validate(
            result.frame, spec, file=file.shown, register=register, measures=measures.values()
        )
        if file.table == "measures":
            measures |= own_measures(checked)
        kept_aside = [f for f in (result.set_aside, checked.rejected) if f is not None and f.height]
        n_rejected = checked.rejected["row"].n_unique() + result.n_rejected
        too_many = _too_many(plan, file, n_rejected, result.n_rows, kept_aside)
        problems += too_many
        # Which rows they are is what the user must know when they stop the run.
        problems += [_raised(p) for p in checked.problems] if too_many else checked.problems
        frames.setdefault(file.table, []).append(checked.frame)
        if result.national is not None:
            national.append(result.national)
        aside += [
            f.with_columns(file=pl.lit(file.shown), table=pl.lit(file.table)) for f in kept_aside
        ]
        counts: dict[str, int] = {}
        for frame in kept_aside:
            for reason, n in frame.group_by("reason").len().sort("reason").iter_rows():
                counts[reason] = counts.get(reason, 0) + n
        content, size = digest(file.path, result.frame)
        sources.append(
            SourceFile(
                path=file.shown,
                table=file.table,
                reader=file.reader.id,
                sha256=content,
                bytes=size,
                year=result.year,
                n_rows=result.n_rows,
                n_used=checked.frame["source_row"].n_unique(),
                set_aside=_worded(plan, file, counts),
            )
        )
    events = [file.shown for file in files if file.reader.events]
    problems += given_twice(sources, frames, events)
    for name, frame in sorted(plan.frames.items(), key=lambda item: item[0] != "measures"):
        spec = plan.registry.tables[name]
        checked = validate(
            frame, spec, file=f"the frame {name!r}", register=True, measures=measures.values()
        )
        if name == "measures":
            measures |= own_measures(checked)
        problems.extend(checked.problems)
        frames.setdefault(name, []).append(checked.frame)
    return Tables(
        frames={name: pl.concat(parts, how="diagonal_relaxed") for name, parts in frames.items()},
        national=pl.concat(national, how="diagonal_relaxed") if national else None,
        set_aside=pl.concat(aside, how="diagonal_relaxed") if aside else None,
        sources=tuple(sources),
        problems=tuple(problems),
        measures=measures,
    )


def own_measures(checked: Validated) -> dict[str, Measure]:
    """Return the measures of the study's own `measures` table, by id; none where it has faults."""
    if any(problem.severity == "error" for problem in checked.problems):
        return {}
    known = {field.name for field in attrs.fields(Measure)}
    made = {}
    for row in checked.frame.iter_rows(named=True):
        given = {k: v for k, v in row.items() if k in known and v is not None}
        hard, soft, gaps = (
            [int(year) for year in row.get(name) or ()]
            for name in ("break_years", "soft_break_years", "gap_years")
        )
        given["breaks"] = [*map(Break, hard), *(Break(year, hard=False) for year in soft)]
        given["gaps"] = gaps
        given["source"] = row.get("publisher") or ""
        made[row["measure"]] = Measure(id=row["measure"], **given)
    return made


def _foreign(plan: Plan, file: PlannedFile) -> bool:
    """Tell whether somebody else's reader read it; one of a table's own form is nobody's."""
    name, registry = file.reader.id, plan.registry
    return name in registry.readers and registry.owner("readers", name).name not in FIRST_PARTY


def _placed(plan: Plan, file: PlannedFile, problems: Iterable[Problem]) -> list[Problem]:
    """Return a reader's problems; somebody else's may name its own file only."""
    foreign = _foreign(plan, file)
    return [attrs.evolve(p, file=file.shown) if foreign else p for p in problems]


def _worded(plan: Plan, file: PlannedFile, counts: Mapping[str, int]) -> dict[str, int]:
    """Return counts of rows by reason, with no number in the words of somebody else's reader."""
    from impactkit.disclosure import mask_numbers

    if plan.profile is None or not _foreign(plan, file):
        return dict(counts)
    worded: dict[str, int] = {}
    for reason, count in counts.items():
        masked = mask_numbers(reason, plan.profile.threshold)
        worded[masked] = worded.get(masked, 0) + count
    return worded


def _raised(problem: Problem) -> Problem:
    return attrs.evolve(problem, severity="error") if problem.severity == "warning" else problem


def _too_many(
    plan: Plan, file: PlannedFile, rejected: int, n_rows: int, aside: Iterable[pl.DataFrame]
) -> list[Problem]:
    limit = plan.study.max_rejected
    if not n_rows or rejected / n_rows <= limit:
        return []
    return [
        Problem(
            code="file.max_rejected",
            file=file.shown,
            rule=(
                f"{rejected:,} of its {n_rows:,} rows cannot be used, more than the "
                f"{100 * limit:g}% that `max_rejected` allows"
            ),
            remedy="A wrong reader or a damaged download is the usual cause."
            + ("" if _foreign(plan, file) else _where(aside)),
        )
    ]


def _where(aside: Iterable[pl.DataFrame]) -> str:
    """Say which rows of a file were set aside, by reason and the first of each."""
    first: dict[str, int] = {}
    for frame in aside:
        for row, reason in frame.drop_nulls("row").select("row", "reason").iter_rows():
            first[reason] = min(row, first.get(reason, row))
    if not first:
        return ""
    told = sorted((row, reason) for reason, row in first.items())
    return " Set aside were: " + "; ".join(f"from row {row} on, {why}" for row, why in told) + "."
