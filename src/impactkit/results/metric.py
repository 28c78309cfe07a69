"""What one metric found, what it checked, and whom it left out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

import attrs

from impactkit.results.estimate import Estimate, estimates_to_frame
from impactkit.results.tables import Chart, Note, Table

if TYPE_CHECKING:
    import polars as pl

MetricStatus = Literal["ok", "failed", "skipped"]


@attrs.frozen(kw_only=True)
class Diagnostic:
    """A check that a metric made on itself: a pre-trend test, an overlap, a balance."""

    name: str
    value: float | int | str | None = None
    p_value: float | None = None
    passed: bool | None = None
    text: str = ""
    measure: str = ""


@attrs.frozen(kw_only=True)
class Exclusion:
    """Rows or schools set aside, counted, with the reason in words a head teacher would use."""

    reason: str
    text: str
    n_schools: int | None = None
    n_rows: int | None = None
    measure: str = ""
    stage: str = ""
    treated: int | None = None


@attrs.frozen(kw_only=True)
class MetricResult:
    """What one metric found, or why it could not."""

    metric: str
    title: str = ""
    question: str = ""
    status: MetricStatus = "ok"
    reason: str = ""
    unit: str = ""
    direction: str = "none"
    estimates: tuple[Estimate, ...] = attrs.field(default=(), converter=tuple[Estimate, ...])
    tables: tuple[Table, ...] = attrs.field(default=(), converter=tuple[Table, ...])
    charts: tuple[Chart, ...] = attrs.field(default=(), converter=tuple[Chart, ...])
    notes: tuple[Note, ...] = attrs.field(default=(), converter=tuple[Note, ...])
    diagnostics: tuple[Diagnostic, ...] = attrs.field(default=(), converter=tuple[Diagnostic, ...])
    exclusions: tuple[Exclusion, ...] = attrs.field(default=(), converter=tuple[Exclusion, ...])
    params: Mapping[str, Any] = attrs.field(factory=dict)
    card: Mapping[str, Any] = attrs.field(factory=dict)
    plugin: str = ""
    plugin_version: str = ""
    content_hash: str = ""
    local: bool = False
    cpu_seconds: float | None = attrs.field(default=None, eq=False)

    def to_frame(self) -> pl.DataFrame:
        """Return the estimates, one row each."""
        return estimates_to_frame(self.estimates)
