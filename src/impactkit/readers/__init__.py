"""Readers: one for each published form of file, and one for tables of one's own.

A reader tells whether it knows a file, and turns it into the columns of a table, as text or typed.
`impactkit.tables.validate` then checks the values.
"""

from __future__ import annotations

from impactkit.readers.find import recognise_file
from impactkit.readers.registry import core_readers

__all__ = ["core_readers", "recognise_file"]
