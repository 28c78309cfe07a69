"""Nearest-neighbour matching, with a calliper and exact strata.

Estimand: the average effect on the treated who find a match. Each treated school gets up to `ratio`
comparison schools of its own stratum, the nearest first, none farther than the calliper. Distances
are in standard deviations within groups:

    d(i, j) = sqrt((x_i - x_j)' S^-1 (x_i - x_j))

with S the covariance of `on` pooled within treated and comparison schools (Mahalanobis), or its
diagonal (euclidean); for one column both are |x_i - x_j| / sd. Without replacement the closest pair
of all is taken first, then the next, everyone's first match before anyone's second: the result
depends on no order of rows. Ties go to the first label in sorting order.

A comparison school's weight is the sum, over the treated schools it is matched with, of one divided
by that school's number of matches.

Sources: Rubin (1980), Biometrics 36(2) (Mahalanobis metric); Stuart (2010), "Matching methods for
causal inference", Statistical Science 25(1); Austin (2011), Pharmaceutical Statistics 10(2): for
the logit of a propensity score, a calliper of 0.2 standard deviations.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from impactkit.comparison.group import ComparisonGroup
from impactkit.comparison.schools import Floats, Schools, schools
from impactkit.errors import EstimationError
from impactkit.estimators.options import check_options
from impactkit.estimators.two_by_two import dependent_columns, listing
from impactkit.results import Exclusion

Ints = NDArray[np.int64]
Metric = Literal["mahalanobis", "euclidean"]


def nearest_neighbour(
    frame: pl.DataFrame | pl.LazyFrame,
    *,
    unit: str,
    treated: str,
    on: Sequence[str],
    exact: Sequence[str] = (),
    calliper: float | None = None,
    ratio: int = 1,
    replace: bool = False,
    metric: Metric = "mahalanobis",
) -> ComparisonGroup:
    """Match each treated school with its nearest comparison schools.

    Parameters
    ----------
    frame
        One row a school, such as ``propensity(...).frame``.
    unit, treated
        Columns: the school, and whether it is treated.
    on
        Columns of numbers (or categories) to be near in: ``["logit"]``, or covariates.
    exact
        Columns that have to be equal: phase, year of the trigger.
    calliper
        Largest distance allowed, in standard deviations; None for any.
    ratio
        Matches a treated school, at most.
    replace
        Whether a comparison school may be matched more than once.
    metric
        ``mahalanobis`` or ``euclidean``; see the head of this file.

    Returns
    -------
    ComparisonGroup
        With `pairs`. Memory grows with the number of pairs within the calliper and stratum.

    Raises
    ------
    DataError, UsageError
        With every fault of the frame, or of the arguments.
    EstimationError
        When columns of `on` determine one another, or nobody finds a match; with counts.

    Examples
    --------
    >>> frame = pl.DataFrame({"urn": [1, 2, 3, 4, 5], "treated": [True, True, False, False, False],
    ...                       "score": [10.0, 20.0, 11.0, 19.0, 40.0]})
    >>> found = nearest_neighbour(frame, unit="urn", treated="treated", on=["score"])
    >>> found.pairs.select("urn", "comparison").rows()
    [(1, 3), (2, 4)]
    """
    check_options(
        [
            (not on, "on", on, "one column or more"),
            (calliper is not None and not calliper > 0, "calliper", calliper, "above 0, or None"),
            (not (isinstance(ratio, int) and ratio >= 1), "ratio", ratio, "a whole number from 1"),
            (
                metric not in ("mahalanobis", "euclidean"),
                "metric",
                metric,
                "mahalanobis, euclidean",
            ),
        ]
    )
    checked = schools(frame, unit=unit, treated=treated, covariates=on, others=exact)
    Z = _scaled(checked, metric)
    stratum = _strata(checked.rows, exact)
    candidates = _candidates(Z, checked.treated, stratum, calliper)
    pairs = _match(candidates, len(Z), ratio, replace)
    if not pairs:
        raise EstimationError(
            f"none of {checked.treated.sum():,} treated schools has one of "
            f"{(~checked.treated).sum():,} comparison schools {_where(exact, calliper)}; widen the "
            "calliper, or ask for fewer columns to be equal"
        )
    one, other, distance, rank = (list(column) for column in zip(*pairs, strict=True))
    weight = _weights(len(Z), np.array(one), np.array(other))
    matched = checked.rows.with_columns(weight=pl.Series(weight))
    label = checked.rows[unit]
    return ComparisonGroup(
        method=(
            f"nearest neighbour on {', '.join(on)} ({metric}), up to {ratio} each, "
            f"{'with' if replace else 'without'} replacement"
            + (f", calliper {calliper:g} sd" if calliper is not None else "")
            + (f", exactly equal in {', '.join(exact)}" if exact else "")
        ),
        frame=matched.filter(pl.col("weight") > 0),
        unit=unit,
        treated=treated,
        pairs=pl.DataFrame(
            {
                unit: label.gather(one),
                "comparison": label.gather(other),
                "distance": distance,
                "rank": rank,
            }
        ).sort(unit, "rank"),
        exclusions=(
            *checked.exclusions,
            *_left_out(checked.treated, stratum, weight, candidates, calliper, exact),
        ),
    )


def _scaled(checked: Schools, metric: Metric) -> Floats:
    """Return coordinates in which the euclidean distance is the one asked for."""
    X, flag = checked.X, checked.treated
    centred = np.where(flag[:, None], X - X[flag].mean(axis=0), X - X[~flag].mean(axis=0))
    S = centred.T @ centred / max(len(X) - 2, 1)
    found = dependent_columns(S, checked.names)
    if found:
        raise EstimationError(
            f"{listing(found)} {'does' if len(found) == 1 else 'do'} not vary within treated and "
            "comparison schools, or follow from the other columns; leave out, or use as `exact`"
        )
    if metric == "euclidean":
        S = np.diag(np.diag(S))
    result: Floats = np.asarray(np.linalg.solve(np.linalg.cholesky(S), X.T).T, dtype=float)
    return result


def _strata(rows: pl.DataFrame, exact: Sequence[str]) -> Ints:
    """Give each stratum a number; a school with a gap in `exact` is in one of its own."""
    if not exact:
        return np.zeros(rows.height, dtype=np.int64)
    gap = pl.any_horizontal(pl.col(c).is_null() for c in exact)
    alone = pl.when(gap).then(pl.int_range(pl.len()))
    key = rows.select(pl.struct(*exact, alone.alias("_alone")).rank("dense")).to_series()
    return key.to_numpy().astype(np.int64)


def _candidates(
    Z: Floats, flag: NDArray[np.bool_], stratum: Ints, calliper: float | None
) -> dict[int, tuple[Ints, Floats]]:
    """Return each treated school's comparison schools that are allowed, the nearest first."""
    limit = np.inf if calliper is None else calliper
    found = {}
    for s in np.unique(stratum[flag]):
        other = np.flatnonzero(~flag & (stratum == s))
        for i in np.flatnonzero(flag & (stratum == s)):
            distance = np.sqrt(((Z[other] - Z[i]) ** 2).sum(axis=1))
            near = np.flatnonzero(distance <= limit)
            # Rows are sorted by label, so a stable sort breaks ties by label. Rounding keeps equal
            # distances equal, whatever the order of additions.
            near = near[np.argsort(np.round(distance[near], 9), kind="stable")]
            found[int(i)] = other[near], distance[near]
    return dict(sorted(found.items()))


