"""Readers: one for each published form of file, and one for tables of one's own.

A reader tells whether it knows a file, and turns it into the columns of a table, as text or typed.
`impactkit.tables.validate` then checks the values.
"""

from __future__ import annotations

from impactkit.declarations import Reader
from impactkit.readers.find import recognise_file
from impactkit.readers.measures import core_measures

__all__ = ["core_measures", "core_readers", "recognise_file"]


def core_readers() -> tuple[Reader, ...]:
    """Return core's readers.

    Examples
    --------
    >>> [reader.id for reader in core_readers()]
    ['dfe.workforce', 'dfe.absence', 'gias.group_links', 'gias.links', 'plain.table']
    """
    from impactkit.readers import absence, gias_groups, gias_links, plain, workforce

    return (
        workforce.READER,
        absence.READER,
        gias_groups.READER,
        gias_links.READER,
        plain.READER,
    )
