"""What partnerships cost, save and win: amounts a pupil and year, each with luck of its own.

Books are kept by the academic year. Every year of a partnership has the cost of its business
manager, of teachers' release time and of supply cover, savings on contracts from its second year
on, costs avoided that no bill shows, and now and then a grant. Amounts are the planted ones a pupil
times pupils on roll, times a factor of mean 1.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from impactkit.synthetic.further import World
from impactkit.synthetic.partnerships import urn_at

COSTS = {"business manager": 20.0, "release time": 15.0, "supply cover": 10.0}
"""Pounds a pupil and year."""
SAVINGS = {"energy contract": (12.0, True), "furniture purchase": (6.0, False)}
"""Pounds a pupil and year, from the second year on, and whether they come again."""
AVOIDED = 8.0
GRANT, GRANT_CHANCE = 20.0, 0.25
EVIDENCED = 0.7
SPREAD = 0.25
"""Standard deviation of the logarithm of an amount's luck."""


def draw(
    world: World, rng: np.random.Generator
) -> tuple[dict[str, pl.DataFrame], dict[str, float]]:
    """Return `finance` and what was planted."""
    rows: list[dict[str, object]] = []

    def add(
        group: str, i: int | None, year: int, line: str, kind: str, amount: float, recurrent: bool
    ) -> None:
        kinds = {"cost": ("accounts",), "avoided_cost": ("estimate",), "grant": ("accounts",)}
        shown = rng.random() < EVIDENCED
        found = kinds.get(kind, ("invoice", "contract") if shown else ("estimate",))
        number = f"F{len(rows) + 1:05d}"
        rows.append(
            {
                "entry_id": number,
                "partnership_id": group,
                "school_key": None if i is None else world.schools.key[i],
                "urn": None if i is None else urn_at(world.schools, i, year),
                "fiscal_year": year,
                "basis": "september_to_august",
                "line": line,
                "amount_gbp": round(amount * float(rng.lognormal(-(SPREAD**2) / 2, SPREAD)), 2),
                "kind": kind,
                "recurrent": recurrent,
                "evidence": str(rng.choice(found)),
                "evidence_ref": f"ledger/{number}",
            }
        )

    roll = _roll(world)
    last = world.settings.years[1]
    for group in world.groups:
        for year in range(group.cohort, group.last_year(last) + 1):
            there = [i for i in group.treated if (world.schools.key[i], year) in roll]
            pupils = sum(roll[world.schools.key[i], year] for i in there)
            if not pupils:
                continue
            add(
                group.id,
                None,
                year,
                "business manager",
                "cost",
                COSTS["business manager"] * pupils,
                True,
            )
            for i in there:
                for line in ("release time", "supply cover"):
                    own = roll[world.schools.key[i], year]
                    add(group.id, i, year, line, "cost", COSTS[line] * own, True)
            if year > group.cohort:
                for line, (a_pupil, again) in SAVINGS.items():
                    add(group.id, None, year, line, "cashable_saving", a_pupil * pupils, again)
            add(group.id, None, year, "shared caretaker", "avoided_cost", AVOIDED * pupils, True)
            if rng.random() < GRANT_CHANCE:
                add(group.id, None, year, "sports grant", "grant", GRANT * pupils, False)
    return {"finance": pl.DataFrame(rows, infer_schema_length=None)}, {
        "cost_a_pupil": sum(COSTS.values()),
        "business_manager_a_pupil": COSTS["business manager"],
        "saving_a_pupil": sum(amount for amount, _ in SAVINGS.values()),
        "recurrent_a_pupil": SAVINGS["energy contract"][0],
        "evidenced": EVIDENCED,
        "grant_a_pupil": GRANT * GRANT_CHANCE,
    }


def _roll(world: World) -> dict[tuple[str, int], int]:
    """Return pupils on roll by school and year."""
    rows = world.tables["school_years"].select("school_key", "year", "pupils").rows()
    return {(key, year): pupils for key, year, pupils in rows}
