"""Every count of people in a release as one system: distinct cells, and what adds up to what.

A cell is known by its column and the dimensions it stands under, totals left out, so that the same
count in two tables is one cell and the margin of one table is found in another. Counts that are
not shown but follow (the complement of a share, what a total has beyond its parts) are cells too.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from impactkit.disclosure.values import as_number
from impactkit.results import Column, Estimate, Evaluation, MetricResult, Table

Owner = tuple[str, int]
"""``("result", 0)``, ``("section", 1)`` or ``("evaluation", 0)``."""
Place = tuple[Owner, int, int, str]
"""Owner, table, row and column."""
Key = tuple[Any, ...]
Dims = frozenset[tuple[str, str]]

TOTAL_WORDS = frozenset({"all", "total", "totals", "overall", "everyone"})
PARTITIONS = (("boys", "girls"), ("fsm6", "non_fsm6"), ("low_prior", "mid_prior", "high_prior"))
_MOST_COLUMNS = 8  # beyond this the search for undeclared sums of columns would grow too long
_SHARES = frozenset({"percent", "per cent", "percentage", "%", "share", "proportion"})


@attrs.frozen
class Relation:
    """`total` equals the sum of `parts`, all of them cell numbers."""

    total: int
    parts: tuple[int, ...]
    across: bool = False  # parts are answers of the same people (stayed, left), not groups


@attrs.define
class System:
    """The cells of a release. `values` are true counts (None: unknown to us as well)."""

    values: list[float | None] = attrs.field(factory=list)
    public: set[int] = attrs.field(factory=set)
    relations: dict[tuple[int, frozenset[int]], Relation] = attrs.field(factory=dict)
    places: dict[Place, int] = attrs.field(factory=dict)
    shares: dict[Place, tuple[int, ...] | None] = attrs.field(factory=dict)
    means: dict[Place, int | None] = attrs.field(factory=dict)
    estimates: dict[tuple[int, int], tuple[int, ...]] = attrs.field(factory=dict)
    groups: list[tuple[int, int, int]] = attrs.field(factory=list)
    _index: dict[Key, int] = attrs.field(factory=dict)

    def cell(self, key: Key, value: float | None) -> int:
        """Return the number of a cell; equal keys with equal values are the same cell."""
        known = self._index.setdefault((key, value), len(self.values))
        if known == len(self.values):
            self.values.append(value)
        return known

    def relate(self, total: int, parts: list[int], *, slack: bool, across: bool = False) -> None:
        """Record that `total` is the sum of `parts`; with `slack`, of these and a remainder.

        A relation that doesn't hold for the true counts is none: people counted twice.
        """
        if not parts or total in parts:
            return
        whole = self.values[total]
        unknown = [p for p in parts if self.values[p] is None]
        known = sum(self.values[p] or 0 for p in parts)
        if whole is None or len(unknown) > 1 or known > whole + 1e-9:
            return
        rest = whole - known
        if unknown:
            self.values[unknown[0]] = rest  # a single gap in a margin is no secret
        elif rest > 1e-9:
            if not slack:
                return
            remainder = self.cell(("rest", total, *sorted(parts)), rest)
            if self.public.issuperset([total, *parts]):  # anyone has it already
                self.public.add(remainder)
            parts = [*parts, remainder]
        self.relations.setdefault(
            (total, frozenset(parts)), Relation(total, tuple(parts), across=across)
        )


def owners(evaluation: Evaluation) -> Iterator[tuple[Owner, tuple[Table, ...]]]:
    """Yield every part of an evaluation that has tables, in order."""
    for i, result in enumerate(evaluation.results):
        yield ("result", i), result.tables
    for i, section in enumerate(evaluation.sections):
        yield ("section", i), section.tables
    yield ("evaluation", 0), evaluation.tables


def is_people_count(column: Column) -> bool:
    """Tell whether a column counts people."""
    return column.kind == "count" and column.of == "people"


def _dimensions(table: Table) -> list[int]:
    declared = [j for j, c in enumerate(table.columns) if c.kind == "dimension"]
    return declared or [
        j for j in range(len(table.columns)) if any(isinstance(row[j], str) for row in table.rows)
    ]


def row_dims(table: Table) -> list[Dims]:
    """Return the dimensions of each row, without those that stand at their total.

    Rows that can't be told apart get their position, so that they're never taken for one another.
    """
    at = _dimensions(table)
    out: list[Dims] = []
    for row in table.rows:
        dims = set()
        for j in at:
            name, value = table.columns[j].name, str(row[j])
            total = table.totals.get(name)
            if value != total and (total is not None or value.casefold() not in TOTAL_WORDS):
                dims.add((name, value))
        out.append(frozenset(dims))
    if len(set(out)) < len(out):
        return [dims | {("row", str(i))} for i, dims in enumerate(out)]
    return out


Grid = dict[frozenset[str], dict[Dims, int]]
"""The cells of one column of one table, by names of dimensions, then by dimensions."""


def build(evaluation: Evaluation) -> System:
    """Return the system of an evaluation in which every count of people is declared."""
    system = System()
    grids: dict[str, list[tuple[Owner, Grid]]] = {}
    for owner, tables in owners(evaluation):
        for k, table in enumerate(tables):
            for column, grid in _add_table(system, owner, k, table).items():
                grids.setdefault(column, []).append((owner, grid))
    for same in grids.values():
        for (owner, upper), (other, lower) in itertools.product(same, same):
            # Within a metric what a total has beyond its parts is a group of people as well.
            _margins(system, upper, lower, slack=owner == other)
    for owner, tables in owners(evaluation):
        for k, table in enumerate(tables):
            _add_rates(system, owner, k, table)
    for i, result in enumerate(evaluation.results):
        _add_estimates(system, i, result)
    return system


def _add_table(system: System, owner: Owner, k: int, table: Table) -> dict[str, Grid]:
    dims = row_dims(table)
    grids: dict[str, Grid] = {}
    for j, column in enumerate(table.columns):
        if not is_people_count(column):
            continue
        grid = grids.setdefault(column.name, {})
        for i, row in enumerate(table.rows):
            value = as_number(row[j])
            key = (column.name, dims[i], None if value is not None else (owner, k))
            cell = system.cell(key, value)
            system.places[owner, k, i, column.name] = cell
            if table.published:
                system.public.add(cell)
            grid.setdefault(frozenset(name for name, _ in dims[i]), {})[dims[i]] = cell
    names = list(grids)
    for i in range(len(table.rows)):
        at = {name: system.places[owner, k, i, name] for name in names}
        for total, parts in table.sums:
            if total in at and all(p in at for p in parts):
                system.relate(at[total], [at[p] for p in parts], slack=True, across=True)
        for total, parts in _undeclared_sums(table, names):
            system.relate(at[total], [at[p] for p in parts], slack=False, across=True)
    _undeclared_total(system, owner, k, table, names)
    return grids


def _undeclared_sums(table: Table, names: list[str]) -> list[tuple[str, tuple[str, ...]]]:
    """Find columns that are the sum of others in every row: a reader would find them too."""
    if not 3 <= len(names) <= _MOST_COLUMNS:
        return []
    at = {c.name: j for j, c in enumerate(table.columns)}
    columns = {n: [as_number(row[at[n]]) or 0.0 for row in table.rows] for n in names}
    names = [n for n in names if any(columns[n])]
    found: list[tuple[str, tuple[str, ...]]] = []
    for size in range(2, len(names)):
        for parts in itertools.combinations(names, size):
            sums = [sum(cells) for cells in zip(*(columns[p] for p in parts), strict=True)]
            for total in names:
                smaller = any(t == total and set(p) < set(parts) for t, p in found)
                if total not in parts and not smaller and sums == columns[total]:
                    found.append((total, parts))
    return found


def _undeclared_total(system: System, owner: Owner, k: int, table: Table, names: list[str]) -> None:
    """Find a row that is the sum of all the others in every column, whatever it is called."""
    rows = range(len(table.rows))
    columns = [[system.places[owner, k, r, name] for r in rows] for name in names]
    values = [[system.values[cell] or 0.0 for cell in column] for column in columns]
    sums = [sum(v) for v in values]
    for r in rows if len(rows) > 2 and any(sums) else ():
        if all(abs(2 * v[r] - total) < 1e-9 for v, total in zip(values, sums, strict=True)):
            for column in columns:
                system.relate(column[r], column[:r] + column[r + 1 :], slack=False)


def _margins(system: System, upper: Grid, lower: Grid, *, slack: bool) -> None:
    """Relate totals in `upper` to the cells in `lower` that they're made of.

    A table that has the same total itself is about the same people, and then it is one cell
    already, or about others, and then there is nothing to relate.
    """
    for names, totals in upper.items():
        finer = [other for other in lower if names < other]
        for other in finer:
            if any(between < other for between in finer):
                continue  # the margin in between is related to both
            children: dict[Dims, list[int]] = {}
            for dims, cell in lower[other].items():
                children.setdefault(frozenset(d for d in dims if d[0] in names), []).append(cell)
            own = lower.get(names, {})
            for dims, total in totals.items():
                if dims in own and upper is not lower:
                    continue
                system.relate(total, children.get(dims, []), slack=slack)


def _scale(unit: str, values: list[float]) -> float:
    percent = unit.casefold() in _SHARES - {"share", "proportion"}
    return 100.0 if percent or any(v > 1 for v in values) else 1.0


def _add_share(system: System, whole: int, part: int) -> tuple[int, ...]:
    """Add the complement of a share; return the three cells that the share would give away."""
    total, value = system.values[whole], system.values[part]
    if total is None or value is None or value > total:
        return (whole, part)
    rest = system.cell(("complement", whole, part), total - value)
    if rest != part:
        system.relate(whole, [part, rest], slack=False, across=True)
    system.groups.append((whole, part, rest))
    return (whole, part, rest)


def _add_rates(system: System, owner: Owner, k: int, table: Table) -> None:
    """Add what shares and means rest on; None where a table doesn't say it."""
    kinds = {c.name: c for c in table.columns}
    for j, column in enumerate(table.columns):
        base = kinds.get(column.denominator)
        public = column.of in ("schools", "partnerships", "events")
        if table.published or (public if base is None else not is_people_count(base)):
            continue
        if column.kind == "number" and column.denominator:
            for i in range(len(table.rows)):
                place = (owner, k, i, column.name)
                system.means[place] = system.places.get((owner, k, i, column.denominator))
        if column.kind != "share":
            continue
        shown = [as_number(row[j]) for row in table.rows]
        scale = _scale(column.unit, [v for v in shown if v is not None])
        for i, value in enumerate(shown):
            place = (owner, k, i, column.name)
            whole = system.places.get((owner, k, i, column.denominator))
            part = system.places.get((owner, k, i, column.numerator))
            total = None if whole is None else system.values[whole]
            if value is None:
                continue
            if whole is None or total is None:
                system.shares[place] = None
                continue
            if part is None or system.values[part] is None:
                count = float(round(value / scale * total))
                part = system.cell(("implied", place), count)
            system.shares[place] = _add_share(system, whole, part)


