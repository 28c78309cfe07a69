"""The wild cluster bootstrap test of an effect in a two-way fixed-effects regression.

Estimand: the coefficient of treatment with unit and period effects,

    y_it = a_i + l_t + x_it'g + beta d_it + u_it

with d_it = 1{t >= G_i}, or a column, or an event time, under parallel trends; with staggered timing
see the warning in `event_study`. The p-value and the interval come from the restricted wild cluster
bootstrap (see `inference.wild`), which keeps its size with fewer clusters than t-tests need, as
long as not too few, nor nearly all, are treated.

Sources: Cameron, Gelbach & Miller (2008), Review of Economics and Statistics 90(3); MacKinnon &
Webb (2018), "The wild bootstrap for few (treated) clusters", Econometrics Journal 21(2).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import attrs
import numpy as np
from numpy.typing import NDArray

from impactkit.errors import DataError, EstimationError, Problem
from impactkit.estimators.checks import FILE
from impactkit.estimators.cluster_scores import cluster_scores
from impactkit.estimators.event_study import event_times, require_treatment, seen
from impactkit.estimators.options import a_level, check_options
from impactkit.estimators.printing import account, notes
from impactkit.estimators.rectangle import Floats, Ints, Rectangle, rectangle
from impactkit.estimators.within import Columns
from impactkit.inference.cluster_variance import SmallSample
from impactkit.inference.few_clusters import Thresholds
from impactkit.inference.wild import (
    DISTRIBUTIONS,
    Distribution,
    n_patterns,
    wild_draws,
    wild_interval,
    wild_p_value,
)
from impactkit.results import Estimate, Exclusion, estimates_to_frame

if TYPE_CHECKING:
    import polars as pl

Bools = NDArray[np.bool_]

FEW_TREATED = Thresholds().wild
"""Treated, or untreated, clusters below which the bootstrap's p-values mislead."""


@attrs.frozen(kw_only=True, eq=False)
class WildBootstrap:
    """A test of one coefficient.

    Attributes
    ----------
    estimate
        The coefficient, its CRV1 standard error, and the bootstrap's p-value and interval.
    null, t_statistic
        The value tested, and (estimate - null) / standard error.
    distribution, draws, exact, seed
        Of the multipliers; how many draws; whether they are all there are; the seed if not.
    exclusions, warnings
        Rows and units left out, counted; what a reader must know.
    """

    estimate: Estimate
    null: float
    t_statistic: float
    distribution: Distribution
    draws: int
    exact: bool
    seed: int
    exclusions: tuple[Exclusion, ...]
    warnings: tuple[str, ...]

    def to_frame(self) -> pl.DataFrame:
        """Return one row, columns as the fields of `Estimate`."""
        return estimates_to_frame([self.estimate])

    def estimates(
        self, metric: str = "", measure: str = "", unit: str = ""
    ) -> tuple[Estimate, ...]:
        """Return the estimate, labelled for a report."""
        return (attrs.evolve(self.estimate, metric=metric, measure=measure, unit=unit),)

    def __str__(self) -> str:
        e = self.estimate
        p = "none" if e.p_value is None else f"{e.p_value:.4g}"
        lines = [
            f"{e}",
            f"t = {self.t_statistic:.4g} against {self.null:g}, p = {p}",
            *account(e, self.exclusions),
        ]
        return "\n".join([*lines, *notes(self.warnings)])

    __repr__ = __str__


