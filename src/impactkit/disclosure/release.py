"""Make the release: blank what is withheld, have notes put into words, round, keep the log."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from impactkit.declarations import DisclosureProfile
from impactkit.disclosure.cells import Owner, Place, System, is_people_count, owners
from impactkit.disclosure.notes import word_note
from impactkit.disclosure.text import mask_numbers
from impactkit.disclosure.values import as_number, evolve
from impactkit.results import Cell, Estimate, Evaluation, Note, Table, Withheld

CELL_REASON = "protects people: small counts, and the cells that would let one work them out"
NOTE_REASON = "protects people: numbers put into words"
SYMBOL = "c"
_NUMBERS = ("value", "std_error", "ci_low", "ci_high", "band_low", "band_high")
_MORE_NUMBERS = ("p_value", "p_adjusted", "n_people")

Hidden = dict[Owner, set[float]]
"""The true numbers that an owner's tables and estimates no longer show."""


def estimate_reason(profile: DisclosureProfile) -> str:
    """Return why an estimate is withheld; the same whether its own count is small or a relative's.

    Examples
    --------
    >>> from impactkit.disclosure import core_profiles
    >>> estimate_reason(core_profiles()[0])
    'protects people: the count, or one it would give away, is below ... profile dfe-school'
    """
    return (
        "protects people: the count, or one it would give away, is below the threshold of "
        f"profile {profile.id}"
    )


def withheld_places(
    system: System, evaluation: Evaluation, withheld: Collection[int], profile: DisclosureProfile
) -> set[Place]:
    """Return every cell of every table to blank: counts, and the shares and means of them."""
    published = {
        (owner, k)
        for owner, tables in owners(evaluation)
        for k, table in enumerate(tables)
        if table.published
    }
    counts = {place for place, cell in system.places.items() if cell in withheld}
    shares = {
        place
        for place, cells in system.shares.items()
        if cells is None or any(cell in withheld for cell in cells)
    }
    # A number beside a withheld share may be the bound of its interval, which gives the share back.
    rows = {place[:3] for place in shares}
    means = {
        place
        for place, cell in system.means.items()
        if cell is None
        or cell in withheld
        or place[:3] in rows
        or (system.values[cell] or 0) < profile.min_people
    }
    return {place for place in counts | shares | means if place[:2] not in published}


def blank(
    evaluation: Evaluation,
    system: System,
    withheld: Collection[int],
    profile: DisclosureProfile,
) -> tuple[Evaluation, list[Withheld]]:
    """Return the evaluation without what is withheld, and the log of it.

    Estimates go when a cell they rest on does, when they rest on fewer than `min_people`, or when
    their count equals one withheld in the same metric, where it would only be read again.
    """
    places = withheld_places(system, evaluation, withheld, profile)
    hidden: Hidden = {}
    log: list[Withheld] = []
    tables: dict[Owner, list[Table]] = {}
    names = _names(evaluation)
    for owner, old in owners(evaluation):
        tables[owner] = []
        hidden[owner] = set()
        for k, table in enumerate(old):
            mine = {(i, column) for o, t, i, column in places if (o, t) == (owner, k)}
            new, lost = _blank_table(table, mine)
            tables[owner].append(new)
            hidden[owner] |= lost
            cells = len(new.marks) - len(table.marks)
            if cells:
                log.append(_line(names[owner], table.id, cells, CELL_REASON))
    results = []
    for i, result in enumerate(evaluation.results):
        owner = ("result", i)
        gone = {
            j
            for j, estimate in enumerate(result.estimates)
            if _must_go(estimate, system.estimates.get((i, j)), withheld, hidden[owner], profile)
        }
        estimates = [
            _blank_estimate(e, profile) if j in gone else e for j, e in enumerate(result.estimates)
        ]
        for j in gone:
            hidden[owner] |= _estimate_numbers(result.estimates[j])
            hidden[owner] |= {system.values[c] or 0.0 for c in system.estimates.get((i, j), ())}
        if gone:
            log.append(_line(result.metric, "estimates", len(gone), CELL_REASON))
        notes = _word_notes(result.notes, hidden[owner], profile, result.metric, log)
        results.append(evolve(result, tables=tables[owner], estimates=estimates, notes=notes))
    everything = {
        number for numbers in hidden.values() for number in numbers
    }  # a section may speak of any metric
    sections = [
        evolve(
            section,
            tables=tables["section", i],
            notes=_word_notes(section.notes, everything, profile, section.id, log),
        )
        for i, section in enumerate(evaluation.sections)
    ]
    blanked = evolve(evaluation, results=results, sections=sections, tables=tables["evaluation", 0])
    return blanked, log


