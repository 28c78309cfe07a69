"""One number with everything that is needed to judge it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Literal

import attrs

if TYPE_CHECKING:
    import polars as pl

EstimateStatus = Literal["ok", "not_estimable", "withheld"]


@attrs.frozen(kw_only=True)
class Estimate:
    """One number with everything that is needed to judge it.

    `value`, `std_error` and the intervals are in `unit`. `ci_low` and `ci_high` are pointwise at
    `level`; `band_low` and `band_high` are simultaneous over the estimates of one family. Counts
    are of units that the estimate rests on; `n_clusters` of the clusters that the variance allows
    for, `n_treated_clusters` of those that were treated. Never treated is no cluster of anyone's:
    a school in no partnership is a cluster of its own.

    `df` are the degrees of freedom of Student's t that the interval is made of; without them it is
    of the normal distribution, or as `variance` says.

    `term` places the estimate within its family: an event time, a cohort, a level. An estimate
    without an interval says why in `reason`.
    """

    metric: str = ""
    estimand: str = ""
    measure: str = ""
    subgroup: str = "all"
    term: str = ""
    value: float | None = None
    std_error: float | None = None
    ci_low: float | None = None
    ci_high: float | None = None
    band_low: float | None = None
    band_high: float | None = None
    level: float = 0.95
    df: float | None = None
    p_value: float | None = None
    p_adjusted: float | None = None
    unit: str = ""
    n_schools: int | None = None
    n_partnerships: int | None = None
    n_comparison: int | None = None
    n_people: int | None = None
    n_clusters: int | None = None
    n_treated_clusters: int | None = None
    method: str = ""
    variance: str = ""
    grade: int | None = None
    planned: bool | None = None
    status: EstimateStatus = "ok"
    reason: str = ""
    warnings: tuple[str, ...] = attrs.field(default=(), converter=tuple[str, ...])

    def __str__(self) -> str:
        name = " ".join(p for p in (self.estimand or self.metric, self.measure, self.term) if p)
        if self.status != "ok":
            return f"{name}: {self.status.replace('_', ' ')} ({self.reason})"
        interval = (
            f" [{self.ci_low:.4g}, {self.ci_high:.4g}]"
            if self.ci_low is not None and self.ci_high is not None
            else f" (no interval: {self.reason})"
        )
        value = "none" if self.value is None else f"{self.value:.4g}"
        return f"{name}: {value}{interval} {self.unit}".rstrip()


def estimates_to_frame(estimates: Iterable[Estimate]) -> pl.DataFrame:
    """Return one row an estimate, columns in the order of the `Estimate` fields.

    Examples
    --------
    >>> estimates_to_frame([Estimate(metric="did.effect", value=0.5)]).shape
    (1, 29)
    """
    import polars as pl

    schema: dict[str, Any] = {}
    for field in attrs.fields(Estimate):
        kind = str(field.type)
        schema[field.name] = (
            pl.List(pl.String)
            if "tuple" in kind
            else pl.Float64
            if "float" in kind
            else pl.Int64
            if "int" in kind
            else pl.Boolean
            if "bool" in kind
            else pl.String
        )
    rows = [
        {k: list(v) if isinstance(v, tuple) else v for k, v in attrs.asdict(e).items()}
        for e in estimates
    ]
    return pl.DataFrame(rows, schema=schema)
