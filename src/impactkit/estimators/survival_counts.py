"""Spells, checked and counted: who was at risk at each time, and to whom what happened.

A spell ends with an event (of some cause) or is censored: it went on when it was last seen. Spells
that end by an event and those censored at one time were all at risk at it. With `entry` a spell is
watched only after that time (left truncation), as of a head who was in post before records began.

Spells that are alike are counted once and weighted where each is independent, and summed within
clusters where not: either way all that is kept is how many were at risk and ended, by time.
"""

from __future__ import annotations

import attrs
import numpy as np
import polars as pl
from numpy.typing import NDArray

from impactkit.errors import DataError, EstimationError, Problem
from impactkit.results import Exclusion

Floats = NDArray[np.float64]

_FILE = "the frame"
_MOST_CELLS = 50_000_000


@attrs.frozen(kw_only=True, eq=False)
class Spells:
    """Checked spells: `entry, end, cause, group, cluster, stratum`, where they were given.

    `cause` is null where the spell is censored; `entry` is -1 where all are watched from the start.
    """

    rows: pl.DataFrame
    causes: tuple[str, ...]
    exclusions: tuple[Exclusion, ...]


@attrs.frozen(kw_only=True, eq=False)
class Counts:
    """R clusters (or kinds of spells), T times of events, K causes.

    Attributes
    ----------
    times
        In order, shape (T,).
    ended, at_risk
        Shapes (R, T, K) and (R, T); of one spell where R are kinds.
    number
        How many there are of each kind; one where R are clusters, shape (R,).
    clustered
        Whether R are clusters.
    """

    times: Floats
    ended: Floats
    at_risk: Floats
    number: Floats
    clustered: bool

    @property
    def total_at_risk(self) -> Floats:
        """Spells at risk at each time, shape (T,)."""
        result: Floats = self.number @ self.at_risk
        return result

    @property
    def total_ended(self) -> Floats:
        """Spells ended at each time by cause, shape (T, K)."""
        result: Floats = np.einsum("r,rtk->tk", self.number, self.ended)
        return result


def check_spells(
    frame: pl.DataFrame | pl.LazyFrame,
    *,
    duration: str,
    event: str | None = None,
    cause: str | None = None,
    group: str | None = None,
    entry: str | None = None,
    cluster: str | None = None,
    strata: str | None = None,
) -> Spells:
    """Check a frame of one row a spell.

    Parameters
    ----------
    frame
        Only the named columns are read.
    duration, entry
        Numbers: when the spell ended, and from when on it was watched.
    event, cause
        Either true where it ended by the event; or why it ended, null where censored.
    group, cluster, strata
        Labels.

    Raises
    ------
    DataError
        With every fault: missing columns, wrong types, values below zero, labels that are empty.
    EstimationError
        When no spell is left.
    """
    named = {"end": duration, "event": event, "cause": cause, "group": group, "entry": entry}
    named |= {"cluster": cluster, "stratum": strata}
    given = {role: name for role, name in named.items() if name is not None}
    lazy = frame.lazy()
    schema = lazy.collect_schema()
    missing = [n for n in given.values() if n not in schema]
    if missing:
        raise DataError(
            Problem(
                code="column.missing",
                file=_FILE,
                column=name,
                rule="there is no such column",
                remedy=f"It has: {', '.join(schema.names()[:12])}.",
            )
            for name in missing
        )
    numbers = [r for r in ("end", "entry", "event") if r in given]
    wrong = [
        r for r in numbers if not (schema[given[r]].is_numeric() or schema[given[r]] == pl.Boolean)
    ]
    if wrong:
        raise DataError(
            Problem(
                code="column.type",
                file=_FILE,
                column=given[r],
                rule=f"it holds {schema[given[r]]}; expected "
                + ("true or false" if r == "event" else "numbers"),
                remedy="Count the time since the start in periods." if r != "event" else "",
            )
            for r in wrong
        )
    rows = lazy.select(
        (
            pl.col(name).cast(pl.Float64).fill_nan(None)
            if role in numbers
            else pl.col(name).cast(pl.String)
        ).alias(role)
        for role, name in given.items()
    ).collect()
    _require_values(rows, given)
    exclusions = []
    for role in numbers:
        rows, lost = _drop(rows, pl.col(role).is_null(), "missing", f"no value of {given[role]}")
        exclusions += lost
    if entry is not None:
        rows, lost = _drop(
            rows, pl.col("entry") >= pl.col("end"), "not_watched", "ended before they were watched"
        )
        exclusions += lost
    else:
        rows = rows.with_columns(entry=pl.lit(-1.0))
    if event is not None:
        rows = rows.with_columns(cause=pl.when(pl.col("event") == 1).then(pl.lit("event")))
    if rows.is_empty():
        why = "; ".join(f"{e.n_rows:,}: {e.text}" for e in exclusions) or "the frame is empty"
        raise EstimationError(f"no spell is left ({why})")
    causes = tuple(rows["cause"].drop_nulls().unique().sort().to_list())
    return Spells(rows=rows, causes=causes, exclusions=tuple(exclusions))


