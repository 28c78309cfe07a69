"""Stacked difference-in-differences: one clean experiment a cohort, laid upon one another.

Estimand: an average over cohorts g of ATT(g, g + e), for each event time e in the window, under
parallel trends and no anticipation, for cohorts whose whole window [g + a, g + b] is observed.

Sub-experiment g holds the units of cohort g and clean controls (never treated, or not before the
window ends), over the window. On the stack, with i in sub-experiment s,

    y_ise = a_is + l_se + sum_{e != r} b_e D_is 1{event time e} + u_ise           weighting="none"
    y_ise = a_is + l_e  + sum_{e != r} b_e D_is 1{event time e} + q_is u_ise      "corrective"

The first averages cohorts by the variance of treatment within their stack, which is no average
that anybody asked for; the second by their number of treated units: treated units have weight 1,
controls of stack s (N_D,s / N_D) / (N_C,s / N_C), N_D treated and N_C control units. Only units
with every row of a window enter its stack, so composition does not change with e.

Sources: Cengiz, Dube, Lindner & Zipperer (2019), Quarterly Journal of Economics 134(3), appendix D;
Wing, Freedman & Hollingsworth (2024), "Stacked difference-in-differences", NBER working paper
32054 (the corrective weights).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import attrs
import numpy as np

from impactkit.errors import EstimationError
from impactkit.estimators.event_study import event_result, event_times, name_of, require_treatment
from impactkit.estimators.fixed_effects import Vcov, least_squares
from impactkit.estimators.options import check_options, one_of
from impactkit.estimators.rectangle import Ints, Rectangle, rectangle, within_window
from impactkit.estimators.regression import Regression, common_warnings, inference_options
from impactkit.estimators.within import Levels
from impactkit.inference.cluster_variance import SmallSample
from impactkit.results import Exclusion

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

Control = Literal["notyettreated", "nevertreated"]


@attrs.frozen(kw_only=True, eq=False)
class _Stack:
    """One sub-experiment: its cohort, and its treated and control units."""

    cohort: int
    treated: Ints
    controls: Ints


def stacked(
    frame: pl.DataFrame | pl.LazyFrame,
    *,
    unit: str,
    time: str,
    cohort: str,
    outcome: str,
    window: tuple[int, int],
    weights: str | None = None,
    cluster: str | None = None,
    control: Control = "notyettreated",
    weighting: Literal["none", "corrective"] = "corrective",
    reference: int = -1,
    vcov: Vcov = "CRV1",
    small_sample: SmallSample = "fixest",
    level: float = 0.95,
) -> Regression:
    """Estimate an event study on stacked sub-experiments.

    Parameters
    ----------
    frame, unit, time, cohort, outcome, weights, cluster
        As in `event_study`. By default each unit is a cluster, over all stacks that it is in.
    window
        First and last event time, such as ``(-3, 4)``.
    control
        ``notyettreated``: also units treated after the window; ``nevertreated``: only the others.
    weighting
        ``corrective`` (Wing et al.) or ``none`` (Cengiz et al.).
    reference
        Event time that effects are relative to, within the window and before 0.
    vcov, small_sample, level
        As in `event_study`.

    Returns
    -------
    Regression
        A term an event time; cohorts without a whole window, or controls, are in `exclusions`.

    Raises
    ------
    DataError, UsageError
        With every fault of the frame, or of the arguments.
    EstimationError
        When no cohort has a whole window and controls.

    Examples
    --------
    >>> import polars as pl
    >>> frame = pl.DataFrame({
    ...     "urn": [1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4],
    ...     "year": [2021, 2022, 2023] * 4,
    ...     "first_year": [2023] * 6 + [None] * 6,
    ...     "score": [1.0, 2.0, 6.0, 3.0, 5.0, 8.0, 2.0, 3.0, 3.0, 4.0, 5.0, 7.0],
    ... })
    >>> found = stacked(frame, unit="urn", time="year", cohort="first_year", outcome="score",
    ...                 window=(-2, 0))
    >>> found.to_frame().select("term", pl.col("value").round(9)).rows()
    [('-2', -0.5), ('-1', 0.0), ('0', 2.5)]
    """
    first, last = window
    check_options(
        [
            *inference_options(vcov, small_sample, level),
            (not first < 0 <= last, "window", window, "event times before and after 0: (-3, 4)"),
            (
                not first <= reference < 0,
                "reference",
                reference,
                "an event time of the window before 0",
            ),
            one_of("control", control, ("notyettreated", "nevertreated")),
            one_of("weighting", weighting, ("none", "corrective")),
        ]
    )
    panel = rectangle(
        frame,
        unit=unit,
        time=time,
        cohort=cohort,
        outcome=outcome,
        weights=weights,
        cluster=cluster,
    )
    panel = within_window(panel)
    require_treatment(panel)
    stacks, exclusions = _stacks(panel, window, control)
    laid = _lay(panel, stacks, window, weighting == "corrective")
    number = np.repeat(np.arange(len(stacks)), [len(s.treated) + len(s.controls) for s in stacks])
    T = last - first + 1
    event = event_times(laid)
    terms = [e for e in range(first, last + 1) if e != reference]
    table = (event[:, :, None] == np.array(terms)).astype(np.float64)
    own = weighting == "none"
    periods = np.arange(T)
    fit = least_squares(
        laid,
        lambda units: table[laid.cohort[units]],
        [name_of(e) for e in terms],
        key=2 * number + laid.cohort,
        levels=Levels(
            codes=lambda units: (periods + T * own * number[units, None])[:, :, None],
            n=T * (len(stacks) if own else 1),
        ),
        vcov=vcov,
        small_sample=small_sample,
    )
    n_controls = len(np.unique(np.concatenate([s.controls for s in stacks])))
    method = "Wing et al. 2024, corrective weights" if not own else "Cengiz et al. 2019, unweighted"
    found = event_result(
        fit,
        laid,
        event,
        [reference],
        terms,
        title=f"Stacked event study of {len(stacks)} cohorts",
        estimand="ATT(e), cohorts with a whole window",
        method=f"stacked DiD ({method}), window {first} to {last}, {control} controls",
        level=level,
        warnings=common_warnings(fit, laid, vcov),
    )
    assert found.overall is not None
    # A control counts once, in however many stacks it is.
    return attrs.evolve(
        found,
        terms=tuple(attrs.evolve(e, n_comparison=n_controls) for e in found.terms),
        overall=attrs.evolve(found.overall, n_comparison=n_controls),
        exclusions=(*panel.exclusions, *exclusions),
    )


def _stacks(
    panel: Rectangle, window: tuple[int, int], control: Control
) -> tuple[list[_Stack], tuple[Exclusion, ...]]:
    """Choose cohorts, treated units and clean controls; count what is set aside."""
    never = len(panel.cohorts)
    start = panel.start
    stacks, lost = [], []

    def leave_out(units: NDArray[np.bool_], reason: str, text: str) -> None:
        if units.any():
            n = int(units.sum())
            there = panel.y[units].size if panel.share is None else (panel.share[units] > 0).sum()
            lost.append(
                Exclusion(
                    reason=reason,
                    text=text,
                    n_schools=n,
                    n_rows=int(there),
                    treated=n,
                    stage="estimator",
                )
            )

    for g, first in enumerate(panel.cohorts):
        members = panel.cohort == g
        wanted = [first + e for e in range(window[0], window[1] + 1)]
        if not set(wanted) <= set(panel.periods):
            missing = sorted(set(wanted) - set(panel.periods))
            leave_out(
                members,
                "window",
                f"cohort {first}: its window {wanted[0]} to {wanted[-1]} is not whole, the data "
                f"lacks {', '.join(map(str, missing))}",
            )
            continue
        whole = np.ones(panel.n_units, dtype=bool)
        if panel.share is not None:
            whole = np.asarray((panel.share[:, _places(panel, wanted)] > 0).all(axis=1))
        clean = (panel.cohort == never if control == "nevertreated" else start > wanted[-1]) & whole
        leave_out(
            members & ~whole,
            "window_rows",
            f"cohort {first}: no value in every period of {wanted[0]} to {wanted[-1]}",
        )
        if not clean.any() or not (members & whole).any():
            leave_out(
                members & whole,
                "no_comparison",
                f"cohort {first}: no clean control with every period of its window",
            )
            continue
        stacks.append(
            _Stack(
                cohort=first,
                treated=np.flatnonzero(members & whole),
                controls=np.flatnonzero(clean),
            )
        )
    if not stacks:
        raise EstimationError(
            "no cohort can be stacked: " + "; ".join(e.text for e in lost) + ". Choose a shorter "
            "window, or add periods or units that are never treated"
        )
    return stacks, tuple(lost)


def _places(panel: Rectangle, periods: list[int]) -> list[int]:
    return [panel.periods.index(p) for p in periods]


def _lay(
    panel: Rectangle, stacks: list[_Stack], window: tuple[int, int], corrective: bool
) -> Rectangle:
    """Return the stack as a rectangle of unit-in-stack by event time; cohort 0 is treated."""
    units, y, weight, cohort, share = [], [], [], [], []
    w = panel.weight
    total = [sum(w[s.treated].sum() for s in stacks), sum(w[s.controls].sum() for s in stacks)]
    for s in stacks:
        columns = _places(panel, [s.cohort + e for e in range(window[0], window[1] + 1)])
        members = np.concatenate([s.treated, s.controls])
        factor = np.ones(len(members))
        if corrective:
            of_treated, of_controls = w[s.treated].sum(), w[s.controls].sum()
            factor[len(s.treated) :] = (of_treated / total[0]) / (of_controls / total[1])
        units.append(members)
        y.append(panel.y[np.ix_(members, np.array(columns))])
        weight.append(w[members] * factor)
        cohort.append(np.repeat([0, 1], [len(s.treated), len(s.controls)]))
        if panel.share is not None:
            share.append(panel.share[np.ix_(members, np.array(columns))])
    members = np.concatenate(units)
    shares = np.concatenate(share) if share and (np.concatenate(share) != 1).any() else None
    labels = np.arange(panel.n_units) if panel.cluster is None else panel.cluster
    _, cluster = np.unique(labels[members], return_inverse=True)
    values = np.concatenate(y)
    return Rectangle(
        periods=tuple(range(window[0], window[1] + 1)),
        cohorts=(0,),
        cohort=np.concatenate(cohort),
        y=values,
        weight=np.concatenate(weight),
        share=shares,
        cluster=cluster,
        covariates=None,
        names=(),
        effects=None,
        n_rows=values.size,
        exclusions=(),
    )
