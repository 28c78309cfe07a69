"""Careless tables of every kind: protection ends in a safe release, or in a plain refusal."""

from __future__ import annotations

import math
import random

from impactkit.disclosure import core_profiles, protect
from impactkit.errors import DisclosureError
from impactkit.results import Column, Estimate, Evaluation, MetricResult, Note, Table

DFE = core_profiles()[0]
CELLS = [None, 0, 1, 2, 3, 4, 5, 6, 7, 9, 12, 20, 41, 100.0, 2.5, "3", "x", math.nan, True, -2]


def odd_table(rng: random.Random, number: int) -> Table:
    """Return a table with wrong kinds, unknown names, gaps, words and doubled rows."""
    names = [f"n{k}" for k in range(rng.randrange(1, 5))]
    columns = [Column(name=f"d{k}", kind="dimension") for k in range(rng.randrange(3))]
    rows = [
        [*(rng.choice(["all", "p", "q"]) for _ in columns), *(rng.choice(CELLS) for _ in names)]
        for _ in range(rng.randrange(9))
    ]
    columns += [
        Column(
            name=name,
            kind=rng.choice(["count", "count", "number", "share", "text"]),
            of=rng.choice(["people", "people", "", "schools"]),
            numerator=rng.choice([*names, "", "unknown"]),
            denominator=rng.choice([*names, "", "unknown"]),
            unit=rng.choice(["percent", "", "%"]),
        )
        for name in names
    ]
    return Table(
        id=f"t{number}",
        title="",
        columns=columns,
        rows=rows,
        totals={c.name: "all" for c in columns if rng.random() < 0.4},
        sums=[(names[0], names[1:])] if rng.random() < 0.5 else [],
        published=rng.random() < 0.15,
    )


def odd_estimate(rng: random.Random) -> Estimate:
    """Return an estimate whose people, value and unit needn't fit together."""
    return Estimate(
        term=rng.choice(["all", "", "p", "q"]),
        subgroup=rng.choice(["all", "boys", "girls"]),
        value=rng.choice([None, 0.0, 100.0, 50, 90.0, 3, 0.5]),
        unit=rng.choice(["percent", "count", "points", "share", ""]),
        n_people=rng.choice([None, 0, 3, 8, 20, 41]),
    )


def test_careless_evaluations_end_safely() -> None:
    """No small count is in any released table or estimate, and hardly any is refused."""
    refused = 0
    for seed in range(300):
        rng = random.Random(seed)
        results = [
            MetricResult(
                metric=f"a.m{k}",
                plugin=rng.choice(["did", "kent"]),
                tables=[odd_table(rng, i) for i in range(rng.randrange(4))],
                estimates=[odd_estimate(rng) for _ in range(rng.randrange(5))],
                notes=[Note(text="{a} of {b} %", values={"a": rng.choice(CELLS), "b": 3.0})],
            )
            for k in range(rng.randrange(1, 4))
        ]
        try:
            safe = protect(Evaluation(title="x", results=results), DFE, first_party={"did"})
        except DisclosureError:
            refused += 1
            continue
        assert "NaN" not in safe.to_json()
        assert not any(0 < (e.n_people or 0) < DFE.min_people for e in safe.estimates)
        for table in (t for r in safe.results for t in r.tables if not t.published):
            people = [c.kind == "count" and c.of == "people" for c in table.columns]
            for row in table.rows:
                shown = [v for v, counts in zip(row, people, strict=True) if counts]
                assert not any(v is not None and 0 < v <= DFE.threshold for v in shown)
    assert refused < 15