def _require_values(rows: pl.DataFrame, given: dict[str, str]) -> None:
    rules = [
        ("end", pl.col("end") < 0, "a duration is zero or more"),
        ("end", pl.col("end").is_infinite(), "expected a finite number"),
        ("entry", pl.col("entry") < 0, "an entry is zero or more"),
        ("event", ~pl.col("event").is_in([0.0, 1.0]), "expected true or false, 1 or 0"),
        *((r, pl.col(r).is_null(), "it is empty") for r in ("group", "cluster", "stratum")),
    ]
    problems = []
    for role, bad, rule in rules:
        if role not in given:
            continue
        at = rows.select(bad.fill_null(False).arg_true()).to_series()
        if len(at):
            value = rows[role][at[0]]
            problems.append(
                Problem(
                    code=f"{role}.value",
                    file=_FILE,
                    row=int(at[0]) + 2,
                    column=given[role],
                    value=None if value is None else str(value),
                    rule=rule,
                    count=len(at),
                )
            )
    if problems:
        raise DataError(problems)


def _drop(
    rows: pl.DataFrame, away: pl.Expr, reason: str, text: str
) -> tuple[pl.DataFrame, list[Exclusion]]:
    kept = rows.filter(~away)
    lost = rows.height - kept.height
    if not lost:
        return rows, []
    return kept, [Exclusion(reason=reason, text=text, n_rows=lost, stage="estimator")]


def count(rows: pl.DataFrame, causes: tuple[str, ...], times: Floats | None = None) -> Counts:
    """Count, at each time of an event (or at `times`), who was at risk and who ended.

    Raises
    ------
    EstimationError
        When there are too many different times to hold in memory.

    Examples
    --------
    >>> rows = pl.DataFrame({"entry": [-1.0] * 3, "end": [1.0, 2.0, 2.0],
    ...                      "cause": ["left", None, "left"]})
    >>> counts = count(rows, ("left",))
    >>> counts.total_at_risk.tolist(), counts.total_ended[:, 0].tolist()
    ([3.0, 2.0], [1.0, 1.0])
    """
    clustered = "cluster" in rows.columns
    kind = ["entry", "end", "cause"]
    by = ["cluster", *kind] if clustered else kind
    kinds = rows.group_by(by).len().sort(by)
    if times is None:
        times = kinds.filter(pl.col("cause").is_not_null())["end"].unique().sort().to_numpy()
    r = (
        kinds["cluster"].rank("dense").to_numpy().astype(np.int64) - 1
        if clustered
        else np.arange(kinds.height)
    )
    n = kinds["len"].to_numpy().astype(np.float64)
    each = n if clustered else np.ones(len(n))
    R, T, K = int(r.max(initial=-1)) + 1, len(times), len(causes)
    if R * T * (K + 1) > _MOST_CELLS:
        raise EstimationError(
            f"spells end at {T:,} different times, too fine for {R:,} "
            f"{'clusters' if clustered else 'kinds of spells'}; count the time in whole periods, "
            "such as years or terms"
        )
    end = kinds["end"].to_numpy()
    first = np.searchsorted(times, kinds["entry"].to_numpy(), side="right")
    last = np.searchsorted(times, end, side="right")
    change = np.zeros((R, T + 1))
    watched = first < last
    np.add.at(change, (r[watched], first[watched]), each[watched])
    np.add.at(change, (r[watched], last[watched]), -each[watched])
    ended = np.zeros((R, T, K))
    for k, cause in enumerate(causes):
        mine = (kinds["cause"] == cause).fill_null(False).to_numpy()
        np.add.at(ended, (r[mine], last[mine] - 1, k), each[mine])
    return Counts(
        times=times,
        ended=ended,
        at_risk=change.cumsum(axis=1)[:, :T],
        number=np.ones(R) if clustered else n,
        clustered=clustered,
    )
