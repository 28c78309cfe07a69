"""Where schools are and whom they teach: what distance, likeness and reach are worked out from.

Places, pupils and inspections say nothing of results, but for the Ofsted grade, which is what an
inspector saw of the three years before. So a comparison by place or intake has no effect to find
unless one was planted.
"""

from __future__ import annotations

import math

import attrs
import numpy as np
import polars as pl

from impactkit.synthetic.schools import Schools
from impactkit.synthetic.settings import Settings

WIDTH = 45_000
"""Metres from one side of the county to the other."""
ORIGIN = (400_000, 300_000)
TOWNS = 3
TOWN_SD = 3_500
URBAN_SHARE = 0.6
FAITHS = ("Does not apply", "Church of England", "Roman Catholic")
FAITH_SHARES = (0.65, 0.25, 0.10)
TRUST_SIZE = 4
INSPECTED_EVERY = 4
GRADE_SHARES = (0.15, 0.65, 0.85)
"""Cumulative shares of schools with grades 1, 2 and 3, by results; the rest have 4."""
GRADE_NOISE = 0.6
NO_GRADE_AFTER = 2024
"""Ofsted's overall grade ended in September 2024."""


@attrs.frozen(kw_only=True, eq=False)
class Places:
    """One entry a school: metres on the national grid, intake in per cent, faith and trust."""

    easting: np.ndarray
    northing: np.ndarray
    urban: np.ndarray
    faith: np.ndarray
    fsm6: np.ndarray
    eal: np.ndarray
    sen: np.ndarray
    trust: np.ndarray

    def km(self, one: int, other: int) -> float:
        """Return the distance between two schools as the crow flies, in kilometres."""
        across = float(self.easting[one] - self.easting[other])
        along = float(self.northing[one] - self.northing[other])
        return math.hypot(across, along) / 1000


def draw_places(schools: Schools, rng: np.random.Generator) -> Places:
    """Draw towns and villages, and an intake for every school; academies are in trusts of four."""
    n = schools.n
    towns = rng.uniform(0.2, 0.8, (TOWNS, 2)) * WIDTH
    urban = rng.random(n) < URBAN_SHARE
    near = towns[rng.integers(0, TOWNS, n)] + rng.normal(0, TOWN_SD, (n, 2))
    spot = np.where(urban[:, None], near, rng.uniform(0, 1, (n, 2)) * WIDTH).clip(0, WIDTH)
    academies = rng.permutation(np.flatnonzero(schools.converted))
    trust = np.full(n, -1)
    trust[academies] = np.arange(len(academies)) // TRUST_SIZE
    return Places(
        easting=(ORIGIN[0] + spot[:, 0]).round().astype(np.int64),
        northing=(ORIGIN[1] + spot[:, 1]).round().astype(np.int64),
        urban=urban,
        faith=rng.choice(np.array(FAITHS), n, p=FAITH_SHARES),
        fsm6=(100 * rng.beta(2.2, 7, n)).round(1),
        eal=np.where(urban, 100 * rng.beta(1, 6, n), 100 * rng.beta(1, 30, n)).round(1),
        sen=(100 * rng.beta(6, 36, n)).round(1),
        trust=trust,
    )


def with_places(table: pl.DataFrame, places: Places) -> pl.DataFrame:
    """Return the table `schools` with place, intake, faith and trust."""
    trusts = [f"9{t:05d}" if t >= 0 else None for t in places.trust.tolist()]
    return table.with_columns(
        pl.Series("trust_uid", trusts, dtype=pl.String),
        pl.Series("religious_character", places.faith),
        pl.Series("easting", places.easting),
        pl.Series("northing", places.northing),
        pl.Series("urban_rural", np.where(places.urban, "Urban", "Rural")),
        pl.Series("pct_fsm6", places.fsm6),
        pl.Series("pct_eal", places.eal),
        pl.Series("pct_sen", places.sen),
    )


def school_years_table(
    schools: Schools,
    places: Places,
    cohorts: np.ndarray,
    attainment: np.ndarray,
    settings: Settings,
    rng: np.random.Generator,
) -> pl.DataFrame:
    """Return `school_years`: size, intake and the grade in force on 1 September.

    A grade is given every four years, from up to three years of `attainment` (untreated, school by
    year) before the inspection, and the inspectors' own error.
    """
    years = np.array(settings.span)
    row, column = np.nonzero(schools.active(years))
    return pl.DataFrame(
        {
            "school_key": schools.key[row],
            "urn": schools.urn_in(years)[row, column],
            "year": years[column],
            "pupils": schools.roll[row],
            "cohort": cohorts[row, column],
            "teachers": np.maximum(2, schools.roll[row] // 19),
            "pct_fsm6": places.fsm6[row],
            "ofsted_grade": _grades(schools, attainment, rng)[row, column],
        }
    ).with_columns(
        pl.when(pl.col("ofsted_grade").is_between(1, 4) & (pl.col("year") <= NO_GRADE_AFTER))
        .then(pl.col("ofsted_grade"))
        .alias("ofsted_grade"),
    )


def _grades(schools: Schools, attainment: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the grade in force by school and year; 0 before the first inspection."""
    n, length = attainment.shape
    turn = rng.integers(0, INSPECTED_EVERY, n)
    error = rng.normal(0, GRADE_NOISE, (n, length))
    in_force = np.zeros((n, length), dtype=np.int64)
    for t in range(length):
        recent = attainment[:, max(0, t - 3) : max(1, t)].mean(axis=1)
        seen = np.zeros(n)
        for phase in (False, True):
            some = schools.secondary == phase
            spread = recent[some].std() if some.any() else 0.0
            seen[some] = (recent[some] - recent[some].mean()) / (spread or 1.0)
        seen += error[:, t]
        cuts = np.quantile(seen, [1 - share for share in GRADE_SHARES])
        grade = 1 + (seen[:, None] < cuts).sum(axis=1)
        inspected = (turn == t % INSPECTED_EVERY) | (t == 0)
        in_force[:, t] = np.where(inspected, grade, in_force[:, t - 1] if t else grade)
    return in_force
