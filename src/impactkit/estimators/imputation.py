"""The imputation estimator: each treated row against what untreated rows say it would have been.

Estimand: the average effect on the treated of cohort g in period t, ATT(g, t), and averages of
these, under parallel trends (given covariates) in all periods before treatment and no anticipation.

    tau_it = y_it - a_i - l_t - x_it'b,  a, l, b fitted on untreated rows;  ATT(g, t) = mean tau_it

Under homoskedastic errors no other linear unbiased estimator is more precise; the price is that
parallel trends are used in all periods before treatment and not in the last alone.

Variance, by cluster c, with v the weights of the estimator as a sum v_it y_it:

    V = sum_c (sum_{it in c} v_it e_it)^2,  e_it = tau_it - mean tau of the cell, after treatment

It is conservative: what effects vary within a cell (cohort and period) is taken for chance. A
cluster alone in its cell is measured from the mean of its event time (any average is allowed). The
weights of an average are taken as given. No small-sample factor; ``leave_out=True`` measures a
cluster's effects from the mean of the others of its cell, which is upwards where cells are small.
``small_sample="cr2"`` corrects for few treated clusters (`imputation_few`).

Source: Borusyak, Jaravel & Spiess (2024), "Revisiting event-study designs: robust and efficient
estimation", Review of Economic Studies 91(6): theorems 1 to 3, and its test of parallel trends on
untreated rows only.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import attrs
import numpy as np

from impactkit.errors import EstimationError
from impactkit.estimators.aggregation import Aggregation, Kind
from impactkit.estimators.cohort_effects import (
    CohortEffects,
    cell_columns,
    cohort_effects,
    name_of,
    rows_by_cell,
)
from impactkit.estimators.event_study import (
    event_result,
    event_times,
    name_of as event_name,
    require_treatment,
    seen,
)
from impactkit.estimators.fixed_effects import Fit, least_squares
from impactkit.estimators.imputation_few import correct_few
from impactkit.estimators.imputed import (
    asked,
    cell_means,
    check_staggered_options,
    stage_warnings,
)
from impactkit.estimators.options import check_options, one_of
from impactkit.estimators.rectangle import Floats, Rectangle, rectangle
from impactkit.estimators.regression import Regression
from impactkit.estimators.untreated import (
    Untreated,
    cluster_average,
    covariance,
    fit_untreated,
    pooled_centre,
    rounding,
    without_own,
)
from impactkit.inference.small_sample import Corrected
from impactkit.results import Diagnostic, Estimate, Exclusion

if TYPE_CHECKING:
    import polars as pl


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Imputation:
    """Effects by cohort and period, their averages, and a test on untreated rows.

    Attributes
    ----------
    effects
        One `Estimate` a cohort and period, and what can be made of them.
    """

    effects: CohortEffects
    _first: Untreated
    _anticipation: int
    _level: float

    @property
    def cells(self) -> tuple[Estimate, ...]:
        """One `Estimate` a cohort and period, cohorts first."""
        return self.effects.cells

    @property
    def index(self) -> tuple[tuple[int, int], ...]:
        """(cohort, period) of each cell."""
        return self.effects.index

    @property
    def exclusions(self) -> tuple[Exclusion, ...]:
        """Rows and units left out, counted, with reasons."""
        return self.effects.exclusions

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a reader must know, in sentences."""
        return self.effects.warnings

    def to_frame(self) -> pl.DataFrame:
        """Return one row a cell: `cohort`, `time`, then the fields of `Estimate`."""
        return self.effects.to_frame()

    def aggregate(self, kind: Kind) -> Aggregation:
        """Average the effects by rows: ``simple``, ``dynamic``, ``group`` or ``calendar``.

        ``simple`` is the mean effect over all treated rows.

        Raises
        ------
        UsageError
            When there is no such kind.
        EstimationError
            When no effect after the start could be estimated.
        """
        return self.effects.aggregate(kind)

    def pretrends(self, leads: int | None = None) -> Regression:
        """Regress untreated rows on unit and period effects and the last periods before treatment.

        Parameters
        ----------
        leads
            How many periods before treatment get a coefficient; those earlier, and units never
            treated, are what they are compared with. By default all but the earliest.

        Raises
        ------
        UsageError
            When `leads` is not 1 or more.
        EstimationError
            When there are too few periods before treatment.
        """
        return _pretrends(self._first, self._anticipation, leads, self._level)

    def pretest(self) -> Diagnostic:
        """Test parallel trends jointly on untreated rows.

        Treated rows take no part, so that passing this test does not distort the estimates that
        follow, under homoskedastic errors.
        """
        try:
            found = self.pretrends().pretest
        except EstimationError as error:
            return Diagnostic(name="pretest", text=f"Parallel trends were not tested: {error}.")
        assert found is not None
        return found

    def estimates(
        self,
        metric: str = "",
        measure: str = "",
        unit: str = "",
        kinds: Sequence[Kind] = ("simple", "dynamic"),
    ) -> tuple[Estimate, ...]:
        """Return estimates for a report: the overall effect, then by event time."""
        return self.effects.estimates(metric, measure, unit, kinds)

    def __str__(self) -> str:
        return str(self.effects)

    __repr__ = __str__


