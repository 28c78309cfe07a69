"""Two arms of people in schools: what effect sizes need of them, by school and in all.

Everything rests on n, S and Q by school: how many people, the sum of their outcomes and of their
squares, both less a shift so that large numbers lose no digits. Within arms a one-way analysis of
variance splits the spread: with J schools, N people, A arms,

    MSW = sum (Q - S^2/n) / (N - J)                        within schools
    MSB = sum n (school mean - arm mean)^2 / (J - A)       between them
    n0 = (N - sum over arms of sum n^2 / N_a) / (J - A)    a school's size, so to say

    sigma_w^2 = MSW    sigma_b^2 = (MSB - MSW) / n0    total = sigma_w^2 + sigma_b^2

Where schools differ by less than chance (MSB < MSW), sigma_b is zero and the spread is taken about
the arms' means. The total is known with Satterthwaite's degrees of freedom,

    df = total^2 / ((MSB/n0)^2 / (J - A) + ((n0 - 1) MSW/n0)^2 / (N - J))

Sources: Searle, Casella & McCulloch (1992), "Variance components", chapter 3; Satterthwaite (1946),
Biometrics Bulletin 2; Hedges (2007), "Effect sizes in cluster-randomized designs", Journal of
Educational and Behavioral Statistics 32(4).
"""

from __future__ import annotations

import attrs
import numpy as np
import polars as pl
from numpy.typing import NDArray

from impactkit.errors import DataError, EstimationError, Problem
from impactkit.results import Exclusion

Floats = NDArray[np.float64]

_FILE = "the frame"


@attrs.frozen(kw_only=True, eq=False)
class Cells:
    """One entry a school (or a person, without schools): n, S, Q, and the number of its arm.

    `total` and `squares` are of outcomes less `shift`.
    """

    n: Floats
    total: Floats
    squares: Floats
    arm: NDArray[np.int64]
    shift: float
    clustered: bool
    exclusions: tuple[Exclusion, ...] = ()

    def of_arm(self, arm: int) -> Cells:
        """Return one arm's schools."""
        here = self.arm == arm
        return attrs.evolve(
            self,
            n=self.n[here],
            total=self.total[here],
            squares=self.squares[here],
            arm=self.arm[here],
        )

    @property
    def mean(self) -> float:
        """The mean of all people."""
        return float(self.total.sum() / self.n.sum()) + self.shift


@attrs.frozen(kw_only=True)
class Spread:
    """The parts of the variance: between and within schools, and how well the total is known."""

    between: float
    within: float
    n0: float
    df: float
    f: float | None
    df_between: int
    df_within: int

    @property
    def total(self) -> float:
        """Between and within schools."""
        return self.between + self.within


def spread(cells: Cells) -> Spread:
    """Split the variance within arms.

    Examples
    --------
    >>> cells = Cells(n=np.array([2.0, 2.0, 2.0]), total=np.array([2.0, 6.0, 10.0]),
    ...               squares=np.array([4.0, 20.0, 52.0]), arm=np.zeros(3, dtype=np.int64),
    ...               shift=0.0, clustered=True)
    >>> found = spread(cells)
    >>> found.within, found.between
    (2.0, 3.0)
    """
    arms = np.unique(cells.arm)
    n, J, A, N = cells.n, len(cells.n), len(arms), float(cells.n.sum())
    mean = cells.total / n
    between_squares, in_arm = 0.0, 0.0
    for a in arms:
        here = cells.arm == a
        centre = cells.total[here].sum() / n[here].sum()
        between_squares += float((n[here] * (mean[here] - centre) ** 2).sum())
        in_arm += float((n[here] ** 2).sum() / n[here].sum())
    # Rounding can leave a school of equal outcomes a hair below zero.
    within_squares = max(0.0, float((cells.squares - cells.total * mean).sum()))
    df_b, df_w = J - A, round(N) - J
    pooled = (between_squares + within_squares) / (N - A)
    if not df_w or not df_b:
        return Spread(
            between=0.0, within=pooled, n0=1.0, df=N - A, f=None, df_between=df_b, df_within=df_w
        )
    n0 = (N - in_arm) / df_b
    msb, msw = between_squares / df_b, within_squares / df_w
    f = msb / msw if msw > 0 else None
    if msb <= msw:
        return Spread(
            between=0.0, within=pooled, n0=n0, df=N - A, f=f, df_between=df_b, df_within=df_w
        )
    b, w = msb / n0, (n0 - 1) * msw / n0
    return Spread(
        between=(msb - msw) / n0,
        within=msw,
        n0=n0,
        df=(b + w) ** 2 / (b**2 / df_b + w**2 / df_w),
        f=f,
        df_between=df_b,
        df_within=df_w,
    )


