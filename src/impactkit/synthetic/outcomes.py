r"""Outcomes: what every school would have had, and what the partnership added.

Without a partnership, school :math:`i` in year :math:`t` has on each measure

.. math:: Y_{it}(0) = \mu + \alpha_i + \lambda_t + u_{it} + \varepsilon_{it} + \delta D_i t

with a school effect :math:`\alpha_i`, a year effect :math:`\lambda_t` common to all, a shock
:math:`u_{it} = \rho u_{i,t-1} + \eta_{it}`, and the luck of the cohort,
:math:`\varepsilon_{it} \sim N(0, \sigma^2 / n_{it})`: small schools are noisier. :math:`\delta` is
zero unless a violation of parallel trends is asked for. With a partnership that began :math:`e`
years ago it has :math:`Y_{it}(0)` plus the planted effect at event time :math:`e`, so the
difference between the two is known to the last digit. Noise, cohort sizes and selection are drawn
before the effect is added: the same seed with another effect has the same :math:`Y_{it}(0)`.

Regression to the mean needs no code: schools chosen for one bad year were in part unlucky.
"""

from __future__ import annotations

from collections.abc import Mapping

import attrs
import numpy as np
import polars as pl

from impactkit.synthetic.schools import Schools
from impactkit.synthetic.settings import MEASURES, Settings
from impactkit.tables import core_measures
from impactkit.types import Measure


@attrs.frozen(kw_only=True)
class Process:
    """How one measure behaves without partnerships; everything in the unit of the measure.

    `between_sd` is of schools' lasting level, `shock_sd` of the lasting shock, `persistence` its
    correlation with the year before, `pupil_sd` of one pupil, divided by the root of the number of
    pupils (`per`: of the year group or the whole roll). `secondary` shifts secondary schools.
    """

    measure: Measure
    mean: float
    between_sd: float
    trend: float
    year_sd: float
    shock_sd: float
    persistence: float
    pupil_sd: float
    per: str
    secondary: float


ATTAINMENT = Measure(
    id="attainment",
    label="Mean standardised score in the county's own test",
    unit="points",
    direction="higher",
    low=60,
    high=140,
    source="the fictional county",
)
_PUBLISHED = {measure.id: measure for measure in core_measures()}

PROCESSES = (
    Process(
        measure=ATTAINMENT,
        mean=100,
        between_sd=5,
        trend=0.3,
        year_sd=0.5,
        shock_sd=1.8,
        persistence=0.4,
        pupil_sd=15,
        per="cohort",
        secondary=0,
    ),
    Process(
        measure=_PUBLISHED["overall_absence"],
        mean=5,
        between_sd=0.8,
        trend=-0.05,
        year_sd=0.15,
        shock_sd=0.25,
        persistence=0.4,
        pupil_sd=4,
        per="roll",
        secondary=1.2,
    ),
    Process(
        measure=_PUBLISHED["pupil_teacher_ratio"],
        mean=20.5,
        between_sd=2.2,
        trend=-0.05,
        year_sd=0.2,
        shock_sd=0.9,
        persistence=0.5,
        pupil_sd=4,
        per="roll",
        secondary=-4.5,
    ),
)


def draw_cohorts(schools: Schools, settings: Settings, rng: np.random.Generator) -> np.ndarray:
    """Return the pupils in the tested year group, by school and year."""
    usual = np.repeat(schools.cohort[:, None], len(settings.span), axis=1)
    return rng.poisson(usual)


