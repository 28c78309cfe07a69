"""Joint tests that there are no effects before treatment.

    W = b' V^-1 b,  b the effects before treatment and V their covariance, clusters included

R `did` tests every group-time effect before treatment and takes W as chi-squared. With few treated
clusters that rejects far too often, since V is estimated from few and the effects are many. So the
default tests event times, takes V as corrected for few clusters (`inference.small_sample`), and
W (v - q + 1) / (v q) as F with q and v - q + 1 degrees of freedom (Hotelling), q the number of
event times and v their covariance's degrees of freedom (`joint_df`). It keeps to the event times
nearest to treatment that rest on half of the treated clusters or more, and to a third of the
smallest of their degrees of freedom: a choice that looks at no outcome.

Sources: Hotelling (1931), Annals of Mathematical Statistics 2, 360-378; Pustejovsky & Tipton
(2018), Journal of Business & Economic Statistics 36(4), 672-683, on W with estimated degrees of
freedom;
Callaway & Sant'Anna (2021), remark 4 and section 4, for the chi-squared version.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from impactkit.estimators.aggregation import before_treatment
from impactkit.estimators.att_gt_cells import Cells, cluster_shares
from impactkit.estimators.blocks import Units
from impactkit.estimators.summaries import loadings, support
from impactkit.inference.influence import wald
from impactkit.inference.small_sample import correct, hotelling, joint_df
from impactkit.results import Diagnostic, Estimate

_MOST_SHARE = 1 / 3


def pretest_event_times(units: Units, cells: Cells) -> Diagnostic:
    """Test the event times before treatment that the treated clusters can bear."""
    quantities = before_treatment(units, cells)
    if not quantities:
        return _untested("there is no year before treatment to compare")
    clusters = [support(units, q.rests_on).treated_clusters for q in quantities]
    most = max(clusters)
    wide = [q for q, n in zip(quantities, clusters, strict=True) if 2 * n >= most]
    own = cells.contributions.of(np.array([q.combination for q in wide]))
    weights, shares = loadings(wide, units), cluster_shares(units)
    corrected = correct(own, weights, shares)
    chosen = 0
    while chosen < len(wide) and chosen + 1 <= _MOST_SHARE * corrected.df[: chosen + 1].min():
        chosen += 1
    if not chosen:
        return _untested(
            f"{most} treated {'cluster is' if most == 1 else 'clusters are'} too few to tell "
            "chance from a difference in trends"
        )
    values = np.array([q.value for q in wide[:chosen]], dtype=float)
    varies = bool((corrected.std_errors[:chosen] > units.rounding).all())
    test = wald(values, corrected.columns[:chosen]) if varies else None
    if test is None:
        return _untested("their covariance is singular: outcomes hardly vary before treatment")
    df = joint_df(corrected.df[:chosen], (weights @ shares.treated)[:chosen])
    statistic, p = hotelling(test.statistic, chosen, df)
    times = ", ".join(q.term for q in reversed(wide[:chosen]))
    left = len(quantities) - chosen
    left_out = (
        f" {left} earlier {'one was' if left == 1 else 'ones were'} left out, since "
        f"{most} treated clusters bear no more."
        if left
        else ""
    )
    return Diagnostic(
        name="pretest",
        value=statistic,
        p_value=p,
        passed=p >= 0.05,
        text=(
            f"Joint test of event {'time' if chosen == 1 else 'times'} {times}, before treatment: "
            f"F({chosen}, {df - chosen + 1:.1f}) = {statistic:.4g}, p = {p:.3g}.{left_out} "
            f"{_NO_PROOF}"
        ),
    )


def pretest_cells(units: Units, cells: Cells, estimates: Sequence[Estimate]) -> Diagnostic:
    """Test every group-time effect before treatment by chi-squared, as R `did`."""
    before = [c.comparison.before and not c.comparison.is_base for c in cells.cells]
    rows = [k for k, e in enumerate(estimates) if before[k] and e.ci_low is not None]
    asked = sum(before)
    values = np.array([cells.cells[k].value for k in rows], dtype=float)
    test = wald(values, cells.contributions.columns[rows])
    if test is None:
        return _untested(
            f"their covariance is singular: {len(rows)} effects, {units.n_clusters} clusters"
            if rows
            else f"none of {asked} has a standard error"
            if asked
            else "there is no year before treatment to compare"
        )
    left_out = f" {asked - len(rows)} of {asked} could not take part." if asked > len(rows) else ""
    return Diagnostic(
        name="pretest",
        value=test.statistic,
        p_value=test.p_value,
        passed=test.p_value >= 0.05,
        text=(
            f"Joint Wald test of {test.df} effects before treatment: chi-squared "
            f"{test.statistic:.4g} on {test.df} degrees of freedom, p = {test.p_value:.3g}."
            f"{left_out} {_NO_PROOF}"
        ),
    )


_NO_PROOF = "Passing it does not show that trends are parallel."


def _untested(why: str) -> Diagnostic:
    return Diagnostic(name="pretest", text=f"Effects before treatment were not tested: {why}.")
