"""What the entry point names: a table, the reader that fills it, and a metric of it."""

from __future__ import annotations

from impactkit_surrey.log import log, suspensions as table
from impactkit_surrey.metric import suspensions

__all__ = ["log", "suspensions", "table"]


def impactkit_tables():
    """Declare the table of suspensions."""
    return [table]


def impactkit_readers():
    """Declare the reader of the log."""
    return [log]


def impactkit_metrics():
    """Declare the metric."""
    return [suspensions]
