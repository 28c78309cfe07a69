"""What to withhold: the small counts, and what else of each margin would give one away.

Suppressing "the next smallest" cell beside a small one often does, and often does not: in many
tables the rest can be solved for it, exactly or closely. So that is what is tried, and the audit
says whether it will do; where it won't, whole margins go.
"""

from __future__ import annotations

from collections.abc import Iterable

from impactkit.declarations import DisclosureProfile
from impactkit.disclosure.cells import Relation, System


def protected_cells(system: System, profile: DisclosureProfile) -> set[int]:
    """Return the cells that must not become known: small counts, and "all" or "none" of a few.

    Cells that the Department has published are public facts already.
    """
    small = {
        cell
        for cell, value in enumerate(system.values)
        if value is not None and 0 < value <= profile.threshold
    }
    answers = [(r.total, r.parts) for r in system.relations.values() if r.across]
    answers += [(whole, (part, rest)) for whole, part, rest in system.groups]
    for whole, parts in answers:
        if 0 < (system.values[whole] or 0) < profile.extreme_shares_below:
            values = [system.values[p] for p in parts]
            if any(v == system.values[whole] for v in values):
                small.update(parts)
    return small - system.public


def withhold_margins(system: System, start: Iterable[int]) -> set[int]:
    """Return `start` and all that must go with it.

    For each relation: when a part is withheld, so are the other parts, or subtraction would give
    it; when a total is withheld, so are its parts, or addition would; and when there is but one
    part left to withhold, so is the total. What this withholds is followed through every other
    relation until nothing changes.
    """
    of: dict[int, list[Relation]] = {}
    for relation in system.relations.values():
        for cell in (relation.total, *relation.parts):
            of.setdefault(cell, []).append(relation)
    withheld = set(start) - system.public
    queue = sorted(withheld)
    while queue:
        for relation in of.get(queue.pop(), ()):
            mine = [p for p in relation.parts if p not in system.public]
            if len(mine) == 1 and relation.total not in system.public:
                mine.append(relation.total)
            new = [cell for cell in mine if cell not in withheld]
            withheld.update(new)
            queue.extend(new)
    return withheld


def withhold_smallest(system: System, start: Iterable[int], threshold: int) -> set[int]:
    """Return `start` and the next smallest parts of each margin, until a sum hides each cell.

    In a relation whose total is shown, the parts that are withheld must be two at least, and more
    than `threshold` together: their sum follows from what is shown. Where the parts are too few,
    the total goes as well; a total that is withheld takes its smallest part with it. Whether this
    protects is for the audit to say, since a cell stands in many relations.
    """
    withheld = set(start) - system.public
    while True:
        # All relations are asked before any answer counts, so that their order doesn't matter.
        new = {
            cell
            for relation in system.relations.values()
            for cell in _next_smallest(system, relation, withheld, threshold)
        }
        if not new:
            return withheld
        withheld |= new


def _next_smallest(
    system: System, relation: Relation, withheld: set[int], threshold: int
) -> list[int]:
    """Return the cells of one relation to withhold next: the smallest, with its equals."""
    hidden = [p for p in relation.parts if p in withheld]
    no_total = relation.total in withheld
    together = sum(system.values[p] or 0.0 for p in hidden)
    if no_total == bool(hidden) or (not no_total and len(hidden) > 1 and together > threshold):
        return []
    # A cell of nought hides nothing, so these come last.
    spare: dict[tuple[bool, float], list[int]] = {}
    for cell in relation.parts:
        if cell not in withheld and cell not in system.public:
            size = system.values[cell] or 0.0
            spare.setdefault((size == 0, size), []).append(cell)
    if spare:
        return spare[min(spare)]
    lone = len(hidden) == 1 and relation.total not in system.public
    return [relation.total] if lone else []


def connected(system: System, start: Iterable[int]) -> set[int]:
    """Return every cell that any chain of relations ties to `start`, and that may be withheld."""
    of: dict[int, list[Relation]] = {}
    for relation in system.relations.values():
        for cell in (relation.total, *relation.parts):
            of.setdefault(cell, []).append(relation)
    reached = set(start)
    queue = list(reached)
    while queue:
        for relation in of.get(queue.pop(), ()):
            new = {relation.total, *relation.parts} - reached
            reached |= new
            queue.extend(new)
    return reached - system.public
