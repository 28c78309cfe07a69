"""What would have come anyway, set beside a headline: for schools that were chosen when low."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from impactkit.errors import EstimationError, InputError
from impactkit.results import Column, Diagnostic, Estimate, Table

if TYPE_CHECKING:
    from impactkit.evidence.recovery import Part, Recovery
    from impactkit.pipeline.ground import Applied, Ground

AFTER = (0, 2)
"""Event years of which the outcome is the mean, as in the metric M22."""


@attrs.frozen(kw_only=True)
class Recovered:
    """The change of schools that joined in its parts, in the unit of the headline."""

    parts: Recovery
    measure: str
    unit: str

    def agrees(self, headline: Estimate) -> bool:
        """Tell whether what is left says the same: clearly up, clearly down, or neither."""
        low, high = headline.ci_low, headline.ci_high
        return low is not None and high is not None and _sign(low, high) == _sign(*self._left())

    def diagnostic(self, headline: Estimate) -> Diagnostic:
        """Return the check whether allowing for recovery says what the headline says."""
        low, high = self._left()
        p, unit = self.parts, f" {self.unit}" if self.unit else ""
        beyond = "Beyond what schools with such results gain without a partnership"
        said = {
            0: f"{beyond}, no effect was found",
            1: f"{beyond}, the change is higher",
            -1: f"{beyond}, the change is lower",
        }[_sign(low, high)]
        return Diagnostic(
            name="recovery",
            value=p.excess.value,
            passed=self.agrees(headline),
            measure=self.measure,
            text=f"{said}: of a raw change of {_n(p.raw.value)}{unit}, {_n(p.anyway.value)} would "
            f"have come anyway, which leaves {_n(p.excess.value)} ({_n(low)} to {_n(high)}).",
        )

    def table(self, label: str) -> Table:
        """Return the three figures that always stand together, and what they differ by."""
        rows: tuple[tuple[str, Part], ...] = (
            ("Raw change after joining", self.parts.raw),
            ("of it the trend elsewhere", self.parts.trend),
            ("of it recovery, beyond the trend", self.parts.recovery),
            ("Change beyond the trend", self.parts.beyond_trend),
            ("Change beyond trend and recovery", self.parts.excess),
        )
        return Table(
            id=f"recovery_{self.measure.replace('.', '_')}",
            title=f"What would have come anyway: {label}",
            columns=(
                Column(name="part", label="Part", kind="dimension"),
                Column(name="change", label="Change", unit=self.unit, digits=2),
                Column(name="low", label="From", unit=self.unit, digits=2),
                Column(name="high", label="To", unit=self.unit, digits=2),
            ),
            rows=[(name, p.value, p.ci_low, p.ci_high) for name, p in rows],
            note="The first three years after joining, against the year before. Recovery is "
            "forecast from the three years before joining, by what followed such results in "
            f"{self.parts.n_comparison:,} schools that had not joined.",
        )

    def _left(self) -> tuple[float, float]:
        return self.parts.excess.ci_low, self.parts.excess.ci_high


def recovered(ground: Ground, applied: Applied) -> Recovered | None:
    """Return the change of an effect in its parts; None where there is too little history."""
    from impactkit.evidence.recovery import recovery, school_facts

    panel, study = applied.panel, ground.plan.study
    try:
        parts = recovery(
            panel,
            facts=school_facts(ground.tables, panel.measure),
            after=AFTER,
            seed=study.seed,
            level=study.design.level,
        )
    except (EstimationError, InputError):
        return None
    unit = panel.effect_unit
    return Recovered(parts=parts, measure=panel.measure, unit=unit)


def _sign(low: float, high: float) -> int:
    return (low > 0) - (high < 0)


def _n(value: float) -> str:
    text = f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}"
    return text.replace("-", "−")
