"""The columns that tables of this plugin share: all count what is public, none counts people."""

from __future__ import annotations

from impactkit import Column


def what(name: str, label: str) -> Column:
    """Return the column that says what a row is about."""
    return Column(name=name, label=label, kind="dimension")


def text(name: str, label: str) -> Column:
    """Return a column of words."""
    return Column(name=name, label=label, kind="text")


def events(name: str, label: str) -> Column:
    """Return a count of events: reviews, barriers, enquiries."""
    return Column(name=name, label=label, kind="count", of="events")


def partnerships(name: str = "partnerships", label: str = "Partnerships") -> Column:
    """Return a count of partnerships."""
    return Column(name=name, label=label, kind="count", of="partnerships")


def schools(name: str = "schools", label: str = "Schools") -> Column:
    """Return a count of schools."""
    return Column(name=name, label=label, kind="count", of="schools")


def number(name: str, label: str, unit: str = "", digits: int = 1) -> Column:
    """Return a number that rests on no count of people."""
    return Column(name=name, label=label, unit=unit, digits=digits)


INTERVAL = (number("low", "Interval from"), number("high", "Interval to"))
"""The two columns of an interval, in the unit of the column before."""