def implied_count(estimate: Estimate) -> float | None:
    """Return the number of people that a share or a count stands for, or None if it's neither.

    Examples
    --------
    >>> implied_count(Estimate(value=75.0, unit="percent", n_people=20))
    15.0
    """
    value, unit = estimate.value, estimate.unit.casefold()
    if value is None or estimate.n_people is None or value < 0:
        return None
    if unit in ("count", "people"):
        return value if value != estimate.n_people else None
    if unit not in _SHARES:
        return None
    count = float(round(value / _scale(unit, [value]) * estimate.n_people))
    return count if count <= estimate.n_people else None


def _add_estimates(system: System, i: int, result: MetricResult) -> None:
    rows: dict[tuple[int, int], list[int]] = {}
    for (owner, k, row, _), cell in system.places.items():
        if owner == ("result", i):
            rows.setdefault((k, row), []).append(cell)
    counted: list[tuple[Estimate, tuple[int, ...]]] = []
    for j, estimate in enumerate(result.estimates):
        if estimate.n_people is None or estimate.status == "withheld":
            continue
        labels = (i, estimate.estimand, estimate.measure, estimate.subgroup, estimate.term)
        whole = system.cell(("people", *labels), float(estimate.n_people))
        cells: tuple[int, ...] = (whole,)
        count = implied_count(estimate)
        if count is not None:
            cells = _add_share(system, whole, system.cell(("share", *labels, j), count))
        system.estimates[i, j] = cells
        counted.append((estimate, cells))
        for row_cells in rows.values():
            _link(system, cells, row_cells)
    for field in ("subgroup", "term"):
        _add_families(system, counted, field)


