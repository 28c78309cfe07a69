"""The audit: play a reader who adds and subtracts, and see how closely each protected count shows.

Written apart from the rest on purpose: it starts again from the tables before and after, knows
nothing of how cells were chosen, and shares no code with the part that chose them. For each
protected count it asks a linear programme for the least and the greatest value that agree with
everything released (Fischetti & Salazar 2000, the attacker's problem).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import attrs

from impactkit.declarations import DisclosureProfile
from impactkit.results import Column, Evaluation, MetricResult, RenderedSection, Table

if TYPE_CHECKING:
    import numpy as np

_ALL = ("all", "total", "totals", "overall", "everyone")
_TOLERANCE = 1e-6

Where = tuple[str, int, int, int, str]
"""Kind and number of the owner, number of the table, row, and column name."""


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


@attrs.define
class _Puzzle:
    """Unknowns, what the attacker knows of them, equations, and how wide each must stay."""

    truth: list[float] = attrs.field(factory=list)
    known: list[bool] = attrs.field(factory=list)
    rows: list[dict[int, float]] = attrs.field(factory=list)
    limits: dict[int, tuple[float, float]] = attrs.field(factory=dict)
    names: dict[int, Exposed] = attrs.field(factory=dict)
    public: set[int] = attrs.field(factory=set)
    seen: set[tuple[int, frozenset[int]]] = attrs.field(factory=set)

    def variable(self, truth: float, known: bool) -> int:
        self.truth.append(truth)
        self.known.append(known)
        return len(self.truth) - 1

    def equate(self, total: int, parts: list[int], rest: Exposed | None, threshold: int) -> None:
        """Add total = parts (+ a remainder, when `rest` says how to call it)."""
        missing = self.truth[total] - sum(self.truth[p] for p in parts)
        if not parts or missing < -_TOLERANCE or (missing > _TOLERANCE and rest is None):
            return
        known = (total, frozenset(parts))
        if total in parts or known in self.seen:
            return
        self.seen.add(known)
        row = {total: -1.0}
        for part in parts:  # equal counts may be one cell
            row[part] = row.get(part, 0.0) + 1.0
        if missing > _TOLERANCE and rest is not None:
            extra = self.variable(missing, False)
            row[extra] = 1.0
            self.protect(extra, threshold, rest)
        self.rows.append(row)

    def protect(self, cell: int, threshold: int, name: Exposed, *, always: bool = False) -> None:
        """Demand room around a small count (`always`: around any)."""
        true = self.truth[cell]
        if cell in self.public or not (always or 0 < true <= threshold):
            return
        self.limits[cell] = (true - min(true, 1.0), max(float(threshold), true))
        self.names[cell] = name


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
    puzzle, at, n_checked = _read_tables(before, after, profile)
    exposed = _read_rates(puzzle, at, before, after, profile)
    exposed += _read_estimates(puzzle, at, before, after, profile)
    exposed += _read_notes(after, profile)
    exposed += [puzzle.names[cell] for cell in _narrow(puzzle)]
    n_checked += sum(e.n_people is not None for e in before.estimates)
    return Audit(n_checked, tuple(dict.fromkeys(exposed)))


def _read_tables(
    before: Evaluation, after: Evaluation, profile: DisclosureProfile
) -> tuple[_Puzzle, dict[Where, int], int]:
    puzzle = _Puzzle()
    at: dict[Where, int] = {}
    same: dict[tuple[Any, ...], int] = {}
    margins: dict[str, list[tuple[str, int, list[tuple[dict[str, str], int]]]]] = {}
    pairs = list(zip(_parts(before), _parts(after), strict=True))
    for (kind, i, _, old), (_, _, _, new) in pairs:
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
                    margins.setdefault(column, []).append((kind, i, listed))
    for where, cell in at.items():
        puzzle.protect(cell, profile.threshold, Exposed(where, _name(before, where)))
    for (kind, i, _, old), _ in pairs:
        for k, table in enumerate(old):
            for r, (total, parts) in itertools.product(range(len(table.rows)), table.sums):
                where = (kind, i, k, r, total)
                cells = [at.get((kind, i, k, r, p)) for p in parts]
                if where in at and None not in cells:
                    rest = Exposed(where, f"what is left of {_name(before, where)}")
                    parts_at = [c for c in cells if c is not None]
                    puzzle.equate(at[where], parts_at, rest, profile.threshold)
                    _one_answer(puzzle, at[where], parts_at, profile, Exposed(where, rest.name))
    _read_margins(puzzle, margins, at, before, profile)
    return puzzle, at, len(at)


def _name(evaluation: Evaluation, where: Where) -> str:
    kind, i, k, _, column = where
    owner, tables = next((n, t) for a, b, n, t in _parts(evaluation) if (a, b) == (kind, i))
    return f"column {column!r} of table {tables[k].id!r} in {owner!r}"


def _one_answer(
    puzzle: _Puzzle, total: int, parts: list[int], profile: DisclosureProfile, name: Exposed
) -> None:
    """Protect a small group all of whom gave one answer."""
    size = puzzle.truth[total]
    if 0 < size < profile.extreme_shares_below and any(puzzle.truth[p] == size for p in parts):
        for cell in parts:
            puzzle.protect(cell, profile.threshold, name, always=True)


def _read_margins(
    puzzle: _Puzzle,
    margins: Mapping[str, list[tuple[str, int, list[tuple[dict[str, str], int]]]]],
    at: Mapping[Where, int],
    before: Evaluation,
    profile: DisclosureProfile,
) -> None:
    """Add every cell that is a sum of cells with more dimensions, within and across tables."""
    place = {cell: where for where, cell in reversed(list(at.items()))}
    for grids in margins.values():
        for (kind, i, coarse), (other, j, fine) in itertools.product(grids, grids):
            finer: dict[tuple[Any, ...], list[int]] = {}
            for label, cell in fine:
                for size in range(1, len(label) + 1):
                    for dropped in itertools.combinations(sorted(label), size):
                        rest = tuple(sorted(x for x in label.items() if x[0] not in dropped))
                        finer.setdefault((dropped, rest), []).append(cell)
            dimensions = sorted({dropped for dropped, _ in finer})
            for (label, cell), dropped in itertools.product(coarse, dimensions):
                found = finer.get((dropped, tuple(sorted(label.items()))), [])
                where = place[cell]
                remainder = Exposed(where, f"what is left of {_name(before, where)}")
                within = (kind, i) == (other, j)
                puzzle.equate(cell, found, remainder if within else None, profile.threshold)


def _read_rates(
    puzzle: _Puzzle,
    at: Mapping[Where, int],
    before: Evaluation,
    after: Evaluation,
    profile: DisclosureProfile,
) -> list[Exposed]:
    exposed = []
    for (kind, i, name, old), (_, _, _, new) in zip(_parts(before), _parts(after), strict=True):
        for k, (table, released) in enumerate(zip(old, new, strict=True)):
            shares = [(j, c) for j, c in enumerate(table.columns) if c.denominator]
            for (j, column), r in itertools.product(shares, range(len(table.rows))):
                whole = at.get((kind, i, k, r, column.denominator))
                value = table.rows[r][j]
                if table.published or whole is None or not isinstance(value, int | float):
                    continue
                shown = released.rows[r][j] is not None
                where = (kind, i, k, r, column.denominator)
                label = Exposed(where, f"column {column.name!r} of table {table.id!r} in {name!r}")
                if column.kind == "number":
                    if shown and puzzle.truth[whole] < profile.min_people:
                        exposed.append(label)
                    continue
                part = at.get((kind, i, k, r, column.numerator))
                if part is None:
                    part = puzzle.variable(_numerator(column, value, puzzle.truth[whole]), shown)
                _read_share(puzzle, whole, part, shown, profile, label)
    return exposed


def _numerator(column: Column, value: float, size: float) -> float:
    percent = column.unit in ("percent", "per cent", "percentage", "%") or value > 1
    return float(round(value * size / (100 if percent else 1)))


def _read_share(
    puzzle: _Puzzle,
    whole: int,
    part: int,
    shown: bool,
    profile: DisclosureProfile,
    label: Exposed,
) -> None:
    """Add complement and, when the share is released, its proportion as an equation."""
    total, value = puzzle.truth[whole], puzzle.truth[part]
    if value > total:
        return
    rest = puzzle.variable(total - value, False)
    puzzle.rows.append({whole: -1.0, part: 1.0, rest: 1.0})
    for cell in (part, rest):
        puzzle.protect(cell, profile.threshold, label)
    _one_answer(puzzle, whole, [part, rest], profile, label)
    if shown and total:
        puzzle.rows.append({part: 1.0, whole: -value / total})


def _read_estimates(
    puzzle: _Puzzle,
    at: Mapping[Where, int],
    before: Evaluation,
    after: Evaluation,
    profile: DisclosureProfile,
) -> list[Exposed]:
    """Check each released estimate by itself, and tie it to cells with the same count."""
    exposed = []
    for i, (old, new) in enumerate(zip(before.results, after.results, strict=True)):
        for j, (estimate, released) in enumerate(zip(old.estimates, new.estimates, strict=True)):
            n = estimate.n_people
            if n is None or released.status == "withheld":
                continue
            label = Exposed(("estimate", i, j, 0, "n_people"), f"an estimate of {old.metric!r}")
            counts = _counts(estimate.value, estimate.unit, n)
            small = any(0 < c <= profile.threshold for c in (n, *counts))
            extreme = len(counts) == 2 and 0 in counts and n < profile.extreme_shares_below
            if small or extreme or 0 < n < profile.min_people:
                exposed.append(label)
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


def _read_notes(after: Evaluation, profile: DisclosureProfile) -> list[Exposed]:
    exposed = []
    owners: tuple[MetricResult | RenderedSection, ...] = (*after.results, *after.sections)
    for i, owner in enumerate(owners):
        for j, note in enumerate(owner.notes):
            numbers = [v for v in note.values.values() if isinstance(v, int | float)]
            if note.of == "people" and any(0 < v <= profile.threshold for v in numbers):
                name = owner.metric if isinstance(owner, MetricResult) else owner.id
                exposed.append(Exposed(("note", i, j, 0, "values"), f"a note of {name!r}"))
    return exposed


def _narrow(puzzle: _Puzzle) -> list[int]:
    """Return the protected cells whose range is too narrow."""
    import numpy as np
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    hidden = [c for c in range(len(puzzle.truth)) if not puzzle.known[c]]
    failed = [c for c in puzzle.limits if puzzle.known[c]]
    position = {cell: p for p, cell in enumerate(hidden)}
    equations = [
        ({position[c]: w for c, w in row.items() if c in position}, row) for row in puzzle.rows
    ]
    equations = [(free, row) for free, row in equations if free]
    r = [k for k, (free, _) in enumerate(equations) for _ in free]
    c = [p for free, _ in equations for p in free]
    w = [weight for free, _ in equations for weight in free.values()]
    shape = (len(equations), len(hidden))
    matrix = csr_array((w, (r, c)), shape=shape)
    truth = np.array([puzzle.truth[cell] for cell in hidden])
    if not hidden:
        return failed
    links = abs(matrix).T @ abs(matrix)
    _, component = connected_components(links, directed=False)
    wanted: dict[int, list[int]] = {}
    for cell in puzzle.limits:
        if cell in position:
            wanted.setdefault(int(component[position[cell]]), []).append(position[cell])
    for number, cells in sorted(wanted.items()):
        columns = np.flatnonzero(component == number)
        rows = np.unique(matrix[:, columns].nonzero()[0])
        if not len(rows):
            continue  # nothing released says anything about it
        local = {int(p): q for q, p in enumerate(columns)}
        limits = {local[p]: puzzle.limits[hidden[p]] for p in cells}
        bad = _solve(matrix[rows][:, columns], truth[columns], limits)
        failed += [hidden[int(columns[q])] for q in bad]
    return failed


def _solve(matrix: Any, truth: np.ndarray, limits: Mapping[int, tuple[float, float]]) -> list[int]:
    """Return the cells of one component that can't reach both their limits.

    One programme first moves all cells towards a limit together. A cell that gets there is proved
    by that solution; only the others need one of their own.
    """
    import numpy as np
    from scipy.optimize import linprog
    from scipy.sparse import csr_array, hstack

    right = matrix @ truth
    n = len(truth)
    failed: set[int] = set()
    for side, sign in ((1, 1.0), (0, -1.0)):
        cells = sorted(limits)
        goal = np.array([limits[q][side] for q in cells])
        m = len(cells)
        # y_q ± short_q reaches the goal; the sum of the shortfalls is made as small as can be.
        pick = csr_array((np.full(m, -sign), (range(m), cells)), shape=(m, n))
        gap = csr_array((np.full(m, -1.0), (range(m), range(m))), shape=(m, m))
        together = linprog(
            np.concatenate([np.zeros(n), np.ones(m)]),
            A_ub=hstack([pick, gap]),
            b_ub=-sign * goal,
            A_eq=hstack([matrix, csr_array((matrix.shape[0], m))]),
            b_eq=right,
            bounds=(0, None),
            method="highs",
        )
        short = together.x[n:] if together.status == 0 else np.full(m, np.inf)
        for k, q in enumerate(cells):
            if short[k] <= _TOLERANCE:
                continue
            cost = np.zeros(n)
            cost[q] = -sign
            bounds = np.tile([0.0, np.inf], (n, 1))
            bounds[q, 1] = max(goal[k], truth[q])
            alone = linprog(cost, A_eq=matrix, b_eq=right, bounds=bounds, method="highs")
            if alone.status != 0 or sign * (goal[k] - alone.x[q]) > _TOLERANCE:
                failed.add(q)
    return sorted(failed)