def draw_untreated(
    schools: Schools, cohorts: np.ndarray, settings: Settings, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Return every measure as it would be without partnerships: arrays of school by year."""
    n, length = schools.n, len(settings.span)
    years = np.arange(length)
    untreated = {}
    for process in PROCESSES:
        level = process.mean + process.secondary * schools.secondary
        school = rng.normal(0, process.between_sd, n)
        year = process.trend * years + rng.normal(0, process.year_sd, length)
        pupils = (
            cohorts
            if process.per == "cohort"
            else np.broadcast_to(schools.roll[:, None], cohorts.shape)
        )
        luck = rng.normal(0, 1, (n, length)) * process.pupil_sd / np.sqrt(np.maximum(pupils, 1))
        shock = _persistent(rng.normal(0, process.shock_sd, (n, length)), process.persistence)
        untreated[process.measure.id] = (level + school)[:, None] + year + luck + shock
    return untreated


def _persistent(fresh: np.ndarray, persistence: float) -> np.ndarray:
    """Turn independent draws into a series with the same variance and a memory."""
    shock = fresh.copy()
    for t in range(1, shock.shape[1]):
        shock[:, t] = persistence * shock[:, t - 1] + np.sqrt(1 - persistence**2) * fresh[:, t]
    return shock


def potential_outcomes(
    schools: Schools,
    cohort: np.ndarray,
    cohorts: np.ndarray,
    untreated: Mapping[str, np.ndarray],
    settings: Settings,
    *,
    scale: np.ndarray,
    supporters: np.ndarray | None = None,
) -> pl.DataFrame:
    """Return one row a school, year and measure with both potential outcomes.

    `scale` multiplies the planted effects, by school and year; `supporters` is added to attainment.

    Columns: `school_key`, `urn`, `phase`, `la_code`, `cohort` (first exposed year, null for never),
    `year`, `event_time`, `measure`, `n_pupils` (tested), `untreated`, `effect`, `value` (what came
    about, unrounded).
    """
    years = np.array(settings.span)
    row, column = np.nonzero(schools.active(years))
    treated = cohort[row] > 0
    event = np.where(treated, years[column] - cohort[row], 0)
    base = pl.DataFrame(
        {
            "school_key": schools.key[row],
            "urn": schools.urn_in(years)[row, column],
            "phase": schools.phase[row],
            "la_code": schools.la_code[row].astype(str),
            "cohort": cohort[row],
            "year": years[column],
            "event_time": event,
            "n_pupils": cohorts[row, column],
        }
    ).with_columns(
        pl.when(pl.col("cohort") > 0).then(pl.col("event_time")).alias("event_time"),
        pl.when(pl.col("cohort") > 0).then(pl.col("cohort")).alias("cohort"),
    )
    frames = []
    for measure, values in untreated.items():
        sizes = settings.effect_on(measure)
        lookup = np.array([sizes[e] for e in sorted(sizes)])
        effect = np.where(treated, lookup[event + len(lookup) // 2], 0.0) * scale[row, column]
        if supporters is not None and measure == MEASURES[0]:
            effect = effect + supporters[row, column]
        drift = settings.pretrend_on(measure) * np.where(treated, years[column] - years[0], 0)
        without = values[row, column] + drift
        frames.append(
            base.with_columns(
                pl.lit(measure).alias("measure"),
                pl.Series("untreated", without),
                pl.Series("effect", effect),
                pl.Series("value", without + effect),
            )
        )
    return pl.concat(frames)


def publish(
    potential: pl.DataFrame, schools: Schools, settings: Settings, rng: np.random.Generator
) -> pl.DataFrame:
    """Return the table `outcomes`: what is published, with its reasons for having no value.

    A year group without pupils is `ne`, a result of fewer than `suppress_below` is `supp`, a return
    that was never made is `x`; none of them depends on the result. In the year of conversion some
    predecessors report as well: a part-year figure, near but not equal to that of the successor,
    which is the true one.
    """
    limits = pl.DataFrame(
        {
            "measure": [process.measure.id for process in PROCESSES],
            "low": [process.measure.low for process in PROCESSES],
            "high": [process.measure.high for process in PROCESSES],
        }
    )
    missing = rng.random(potential.height) < settings.not_submitted
    tested = pl.col("measure") == "attainment"
    status = (
        pl.when(tested & (pl.col("n_pupils") == 0))
        .then(pl.lit("ne"))
        .when(tested & (pl.col("n_pupils") < settings.suppress_below))
        .then(pl.lit("supp"))
        .when(pl.Series(missing))
        .then(pl.lit("x"))
        .otherwise(pl.lit("ok"))
    )
    rows = potential.join(limits, on="measure", how="left", maintain_order="left").with_columns(
        status.alias("status"),
        pl.col("value").clip(pl.col("low"), pl.col("high")),
        pl.when(tested).then(pl.col("n_pupils")).alias("denominator"),
    )
    again = pl.DataFrame(
        {
            "school_key": schools.key[schools.doubled],
            "year": schools.converted[schools.doubled],
            "old_urn": schools.urn[schools.doubled],
        }
    )
    stale = rows.join(again, on=["school_key", "year"], maintain_order="left")
    spread = pl.Series(rng.normal(1, 0.01, stale.height))
    stale = stale.with_columns(pl.col("old_urn").alias("urn"), pl.col("value") * spread)
    return (
        pl.concat([rows, stale.select(rows.columns)])
        .with_columns(
            pl.lit("all").alias("subgroup"),
            pl.when(pl.col("status") == "ok").then(pl.col("value")).alias("value"),
            pl.lit(None, pl.Int64).alias("numerator"),
        )
        .select(
            "school_key",
            "urn",
            "year",
            "measure",
            "subgroup",
            "value",
            "status",
            "numerator",
            "denominator",
            "la_code",
            "phase",
        )
        .sort("measure", "year", "urn")
    )


def measures_table() -> pl.DataFrame:
    """Return the table `measures`: the county's own test, as an authority would declare it."""
    return pl.DataFrame(
        {
            "measure": [ATTAINMENT.id],
            "label": [ATTAINMENT.label],
            "unit": [ATTAINMENT.unit],
            "direction": [ATTAINMENT.direction],
            "low": [ATTAINMENT.low],
            "high": [ATTAINMENT.high],
        }
    )


def n_clipped(potential: pl.DataFrame) -> int:
    """Count the values that were pulled back to what the measure can be; 0 with usual settings."""
    beyond = [
        (pl.col("measure") == process.measure.id)
        & ~pl.col("value").is_between(process.measure.low, process.measure.high)
        for process in PROCESSES
    ]
    return potential.filter(pl.any_horizontal(beyond)).height