def _line(metric: str, table: str, cells: int, reason: str) -> Withheld:
    return Withheld(metric=metric, table=table, cells=cells, reason=reason)


def _names(evaluation: Evaluation) -> dict[Owner, str]:
    names: dict[Owner, str] = {("evaluation", 0): ""}
    names |= {("result", i): r.metric for i, r in enumerate(evaluation.results)}
    names |= {("section", i): s.id for i, s in enumerate(evaluation.sections)}
    return names


def _blank_table(table: Table, cells: Collection[tuple[int, str]]) -> tuple[Table, set[float]]:
    at = {column.name: j for j, column in enumerate(table.columns)}
    rows = [list(row) for row in table.rows]
    marks = dict(table.marks)
    lost: set[float] = set()
    for i, name in sorted(cells):
        value = as_number(rows[i][at[name]])
        if value is not None:
            lost.add(value)
        if rows[i][at[name]] is not None:
            rows[i][at[name]] = None
            marks[i, name] = SYMBOL
    return evolve(table, rows=rows, marks=marks), lost


def _must_go(
    estimate: Estimate,
    cells: tuple[int, ...] | None,
    withheld: Collection[int],
    hidden: Collection[float],
    profile: DisclosureProfile,
) -> bool:
    if cells is None or estimate.n_people is None:
        return False
    few = 0 < estimate.n_people < profile.min_people
    return few or estimate.n_people in hidden or any(cell in withheld for cell in cells)


def _estimate_numbers(estimate: Estimate) -> set[float]:
    numbers = (getattr(estimate, name) for name in (*_NUMBERS, *_MORE_NUMBERS))
    return {float(number) for number in numbers if number is not None}


def _blank_estimate(estimate: Estimate, profile: DisclosureProfile) -> Estimate:
    return evolve(
        estimate,
        **dict.fromkeys((*_NUMBERS, *_MORE_NUMBERS)),
        status="withheld",
        reason=estimate_reason(profile),
        warnings=[mask_numbers(w, profile.threshold) for w in estimate.warnings],
    )


def _word_notes(
    notes: Collection[Note],
    hidden: Collection[float],
    profile: DisclosureProfile,
    name: str,
    log: list[Withheld],
) -> list[Note]:
    worded = [word_note(note, hidden, profile) for note in notes]
    changed = sum(a != b for a, b in zip(notes, worded, strict=True))
    if changed:
        log.append(_line(name, "notes", changed, NOTE_REASON))
    return worded


def round_counts(evaluation: Evaluation, to: int) -> Evaluation:
    """Round the released counts of people to multiples of `to`, halves up.

    Shares stay as they are, worked out from unrounded counts, as Ofqual does it. The audit comes
    before, on exact counts: rounding can only take information away.
    """

    def near(value: Cell) -> Cell:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return value
        return int(value / to + 0.5) * to

    def table(old: Table) -> Table:
        if old.published:
            return old
        people = {j for j, c in enumerate(old.columns) if is_people_count(c)}
        rows = [[near(v) if j in people else v for j, v in enumerate(row)] for row in old.rows]
        return evolve(old, rows=rows)

    def note(old: Note) -> Note:
        if old.of != "people":
            return old
        whole = {k: near(v) for k, v in old.values.items() if isinstance(v, int)}
        return evolve(old, values={**dict(old.values), **whole})

    def shown(owner: Any) -> Any:
        return evolve(owner, tables=map(table, owner.tables), notes=[note(n) for n in owner.notes])

    def estimate(old: Estimate) -> Estimate:
        return old if old.n_people is None else evolve(old, n_people=near(old.n_people))

    results = [
        evolve(shown(r), estimates=[estimate(e) for e in r.estimates]) for r in evaluation.results
    ]
    return evolve(
        evaluation,
        results=results,
        sections=[shown(s) for s in evaluation.sections],
        tables=map(table, evaluation.tables),
    )
