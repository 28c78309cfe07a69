"""Turnover, vacancies, training and chairs' tenure on one day, by group of boards."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np

from impactkit import (
    Chart,
    Column,
    Estimate,
    MetricContext,
    Table,
    effective_sample,
    median_interval,
    newcombe,
    wilson,
)
from impactkit_governance.board_people import EVER, year_before

if TYPE_CHECKING:
    from impactkit_governance.board_people import Boards
    from impactkit_governance.strength import StrengthParams

METRIC = "governance.strength"
TURNOVER = "Turnover in the last twelve months"
VACANCY = "Seats that are vacant"
TRAINED = "Governors who finished their training"
TENURE = "Time that chairs have been in the chair, median"
IN, OUT = "in a partnership", "in no partnership"
DRAWS, LEAST = 2000, 5
FEW = (
    "Boards of one partnership are not independent, and there are too few clusters to allow for "
    "that: the interval is likely too narrow.",
)
UNADJUSTED = ("Boards of partnerships may differ from others; this adjusts for nothing.",)


@attrs.frozen(kw_only=True)
class Counted:
    """One board on the day; `seats` is None where the register does not say."""

    board: str
    cluster: str
    inside: bool
    now: int
    appointed: int
    departed: int
    seats: int | None
    due: int
    trained: int
    tenure: float | None


def count(
    boards: Boards,
    day: dt.date,
    groups: Mapping[str, bool] | None,
    labels: Mapping[str, str],
    params: StrengthParams,
) -> list[Counted]:
    """Count each board's people on `day` and in the twelve months before."""
    since = year_before(day)
    seats, chairs = defaultdict(list), defaultdict(list)
    for seat in boards.seats:
        seats[seat.board].append(seat)
    for chair in boards.chairs:
        chairs[chair.board].append(chair)
    found = []
    for board in sorted({*boards.schools, *seats}):
        now = [s for s in seats[board] if s.holds(day)]
        # Only who has been on the board long enough can be expected to have finished.
        due = [s for s in now if (day - s.start).days >= params.training_due]
        starts = [c.start for c in chairs[board] if c.holds(day) and c.start > EVER]
        found.append(
            Counted(
                board=board,
                cluster=labels.get(board, f"board {board}"),
                inside=bool(groups and groups.get(board)),
                now=len(now),
                appointed=sum(since < s.start <= day for s in seats[board]),
                departed=sum(since <= s.end < day for s in seats[board]),
                seats=boards.posts.get(board),
                due=len(due),
                trained=sum(s.trained is not None and s.trained <= day for s in due),
                tenure=(day - min(starts)).days / 365.25 if starts else None,
            )
        )
    return found


def figures(
    context: MetricContext,
    params: StrengthParams,
    boards: Boards,
    groups: Mapping[str, bool] | None,
    labels: Mapping[str, str],
    day: dt.date | None,
) -> Iterator[Any]:
    """Yield the estimates of the register, a table of counts and a picture."""
    rows = [] if day is None else count(boards, day, groups, labels, params)
    parts = {"all": rows}
    if groups is not None:
        parts |= {IN: [r for r in rows if r.inside], OUT: [r for r in rows if not r.inside]}
    rng = context.rng()
    has_training = "trained_on" in context.table("governor_spells").columns
    draws = {}
    for name, part in parts.items():
        estimate, draws[name] = _turnover(part, name, rng)
        yield estimate
    if groups is not None:
        yield _turnover_difference(parts, draws)
    for estimand, there, success, of, missing in (
        (VACANCY, bool(boards.posts), "vacant", "posts", "`board_seats` in `governor_spells`"),
        (TRAINED, has_training, "trained", "due", "`trained_on` in `governor_spells`"),
    ):
        yield from _shares(parts, estimand, there, success, of, missing, params)
    for name, part in parts.items():
        yield _tenure(part, name, params)
    if rows:
        yield _table(parts, day, seats=bool(boards.posts), training=has_training)
        yield _chart(TURNOVER, "turnover", "Turnover of governors", "Percent of governors")
        if boards.posts:
            yield _chart(VACANCY, "vacancy", "Vacant seats on boards", "Percent of seats")


def _pair(row: Counted, success: str) -> tuple[int, int]:
    """Return successes and out of how many: vacant seats, or governors trained."""
    if success == "trained":
        return row.trained, row.due
    return (0, 0) if row.seats is None else (max(0, row.seats - row.now), max(row.seats, row.now))


