"""Tables: what they hold, how text becomes their types, and what is wrong with a given one.

A `TableSpec` declares a table; `core_tables` has core's own, and a plugin may add to them. So with
the measures of `core_measures`, which say what a number of the outcomes means.
`validate` takes a frame of text or of types and gives back one that may be relied upon, with every
problem found.
"""

from __future__ import annotations

from impactkit.tables.measures import core_measures
from impactkit.tables.registry import core_tables
from impactkit.tables.validate import Validated, validate

__all__ = ["Validated", "core_measures", "core_tables", "validate"]
