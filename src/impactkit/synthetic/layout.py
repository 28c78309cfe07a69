"""Partnerships as they are to be, where a county is to have those of a study and not any."""

from __future__ import annotations

import datetime as dt

import attrs


@attrs.frozen(kw_only=True)
class Layout:
    """One partnership of primary schools.

    Attributes
    ----------
    treated
        How many schools are helped, or work as peers.
    structure, purpose
        As in the table `partnerships`. One school more supports them, unless the purpose is
        ``mutual_development``.
    cohort
        Academic year in which it starts, by its end.
    months
        How long it lasts; None: to the last year.
    """

    treated: int
    structure: str
    purpose: str
    cohort: int
    months: int | None = None

    def end(self, start: dt.date) -> dt.date | None:
        """Return its last day, the last of a month; None while it lasts."""
        if self.months is None:
            return None
        month = start.year * 12 + start.month - 1 + self.months
        return dt.date(month // 12, month % 12 + 1, 1) - dt.timedelta(days=1)