def _turnover(
    rows: Sequence[Counted], name: str, rng: np.random.Generator
) -> tuple[Estimate, np.ndarray | None]:
    """Return the turnover of some boards with its bootstrap interval, and the draws."""
    now = sum(r.now for r in rows)
    names: dict[str, Any] = {
        "metric": METRIC,
        "estimand": TURNOVER,
        "subgroup": name,
        "unit": "percent of governors",
    }
    if not now:
        # The Department's tool gives nought here, which reads as if nobody came or went.
        reason = "there are no governors on the day, so turnover does not exist"
        return Estimate(**names, status="not_estimable", reason=reason), None
    sums: dict[str, np.ndarray] = defaultdict(lambda: np.zeros(2))
    for r in rows:
        sums[r.cluster] += (r.appointed + r.departed, r.now)
    per = np.array([sums[c] for c in sorted(sums)])
    value = 100 * float(per[:, 0].sum() / per[:, 1].sum())
    common = {
        **names,
        "value": value,
        "n_people": now,
        "n_clusters": len(per),
        "method": "100 x (appointments + departures in 12 months) / governors now, boards pooled",
    }
    if len(per) < LEAST:
        reason = "there are too few boards or partnerships for an interval by drawing them again"
        return Estimate(**common, reason=reason, variance="none"), None
    some = per[rng.integers(0, len(per), (DRAWS, len(per)))].sum(axis=1)
    # A draw without governors has no turnover.
    drawn = 100 * some[:, 0] / np.where(some[:, 1] > 0, some[:, 1], np.nan)
    low, high = np.nanquantile(drawn, [0.025, 0.975])
    return (
        Estimate(
            **common,
            std_error=float(np.nanstd(drawn, ddof=1)),
            ci_low=float(low),
            ci_high=float(high),
            variance=f"percentile bootstrap of boards, those of a partnership together; {DRAWS:,} "
            "draws",
            warnings=FEW if len(per) < 15 else (),
        ),
        drawn,
    )


def _turnover_difference(
    parts: Mapping[str, Sequence[Counted]], draws: Mapping[str, np.ndarray | None]
) -> Estimate:
    names: dict[str, Any] = {
        "metric": METRIC,
        "estimand": f"{TURNOVER}: boards in partnerships less others",
        "unit": "percentage points",
    }
    one, other = draws[IN], draws[OUT]
    if one is None or other is None:
        reason = "the boards of one side are too few for an interval, or have no governors"
        return Estimate(**names, status="not_estimable", reason=reason)
    low, high = np.nanquantile(one - other, [0.025, 0.975])
    rate = {
        side: 100 * sum(r.appointed + r.departed for r in parts[side]) / sum(r.now for r in part)
        for side, part in parts.items()
    }
    return Estimate(
        **names,
        value=rate[IN] - rate[OUT],
        std_error=float(np.nanstd(one - other, ddof=1)),
        ci_low=float(low),
        ci_high=float(high),
        n_people=sum(r.now for r in parts["all"]),
        n_clusters=len({r.cluster for r in parts["all"]}),
        method="difference of two turnovers",
        variance="percentile bootstrap of boards on either side",
        warnings=UNADJUSTED,
    )


