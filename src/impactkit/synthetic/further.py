"""What a full county has besides: tables that so far only an authority could fill.

Each part is a module with a function ``draw(world, rng)`` that returns rows by table and what was
planted, by name. Each draws from a stream of its own, named after it, so that adding a part changes
nothing in the others. Rows for a table that is there already are added to it; where a row's key is
there already, it says more of what is there, in columns that the table did not have.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping

import attrs
import numpy as np
import polars as pl

from impactkit.synthetic.partnerships import Group
from impactkit.synthetic.places import Places
from impactkit.synthetic.schools import Schools
from impactkit.synthetic.settings import Settings
from impactkit.tables import core_tables

PARTS = (
    "subjects",
    "reviews",
    "staffroom",
    "needs",
    "barriers",
    "enquiries",
    "meetings",
    "pupils",
    "money",
    "boards",
    "talent",
    "minutes",
    "attitudes",
    "lessons",
)
"""Modules of this package, in the order in which they add to the tables."""


@attrs.frozen(kw_only=True, eq=False)
class World:
    """What a part may know of the county; `cohorts` are tested pupils by school and year.

    `tables` are those drawn so far: of the county, and of the parts before.
    """

    settings: Settings
    schools: Schools
    places: Places
    groups: tuple[Group, ...]
    cohorts: np.ndarray
    potential: pl.DataFrame
    systematic: tuple[str, ...]
    tables: Mapping[str, pl.DataFrame] = attrs.field(factory=dict)

    def cohort(self) -> np.ndarray:
        """Return the first exposed year of each school; 0 for never."""
        found = np.zeros(self.schools.n, dtype=np.int64)
        for group in self.groups:
            found[list(group.treated)] = group.cohort
        return found


def further(
    world: World, tables: Mapping[str, pl.DataFrame]
) -> tuple[dict[str, pl.DataFrame], dict[str, float]]:
    """Return the tables with those of every part, and everything that was planted."""
    found = dict(tables)
    planted: dict[str, float] = {}
    keys = {spec.name: list(spec.key) for spec in core_tables()}
    for name in PARTS:
        rng = np.random.default_rng([world.settings.seed, *name.encode()])
        part = importlib.import_module(f"impactkit.synthetic.{name}")
        rows, truth = part.draw(attrs.evolve(world, tables=found), rng)
        for table, frame in rows.items():
            before = found.get(table)
            found[table] = frame if before is None else _added(before, frame, keys[table])
        planted |= {f"{name}.{key}": value for key, value in truth.items()}
    return found, planted


def _added(before: pl.DataFrame, rows: pl.DataFrame, key: list[str]) -> pl.DataFrame:
    """Return a table with more rows, and with more columns of rows that it has."""
    if key and {*key} <= {*rows.columns} & {*before.columns}:
        known = rows.join(before, on=key, how="semi", nulls_equal=True)
        rows = rows.join(before, on=key, how="anti", nulls_equal=True)
        more = [name for name in known.columns if name not in before.columns]
        if known.height:
            before = before.join(
                known.select(*key, *more),
                on=key,
                how="left",
                nulls_equal=True,
                maintain_order="left",
            )
    return pl.concat([before, rows], how="diagonal_relaxed") if rows.height else before