def _link(system: System, cells: tuple[int, ...], row: list[int]) -> None:
    """Tie an estimate to a table's row that has both its people and its numerator."""
    pairs = [(a, b) for a in cells for b in row if system.values[a] == system.values[b]]
    matched = {a for a, _ in pairs}
    if len(matched) > 1 and cells[0] in matched:
        for a, b in pairs:
            system.relate(b, [a], slack=False)


def _add_families(
    system: System, counted: list[tuple[Estimate, tuple[int, ...]]], field: str
) -> None:
    """Relate estimates that differ in one label only, where one of them stands for all."""
    families: dict[tuple[str, ...], dict[str, tuple[int, ...]]] = {}
    names = [n for n in ("estimand", "measure", "subgroup", "term") if n != field]
    for estimate, cells in counted:
        family = tuple(getattr(estimate, n) for n in names)
        families.setdefault(family, {})[getattr(estimate, field)] = cells
    for family_members in families.values():
        totals = [m for m in family_members if m.casefold() in TOTAL_WORDS or m == ""]
        parts = [m for m in family_members if m not in totals]
        groups = [[p] for p in parts] if len(parts) > 1 else []
        groups += [list(p) for p in PARTITIONS if set(p) <= set(parts)] + [parts]
        for total, group in itertools.product(totals, groups):
            _relate_members(system, family_members, total, group)


def _relate_members(
    system: System, members: Mapping[str, tuple[int, ...]], total: str, group: list[str]
) -> None:
    columns = zip(members[total], *(members[g] for g in group), strict=False)
    for whole, *parts in columns:
        system.relate(whole, parts, slack=True)