def imputation(
    frame: pl.DataFrame | pl.LazyFrame,
    *,
    unit: str,
    time: str,
    cohort: str,
    outcome: str,
    covariates: Sequence[str] = (),
    weights: str | None = None,
    cluster: str | None = None,
    anticipation: int = 0,
    leave_out: bool = False,
    small_sample: Literal["none", "cr2"] = "none",
    level: float = 0.95,
) -> Imputation:
    """Estimate effects by cohort and period by imputing untreated outcomes.

    Parameters
    ----------
    frame
        One row a unit and period.
    unit, time, cohort, outcome
        Columns: the unit, the period and the unit's first treated period (whole numbers, null for
        never treated), and the outcome in its own unit.
    covariates
        Columns that change over time and are not affected by treatment: numbers or categories.
    weights
        Column of non-negative weights: of the first stage, and of the averages.
    cluster
        Column of clusters, constant within a unit; by default each unit is its own.
    anticipation
        How many periods before treatment its effect may begin; these are imputed too.
    leave_out
        Whether the variance measures a cluster's effects from the mean of the other clusters.
    small_sample
        ``none``: as the paper has it, right when many clusters are treated. ``cr2``: corrected for
        few, with degrees of freedom of their own; not together with `leave_out`.
    level
        Of the intervals, from Student's t with clusters less one degrees of freedom.

    Returns
    -------
    Imputation
        Values in the unit of the outcome. Units never seen untreated, and rows in periods without
        anybody untreated, are set aside and counted.

    Raises
    ------
    DataError
        With every fault of the frame.
    UsageError
        When arguments make no sense.
    EstimationError
        When nobody is treated, nothing can be imputed, or a covariate changes after treatment only.

    Examples
    --------
    >>> import polars as pl
    >>> frame = pl.DataFrame({
    ...     "urn": [1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4],
    ...     "year": [2021, 2022, 2023] * 4,
    ...     "first_year": [2023] * 6 + [None] * 6,
    ...     "score": [1.0, 2.0, 6.0, 3.0, 5.0, 8.0, 2.0, 3.0, 3.0, 4.0, 5.0, 7.0],
    ... })
    >>> found = imputation(frame, unit="urn", time="year", cohort="first_year", outcome="score")
    >>> print(found.aggregate("simple").overall)
    ATT: 2.75 [0.4304, 5.07]
    """
    check_staggered_options(anticipation, level)
    both = leave_out and small_sample == "cr2"
    check_options(
        [
            one_of("small_sample", small_sample, ("none", "cr2")),
            (both, "leave_out", leave_out, "False with small_sample='cr2', a correction itself"),
        ]
    )
    panel = rectangle(
        frame,
        unit=unit,
        time=time,
        cohort=cohort,
        outcome=outcome,
        covariates=covariates,
        weights=weights,
        cluster=cluster,
    )
    require_treatment(panel)
    first = fit_untreated(panel, anticipation)
    cells, reasons = asked(panel, first)
    rows = rows_by_cell(first.panel)
    table = cell_columns(first.panel, cells)
    with np.errstate(invalid="ignore", divide="ignore"):
        table = np.where(table > 0, table / rows[:, :, None], 0.0)
    value = cell_means(first, rows)
    mean, squares, clusters = cluster_average(first)
    centre = pooled_centre(first, mean, clusters, value, rows)
    centred = without_own(first, mean, squares) if leave_out else first
    one = first.n_clusters < 2
    beta = np.array([value[_at(first.panel, cell)] for cell in cells])

    def few(weights: Floats) -> Corrected:
        return correct_few(first, np.einsum("kc,gtc->gtk", weights, table), weights @ beta)

    fit = Fit(
        names=tuple(name_of(*cell) for cell in cells),
        beta=beta,
        covariance=None if one else covariance(centred, table, centre),
        reason="there is one cluster only, and its variance cannot be told; give more clusters"
        if one
        else "",
        dropped=first.dropped,
        n_rows=first.panel.n_rows,
        n_clusters=first.n_clusters,
        df=first.n_clusters - 1,
        variance=_variance(leave_out, small_sample),
        rounding=rounding(first),
        few=few if small_sample == "cr2" and not one else None,
    )
    alone = [g for g, t in cells if clusters[_at(first.panel, (g, t))] == 1]
    effects = cohort_effects(
        fit,
        first.panel,
        reasons,
        title="Imputation: effects by cohort and period",
        method="imputation (Borusyak, Jaravel & Spiess 2024), unit and period effects"
        + (f", anticipation {anticipation}" if anticipation else "")
        + (f", given {', '.join(covariates)}" if covariates else ""),
        level=level,
        warnings=stage_warnings(first, alone, small_sample),
    )
    return Imputation(effects=effects, first=first, anticipation=anticipation, level=level)