def _match(
    candidates: dict[int, tuple[Ints, Floats]], n: int, ratio: int, replace: bool
) -> list[tuple[int, int, float, int]]:
    """Return treated, comparison, distance and rank of the pairs made, the closest first."""
    used = np.zeros(n, dtype=bool)
    place = dict.fromkeys(candidates, 0)
    pairs = []
    for rank in range(1, ratio + 1):
        heap = [offer for i in candidates for offer in _offer(candidates, place, i)]
        heapq.heapify(heap)
        while heap:
            _, i = heapq.heappop(heap)
            j, distance = (column[place[i]] for column in candidates[i])
            place[i] += 1
            if used[j]:
                for offer in _offer(candidates, place, i):
                    heapq.heappush(heap, offer)
                continue
            used[j] = not replace
            pairs.append((i, int(j), float(distance), rank))
    return pairs


def _offer(
    candidates: dict[int, tuple[Ints, Floats]], place: dict[int, int], i: int
) -> list[tuple[float, int]]:
    """Return the distance to the next comparison school of a treated one, if there is one."""
    distance = candidates[i][1]
    return [(round(float(distance[place[i]]), 9), i)] if place[i] < len(distance) else []


def _weights(n: int, i: Ints, j: Ints) -> Floats:
    matches = np.bincount(i, minlength=n)
    weight: Floats = np.bincount(j, 1 / matches[i], minlength=n).astype(float)
    weight[matches > 0] = 1.0
    return weight


def _where(exact: Sequence[str], calliper: float | None) -> str:
    parts = [f"within {calliper:g} standard deviations"] if calliper is not None else []
    parts += [f"equal in {', '.join(exact)}"] if exact else []
    return " and ".join(parts) or "to be matched with"


def _left_out(
    flag: NDArray[np.bool_],
    stratum: Ints,
    weight: Floats,
    candidates: dict[int, tuple[Ints, Floats]],
    calliper: float | None,
    exact: Sequence[str],
) -> list[Exclusion]:
    """Count who is left out and why, treated schools first."""
    lost = np.flatnonzero(flag & (weight == 0))
    shared = np.isin(stratum[lost], stratum[~flag])
    near = np.array([len(candidates[int(i)][0]) > 0 for i in lost], dtype=bool)
    counts = (
        (
            "no_stratum",
            f"no comparison school is equal in {', '.join(exact)}",
            int((~shared).sum()),
        ),
        (
            "calliper",
            f"no comparison school is within {calliper} standard deviations",
            int((shared & ~near).sum()),
        ),
        (
            "taken",
            "every comparison school near enough is matched already",
            int((shared & near).sum()),
        ),
    )
    found = [
        Exclusion(reason=r, text=t, n_schools=n, n_rows=n, treated=n, stage="comparison")
        for r, t, n in counts
        if n
    ]
    unmatched = int((~flag & (weight == 0)).sum())
    if unmatched:
        text = "a comparison school that is nobody's match"
        found.append(
            Exclusion(
                reason="unmatched",
                text=text,
                n_schools=unmatched,
                n_rows=unmatched,
                treated=0,
                stage="comparison",
            )
        )
    return found