def cells_of_people(
    frame: pl.DataFrame | pl.LazyFrame,
    *,
    outcome: str,
    arm: str | None,
    cluster: str | None,
    binary: bool = False,
) -> Cells:
    """Read a frame of one row a person; rows without outcome or arm are left out, counted.

    Raises
    ------
    DataError
        With every fault: columns missing or of a wrong type, an arm that is not true or false, a
        binary outcome that is not 0 or 1, a school without a name or in both arms.
    EstimationError
        When an arm has fewer than two people.
    """
    named = {"y": outcome, "arm": arm, "cluster": cluster}
    rows = _read(frame, {r: c for r, c in named.items() if c is not None})
    true_false = "expected true or false, 1 or 0"
    faults = [("y", pl.col("y").is_infinite(), "expected a finite number", "")]
    if arm is None:
        rows = rows.with_columns(arm=pl.lit(0.0))
    else:
        faults.append(("arm", ~pl.col("arm").is_in([0.0, 1.0]), true_false, ""))
    if binary:
        faults.append(("y", ~pl.col("y").is_in([0.0, 1.0]), true_false, ""))
    if cluster is not None:
        faults.append(("cluster", pl.col("cluster").is_null(), "it is empty", ""))
        both = pl.col("arm").drop_nulls().n_unique().over("cluster") > 1
        faults.append(
            (
                "cluster",
                both,
                "it has people in both arms",
                "Clusters are for whole schools treated; if not, leave `cluster` out and give the "
                "difference and std_error of a model with an effect for each school.",
            )
        )
    _refuse(rows, faults, {r: c for r, c in named.items() if c is not None})
    exclusions = []
    for role in ("y", "arm"):
        kept = rows.filter(pl.col(role).is_not_null())
        if kept.height < rows.height:
            exclusions.append(
                Exclusion(
                    reason="missing",
                    text=f"no value of {named[role]}",
                    n_rows=rows.height - kept.height,
                    stage="estimator",
                )
            )
        rows = kept
    counts = dict(rows.group_by("arm").len().iter_rows())
    names = {0.0: "comparison", 1.0: "treated"} if arm is not None else {0.0: "all"}
    short = [f"{counts.get(a, 0)} {name}" for a, name in names.items() if counts.get(a, 0) < 2]
    if short:
        raise EstimationError(
            f"too few people with an outcome: {', '.join(short)}; an effect size needs two in "
            "each arm"
        )
    shift = float(rows["y"].mean())  # type: ignore[arg-type]
    y = pl.col("y") - shift
    if cluster is None:
        rows = rows.with_row_index("cluster")
    cells = (
        rows.group_by("arm", "cluster")
        .agg(pl.len().alias("n"), y.sum().alias("s"), (y * y).sum().alias("q"))
        .sort("arm", "cluster", "s", "q")
    )
    return Cells(
        n=cells["n"].to_numpy().astype(np.float64),
        total=cells["s"].to_numpy(),
        squares=cells["q"].to_numpy(),
        arm=cells["arm"].to_numpy().astype(np.int64),
        shift=shift,
        clustered=cluster is not None,
        exclusions=tuple(exclusions),
    )


def _read(frame: pl.DataFrame | pl.LazyFrame, named: dict[str, str]) -> pl.DataFrame:
    lazy = frame.lazy()
    schema = lazy.collect_schema()
    problems = []
    for role, name in named.items():
        dtype = schema.get(name)
        if dtype is None:
            problems.append(
                Problem(
                    code="column.missing",
                    file=_FILE,
                    column=name,
                    rule="there is no such column",
                    remedy=f"It has: {', '.join(schema.names()[:12])}.",
                )
            )
        elif role != "cluster" and not (dtype.is_numeric() or dtype == pl.Boolean):
            problems.append(
                Problem(
                    code="column.type",
                    file=_FILE,
                    column=name,
                    rule=f"it holds {dtype}; expected numbers, or true and false",
                    remedy="Read its suppression codes first, then cast it.",
                )
            )
    if problems:
        raise DataError(problems)
    return lazy.select(
        (
            pl.col(name).cast(pl.String)
            if role == "cluster"
            else pl.col(name).cast(pl.Float64).fill_nan(None)
        ).alias(role)
        for role, name in named.items()
    ).collect()


def _refuse(
    rows: pl.DataFrame, faults: list[tuple[str, pl.Expr, str, str]], named: dict[str, str]
) -> None:
    problems = []
    for role, bad, rule, remedy in faults:
        at = rows.select(bad.fill_null(False).arg_true()).to_series()
        if len(at):
            value = rows[role][at[0]]
            problems.append(
                Problem(
                    code=f"{role}.value",
                    file=_FILE,
                    row=int(at[0]) + 2,
                    column=named[role],
                    value=None if value is None else str(value),
                    rule=rule,
                    remedy=remedy,
                    count=len(at),
                )
            )
    if problems:
        raise DataError(problems)