def _shares(
    parts: Mapping[str, Sequence[Counted]],
    estimand: str,
    there: bool,
    success: str,
    of: str,
    missing: str,
    params: StrengthParams,
) -> Iterator[Estimate]:
    """Yield a share of seats or governors by group, and how the groups differ."""
    worth = {}
    for name, part in parts.items():
        names: dict[str, Any] = {
            "metric": METRIC,
            "estimand": estimand,
            "subgroup": name,
            "unit": "percent",
        }
        sums: dict[str, list[int]] = defaultdict(lambda: [0, 0])
        for r in part:
            some, whole = _pair(r, success)
            sums[r.cluster][0] += some
            sums[r.cluster][1] += whole
        per = [sums[c] for c in sorted(sums) if sums[c][1]]
        n = sum(whole for _, whole in per)
        n_boards = sum(_pair(r, success)[1] > 0 for r in part)
        if not there or not n:
            reason = f"nothing is known of it; give {missing}"
            yield Estimate(**names, status="not_estimable", reason=reason)
            continue
        if n < params.min_people or n_boards < params.min_boards:
            words = {"posts": "seats", "due": "governors whose training is due"}[of]
            reason = (
                f"there are fewer than {params.min_people} {words} or {params.min_boards} boards, "
                "too few for a share"
            )
            yield Estimate(**names, status="not_estimable", reason=reason)
            continue
        got = worth[name] = effective_sample(
            [some for some, _ in per], [whole for _, whole in per], min_clusters=params.min_clusters
        )
        low, high = wilson(got.share, got.n_effective)
        yield Estimate(
            **names,
            value=100 * got.share,
            std_error=None if got.std_error is None else 100 * got.std_error,
            ci_low=100 * low,
            ci_high=100 * high,
            n_people=n if success == "trained" else None,
            n_clusters=got.n_clusters,
            method="share, boards pooled; Wilson interval",
            variance="cluster-robust: divided by the design effect of boards and partnerships"
            if got.clustered
            else "binomial; taken as independent",
            warnings=() if got.clustered else FEW,
        )
    if IN in worth and OUT in worth:
        one, two = worth[IN], worth[OUT]
        low, high = newcombe(one.share, one.n_effective, two.share, two.n_effective)
        yield Estimate(
            metric=METRIC,
            estimand=f"{estimand}: boards in partnerships less others",
            unit="percentage points",
            value=100 * (one.share - two.share),
            ci_low=100 * low,
            ci_high=100 * high,
            n_clusters=one.n_clusters + two.n_clusters,
            method="difference of two shares; Newcombe's hybrid score interval",
            variance="cluster-robust" if one.clustered and two.clustered else "binomial",
            warnings=UNADJUSTED,
        )


def _tenure(rows: Sequence[Counted], name: str, params: StrengthParams) -> Estimate:
    years = [r.tenure for r in rows if r.tenure is not None]
    names: dict[str, Any] = {
        "metric": METRIC,
        "estimand": TENURE,
        "subgroup": name,
        "unit": "years",
    }
    if len(years) < params.min_boards:
        reason = f"fewer than {params.min_boards} boards have a chair whose first day is known"
        return Estimate(**names, status="not_estimable", reason=reason)
    middle, bounds = median_interval(years)
    return Estimate(
        **names,
        value=middle,
        ci_low=None if bounds is None else bounds[0],
        ci_high=None if bounds is None else bounds[1],
        reason="" if bounds else "too few chairs for an interval of the median",
        n_people=len(years),
        method="median of boards with a chair; distribution-free interval between ordered values",
        variance="boards taken as independent",
    )


def _table(
    parts: Mapping[str, Sequence[Counted]], day: dt.date | None, *, seats: bool, training: bool
) -> Table:
    def people(name: str, label: str) -> Column:
        return Column(name=name, label=label, kind="count", of="people")

    columns = [
        Column(name="group", label="Boards", kind="dimension"),
        Column(name="boards", label="How many", kind="count"),
        people("now", "Governors"),
        people("appointed", "Appointed in 12 months"),
        people("departed", "Left in 12 months"),
        Column(name="no_chair", label="Without a chair", kind="count"),
    ]
    sums = []
    if seats:
        columns += [
            Column(name="seats", label="Seats", kind="count"),
            Column(name="vacant", label="Of which vacant", kind="count"),
        ]
    if training:
        columns += [
            people("due", "Training due"),
            people("trained", "Finished it"),
            people("untrained", "Have not"),
        ]
        sums.append(("due", ("trained", "untrained")))
    cells = []
    for name, part in parts.items():
        row: list[Any] = [
            name,
            len(part),
            *(sum(getattr(r, field) for r in part) for field in ("now", "appointed", "departed")),
            sum(r.tenure is None for r in part),
        ]
        if seats:
            pairs = [_pair(r, "vacant") for r in part]
            row += [sum(whole for _, whole in pairs), sum(some for some, _ in pairs)]
        if training:
            due, done = sum(r.due for r in part), sum(r.trained for r in part)
            row += [due, done, due - done]
        cells.append(tuple(row))
    return Table(
        id="boards",
        title="Boards and their governors",
        columns=tuple(columns),
        rows=cells,
        totals={"group": "all"},
        sums=tuple(sums),
        note=f"On {day:%d %B %Y}. A chair without a known first day counts as none.",
    )


def _chart(estimand: str, id_: str, title: str, axis: str) -> Chart:
    return Chart(
        id=id_,
        kind="interval",
        title=title,
        where={"estimand": estimand},
        x="subgroup",
        y="value",
        low="ci_low",
        high="ci_high",
        x_title="Boards",
        y_title=axis,
    )
