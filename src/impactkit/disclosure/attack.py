"""The audit: play a reader who adds and subtracts, and see how closely each protected count shows.

Written apart from the rest on purpose: it starts again from the tables before and after, knows
nothing of how cells were chosen, and shares no code with the part that chose them. For each
protected count it asks a linear programme for the least and the greatest value that agree with
everything released (Fischetti & Salazar 2000, the attacker's problem).
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from impactkit.declarations import DisclosureProfile
from impactkit.disclosure.puzzle import Puzzle, Where
from impactkit.results import Column, Evaluation, MetricResult, RenderedSection, Table

_ALL = ("all", "total", "totals", "overall", "everyone")


@attrs.frozen
class Exposed:
    """A protected count that the release gives away: where, never what."""

    where: Where
    name: str


@attrs.frozen
class Audit:
    """What the attacker found: how many counts of people were looked at, and which were exposed."""

    n_checked: int
    exposed: tuple[Exposed, ...]

    @property
    def passed(self) -> bool:
        """Whether no protected count can be worked out too closely."""
        return not self.exposed


Grid = tuple[tuple[str, int], list[tuple[dict[str, str], int]]]
"""The owner of a table, and the cells of one of its columns with what each stands for."""


def _parts(evaluation: Evaluation) -> Iterator[tuple[str, int, str, tuple[Table, ...]]]:
    for i, result in enumerate(evaluation.results):
        yield "result", i, result.metric, result.tables
    for i, section in enumerate(evaluation.sections):
        yield "section", i, section.id, section.tables
    yield "evaluation", 0, "the evaluation", evaluation.tables


def _people(table: Table) -> dict[str, int]:
    return {
        c.name: j for j, c in enumerate(table.columns) if c.kind == "count" and c.of == "people"
    }


def _labels(table: Table) -> list[dict[str, str]]:
    """Return what each row stands for, without dimensions that are at their total."""
    at = [j for j, c in enumerate(table.columns) if c.kind == "dimension"] or [
        j for j in range(len(table.columns)) if any(isinstance(r[j], str) for r in table.rows)
    ]
    out = []
    for row in table.rows:
        label = {}
        for j in at:
            name, value = table.columns[j].name, str(row[j])
            declared = table.totals.get(name)
            if value == declared or (declared is None and value.lower() in _ALL):
                continue
            label[name] = value
        out.append(label)
    return out


def _clear(labels: list[dict[str, str]]) -> bool:
    return len({tuple(sorted(label.items())) for label in labels}) == len(labels)


def audit(before: Evaluation, after: Evaluation, profile: DisclosureProfile) -> Audit:
    """Work out from `after` what can be known of the protected counts in `before`.

    Parameters
    ----------
    before
        The evaluation with true counts, every count of people declared as such.
    after
        The same evaluation as it would be released, before any rounding.
    profile
        Which counts are protected. A count `a` must stay uncertain from ``a - min(a, 1)`` or
        less to `threshold` or more.

    Returns
    -------
    Audit
        `n_checked` is the number of counts of people in tables and estimates.

    Notes
    -----
    The attacker knows all that is released, that counts are not negative, and which columns and
    rows add up. Not yet: that counts are whole numbers, what a single contributor knows of its own
    cell, and earlier releases.
    """
    puzzle, at = _read_tables(before, after, profile)
    exposed = _read_rates(puzzle, at, before, after, profile)
    exposed += _read_estimates(puzzle, at, before, after, profile)
    exposed += _read_notes(after, profile)
    exposed += [puzzle.names[cell] for cell in puzzle.narrow()]
    estimates = sum(e.n_people is not None for e in before.estimates)
    found = (Exposed(where, _spell(before, where)) for where in dict.fromkeys(exposed))
    return Audit(len(at) + estimates, tuple(found))


def _spell(evaluation: Evaluation, where: Where) -> str:
    kind, i, k, _, column = where
    if kind in ("estimate", "note"):
        owners: tuple[MetricResult | RenderedSection, ...]
        owners = (*evaluation.results, *evaluation.sections)
        owner = owners[i]
        name = owner.metric if isinstance(owner, MetricResult) else owner.id
        return f"{kind} {k + 1} of {name!r}"
    name, tables = next((n, t) for a, b, n, t in _parts(evaluation) if (a, b) == (kind, i))
    return f"column {column!r} of table {tables[k].id!r} of {name!r}"


def _read_tables(
    before: Evaluation, after: Evaluation, profile: DisclosureProfile
) -> tuple[Puzzle, dict[Where, int]]:
    """Give every count of people in the tables a number, the same for what is one count."""
    puzzle = Puzzle()
    at: dict[Where, int] = {}
    same: dict[tuple[Any, ...], int] = {}
    grids: dict[str, list[Grid]] = {}
    for (kind, i, _, old), (_, _, _, new) in zip(_parts(before), _parts(after), strict=True):
        for k, (table, released) in enumerate(zip(old, new, strict=True)):
            labels = _labels(table)
            clear = _clear(labels)
            for column, j in _people(table).items():
                listed = []
                for r, label in enumerate(labels):
                    true = table.rows[r][j]
                    if not isinstance(true, int | float):
                        continue
                    unique = () if clear else (kind, i, k, r)
                    key = (column, true, unique, *sorted(label.items()))
                    if key not in same:
                        same[key] = puzzle.variable(float(true), False)
                    cell = at[kind, i, k, r, column] = same[key]
                    puzzle.known[cell] |= released.rows[r][j] is not None
                    if table.published:
                        puzzle.public.add(cell)
                    listed.append((label, cell))
                if clear:
                    grids.setdefault(column, []).append(((kind, i), listed))
    for where, cell in at.items():
        puzzle.protect(cell, profile.threshold, where)
    _read_sums(puzzle, at, before, profile)
    place = {cell: where for where, cell in reversed(list(at.items()))}
    for same_column in grids.values():
        _read_margins(puzzle, same_column, place, profile)
    return puzzle, at


def _read_sums(
    puzzle: Puzzle, at: Mapping[Where, int], before: Evaluation, profile: DisclosureProfile
) -> None:
    """Add the sums that tables declare across their columns."""
    for kind, i, _, tables in _parts(before):
        for k, table in enumerate(tables):
            for r, (total, parts) in itertools.product(range(len(table.rows)), table.sums):
                where = (kind, i, k, r, total)
                cells = [at.get((kind, i, k, r, p), -1) for p in parts]
                if where in at and -1 not in cells and at[where] not in cells:
                    puzzle.equate(at[where], cells, where, profile.threshold)
                    _one_answer(puzzle, at[where], cells, profile, where)


def _one_answer(
    puzzle: Puzzle, total: int, parts: list[int], profile: DisclosureProfile, where: Where
) -> None:
    """Protect a small group all of whom gave one answer."""
    size = puzzle.truth[total]
    if 0 < size < profile.extreme_shares_below and any(puzzle.truth[p] == size for p in parts):
        for cell in parts:
            puzzle.protect(cell, profile.threshold, where, always=True)


def _read_margins(
    puzzle: Puzzle, grids: list[Grid], place: Mapping[int, Where], profile: DisclosureProfile
) -> None:
    """Add every cell that is a sum of cells with more dimensions, within and across tables."""
    Label = tuple[tuple[str, str], ...]
    sums: list[dict[Label, dict[tuple[str, ...], list[int]]]] = []
    for _, listed in grids:
        coarser: dict[Label, dict[tuple[str, ...], list[int]]] = {}
        for label, cell in listed:
            for size in range(1, len(label) + 1):
                for dropped in itertools.combinations(sorted(label), size):
                    rest = tuple(sorted(x for x in label.items() if x[0] not in dropped))
                    coarser.setdefault(rest, {}).setdefault(dropped, []).append(cell)
        sums.append(coarser)
    own = [{tuple(sorted(label.items())) for label, _ in listed} for _, listed in grids]
    for (a, (owner, coarse)), (b, (other, _)) in itertools.product(enumerate(grids), repeat=2):
        for label, cell in coarse:
            key = tuple(sorted(label.items()))
            if a != b and key in own[b]:
                continue  # a table with that total of its own speaks for itself
            for parts in sums[b].get(key, {}).values():
                where = place[cell] if owner == other else None
                puzzle.equate(cell, parts, where, profile.threshold)


def _read_rates(
    puzzle: Puzzle,
    at: Mapping[Where, int],
    before: Evaluation,
    after: Evaluation,
    profile: DisclosureProfile,
) -> list[Where]:
    exposed = []
    for (kind, i, _, old), (_, _, _, new) in zip(_parts(before), _parts(after), strict=True):
        for k, (table, released) in enumerate(zip(old, new, strict=True)):
            shares = [
                (j, c)
                for j, c in enumerate(table.columns)
                if c.denominator and c.kind in ("share", "number")
            ]
            for (j, column), r in itertools.product(shares, range(len(table.rows))):
                whole = at.get((kind, i, k, r, column.denominator))
                value = table.rows[r][j]
                if table.published or whole is None or not isinstance(value, int | float):
                    continue
                shown = released.rows[r][j] is not None
                where = (kind, i, k, r, column.denominator)
                if column.kind == "number":
                    if shown and puzzle.truth[whole] < profile.min_people:
                        exposed.append(where)
                    continue
                part = at.get((kind, i, k, r, column.numerator))
                if part is None:
                    part = puzzle.variable(_numerator(column, value, puzzle.truth[whole]), shown)
                if part != whole:
                    _read_share(puzzle, whole, part, shown, profile, where)
    return exposed


def _numerator(column: Column, value: float, size: float) -> float:
    percent = column.unit in ("percent", "per cent", "percentage", "%") or value > 1
    return float(round(value * size / (100 if percent else 1)))


def _read_share(
    puzzle: Puzzle,
    whole: int,
    part: int,
    shown: bool,
    profile: DisclosureProfile,
    where: Where,
) -> None:
    """Add complement and, when the share is released, its proportion as an equation."""
    total, value = puzzle.truth[whole], puzzle.truth[part]
    if value > total:
        return
    rest = puzzle.variable(total - value, False)
    puzzle.rows.append({whole: -1.0, part: 1.0, rest: 1.0})
    for cell in (part, rest):
        puzzle.protect(cell, profile.threshold, where)
    _one_answer(puzzle, whole, [part, rest], profile, where)
    if shown and total:
        puzzle.rows.append({part: 1.0, whole: -value / total})


def _read_estimates(
    puzzle: Puzzle,
    at: Mapping[Where, int],
    before: Evaluation,
    after: Evaluation,
    profile: DisclosureProfile,
) -> list[Where]:
    """Check each released estimate by itself, and tie it to cells with the same count."""
    exposed = []
    for i, (old, new) in enumerate(zip(before.results, after.results, strict=True)):
        for j, (estimate, released) in enumerate(zip(old.estimates, new.estimates, strict=True)):
            n = estimate.n_people
            if not n or released.status == "withheld":
                continue
            counts = _counts(estimate.value, estimate.unit, n)
            small = any(0 < c <= profile.threshold for c in (n, *counts))
            extreme = len(counts) == 2 and 0 in counts and n < profile.extreme_shares_below
            if small or extreme or n < profile.min_people:
                exposed.append(("estimate", i, j, 0, "n_people"))
            for (kind, owner, *_), cell in at.items():
                if (kind, owner) == ("result", i) and puzzle.truth[cell] == n:
                    puzzle.known[cell] = True
    return exposed


def _counts(value: float | None, unit: str, n: int) -> tuple[float, ...]:
    """Return the numerator and the complement that an estimate gives away."""
    if value is None or value < 0:
        return ()
    if unit.lower() in ("count", "people"):
        return (value,) if value >= n else (value, n - value)
    if unit.lower() not in ("percent", "per cent", "percentage", "%", "share", "proportion"):
        return ()
    scale = 100 if "per" in unit.lower() or unit == "%" or value > 1 else 1
    numerator = round(value * n / scale)
    return (numerator, n - numerator) if numerator <= n else ()


def _read_notes(after: Evaluation, profile: DisclosureProfile) -> list[Where]:
    exposed = []
    owners: tuple[MetricResult | RenderedSection, ...] = (*after.results, *after.sections)
    for i, owner in enumerate(owners):
        for j, note in enumerate(owner.notes):
            rates = re.findall(r"\{(\w+)[^{}]*\}\s*(?:%|per ?cent)", note.text)
            counts = [v for name, v in note.values.items() if name not in rates]
            small = any(v in range(1, profile.threshold + 1) for v in counts if v is not True)
            if note.of == "people" and small:
                exposed.append(("note", i, j, 0, "values"))
    return exposed
