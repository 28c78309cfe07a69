"""Partners for needs and strengths: who should help whom, solved as an assignment.

For a client and a supporter, over the client's domains,

    match = sum of need x strength / 4 over sum of need        (need and strength are 0 to 4)

A strength that was not judged counts as none. Pairs beyond the limits of distance or dissimilarity
are not made. Of all ways to give supporters, each to as many clients as it can take, the one is
chosen that helps the most clients, and among those the one with the highest sum of matches.

Sources: matching strengths to needs, and partners that are "different and not close", are claims of
the Central South Consortium; the formula is ours. Assignment: Crouse (2016), IEEE Transactions on
Aerospace and Electronic Systems 52(4), as `scipy.optimize.linear_sum_assignment` has it.
Dissimilarity: Gower (1971), Biometrics 27, 857-871.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
import polars as pl

from impactkit.errors import EstimationError
from impactkit.estimators.options import check_options

if TYPE_CHECKING:
    from numpy.typing import NDArray

TOP = 4.0
NUMBERS = ("pct_fsm6", "pct_eal", "pct_sen", "pupils")
KINDS = ("phase", "religious_character", "urban_rural")
FEW = 3


@attrs.frozen(kw_only=True)
class Limits:
    """Which pairs may be made; None sets no limit. A pair must be within both ends.

    Attributes
    ----------
    min_km, max_km
        Kilometres as the crow flies. Where a place is not known and there is a limit, no pair.
    min_unlike, max_unlike
        Dissimilarity in intake, size, phase, faith and setting: 0 alike, 1 unlike in all.
    min_match
        Least share of the client's need that meets a strength.
    """

    min_km: float | None = None
    max_km: float | None = None
    min_unlike: float | None = None
    max_unlike: float | None = None
    min_match: float = 0.0


@attrs.frozen(kw_only=True)
class Partner:
    """A supporter for a client: how well it fits, and why.

    `domains` are those in which a need meets a strength, the weightiest first, each with need and
    strength; `place` is its place among all the client's possible supporters, 1 the best.
    """

    client: str
    supporter: str
    match: float
    km: float | None
    unlike: float | None
    place: int
    possible: int
    domains: tuple[tuple[str, float, float], ...]
    reason: str = ""


@attrs.frozen(kw_only=True)
class Assignment:
    """Who should help whom.

    Attributes
    ----------
    pairs
        One a client that gets help.
    alternatives
        For each client its best other supporters, each with the reason why it was not that one.
    unmatched
        Clients without help, each with the reason.
    lost
        How many pairs of client and supporter could not be, by reason.
    """

    pairs: tuple[Partner, ...]
    alternatives: Mapping[str, tuple[Partner, ...]]
    unmatched: Mapping[str, str]
    lost: Mapping[str, int]
    n_clients: int
    n_supporters: int

    @property
    def mean_match(self) -> float | None:
        """The mean match of the pairs; None without a pair."""
        return sum(p.match for p in self.pairs) / len(self.pairs) if self.pairs else None


def assign(
    needs: pl.DataFrame,
    schools: pl.DataFrame | None = None,
    *,
    clients: Sequence[str] = (),
    supporters: Sequence[str] = (),
    capacity: int | Mapping[str, int] = 1,
    limits: Limits | None = None,
) -> Assignment:
    """Find a supporter for each client.

    Parameters
    ----------
    needs
        `school_key`, `domain`, `kind` (``need`` or ``strength``), `score` (0 to 4); with
        `assessed_on` the latest judgement counts, of several on one day the mean.
    schools
        `school_key`, with `easting` and `northing` in metres, and what makes schools alike.
    clients, supporters
        Keys; by default as `sides` tells them apart.
    capacity
        How many clients a supporter can take: one number, or by key (1 where not named).
    limits
        See `Limits`.

    Raises
    ------
    UsageError
        With every argument that makes no sense.
    EstimationError
        When there is no client or no supporter.

    Examples
    --------
    >>> needs = pl.DataFrame({
    ...     "school_key": ["c", "c", "d", "s", "s", "t"],
    ...     "domain": ["reading", "maths", "maths", "reading", "maths", "maths"],
    ...     "kind": ["need", "need", "need", "strength", "strength", "strength"],
    ...     "score": [4, 1, 2, 4, 4, 3]})
    >>> found = assign(needs)
    >>> [(p.client, p.supporter, round(p.match, 2)) for p in found.pairs]
    [('c', 's', 1.0), ('d', 't', 0.75)]
    """
    limits = limits or Limits()
    profiles = profiles_of(needs)
    if not (clients and supporters):
        told = sides(profiles)
        clients, supporters = clients or told[0], supporters or told[1]
    clients, supporters = sorted(set(clients)), sorted(set(supporters))
    room = {s: capacity if isinstance(capacity, int) else capacity.get(s, 1) for s in supporters}
    both = sorted({*clients} & {*supporters})
    unknown = [] if isinstance(capacity, int) else sorted({*capacity} - {*supporters})
    given = (limits.min_km, limits.max_km, limits.min_unlike, limits.max_unlike, limits.min_match)
    check_options(
        [
            (bool(both), "supporters", ", ".join(both), "schools that are not clients, too"),
            (bool(unknown), "capacity", ", ".join(unknown), "supporters only"),
            (any(n < 0 for n in room.values()), "capacity", capacity, "0 or more"),
            (any(x is not None and not x >= 0 for x in given), "limits", given, "0 or more"),
        ]
    )
    if not clients or not supporters:
        raise EstimationError(
            f"{len(clients):,} clients and {len(supporters):,} supporters are known, so nobody can "
            "be matched; `needs` has to hold needs of some schools and strengths of others"
        )
    about = _about(schools)
    possible: dict[str, list[Partner]] = {}
    lost: dict[str, int] = {}
    whys: dict[str, dict[str, int]] = {}
    for client in clients:
        found = []
        for supporter in supporters:
            pair, why = _pair(client, supporter, profiles, about, limits)
            if why:
                lost[why] = lost.get(why, 0) + 1
                whys.setdefault(client, {}).setdefault(why, 0)
                whys[client][why] += 1
            else:
                found.append(pair)
        found.sort(key=lambda p: (-p.match, p.supporter))
        possible[client] = [
            attrs.evolve(p, place=i + 1, possible=len(found)) for i, p in enumerate(found)
        ]
    chosen = _solved(clients, supporters, possible, room)
    pairs = tuple(_with_reason(chosen[c], possible[c], chosen) for c in clients if c in chosen)
    helped = {c: chosen[c].supporter for c in chosen}
    return Assignment(
        pairs=pairs,
        alternatives={
            c: tuple(
                attrs.evolve(p, reason=_why_not(p, chosen.get(c), helped, room))
                for p in possible[c]
                if p.supporter != helped.get(c)
            )[:FEW]
            for c in clients
        },
        unmatched={
            c: _unhelped(possible[c], whys.get(c, {}), len(supporters))
            for c in clients
            if c not in chosen
        },
        lost=lost,
        n_clients=len(clients),
        n_supporters=len(supporters),
    )


Profiles = dict[str, dict[str, dict[str, float]]]
"""Scores by kind, school and domain."""


def profiles_of(needs: pl.DataFrame) -> Profiles:
    """Return the latest scores of every school; domains are told apart by their letters only."""
    by = ["kind", "school_key", "domain"]
    rows = needs.with_columns(pl.col("domain").str.strip_chars().str.to_lowercase())
    if "assessed_on" in rows.columns:
        latest = pl.col("assessed_on").max().over(by)
        rows = rows.filter((pl.col("assessed_on") == latest) | latest.is_null())
    found: Profiles = {"need": {}, "strength": {}}
    for kind, school, domain, score in (
        rows.drop_nulls(["score"]).group_by(by).agg(pl.col("score").mean()).sort(by).iter_rows()
    ):
        found[kind].setdefault(school, {})[domain] = float(score)
    return found


def sides(profiles: Profiles) -> tuple[list[str], list[str]]:
    """Return clients and supporters: who was judged both ways supports if stronger than needy.

    Examples
    --------
    >>> sides({"need": {"a": {"x": 1.0}, "b": {"x": 4.0}},
    ...        "strength": {"a": {"x": 3.0}, "b": {"x": 2.0}, "c": {"x": 0.0}}})
    (['b'], ['a', 'c'])
    """
    need, strength = profiles["need"], profiles["strength"]

    def mean(scores: Mapping[str, float] | None) -> float:
        return math.fsum(scores.values()) / len(scores) if scores else -1.0

    every = sorted({*need, *strength})
    supporting = [s for s in every if mean(strength.get(s)) > mean(need.get(s))]
    return [s for s in every if s not in set(supporting)], supporting


def _about(schools: pl.DataFrame | None) -> dict[str, dict[str, Any]]:
    """Return what is known of each school, numbers as shares of their range."""
    if schools is None:
        return {}
    rows = schools.unique("school_key", keep="last", maintain_order=True)
    there = [name for name in NUMBERS if name in rows.columns]
    scaled = [
        ((pl.col(n) - pl.col(n).min()) / (pl.col(n).max() - pl.col(n).min()))
        .fill_nan(None)
        .alias(n)
        for n in there
    ]
    return {row["school_key"]: row for row in rows.with_columns(scaled).iter_rows(named=True)}


def _km(one: Mapping[str, Any], other: Mapping[str, Any]) -> float | None:
    spots = [row.get(name) for row in (one, other) for name in ("easting", "northing")]
    if any(x is None for x in spots):
        return None
    return math.hypot(spots[0] - spots[2], spots[1] - spots[3]) / 1000  # type: ignore[operator]


def _unlike(one: Mapping[str, Any], other: Mapping[str, Any]) -> float | None:
    known = [n for n in (*NUMBERS, *KINDS) if one.get(n) is not None and other.get(n) is not None]
    if not known:
        return None
    return sum(
        abs(one[n] - other[n]) if n in NUMBERS else float(one[n] != other[n]) for n in known
    ) / len(known)


def _pair(
    client: str,
    supporter: str,
    profiles: Profiles,
    about: Mapping[str, Mapping[str, Any]],
    limits: Limits,
) -> tuple[Partner, str]:
    """Return a pair, and why it cannot be; nothing if it can."""
    need = profiles["need"].get(client, {})
    strength = profiles["strength"].get(supporter, {})
    total = math.fsum(need.values())
    met = {d: n * strength.get(d, 0.0) / TOP for d, n in need.items()}
    one, other = about.get(client, {}), about.get(supporter, {})
    pair = Partner(
        client=client,
        supporter=supporter,
        match=math.fsum(met.values()) / total if total else 0.0,
        km=_km(one, other),
        unlike=_unlike(one, other),
        place=0,
        possible=0,
        domains=tuple(
            (d, need[d], strength[d]) for d in sorted(met, key=lambda d: (-met[d], d)) if met[d]
        ),
    )
    if not total:
        return pair, "the client has no need on record"
    if not pair.domains:
        return pair, "no strength meets a need"
    if pair.match < limits.min_match:
        return pair, f"the match is below {limits.min_match:g}"
    bounds = (
        (pair.km, limits.min_km, limits.max_km, "distance", " km"),
        (pair.unlike, limits.min_unlike, limits.max_unlike, "dissimilarity", ""),
    )
    for value, low, high, name, unit in bounds:
        if value is None and (low is not None or high is not None):
            return pair, f"the {name} is not known"
        if value is not None and low is not None and value < low:
            return pair, f"the {name} is below {low:g}{unit}"
        if value is not None and high is not None and value > high:
            return pair, f"the {name} is above {high:g}{unit}"
    return pair, ""


def _solved(
    clients: Sequence[str],
    supporters: Sequence[str],
    possible: Mapping[str, Sequence[Partner]],
    room: Mapping[str, int],
) -> dict[str, Partner]:
    """Return the pairs of the best assignment."""
    from scipy.optimize import linear_sum_assignment

    n = len(clients)
    slots = [s for s in supporters for _ in range(min(room[s], n))]
    # A client may go without help, in a column of its own, at a cost above all matches together.
    cost: NDArray[np.float64] = np.full((n, len(slots) + n), 4.0 * (n + 1))
    cost[np.arange(n), len(slots) + np.arange(n)] = n + 1.0
    at: dict[str, list[int]] = {}
    for j, supporter in enumerate(slots):
        at.setdefault(supporter, []).append(j)
    by = {(p.client, p.supporter): p for found in possible.values() for p in found}
    for i, client in enumerate(clients):
        for pair in possible[client]:
            cost[i, at.get(pair.supporter, [])] = -pair.match
    rows, columns = linear_sum_assignment(cost)
    return {
        clients[i]: by[clients[i], slots[j]]
        for i, j in zip(rows.tolist(), columns.tolist(), strict=True)
        if j < len(slots)
    }


def _with_reason(
    pair: Partner, possible: Sequence[Partner], chosen: Mapping[str, Partner]
) -> Partner:
    met = ", ".join(f"{d} (need {n:g}, strength {s:g})" for d, n, s in pair.domains[:FEW])
    better = possible[: pair.place - 1]
    words = f"strong where it is needed: {met}"
    if not better:
        words += f"; the best of {pair.possible} possible"
    else:
        words += (
            f"; number {pair.place} of {pair.possible} possible, for the better ones help others"
        )
    return attrs.evolve(pair, reason=words)


def _why_not(
    pair: Partner, taken: Partner | None, helped: Mapping[str, str], room: Mapping[str, int]
) -> str:
    others = [c for c, s in helped.items() if s == pair.supporter]
    if taken is not None and taken.match >= pair.match:
        return "it matches less, or no better"
    if not room[pair.supporter]:
        return "it can take nobody"
    if len(others) >= room[pair.supporter]:
        return f"it helps {', '.join(others)}, so that more is met, or more are helped, in all"
    return "with it less would be met in all"


def _unhelped(possible: Sequence[Partner], whys: Mapping[str, int], n: int) -> str:
    if len(possible) == 1:
        return f"{possible[0].supporter} alone is possible, and helps others; raise the capacity"
    if possible:
        return f"all {len(possible)} possible supporters help others; raise the capacity"
    told = "; ".join(f"{why} ({count} of {n})" for why, count in _often(whys.items()))
    return f"no supporter is possible: {told}"


def _often(items: Iterable[tuple[str, int]]) -> list[tuple[str, int]]:
    return sorted(items, key=lambda item: (-item[1], item[0]))