def _variance(leave_out: bool, small_sample: str) -> str:
    """Say in words where standard errors come from."""
    if small_sample == "cr2":
        return (
            "conservative, by cluster, effects measured from the average, corrected for few "
            "treated clusters (CR2, t with Satterthwaite degrees of freedom)"
        )
    return (
        "conservative, by cluster, effects measured from their cohort and period's mean"
        f"{' without the cluster itself' if leave_out else ''}, no small-sample factor"
    )


def _at(panel: Rectangle, cell: tuple[int, int]) -> tuple[int, int]:
    return panel.cohorts.index(cell[0]), panel.periods.index(cell[1])


def _pretrends(first: Untreated, anticipation: int, leads: int | None, level: float) -> Regression:
    check_options(
        [(leads is not None and leads < 1, "leads", leads, "a number of periods, 1 or more")]
    )
    whole = first.panel
    there = np.ones(whole.y.shape) if whole.share is None else whole.share
    share = there * first.before[whole.cohort]
    twice = np.flatnonzero((share > 0).sum(axis=1) >= 2)
    if not len(twice):
        raise EstimationError("no unit is seen untreated in two periods, so no trend can be seen")
    panel = attrs.evolve(whole, share=share).take(twice)
    event = event_times(panel)
    event = np.where(first.before, event, event[-1])
    past = [e for e in seen(panel, event) if e < -anticipation]
    terms = past[1:] if leads is None else [e for e in past if e >= -anticipation - leads]
    if not terms or len(terms) == len(past):
        raise EstimationError(
            f"treated units are seen {len(past)} periods before treatment (event times "
            f"{', '.join(map(str, past)) or 'none'}), and one at least is the comparison; add "
            "earlier periods, or ask for fewer leads"
        )
    table = (event[:, :, None] == np.array(terms)).astype(np.float64)
    fit = least_squares(
        panel,
        lambda units: table[panel.cohort[units]],
        [event_name(e) for e in terms],
        key=panel.cohort,
    )
    return event_result(
        fit,
        panel,
        event,
        [],
        terms,
        title="Untreated rows before treatment, against those earlier still",
        estimand="difference before treatment",
        method="least squares on untreated rows, unit and period effects",
        level=level,
        warnings=(),
    )
