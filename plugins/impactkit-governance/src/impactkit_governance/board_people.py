"""Who sat on which board and when: each person once, however often the register names them."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict

import attrs
import polars as pl

from impactkit import Exclusion, set_aside, typed_columns

STAGE = "governance.strength"

CHAIRS = (
    "Chair of governors",
    "Chair of local governing body",
    "Chair of trustees",
    "Shared chair of local governing body - establishment",
    "Shared chair of local governing body - group",
)
MEMBERS = (
    "Governor",
    "Local governor",
    "Trustee",
    "Shared local governor - establishment",
    "Shared local governor - group",
)
"""Roles that govern. Members of a trust, professionals, officers, heads ex officio and associate
members do not."""

SPELLS = {
    "board_id": pl.String,
    "school_key": pl.String,
    "role": pl.String,
    "person_key": pl.String,
    "appointed": pl.Date,
    "term_end": pl.Date,
    "board_seats": pl.Int64,
    "trained_on": pl.Date,
}
EVER, NEVER = dt.date(1, 1, 1), dt.date(9999, 12, 31)


@attrs.frozen(kw_only=True)
class Seat:
    """One person's unbroken time on a board, as chair or not; `trained` is when, if ever."""

    board: str
    person: str
    start: dt.date
    end: dt.date
    trained: dt.date | None

    def holds(self, day: dt.date) -> bool:
        """Tell whether the person is on the board that day."""
        return self.start <= day <= self.end


@attrs.frozen(kw_only=True)
class Boards:
    """Every seat and every time as chair, the schools and posts of each board, and what was lost.

    `n_again` rows named somebody who was on the board at that time already.
    """

    seats: tuple[Seat, ...]
    chairs: tuple[Seat, ...]
    schools: dict[str, tuple[str, ...]]
    posts: dict[str, int]
    n_again: int
    exclusions: tuple[Exclusion, ...]


def boards_of(spells: pl.DataFrame, *, rejoined_within: int) -> Boards:
    """Read the register of governors, spells of one person on one board put together.

    A chair who is listed as a governor too is one person. Terms with no more than
    `rejoined_within` days between them are one time on the board.
    """
    rows = typed_columns(spells, SPELLS)
    schools: dict[str, set[str]] = defaultdict(set)
    for board, school in rows.select("board_id", "school_key").drop_nulls().unique().rows():
        schools[board].add(school)
    rows, lost = set_aside(
        rows,
        [
            ("no_board", "Rows that name no board", pl.col("board_id").is_null()),
            (
                "not_governing",
                "Roles that do not govern: members of a trust, officers, clerks, heads, associates",
                ~pl.col("role").is_in([*CHAIRS, *MEMBERS]).fill_null(False),
            ),
            (
                "backward_term",
                "Terms that end before they begin",
                (pl.col("term_end") < pl.col("appointed")).fill_null(False),
            ),
        ],
        STAGE,
    )
    # Somebody without a key is taken for a person of their own: nothing shows that they are not.
    rows = rows.sort(*SPELLS).with_row_index("_row")
    rows = rows.with_columns(
        person=pl.col("person_key").fill_null(pl.format("row {}", "_row")),
        start=pl.col("appointed").fill_null(EVER),
        end=pl.col("term_end").fill_null(NEVER),
        chair=pl.col("role").is_in(CHAIRS),
    )
    every, n_again = _merged(rows, rejoined_within)
    chairs, _ = _merged(rows.filter("chair"), rejoined_within)
    posts = rows.drop_nulls("board_seats").group_by("board_id").agg(pl.col("board_seats").max())
    return Boards(
        seats=every,
        chairs=chairs,
        schools={board: tuple(sorted(some)) for board, some in sorted(schools.items())},
        posts=dict(posts.sort("board_id").rows()),
        n_again=n_again,
        exclusions=tuple(lost),
    )


def _merged(rows: pl.DataFrame, within: int) -> tuple[tuple[Seat, ...], int]:
    """Return the unbroken times of each person on each board, and how many rows overlapped one."""
    found: list[Seat] = []
    again = 0
    ordered = rows.select("board_id", "person", "start", "end", "trained_on").sort(
        "board_id", "person", "start", "end", "trained_on", nulls_last=True
    )
    for board, person, start, end, trained in ordered.rows():
        last = found[-1] if found else None
        if (
            last is not None
            and (last.board, last.person) == (board, person)
            and (start - last.end).days <= within
        ):
            again += start <= last.end
            days = [day for day in (last.trained, trained) if day is not None]
            found[-1] = attrs.evolve(last, end=max(last.end, end), trained=min(days, default=None))
        else:
            found.append(Seat(board=board, person=person, start=start, end=end, trained=trained))
    return tuple(found), again


def year_before(day: dt.date) -> dt.date:
    """Return the same day a year earlier.

    Examples
    --------
    >>> year_before(dt.date(2024, 2, 29))
    datetime.date(2023, 2, 28)
    """
    try:
        return day.replace(year=day.year - 1)
    except ValueError:
        return day.replace(year=day.year - 1, day=28)