def wild_cluster_bootstrap(
    frame: pl.DataFrame | pl.LazyFrame,
    *,
    unit: str,
    time: str,
    cohort: str,
    outcome: str,
    treatment: str | None = None,
    event_time: int | None = None,
    covariates: Sequence[str] = (),
    fixed_effects: Sequence[str] = (),
    weights: str | None = None,
    cluster: str | None = None,
    null: float = 0.0,
    distribution: Distribution = "rademacher",
    draws: int = 9_999,
    seed: int | None = None,
    small_sample: SmallSample = "fixest",
    level: float = 0.95,
) -> WildBootstrap:
    """Test an effect with the restricted wild cluster bootstrap.

    Parameters
    ----------
    frame
        One row a unit and period.
    unit, time, cohort, outcome
        Columns: the unit, the period and the unit's first treated period (whole numbers, null for
        never treated), and the outcome in its own unit.
    treatment
        Column of numbers whose coefficient is tested, such as a dose; by default the indicator that
        the unit's first treated period has come.
    event_time
        Test the coefficient of this event time instead, in an event study with reference -1.
    covariates, fixed_effects, weights, cluster
        As in `event_study`.
    null
        The value tested.
    distribution
        Of the multipliers: ``rademacher`` (two points), ``webb`` (six points, for fewer than about
        twelve clusters) or ``mammen`` (two points, skewed).
    draws
        How many. When no more patterns than this exist all are taken, once each, and the p-value
        is exact.
    seed
        Of the draws.
    small_sample
        Convention of the standard error's factor; p-value and interval don't depend on it.
    level
        Of the interval, which holds every null that the bootstrap does not reject.

    Returns
    -------
    WildBootstrap
        The p-value of random draws counts the data as one of them: (1 + hits) / (1 + draws).

    Raises
    ------
    UsageError, DataError
        When arguments make no sense; with every fault of the frame.
    EstimationError
        When nobody is treated, there is one cluster, or treatment cannot be told apart from the
        fixed effects.

    Examples
    --------
    >>> import polars as pl
    >>> frame = pl.DataFrame({
    ...     "urn": [u for u in range(8) for _ in range(2)],
    ...     "year": [2022, 2023] * 8,
    ...     "first_year": [2023] * 8 + [None] * 8,
    ...     "score": [1.0, 4.0, 2.0, 6.5, 3.0, 4.0, 2.0, 5.0]
    ...     + [1.0, 2.0, 4.0, 4.5, 3.0, 4.0, 2.0, 1.5],
    ... })
    >>> found = wild_cluster_bootstrap(
    ...     frame, unit="urn", time="year", cohort="first_year", outcome="score"
    ... )
    >>> found.estimate.value, found.estimate.p_value, found.exact
    (2.375, 0.03125, True)
    """
    check_options(
        [
            (
                distribution not in DISTRIBUTIONS,
                "distribution",
                distribution,
                f"one of {DISTRIBUTIONS}",
            ),
            (not _whole(draws) or draws < 99, "draws", draws, "a number of draws, 99 or more"),
            (seed is not None and not _whole(seed), "seed", seed, "a whole number, 0 or more"),
            (not np.isfinite(null), "null", null, "a finite number"),
            (
                small_sample not in ("fixest", "stata", "none"),
                "small_sample",
                small_sample,
                "'fixest', 'stata' or 'none'",
            ),
            a_level(level),
            (
                treatment is not None and event_time is not None,
                "event_time",
                event_time,
                "either a treatment column or an event time",
            ),
            (event_time == -1, "event_time", event_time, "another event time: -1 is the reference"),
        ]
    )
    seed = int(np.random.default_rng().integers(2**63)) if seed is None else seed
    panel = rectangle(
        frame,
        unit=unit,
        time=time,
        cohort=cohort,
        outcome=outcome,
        covariates=[*covariates, *([treatment] if treatment else [])],
        effects=fixed_effects,
        weights=weights,
        cluster=cluster,
    )
    columns, key, tested, treated = _regressors(panel, treatment, event_time)
    scores = cluster_scores(panel, columns, key=key, tested=tested, small_sample=small_sample)
    n_clusters = len(scores.D)
    labels = np.arange(panel.n_units) if panel.cluster is None else panel.cluster
    n_treated = len(np.unique(labels[treated]))

    size = float(np.abs(panel.y).max())
    varies = scores.std_error > 1e-12 * size
    reason = _why_not(n_treated, n_clusters, varies)
    low = high = p = None
    found = None
    if not reason:
        found = wild_draws(scores, distribution=distribution, draws=draws, seed=seed)
        p = wild_p_value(scores, found, null)
        low, high = wild_interval(scores, found, level)
        if low is None or high is None:
            low = high = None
            reason = (
                f"with {n_clusters} clusters, {n_treated} of them treated, the p-value stays above "
                f"{1 - level:.3g} however far the null is from the estimate, so no interval has "
                "both bounds; use distribution='webb' or randomisation_inference"
            )
    exact = found is not None and found.exact
    made = 0 if found is None else len(found.n0)
    estimate = Estimate(
        estimand=f"coefficient of {tested}",
        value=scores.value,
        std_error=scores.std_error if varies else None,
        ci_low=low,
        ci_high=high,
        level=level,
        p_value=p,
        n_schools=int(treated.sum()),
        n_comparison=panel.n_units - int(treated.sum()),
        n_clusters=n_clusters,
        n_treated_clusters=n_treated,
        method=(
            "two-way fixed-effects regression; p-value and interval by restricted wild cluster "
            f"bootstrap, {'all' if exact else 'random'} {made:,} {distribution.title()} draws"
        ),
        variance=f"CRV1 by {cluster or unit}, small-sample factor: {small_sample}",
        reason=reason,
    )
    return WildBootstrap(
        estimate=estimate,
        null=null,
        t_statistic=(scores.value - null) / scores.std_error if varies else 0.0,
        distribution=distribution,
        draws=made,
        exact=exact,
        seed=seed,
        exclusions=panel.exclusions,
        warnings=_warnings(n_treated, n_clusters, distribution, level),
    )


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _regressors(
    panel: Rectangle, treatment: str | None, event_time: int | None
) -> tuple[Columns, Ints | None, str, Bools]:
    """Return the columns (the tested one last), their key, its name, and who is treated."""
    there = np.ones(panel.y.shape, dtype=bool) if panel.share is None else panel.share > 0
    covariates = panel.covariates
    if treatment is not None:
        assert covariates is not None  # treatment is one of them
        _require_number(panel, treatment)
        treated = ((covariates[:, :, -1] != 0) & there).any(axis=1)
        return (lambda units: covariates[units]), None, treatment, np.asarray(treated)

    require_treatment(panel)
    event = event_times(panel)
    if event_time is None:
        terms, tested, hits = (event >= 0)[:, :, None], "treatment", event >= 0
    else:
        others = _other_events(seen(panel, event), event_time)
        terms = event[:, :, None] == np.array([*others, event_time])
        tested, hits = f"event time {event_time}", event == event_time
    table = terms.astype(np.float64)
    treated = np.asarray((hits[panel.cohort] & there).any(axis=1))
    if covariates is None:
        key = None if panel.effects is not None else panel.cohort
        return (lambda units: table[panel.cohort[units]]), key, tested, treated

    def columns(units: Ints) -> Floats:
        return np.concatenate([covariates[units], table[panel.cohort[units]]], axis=2)

    return columns, None, tested, treated


