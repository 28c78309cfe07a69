r"""How much schools would have improved anyway: recovery, or regression to the mean.

A school chosen after a bad year was in part unlucky, and luck does not last. What it would have
reached without help is forecast from its own results up to the year before joining, by what
followed such results in schools that had not joined: year by year,

.. math:: Y_{g+j} = \alpha_{g,j} + \text{phase} + \beta_j (Y_{g-3}, \dots, Y_{g+j-1})
    + \gamma_j v (1, Y_{g-3}, \dots, Y_{g+j-1}) + \epsilon

where g is each year in which somebody joined and v = 1/pupils, since small schools recover more.
Schools not in a partnership by g + j estimate it; forecasts stand in for the years from g on. Each
step conditions on all results before it, so it does no harm that schools which go on to do badly
join later and drop out (the g-formula: Robins 1986, Mathematical Modelling 7, 1393-1512). Nor may
schools be missing for what came later: those that help others, which mostly did well, are learnt
from until they do (`Panel.beside`), though they are no comparison group. Then

    raw change = trend (change elsewhere, the same years) + recovery (beyond it) + excess

and only the excess may be due to joining. The interval is of a two-stage bootstrap: schools that
had not joined, then partnerships; its standard deviation is scaled by the root of G/(G-1) for G
partnerships, and has quantiles of Student's t with G - 1 degrees of freedom. The recipe is this
project's own, after common practice; nothing removes what a forecast does not know, such as why
schools were chosen.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import attrs
import numpy as np
import polars as pl

from impactkit.errors import EstimationError
from impactkit.evidence.recovery_pool import LAGS, Floats, Pool, mean_seen
from impactkit.results import Exclusion

if TYPE_CHECKING:
    from impactkit.metrics import Panel


@attrs.frozen(kw_only=True)
class Part:
    """One part of the change: its value, and the interval of the bootstrap."""

    value: float
    std_error: float
    ci_low: float
    ci_high: float


@attrs.frozen(kw_only=True)
class Recovery:
    """A raw change in its parts: ``raw = trend + recovery + excess``, in the outcome's unit.

    `anyway` is trend and recovery together, what such schools gain without a partnership, and
    `beyond_trend` recovery and excess together, what a plain difference in differences finds.
    `beyond` counts joining schools with a result lower (or higher) before joining than any school
    that the forecast was learnt from: there it is extrapolated.
    """

    raw: Part
    trend: Part
    recovery: Part
    excess: Part
    anyway: Part
    beyond_trend: Part
    n_schools: int
    n_clusters: int
    n_comparison: int
    beyond: int
    draws: int
    sized: bool
    exclusions: tuple[Exclusion, ...] = ()

    @property
    def ratio_anyway(self) -> float | None:
        """The ratio to the trend that such schools reach with no effect at all.

        None where the trend is under three of its standard errors: too little to divide by.
        """
        if abs(self.trend.value) < 3 * self.trend.std_error:
            return None
        return self.anyway.value / self.trend.value


def school_facts(tables: Mapping[str, pl.DataFrame], measure: str = "") -> pl.DataFrame:
    """Return `school_key`, `pupils` (mean number tested, null if unknown) and `phase`.

    From `outcomes` (its `denominator`, `phase`) of the measure, and `schools` (its `phase`).
    """
    parts = [
        frame.select("school_key", "phase").drop_nulls()
        for name in ("schools", "outcomes")
        if (frame := tables.get(name)) is not None and "phase" in frame.columns
    ]
    none = pl.DataFrame(schema={"school_key": pl.String, "phase": pl.String})
    phases = pl.concat([none, *parts]).unique("school_key", keep="first", maintain_order=True)
    pupils = pl.DataFrame(schema={"school_key": pl.String, "pupils": pl.Float64})
    outcomes = tables.get("outcomes")
    if outcomes is not None and "denominator" in outcomes.columns:
        of = outcomes.filter(pl.col("measure") == measure) if measure else outcomes
        pupils = (
            of.filter(pl.col("denominator") > 0)
            .group_by("school_key")
            .agg(pupils=pl.col("denominator").mean())
        )
    return phases.join(pupils, on="school_key", how="full", coalesce=True).sort("school_key")


def recovery(
    panel: Panel | pl.DataFrame,
    *,
    facts: pl.DataFrame | None = None,
    after: tuple[int, int] = (0, 2),
    draws: int = 499,
    seed: int = 0,
    level: float = 0.95,
) -> Recovery:
    """Split the raw change of joining schools into trend, recovery and what is left.

    Parameters
    ----------
    panel
        As for `improvement`; the change is from the year before joining. What others are learnt
        from is its `frame` and `beside`.
    facts
        As `school_facts` returns them: `school_key`, `pupils`, `phase`.
    after
        First and last event year of which the outcome is the mean; 0 is the year of joining.
    draws, seed, level
        Of the two-stage bootstrap, and of the intervals.

    Raises
    ------
    EstimationError
        When fewer than two partnerships, or too few other schools, have results in the three years
        before; with the counts.
    """
    frame = panel if isinstance(panel, pl.DataFrame) else panel.frame
    if not isinstance(panel, pl.DataFrame) and panel.beside is not None:
        frame = pl.concat([frame, panel.beside])
    n_joined = frame.filter(pl.col("cohort").is_not_null())["school_key"].n_unique()
    wide = _wide(frame, facts, after)
    pool = Pool(wide.filter(pl.col("cohort").is_null() | (pl.col("cohort") > pl.col("g"))), after)
    mine = wide.filter(pl.col("cohort") == pl.col("g"))
    seen = pool.answered(mine)
    mine, seen = mine.filter(pl.Series(seen.any(axis=1))), seen[seen.any(axis=1)]
    labels, cluster = np.unique(mine["cluster"].to_numpy(), return_inverse=True)
    exclusions = _left_out(n_joined - mine.height)
    if len(labels) < 2 or not pool.enough:
        raise EstimationError(
            f"{mine.height} of {n_joined} schools that joined, in {len(labels)} partnerships, have "
            f"results in each of the {LAGS} years before and in one after, beside {pool.n:,} other "
            "schools with results in the same years; it takes two partnerships, and more schools "
            "than the forecast has coefficients. Add earlier years, or more schools"
        )
    rng = np.random.default_rng(seed)
    start = mine["y-1"].to_numpy()
    raw = mean_seen(np.stack([mine[y].to_numpy() for y in pool.outcomes], axis=1), seen) - start
    weights = pool.drawn(rng, draws)
    trend = pool.trend(mine, seen, weights)
    anyway = pool.forecast(mine, seen, weights) - start
    n = len(labels)
    turns = np.concatenate([np.ones((1, n)), rng.multinomial(n, np.full(n, 1 / n), size=draws)])
    member = np.eye(n)[cluster]
    quantile = _t(n - 1, level)

    def part(values: Floats) -> Part:
        means = ((values @ member) * turns).sum(axis=1) / (turns @ member.sum(axis=0))
        error = float(means[1:].std(ddof=1)) * (n / (n - 1)) ** 0.5
        value = float(means[0])
        return Part(
            value=value,
            std_error=error,
            ci_low=value - quantile * error,
            ci_high=value + quantile * error,
        )

    every = np.broadcast_to(raw, trend.shape)
    return Recovery(
        raw=part(every),
        trend=part(trend),
        recovery=part(anyway - trend),
        excess=part(every - anyway),
        anyway=part(anyway),
        beyond_trend=part(every - trend),
        n_schools=mine.height,
        n_clusters=n,
        n_comparison=pool.n,
        beyond=pool.beyond(mine),
        draws=draws,
        sized=bool(wide["v"].n_unique() > 1),
        exclusions=exclusions,
    )


def _t(df: int, level: float) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(df, 0.5 + level / 2))


def _left_out(n: int) -> tuple[Exclusion, ...]:
    text = f"no results in each of the {LAGS} years before joining, or none after it"
    found = Exclusion(reason="no_history", text=text, n_schools=n, treated=n, stage="estimation")
    return (found,) if n else ()


def _wide(frame: pl.DataFrame, facts: pl.DataFrame | None, after: tuple[int, int]) -> pl.DataFrame:
    """Return one row a school and joining year g, its results around g as columns.

    Results of schools that join after g are blank from the year in which they do.
    """
    weight = pl.col("weight").mean() if "weight" in frame.columns else pl.lit(1.0)
    about = frame.group_by("school_key").agg(pl.col("cohort", "cluster").first(), weight=weight)
    if facts is None:
        facts = about.select("school_key", pupils=pl.lit(None, pl.Float64), phase=pl.lit(""))
    about = about.join(
        facts.select("school_key", "pupils", "phase"), on="school_key", how="left"
    ).with_columns(pl.col("phase").fill_null(""), v=1.0 / pl.col("pupils"))
    # Sums of floating-point numbers depend on their order: in one order, the same result each time.
    about = about.sort("school_key")
    v = pl.col("v").fill_null(pl.col("v").mean()).fill_null(0.0)
    about = about.with_columns(v=v - v.mean())
    lags = [f"y{e}" for e in range(-LAGS, 0)]
    stacked = []
    for g in about["cohort"].drop_nulls().unique().sort().to_list():
        rows = about.filter(pl.col("cohort").is_null() | (pl.col("cohort") >= g))
        for e in range(-LAGS, after[1] + 1):
            then = frame.filter(pl.col("year") == g + e).select(
                "school_key", pl.col("value").alias(f"y{e}")
            )
            rows = rows.join(then, on="school_key", how="left", maintain_order="left")
        joins = pl.col("cohort").is_between(g + 1, g + after[1])
        late = [
            pl.when(joins & (pl.col("cohort") <= g + e))
            .then(None)
            .otherwise(f"y{e}")
            .alias(f"y{e}")
            for e in range(after[1] + 1)
        ]
        stacked.append(rows.with_columns(*late, g=pl.lit(g, pl.Int64)).drop_nulls(lags))
    if not stacked:
        empty = [pl.lit(None, pl.Float64).alias(f"y{e}") for e in range(-LAGS, after[1] + 1)]
        return about.with_columns(*empty, g=pl.lit(0, pl.Int64)).clear()
    return pl.concat(stacked)
