"""Group-time average treatment effects for staggered adoption: ATT(g, t).

Estimand: for units first treated in g, the average effect of treatment in period t.

    ATT(g, t) = E[Y_t(g) - Y_t(never) | G = g]

It is identified by parallel trends (given covariates) between cohort g and its comparison units,
no effect before g - anticipation, and overlap; `att_gt_cells` has the comparisons and
`two_by_two` the estimators. Unlike a two-way fixed-effects regression it never compares with units
that are treated already.

Source: Callaway & Sant'Anna (2021), "Difference-in-Differences with multiple time periods",
Journal of Econometrics 225(2), 200-230. Conventions are those of R `did` 2.5 but for three, each
noted where it is made: clusters' influence is summed, not averaged (as there since 2.5.1), nothing
is recoded when nobody is never treated (`sample`), and no interval is given where one treated
cluster leaves the variance unidentified (`summaries`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import attrs
import numpy as np

from impactkit.estimators.aggregation import (
    Aggregation,
    Kind,
    aggregate,
    event_times,
    influence,
)
from impactkit.estimators.att_gt_cells import Cells, cluster_shares, estimate_cells
from impactkit.estimators.att_gt_comparisons import BasePeriod, Control
from impactkit.estimators.att_gt_pretest import pretest_cells, pretest_event_times
from impactkit.estimators.blocks import Units, arrange
from impactkit.estimators.checks import tidy
from impactkit.estimators.event_coefficients import EventCoefficients
from impactkit.estimators.options import a_count, a_level, check_options, one_of
from impactkit.estimators.printing import notes, set_aside, table
from impactkit.estimators.sample import staggered_sample
from impactkit.estimators.summaries import BASE, Inference, Quantity, to_estimates
from impactkit.estimators.two_by_two import Method
from impactkit.results import Diagnostic, Estimate, Exclusion, estimates_to_frame

if TYPE_CHECKING:
    import polars as pl

_METHODS = {
    "dr": "doubly robust",
    "reg": "outcome regression",
    "ipw": "inverse probability weighting",
}
_CONTROLS = {"notyettreated": "not-yet-treated", "nevertreated": "never-treated"}


@attrs.frozen(kw_only=True, eq=False, repr=False)
class AttGt:
    """Group-time effects, one `Estimate` each, and what can be made of them.

    Attributes
    ----------
    index
        (cohort, period) of each cell, cohorts first.
    exclusions
        Rows and units left out, counted, with reasons.
    warnings
        What a reader must know of the data, in sentences.
    seed
        Of the bootstrap; drawn when none was given, so that it can be repeated.
    base_period
        ``varying`` or ``universal``, as asked for.
    """

    index: tuple[tuple[int, int], ...]
    exclusions: tuple[Exclusion, ...]
    warnings: tuple[str, ...]
    seed: int
    base_period: str
    _units: Units
    _effects: Cells
    _inference: Inference

    @cached_property
    def cells(self) -> tuple[Estimate, ...]:
        """One `Estimate` a cohort and period; `estimand` reads ``ATT(2017, 2018)``.

        Their intervals are worked out when they are first asked for: averages do not need them.
        """
        cells, contributions = self._effects.cells, self._effects.contributions
        one_cell = np.eye(len(self.index), len(contributions.columns))
        quantities = [
            Quantity(
                estimand=f"ATT({g}, {t})",
                value=cell.value,
                combination=combination,
                rests_on=(cell.comparison,),
                reason=BASE if cell.comparison.is_base else cell.reason,
                in_band=cell.value is not None,
            )
            for (g, t), cell, combination in zip(self.index, cells, one_cell, strict=True)
        ]
        return to_estimates(quantities, self._units, contributions, self._inference)

    def to_frame(self) -> pl.DataFrame:
        """Return one row a cell: `cohort`, `time`, then the fields of `Estimate`."""
        import polars as pl

        where = pl.DataFrame(
            self.index, schema={"cohort": pl.Int64, "time": pl.Int64}, orient="row"
        )
        return pl.concat([where, estimates_to_frame(self.cells)], how="horizontal")

    def aggregate(
        self,
        kind: Kind,
        *,
        min_e: int | None = None,
        max_e: int | None = None,
        balance_e: int | None = None,
    ) -> Aggregation:
        """Average the effects.

        Parameters
        ----------
        kind
            ``simple``: all post-treatment effects, by cohort size. ``dynamic``: by event time (the
            event study). ``group``: by cohort. ``calendar``: by period.
        min_e, max_e
            First and last event time to use; not for ``calendar``.
        balance_e
            For ``dynamic``: only cohorts seen at every event time from 0 to this one, so that
            event times differ in time since treatment and not in who is in them.

        Raises
        ------
        UsageError
            When an argument has no meaning for `kind`.
        """
        return aggregate(
            self._units,
            self._effects,
            self._inference,
            kind,
            min_e=min_e,
            max_e=max_e,
            balance_e=balance_e,
            warnings=self.warnings,
        )

    def pretest(self, reference: Literal["F", "chi2"] = "F") -> Diagnostic:
        """Test jointly that there are no effects before treatment (t < g - anticipation).

        A large p-value is no proof of parallel trends: with little data the test finds nothing,
        whatever the truth (Roth 2022, AER: Insights 4(3)).

        Parameters
        ----------
        reference
            ``F``: event times, as many as the treated clusters bear, with a covariance corrected
            for few of them. ``chi2``: all group-time effects, as R `did`; right when there are many
            more treated clusters than effects, and far too ready to reject otherwise.

        Raises
        ------
        UsageError
            When `reference` is neither.
        """
        check_options([(reference not in ("F", "chi2"), "reference", reference, "'F' or 'chi2'")])
        if reference == "F":
            return pretest_event_times(self._units, self._effects)
        return pretest_cells(self._units, self._effects, self.cells)

    def event_study(self) -> EventCoefficients:
        """Return effects by event time with their covariance, for `honest_did` and its kind.

        The covariance is clustered as the standard errors are, and corrected for few clusters
        where they are. Event times that cannot be estimated are left out.
        """
        return EventCoefficients(**event_times(self._units, self._effects, self._inference))

    def influence(self, kind: Kind = "simple") -> pl.DataFrame:
        """Return the contribution of each `cluster` to an overall average: a row a cluster.

        The squares of `contribution` add up to the uncorrected variance of
        ``aggregate(kind).overall``. Contributions to several outcomes of the same clusters, drawn
        together, show how the tests hang together (`romano_wolf`).

        Raises
        ------
        UsageError
            When no column of clusters was named, or a cohort has too many to be told apart.
        """
        return influence(self._units, self._effects, kind)

    def estimates(
        self,
        metric: str = "",
        measure: str = "",
        unit: str = "",
        kinds: Sequence[Kind] = ("simple", "dynamic"),
    ) -> tuple[Estimate, ...]:
        """Return estimates for a report: the overall effect, then the event study.

        `kinds` chooses the aggregations; the group-time effects themselves are in `cells`.
        """
        found: list[Estimate] = []
        for kind in kinds:
            found += self.aggregate(kind).estimates(metric=metric, measure=measure, unit=unit)
        return tuple(found)

    def __str__(self) -> str:
        lines = [table("Group-time effects on the treated", self.cells, "ATT(g, t)")]
        lines += [f"Method: {self._inference.method}.", f"Variance: {self._inference.variance}."]
        lines += set_aside(self.exclusions)
        return "\n".join([*lines, *notes(self.warnings)])

    __repr__ = __str__


def att_gt(
    frame: pl.DataFrame | pl.LazyFrame,
    *,
    unit: str | None = None,
    time: str,
    cohort: str,
    outcome: str,
    covariates: Iterable[str] = (),
    weights: str | None = None,
    cluster: str | None = None,
    control: Control = "notyettreated",
    base_period: BasePeriod = "varying",
    anticipation: int = 0,
    method: Method = "dr",
    panel: bool = True,
    allow_unbalanced_panel: bool = True,
    gaps: Literal["means", "pairs"] = "means",
    small_sample: Literal["none", "cr2"] = "none",
    bootstrap: int = 0,
    seed: int | None = None,
    level: float = 0.95,
) -> AttGt:
    """Estimate group-time average treatment effects (Callaway & Sant'Anna 2021).

    Parameters
    ----------
    frame
        One row a unit and period. Only the columns named here are read.
    unit, time, cohort, outcome
        Names of columns: the unit, the period (whole number), the period of first treatment (null:
        never treated) and the outcome (a number). Rows without an outcome are left out, counted.
    covariates
        Columns on which trends are parallel: numbers, or categories. In a balanced panel the value
        of the earlier of the two periods counts.
    weights
        Column of non-negative weights, such as pupils. In a balanced panel the weight of the
        earlier period counts in an effect, and that of the first period in aggregations; in an
        unbalanced one each row's own weight, and the unit's mean.
    cluster
        Column of clusters above the unit, such as partnerships; default, the unit itself.
    control
        ``notyettreated``: compare with units not treated yet, and never treated. ``nevertreated``:
        with the latter only.
    base_period
        ``varying``: before treatment each period is compared with the one before it, so that an
        effect reads "change from last year". ``universal``: every period with the last one before
        treatment, so that it reads "difference from then", and the base itself is zero.
    anticipation
        How many periods before treatment its effect may begin.
    method
        ``dr`` (doubly robust), ``reg`` (outcome regression), ``ipw`` (inverse probability
        weighting); without covariates they are the same.
    panel
        False for repeated cross-sections: every row is a unit of its own and `unit` is not used.
    allow_unbalanced_panel
        False: units with a gap are left out, counted.
    gaps
        How to compare units in a panel with gaps; a complete panel is not affected. ``means``, as
        repeated cross-sections and as in R `did`: each effect compares weighted means of the units
        observed in either period, and a unit's contributions are summed before the variance is
        taken. ``pairs``: each effect compares the changes of the units observed in both of its
        periods, so that nobody's level passes for an effect when they come or go.
    small_sample
        ``none``: as R `did`, right when many clusters are treated. ``cr2``: corrected for few, with
        quantiles of Student's t (`inference.small_sample`).
    bootstrap
        Number of multiplier draws for standard errors and simultaneous bands; 0 for analytic
        standard errors without bands. With ``cr2`` the draws make the bands only.
    seed
        Of the bootstrap.
    level
        Coverage of intervals and bands.

    Returns
    -------
    AttGt
        Values in the unit of the outcome. An effect that cannot be estimated has the status
        ``not_estimable`` and a reason with counts.

    Raises
    ------
    UsageError
        When an argument is not one of its choices.
    DataError
        When the frame cannot be used; lists every fault.
    EstimationError
        When no treated or no comparison unit is left, with counts and the remedy.

    Examples
    --------
    >>> import polars as pl
    >>> frame = pl.DataFrame({
    ...     "urn": [1, 1, 2, 2, 3, 3, 4, 4],
    ...     "year": [2019, 2020] * 4,
    ...     "first_year": [2020] * 4 + [None] * 4,
    ...     "score": [10.0, 14.0, 11.0, 17.0, 9.0, 10.0, 12.0, 13.5],
    ... })
    >>> fit = att_gt(frame, unit="urn", time="year", cohort="first_year", outcome="score")
    >>> print(fit.cells[0])
    ATT(2020, 2020): 3.75 [2.321, 5.179]
    >>> fit.aggregate("dynamic").to_frame()["term", "value", "n_schools", "n_comparison"].rows()
    [('0', 3.75, 2, 2)]
    >>> fit.pretest().text
    'Effects before treatment were not tested: there is no year before treatment to compare.'
    """
    covariates = [covariates] if isinstance(covariates, str) else list(covariates)
    check_options(
        [
            one_of("control", control, tuple(_CONTROLS)),
            one_of("base_period", base_period, ("varying", "universal")),
            one_of("method", method, tuple(_METHODS)),
            one_of("small_sample", small_sample, ("none", "cr2")),
            one_of("gaps", gaps, ("means", "pairs")),
            a_count("anticipation", anticipation, "a number of periods, 0 or more"),
            a_count("bootstrap", bootstrap, "a number of draws, 0 for analytic"),
            a_count("seed", 0 if seed is None else seed, "a whole number, 0 or more"),
            a_level(level),
            (not panel and gaps == "pairs", "gaps", gaps, "'means' with panel=False"),
            (panel and unit is None, "unit", unit, "the column of units, or panel=False"),
        ]
    )
    data = tidy(
        frame,
        unit=unit if panel else None,
        time=time,
        cohort=cohort,
        outcome=outcome,
        covariates=covariates,
        weights=weights,
        cluster=cluster,
    )
    sample = staggered_sample(
        data,
        control=control,
        anticipation=anticipation,
        panel=panel,
        allow_unbalanced_panel=allow_unbalanced_panel,
        gaps=gaps,
    )
    arranged = arrange(
        sample.rows, data.covariates, sample.periods, panel=panel, paired=gaps == "pairs"
    )
    units = arranged.units
    cells = estimate_cells(
        arranged,
        control=control,
        base_period=base_period,
        anticipation=anticipation,
        method=method,
    )
    how = f", {_METHODS[method]} given {', '.join(covariates)}" if covariates else ""
    clustered = cluster or (unit if panel else None) or "row"
    inference = Inference(
        level=level,
        bootstrap=bootstrap,
        seed=int(np.random.default_rng().integers(2**63)) if seed is None else seed,
        method=(
            f"group-time difference-in-differences (Callaway & Sant'Anna 2021){how}, "
            f"{_CONTROLS[control]} comparison, {base_period} base period"
        ),
        variance=_variance(cells, bootstrap, small_sample, clustered),
        shares=cluster_shares(units) if small_sample == "cr2" else None,
    )
    index = tuple(
        (units.cohorts[c.comparison.cohort], units.periods[c.comparison.time]) for c in cells.cells
    )
    return AttGt(
        index=index,
        exclusions=sample.exclusions,
        warnings=sample.warnings,
        seed=inference.seed,
        base_period=base_period,
        units=units,
        effects=cells,
        inference=inference,
    )


def _variance(cells: Cells, bootstrap: int, small_sample: str, clustered: str) -> str:
    """Say in words where standard errors and bands come from."""
    if small_sample == "cr2":
        bands = f", bands by {bootstrap:,} normal draws" if bootstrap else ""
        return (
            f"analytic influence function{bands}, clustered on {clustered}, corrected for few "
            "treated clusters (CR2, t with Satterthwaite degrees of freedom)"
        )
    source = "analytic influence function"
    if bootstrap:
        signs = {c >= 0 for c in cells.contributions.cluster.tolist()}
        kind = " and ".join(
            name for name, sign in (("Rademacher", True), ("normal", False)) if sign in signs
        )
        source = f"multiplier bootstrap, {bootstrap:,} {kind} draws"
    return f"{source}, clustered on {clustered}, no small-sample correction"