def _require_number(panel: Rectangle, treatment: str) -> None:
    if panel.names[-1] != treatment:
        raise DataError(
            Problem(
                code="column.type",
                file=FILE,
                column=treatment,
                rule="treatment is a number, and this holds categories",
                remedy="Give 1 where treated and 0 where not, or a dose.",
            )
        )


def _other_events(there: Sequence[int], event_time: int) -> list[int]:
    missing = [e for e in (event_time, -1) if e not in there]
    if missing:
        raise EstimationError(
            f"no treated unit is seen at event time {missing[0]}; those seen are "
            f"{', '.join(map(str, there))}"
        )
    return [e for e in there if e not in (-1, event_time)]


def _why_not(treated: int, clusters: int, varies: bool) -> str:
    if not varies:
        return "the outcome does not vary about the fit, so there is nothing to resample"
    if treated in (1, clusters - 1):
        side = "treated" if treated == 1 else "untreated"
        return (
            f"one {side} cluster only, of {clusters:,}: the bootstrap cannot tell how such "
            "clusters vary; use randomisation_inference"
        )
    return ""


def _warnings(
    treated: int, clusters: int, distribution: Distribution, level: float
) -> tuple[str, ...]:
    found = []
    fewest = min(treated, clusters - treated)
    if 1 < fewest < FEW_TREATED and treated < clusters:
        found.append(
            f"{treated:,} of {clusters:,} clusters are treated; with fewer than {FEW_TREATED} on "
            "either side the restricted bootstrap is not to be relied on, and with two or three it "
            "hardly ever rejects (MacKinnon & Webb 2018): a large p-value is then no answer; see "
            "randomisation_inference"
        )
    patterns = n_patterns(distribution, clusters)
    if distribution == "rademacher" and 1 / patterns > 1 - level:
        found.append(
            f"{clusters} clusters have {patterns} sign patterns, so the smallest possible p-value "
            f"is {1 / patterns:.3g}; distribution='webb' has more"
        )
    return tuple(found)
