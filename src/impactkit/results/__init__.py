"""What comes out: estimates, tables and notes of each metric, and the whole evaluation.

Everything here is plain data. An `Evaluation` can be saved, loaded, rendered again or shared
without the data it was made from, and everything in it has passed disclosure control.
"""

from __future__ import annotations

from impactkit.results.estimate import Estimate, EstimateStatus, estimates_to_frame
from impactkit.results.evaluation import SCHEMA_VERSION, Evaluation, RenderedSection
from impactkit.results.metric import Diagnostic, Exclusion, MetricResult, MetricStatus
from impactkit.results.plain import to_plain
from impactkit.results.provenance import Disclosure, Provenance, SourceFile, Withheld
from impactkit.results.tables import Cell, Chart, Column, ColumnKind, Note, Table

__all__ = [
    "SCHEMA_VERSION",
    "Cell",
    "Chart",
    "Column",
    "ColumnKind",
    "Diagnostic",
    "Disclosure",
    "Estimate",
    "EstimateStatus",
    "Evaluation",
    "Exclusion",
    "MetricResult",
    "MetricStatus",
    "Note",
    "Provenance",
    "RenderedSection",
    "SourceFile",
    "Table",
    "Withheld",
    "estimates_to_frame",
    "to_plain",
]
