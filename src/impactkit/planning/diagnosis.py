"""What a diagnosis says: the performance of each candidate estimator on a design."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import attrs

from impactkit.estimators.power import Sensitivity
from impactkit.inference.influence import critical_value
from impactkit.planning.design import PanelDesign
from impactkit.planning.performance import Performance
from impactkit.planning.variances import Variances
from impactkit.results import Estimate, Exclusion

if TYPE_CHECKING:
    import polars as pl

_NONE = "not defined here: the true effect is zero, or no draw found one"


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Diagnosis:
    """How each candidate estimator does on a design.

    Attributes
    ----------
    performances
        One an estimator, in the order asked for.
    design, variances
        What was simulated.
    effect
        The planted effect by event time, in the unit of the outcome; the last one goes on.
    formula
        What the first estimator named detects by formula, if it can be told: a check on the draws.
    exclusions
        School-years without an outcome, and those that the estimators named do not use.
    log
        What was simulated, from which numbers, in sentences.
    """

    performances: tuple[Performance, ...]
    design: PanelDesign
    variances: Variances
    effect: Mapping[int, float]
    formula: Sensitivity | None
    simulations: int
    seed: int
    level: float
    unit: str
    exclusions: tuple[Exclusion, ...]
    log: tuple[str, ...]

    def __getitem__(self, estimator: str) -> Performance:
        """Return the performance of one estimator."""
        return next(p for p in self.performances if p.estimator == estimator)

    def to_frame(self) -> pl.DataFrame:
        """Return one row an estimator, columns as the fields of `Performance`."""
        import polars as pl

        return pl.DataFrame([attrs.asdict(p) for p in self.performances], infer_schema_length=None)

    def estimates(
        self, metric: str = "", measure: str = "", unit: str = ""
    ) -> tuple[Estimate, ...]:
        """Return bias, coverage, power and the like as estimates with Monte Carlo intervals."""
        return tuple(
            attrs.evolve(e, metric=metric, measure=measure)
            for p in self.performances
            for e in _to_estimates(p, unit or self.unit, self.level)
        )

    def __str__(self) -> str:
        lines = [
            f"Diagnosis of a design: {self.design}",
            f"Effect planted: {words(self.effect)} {self.unit}".rstrip(),
            f"{'estimator':>26} {'truth':>8} {'bias':>9} {'RMSE':>8} {'cover':>6} {'power':>6} "
            f"{'size':>6} {'type S':>7} {'detects':>8}",
        ]
        for p in self.performances:
            cells = [(p.truth, 8), (p.bias, 9), (p.rmse, 8), (p.coverage, 6), (p.power, 6)]
            cells += [(p.size, 6), (p.type_s, 7), (p.detectable, 8)]
            text = " ".join(f"{'' if v is None else format(v, '.3g'):>{w}}" for v, w in cells)
            lines.append(f"{p.estimator:>26} {text}" + (f"  {p.reason}" if p.reason else ""))
        lines += [
            f"Set aside: {e.n_rows or 0:,} school-years, {e.n_schools or 0:,} whole schools "
            f"({e.text})."
            for e in self.exclusions
        ]
        return "\n".join([*lines, *(f"Note: {line}." for line in self.log)])

    __repr__ = __str__


def _to_estimates(p: Performance, unit: str, level: float) -> list[Estimate]:
    rows = [("bias", p.bias, p.bias_se, unit)]
    shares = (("coverage", p.coverage), ("power", p.power), ("size", p.size))
    rows += [(name, share, p.share_se(share), "share") for name, share in shares]
    rows += [("RMSE", p.rmse, None, unit), ("detectable effect", p.detectable, None, unit)]
    rows += [("type S error", p.type_s, None, "share"), ("type M error", p.type_m, None, "ratio")]
    z = critical_value(level)
    return [
        Estimate(
            estimand=name,
            term=p.estimator,
            value=value,
            std_error=error,
            ci_low=None if value is None or error is None else value - z * error,
            ci_high=None if value is None or error is None else value + z * error,
            level=level,
            unit=kind,
            n_schools=p.n_schools,
            n_comparison=p.n_comparison,
            n_clusters=p.n_clusters,
            n_treated_clusters=p.n_treated_clusters,
            method=p.method,
            variance=f"Monte Carlo error of {p.simulations - p.failed:,} simulations",
            status="ok" if value is not None else "not_estimable",
            reason=""
            if error is not None
            else p.reason or ("no Monte Carlo error is computed" if value is not None else _NONE),
        )
        for name, value, error, kind in rows
    ]


def words(course: Mapping[int, float]) -> str:
    """Say what the effect is in words."""
    if list(course) == [0]:
        return f"{course[0]:.4g} from the first year on"
    return ", ".join(f"{course[e]:.4g} at event time {e}" for e in sorted(course)) + " and after"
