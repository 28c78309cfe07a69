r"""How much schools would have improved anyway: recovery, or regression to the mean.

A school chosen after a bad year was in part unlucky, and luck does not last. What it would have
reached without help is forecast from its own results up to the year before joining, by what
followed such results in schools that had not joined: year by year,

.. math:: Y_{g+j} = \alpha_{g,j} + \text{phase} + \beta_j (Y_{g-3}, \dots, Y_{g+j-1})
    + \gamma_j v (1, Y_{g-3}, \dots, Y_{g+j-1}) + \epsilon

where g is each year in which somebody joined and v = 1/pupils, since small schools recover more.
Schools not in a partnership by g + j estimate it; forecasts stand in for the years from g on. Each
step conditions on all results before it, so it does no harm that schools which go on to do badly
join later and drop out (the g-formula: Robins 1986, Mathematical Modelling 7, 1393-1512). Then

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
from numpy.typing import NDArray

from impactkit.errors import EstimationError
from impactkit.results import Exclusion

if TYPE_CHECKING:
    from impactkit.metrics import Panel

Floats = NDArray[np.float64]
LAGS = 3
_PIECE = 2048  # rows whose products fit the processor's cache


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
        As for `improvement`; the change is from the year before joining.
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
    n_joined = frame.filter(pl.col("cohort").is_not_null())["school_key"].n_unique()
    wide = _wide(frame, facts, after)
    pool = _Pool(wide.filter(pl.col("cohort").is_null() | (pl.col("cohort") > pl.col("g"))), after)
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
    raw = _mean(np.stack([mine[y].to_numpy() for y in pool.outcomes], axis=1), seen) - start
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


def _mean(values: Floats, seen: NDArray[np.bool_]) -> Floats:
    """Return means over the last axis of what is `seen`."""
    total: Floats = np.where(seen, values, 0.0).sum(axis=-1) / seen.sum(axis=-1)
    return total


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


class _Pool:
    """Schools not in a partnership, by joining year of others: what they teach about recovery."""

    def __init__(self, rows: pl.DataFrame, after: tuple[int, int]) -> None:
        self.rows, self.after = rows, after
        self.outcomes = [f"y{e}" for e in range(after[0], after[1] + 1)]
        self.n = rows["school_key"].n_unique()
        self.groups = rows["g"].unique().sort().to_numpy()
        self.phases = rows["phase"].unique().sort().to_list()
        self.labels, self.cluster = np.unique(rows["cluster"].to_numpy(), return_inverse=True)
        self.n_clusters = len(self.labels)
        lags = rows.select(pl.mean_horizontal(f"y{e}" for e in range(-LAGS, 0))).to_series()
        about = rows.select("phase", lag=lags).sort("phase", maintain_order=True)
        means = about.group_by("phase", maintain_order=True).agg(pl.col("lag").mean())
        self.centre: dict[str, float] = dict(means.iter_rows())
        # Forecasts go from year to year: a year without results of others ends the chain.
        there = np.array(
            [
                [rows.filter(pl.col("g") == g)[f"y{e}"].is_not_null().any() for g in self.groups]
                for e in range(after[1] + 1)
            ]
        ).reshape(after[1] + 1, len(self.groups))
        self.chain = np.logical_and.accumulate(there, axis=0)

    @property
    def enough(self) -> bool:
        """Tell whether each step has more schools than coefficients, twice over."""
        if not len(self.groups) or not self.chain.any():
            return False
        steps = [j for j in range(self.after[1] + 1) if self.chain[j].any()]
        return all(self._known(j).sum() > 2 * self._features(self.rows, j).shape[1] for j in steps)

    def drawn(self, rng: np.random.Generator, draws: int) -> Floats:
        """Return how often each cluster counts: once as it is, then drawn with replacement."""
        n = self.n_clusters
        weights = np.ones((draws + 1, n))
        for row in weights[1:]:
            row[:] = rng.multinomial(n, np.full(n, 1 / n))
        return weights

    def beyond(self, mine: pl.DataFrame) -> int:
        """Count joining schools whose last result before is outside those of the pool."""
        ends = self.rows.group_by("phase").agg(low=pl.col("y-1").min(), high=pl.col("y-1").max())
        found = mine.join(ends, on="phase", how="left")
        return found.filter(~pl.col("y-1").is_between("low", "high").fill_null(False)).height

    def answered(self, mine: pl.DataFrame) -> NDArray[np.bool_]:
        """Tell, by school and outcome year, whether there are a result and a forecast."""
        if mine.is_empty() or not len(self.groups):
            return np.zeros((mine.height, len(self.outcomes)), dtype=bool)
        known = (
            mine["phase"].is_in(self.phases).to_numpy()
            & mine["g"].is_in(self.groups.tolist()).to_numpy()
        )
        place = np.searchsorted(self.groups, mine["g"].to_numpy()).clip(0, len(self.groups) - 1)
        forecast = self.chain[self.after[0] :, place].T & known[:, None]
        there = np.stack([mine[y].is_not_null().to_numpy() for y in self.outcomes], axis=1)
        answered: NDArray[np.bool_] = there & forecast
        return answered

    def trend(self, mine: pl.DataFrame, seen: NDArray[np.bool_], weights: Floats) -> Floats:
        """Return the mean change elsewhere in the same years, by draw and joining school."""
        place = np.searchsorted(self.groups, self.rows["g"].to_numpy())
        w, start = self.rows["weight"].to_numpy(), self.rows["y-1"].to_numpy()
        shape = (self.n_clusters, len(self.groups))
        found = []
        for y in self.outcomes:
            value = self.rows[y].to_numpy()
            there = ~np.isnan(value)
            at, size = (self.cluster * shape[1] + place)[there], shape[0] * shape[1]
            gained = (w * (value - start))[there]
            sums = np.bincount(at, gained, size).reshape(shape)
            counts = np.bincount(at, w[there], size).reshape(shape)
            over = weights @ counts
            whole = sums.sum(axis=0) / np.where(counts.sum(axis=0) > 0, counts.sum(axis=0), 1.0)
            # A draw without any school of a cell keeps what the whole pool says of it.
            found.append(np.where(over > 0, weights @ sums / np.where(over > 0, over, 1.0), whole))
        mean_of = np.searchsorted(self.groups, mine["g"].to_numpy())
        return _mean(np.stack([cell[:, mean_of] for cell in found], axis=-1), seen)

    def forecast(self, mine: pl.DataFrame, seen: NDArray[np.bool_], weights: Floats) -> Floats:
        """Return the mean forecast over the years seen, by draw and joining school."""
        shift = np.array([self.centre[phase] for phase in mine["phase"].to_list()])
        v = mine["v"].to_numpy()
        fixed = self._features(mine, 0)
        ahead: list[Floats] = []
        for j in range(self.after[1] + 1):
            if not self.chain[j].any():
                break
            beta = self._learn(j, weights)
            own, later = np.split(beta, [fixed.shape[1]], axis=1)
            step = own @ fixed.T
            for k, before in enumerate(ahead):
                step = step + before * (later[:, 2 * k, None] + later[:, 2 * k + 1, None] * v)
            ahead.append(step)
        last = len(ahead) - 1
        wanted = [ahead[min(e, last)] + shift for e in range(self.after[0], self.after[1] + 1)]
        return _mean(np.stack(wanted, axis=-1), seen)

    def _known(self, j: int) -> NDArray[np.bool_]:
        columns = [f"y{e}" for e in range(j + 1)]
        return (
            self.rows.select(pl.all_horizontal(pl.col(columns).is_not_null()))
            .to_series()
            .to_numpy()
        )

    def _features(self, rows: pl.DataFrame, j: int) -> Floats:
        """Return the regressors of step j: joining year, phase, size, results so far by size."""
        shift = np.array([self.centre[phase] for phase in rows["phase"].to_list()])
        v = rows["v"].to_numpy()
        columns = [(rows["g"].to_numpy() == g).astype(float) for g in self.groups]
        columns += [(rows["phase"] == p).to_numpy().astype(float) for p in self.phases[1:]]
        columns.append(v)
        for e in range(-LAGS, j):
            centred = rows[f"y{e}"].to_numpy() - shift
            columns += [centred, centred * v]
        return np.stack(columns, axis=1)

    def _learn(self, j: int, weights: Floats) -> Floats:
        """Return the coefficients of step j, by draw."""
        known = self._known(j)
        rows = self.rows.filter(pl.Series(known))
        X = self._features(rows, j)
        shift = np.array([self.centre[phase] for phase in rows["phase"].to_list()])
        y = rows[f"y{j}"].to_numpy() - shift
        scale = np.sqrt((X**2).mean(axis=0))
        X = X / np.where(scale > 0, scale, 1.0)
        p, w = X.shape[1], rows["weight"].to_numpy()[:, None]
        Xy = np.column_stack([X, y])
        cluster = self.cluster[known]
        order = np.argsort(cluster, kind="stable")
        gram = np.zeros((self.n_clusters, p * (p + 1)))
        for some in np.split(order, range(_PIECE, len(order), _PIECE)):
            products = (w[some] * X[some])[:, :, None] * Xy[some][:, None, :]
            first = np.flatnonzero(np.diff(cluster[some], prepend=-1))
            gram[cluster[some][first]] += np.add.reduceat(products.reshape(len(some), -1), first)
        drawn = (weights @ gram).reshape(-1, p, p + 1)
        inverse = np.linalg.pinv(drawn[:, :, :p], rcond=1e-10, hermitian=True)
        beta: Floats = np.einsum("dij,dj->di", inverse, drawn[:, :, p])
        return beta / np.where(scale > 0, scale, 1.0)
