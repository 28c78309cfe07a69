"""What `imputation` and `two_stage` share: cells that can be imputed, their means, and warnings."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from impactkit.errors import EstimationError
from impactkit.estimators.checks import reasons_of
from impactkit.estimators.cohort_effects import rows_by_cell
from impactkit.estimators.options import a_count, a_level, check_options
from impactkit.estimators.rectangle import Floats, Rectangle
from impactkit.estimators.untreated import Untreated
from impactkit.inference.few_clusters import Thresholds


def check_staggered_options(anticipation: Any, level: float) -> None:
    """Raise `UsageError` for an anticipation that is no number of periods, or a level beyond 1."""
    check_options(
        [
            a_count("anticipation", anticipation, "a number of periods, 0 or more"),
            a_level(level),
        ]
    )


def asked(
    panel: Rectangle, first: Untreated
) -> tuple[list[tuple[int, int]], dict[tuple[int, int], str]]:
    """Return the cells whose effect can be imputed, and why others cannot.

    Raises
    ------
    EstimationError
        When none can.
    """
    left, there = rows_by_cell(first.panel), rows_by_cell(panel)
    members = np.bincount(first.panel.cohort, minlength=len(panel.cohorts) + 1)
    cells, reasons = [], {}
    for i, g in enumerate(panel.cohorts):
        for t, period in enumerate(panel.periods):
            if first.before[i, t] or not members[i]:
                continue
            if left[i, t] > 0:
                cells.append((g, period))
            elif there[i, t] > 0:
                reasons[(g, period)] = f"no untreated unit to compare with is seen in {period}"
            else:
                reasons[(g, period)] = f"none of the {members[i]:,} units of {g} is seen then"
    if not cells:
        raise EstimationError(
            f"no effect can be imputed: of {first.panel.n_units:,} units no treated one is seen "
            "both before its treatment and after it, in a period with untreated units (rows left "
            f"out: {reasons_of(first.panel.exclusions)}); add earlier periods, or units that are "
            "never treated"
        )
    return cells, reasons


def cell_means(first: Untreated, rows: Floats) -> Floats:
    """Return the weighted mean deviation by cohort and period, shape (cohorts + 1, T)."""
    panel = first.panel
    total = np.zeros(rows.shape)
    weight = panel.weight if panel.share is None else None
    bounds = np.searchsorted(panel.cohort, np.arange(len(rows) + 1))
    for g, (a, b) in enumerate(itertools.pairwise(bounds)):
        part = first.deviation[a:b]
        if weight is not None:
            total[g] = weight[a:b] @ part
        elif panel.share is not None:
            total[g] = np.einsum("i,it,it->t", panel.weight[a:b], panel.share[a:b], part)
    result: Floats = np.divide(total, rows, out=np.zeros(rows.shape), where=rows > 0)
    return result


def stage_warnings(
    first: Untreated, alone: Sequence[int], small_sample: str = "none"
) -> tuple[str, ...]:
    """Say what a reader must know: few treated clusters, cohorts of one, covariates left out."""
    panel = first.panel
    treated = panel.start <= panel.periods[-1]
    n = int(treated.sum() if panel.cluster is None else len(np.unique(panel.cluster[treated])))
    found = []
    corrected = small_sample == "cr2"
    enough = Thresholds().cr2 if corrected else Thresholds().analytic
    if 1 < n < enough:
        remedy = "" if corrected else "imputation(small_sample='cr2') or "
        found.append(
            f"fewer than {enough} clusters were treated, and with so few such intervals are often "
            f"too narrow; use {remedy}randomisation_inference beside them"
        )
    if alone:
        cohorts = ", ".join(str(g) for g in sorted(set(alone)))
        found.append(
            f"a single treated cluster in cohort {cohorts}: how it varies is judged by how far its "
            f"effect is from the average{'' if corrected else ' of its event time'}"
        )
    if first.dropped:
        found.append(
            f"{', '.join(first.dropped)} took no part: constant within units or determined by the "
            "other covariates, so that the fixed effects hold it already"
        )
    return tuple(found)
