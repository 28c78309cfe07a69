r"""Subjects, and the share at the expected standard: outcomes of a full county.

Mathematics and English are scores like `attainment`, drawn anew. Every other partnership has a
specialist teacher of mathematics. The effects planted on both subjects are those of specialists; on
English it is the ripple. The share at the expected standard has an effect in all partnerships:

.. math:: p_{it} = \alpha_i + \lambda_t + u_{it} + \tau(e_{it}), \quad
    k_{it} \sim \text{Binomial}(n_{it}, p_{it})

and pupils with free meals, a share :math:`f_i`, reach it less often by a gap :math:`g`, to which
the effect planted on ``fsm6_gap`` is added. The two groups' counts add up to those of all pupils.
"""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl

from impactkit.synthetic.further import World
from impactkit.synthetic.partnerships import urn_at
from impactkit.types import Measure

GAP = 18.0
"""Percentage points between pupils without and with free meals, where nothing is done."""

SUBJECT_MEASURES = (
    *(
        Measure(
            id=subject,
            label=f"Mean score in {label}, county's own test",
            unit="points",
            direction="higher",
            low=60,
            high=140,
            source="the fictional county",
        )
        for subject, label in (("mathematics", "mathematics"), ("english", "English"))
    ),
    Measure(
        id="expected_standard",
        label="Pupils at the expected standard, county's own test",
        unit="percent",
        direction="higher",
        low=0,
        high=100,
        source="the fictional county",
    ),
)


def draw(
    world: World, rng: np.random.Generator
) -> tuple[dict[str, pl.DataFrame], dict[str, float]]:
    """Return rows of `outcomes`, `measures` and `interventions`, and what was planted."""
    settings, schools = world.settings, world.schools
    years = np.array(settings.span)
    row, column = np.nonzero(schools.active(years))
    base = pl.DataFrame(
        {
            "school_key": schools.key[row],
            "urn": schools.urn_in(years)[row, column],
            "year": years[column],
            "la_code": schools.la_code[row].astype(str),
            "phase": schools.phase[row],
            "denominator": world.cohorts[row, column],
        }
    )
    helped = specialists(world)
    frames = []
    for subject in ("mathematics", "english"):
        without = _series(world, rng, level=100, between=5, trend=0.3, shock=1.8)
        luck = rng.normal(0, 15, without.shape) / np.sqrt(np.maximum(world.cohorts, 1))
        values = without + luck + _effect(world, subject, only=helped)
        frames.append(
            base.with_columns(
                pl.lit(subject).alias("measure"),
                pl.lit("all").alias("subgroup"),
                pl.Series("value", values[row, column].clip(60, 140)),
            )
        )
    frames += _standard(world, base, row, column, rng)
    limit = settings.suppress_below
    outcomes = pl.concat(frames, how="diagonal").with_columns(
        pl.when(pl.col("denominator") == 0)
        .then(pl.lit("ne"))
        .when(pl.col("denominator") < limit)
        .then(pl.lit("supp"))
        .otherwise(pl.lit("ok"))
        .alias("status")
    )
    hidden = pl.col("status") != "ok"
    outcomes = outcomes.with_columns(
        pl.when(~hidden).then(pl.col(name)).alias(name) for name in ("value", "numerator")
    )
    tables = {
        "outcomes": outcomes,
        "measures": _measures(),
        "interventions": _interventions(world, helped),
    }
    average = {subject: settings.effect_on(subject)[0] for subject in ("mathematics", "english")}
    return tables, {
        **{f"{subject}_effect": size for subject, size in average.items()},
        "expected_standard_effect": settings.effect_on("expected_standard")[0],
        "fsm6_gap_effect": settings.effect_on("fsm6_gap")[0],
        "fsm6_gap": GAP,
        "n_specialist_schools": float(len(helped)),
    }


def specialists(world: World) -> tuple[int, ...]:
    """Return the schools that a specialist teacher of mathematics works in."""
    return tuple(i for group in world.groups[::2] for i in group.treated)


def _series(
    world: World,
    rng: np.random.Generator,
    *,
    level: float,
    between: float,
    trend: float,
    shock: float,
) -> np.ndarray:
    """Return a level that lasts, a common trend and shocks that fade, by school and year."""
    n, length = world.schools.n, len(world.settings.span)
    found = level + rng.normal(0, between, n)[:, None] + trend * np.arange(length)
    carried = np.zeros(n)
    for t in range(length):
        carried = 0.4 * carried + rng.normal(0, shock * np.sqrt(1 - 0.4**2), n)
        found[:, t] += carried
    return found


def _effect(world: World, measure: str, *, only: tuple[int, ...] | None = None) -> np.ndarray:
    """Return the planted effect on a measure, by school and year."""
    settings, cohort = world.settings, world.cohort()
    sizes = settings.effect_on(measure)
    years = np.array(settings.span)
    found = np.zeros((world.schools.n, len(years)))
    for i in np.flatnonzero(cohort) if only is None else only:
        found[i] = [sizes[int(year - cohort[i])] for year in years]
    return found


def _standard(
    world: World, base: pl.DataFrame, row: np.ndarray, column: np.ndarray, rng: np.random.Generator
) -> list[pl.DataFrame]:
    """Return the share at the expected standard: of pupils with free meals, without, and all."""
    share = _series(world, rng, level=66, between=7, trend=0.5, shock=2.5)
    share = (share + _effect(world, "expected_standard"))[row, column]
    gap = (GAP + _effect(world, "fsm6_gap"))[row, column]
    n = world.cohorts[row, column]
    poor = world.places.fsm6[row] / 100
    n_poor = rng.binomial(n, poor)
    counts = {}
    for group, size, p in (
        ("fsm6", n_poor, share - (1 - poor) * gap),
        ("non_fsm6", n - n_poor, share + poor * gap),
    ):
        counts[group] = (rng.binomial(size, (p / 100).clip(0, 1)), size)
    counts["all"] = tuple(a + b for a, b in zip(counts["fsm6"], counts["non_fsm6"], strict=True))
    return [
        base.with_columns(
            pl.lit("expected_standard").alias("measure"),
            pl.lit(group).alias("subgroup"),
            pl.Series("numerator", reached),
            pl.Series("denominator", size),
            pl.Series("value", 100 * reached / np.maximum(size, 1)),
        )
        for group, (reached, size) in counts.items()
    ]


def _measures() -> pl.DataFrame:
    names = ("id", "label", "unit", "direction", "low", "high")
    rows = {name: [getattr(m, name) for m in SUBJECT_MEASURES] for name in names}
    return (
        pl.DataFrame(rows).rename({"id": "measure"}).cast({"low": pl.Float64, "high": pl.Float64})
    )


def _interventions(world: World, helped: tuple[int, ...]) -> pl.DataFrame:
    """Return one row a school with a specialist, who comes for a term of days each year."""
    group_of = {i: group for group in world.groups for i in group.treated}
    last = world.settings.years[1]
    rows: list[dict[str, object]] = []
    for i in helped:
        group = group_of[i]
        rows.append(
            {
                "intervention_id": f"M{len(rows) + 1:05d}",
                "partnership_id": group.id,
                "school_key": world.schools.key[i],
                "urn": urn_at(world.schools, i, group.cohort),
                "type": "specialist_teacher",
                "subject": "mathematics",
                "start": group.start,
                "end": dt.date(group.last_year(last), 7, 20),
                "dose_planned": 38.0,
                "dose_delivered": 38.0,
                "dose_unit": "days",
                "cost_gbp": 38 * 450.0,
            }
        )
    return pl.DataFrame(rows)
