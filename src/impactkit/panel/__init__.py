"""Exposure, cohorts and school-by-year panels, with every row and school accounted for.

`exposure` turns memberships into the first exposed year and the cluster of each school;
`build_panel` joins it to one outcome; `balance_costs` says what each choice of balance would cost;
`trace_rows` shows for every input row whether it is in the panel and, if not, why; `breaks` says
which years may stand side by side.
"""

from __future__ import annotations

from impactkit.panel.balance import balance_costs
from impactkit.panel.breaks import breaks_crossed, gap_years_filled, suspicious_zeros
from impactkit.panel.build import build_panel, trace_rows, unaccounted_rows
from impactkit.panel.exposure import PLACEHOLDER_BEFORE, Exposure, exposure

__all__ = [
    "PLACEHOLDER_BEFORE",
    "Exposure",
    "balance_costs",
    "breaks_crossed",
    "build_panel",
    "exposure",
    "gap_years_filled",
    "suspicious_zeros",
    "trace_rows",
    "unaccounted_rows",
]
