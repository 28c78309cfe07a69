"""From a log of activity to joint events, with every entry that is none counted and explained."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping

import attrs
import polars as pl

from impactkit import Exclusion, typed_columns
from impactkit_governance.exposure import Exposure, Span

METRIC = "governance.joint_activity"

REASONS = {
    "incomplete": "entries without a date or without anybody taking part",
    "doubled": "entries that repeat the id of an earlier one",
    "outside": "entries before or after the academic years that are counted",
    "single": "entries of only one, which are not joint",
    "apart": "entries whose participants shared no partnership on that day",
}


@attrs.frozen(kw_only=True)
class Entry:
    """One line of a log, as it was written."""

    id: str
    day: dt.date | None
    names: tuple[str, ...]
    kind: str
    attendees: int | None


@attrs.frozen(kw_only=True)
class Joint:
    """An event in which two or more from one partnership took part."""

    day: dt.date
    actors: frozenset[str]
    kind: str
    attendees: int | None


def entries(log: pl.DataFrame | None, who: str) -> list[Entry]:
    """Return the lines of a log, in an order that does not depend on that of the rows.

    `who` is the column that lists those who took part.
    """
    if log is None:
        return []
    columns = {
        "activity_id": pl.String,
        "date": pl.Date,
        who: pl.List(pl.String),
        "type": pl.String,
        "attendees": pl.Int64,
    }
    found = [
        Entry(
            id=id_ or "",
            day=day,
            names=tuple(sorted({name.strip() for name in names or () if name and name.strip()})),
            kind=kind or "not stated",
            attendees=attendees,
        )
        for id_, day, names, kind, attendees in typed_columns(log, columns).iter_rows()
    ]
    return sorted(
        found,
        key=lambda e: (
            e.day or dt.date.max,
            e.id,
            e.names,
            e.kind,
            -1 if e.attendees is None else e.attendees,
        ),
    )


def joint_events(
    log: list[Entry], exposure: Exposure, window: Span, aliases: Mapping[str, str], *, of: str
) -> tuple[list[Joint], tuple[Exclusion, ...]]:
    """Return the joint events of a log, and what was not one, by reason.

    `aliases` gives the name under which somebody is known (a school's key for its URN); `of` says
    whose log it is.
    """
    counts: Counter[str] = Counter()
    seen: set[str] = set()
    found = []
    for entry in log:
        names = {aliases.get(name, name) for name in entry.names}
        if entry.day is None or not names:
            counts["incomplete"] += 1
        elif entry.id and entry.id in seen:
            counts["doubled"] += 1
        elif not window[0] <= entry.day.toordinal() < window[1]:
            counts["outside"] += 1
        elif len(names) < 2:
            counts["single"] += 1
        elif not (actors := exposure.together(names, entry.day)):
            counts["apart"] += 1
        else:
            found.append(
                Joint(day=entry.day, actors=actors, kind=entry.kind, attendees=entry.attendees)
            )
        if entry.id:
            seen.add(entry.id)
    exclusions = tuple(
        Exclusion(
            reason=f"governance.{reason}",
            text=f"In the log of {of}: {text}",
            n_rows=counts[reason],
            stage=METRIC,
        )
        for reason, text in REASONS.items()
        if counts[reason]
    )
    return found, exclusions
