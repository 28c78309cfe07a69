"""Needs and strengths of schools, how well a pair matches, and random re-pairing."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
import polars as pl

from impactkit import Exclusion, set_aside, typed_columns

if TYPE_CHECKING:
    from impactkit_partnership.match_quality import MatchParams


TOP = 4.0
"""The highest score of a need or a strength."""


@attrs.frozen
class Member:
    """One school's part in one partnership: ``client`` or ``supporter``."""

    partnership: str
    school: str
    role: str
    joined: Any = attrs.field(eq=False)


@attrs.frozen(kw_only=True, eq=False)
class RePaired:
    """The mean match of each random re-pairing; `complete` where every possible one was tried."""

    values: np.ndarray
    complete: bool


Profiles = dict[tuple[str, str], dict[str, float]]
"""Scores by domain, for each school and kind."""


def members_of(
    memberships: pl.DataFrame, params: MatchParams, *, stage: str
) -> tuple[list[Member], list[Exclusion]]:
    """Return clients and supporters, each once in a partnership, and the rows that are neither."""
    columns = {
        "partnership_id": pl.String,
        "school_key": pl.String,
        "role": pl.String,
        "joined": pl.Date,
    }
    part = {
        **dict.fromkeys(params.client_roles, "client"),
        **dict.fromkeys(params.supporter_roles, "supporter"),
    }
    rows, lost = set_aside(
        typed_columns(memberships, columns),
        [
            (
                "unnamed",
                "Memberships without a partnership or a school",
                pl.any_horizontal(pl.col("partnership_id", "school_key").is_null()),
            ),
            (
                "other_role",
                "Memberships of schools that neither support others nor are supported",
                ~pl.col("role").is_in(list(part)),
            ),
        ],
        stage,
    )
    rows = rows.with_columns(pl.col("role").replace(part)).sort(
        "partnership_id", "school_key", "role", "joined"
    )
    rows = rows.unique(["partnership_id", "school_key", "role"], keep="first", maintain_order=True)
    return [Member(*row) for row in rows.iter_rows()], lost


def profiles_of(
    needs: pl.DataFrame, members: list[Member], *, stage: str
) -> tuple[Profiles, list[Exclusion]]:
    """Return scores by school, kind and domain: of the latest judgement before a school joined."""
    columns = {
        "school_key": pl.String,
        "domain": pl.String,
        "kind": pl.String,
        "score": pl.Float64,
        "assessed_on": pl.Date,
    }
    joined = {
        m.school: m.joined for m in sorted(members, key=lambda m: str(m.joined), reverse=True)
    }
    day = pl.col("school_key").replace_strict(joined, default=None, return_dtype=pl.Date)
    rows, lost = set_aside(
        typed_columns(needs, columns).filter(pl.col("school_key").is_in(list(joined))),
        [
            (
                "no_score",
                "Needs and strengths without a domain or a score",
                pl.any_horizontal(pl.col("domain", "kind", "score").is_null()),
            ),
            (
                "judged_late",
                "Needs and strengths judged after the school had joined",
                pl.col("assessed_on") > day,
            ),
        ],
        stage,
    )
    by = ["school_key", "kind", "domain"]
    rows = (
        rows.with_columns(pl.col("domain").str.strip_chars().str.to_lowercase())
        .filter(
            pl.col("assessed_on").is_null().all().over(by)
            | (pl.col("assessed_on") == pl.col("assessed_on").max().over(by))
        )
        .group_by(by)
        .agg(pl.col("score").sort().mean())
        .sort(by)
    )
    found: Profiles = {}
    for school, kind, domain, score in rows.iter_rows():
        found.setdefault((school, kind), {})[domain] = score
    return found, lost


def match_of(profiles: Profiles, client: str, supporter: str) -> float | None:
    """Return the share of a client's need that meets a strength; None where it cannot be said."""
    need = profiles.get((client, "need"), {})
    strength = profiles.get((supporter, "strength"), {})
    shared = sorted(need.keys() & strength.keys())
    total = math.fsum(need[domain] for domain in shared)
    if not total > 0:
        return None
    return math.fsum(need[domain] * strength[domain] / TOP for domain in shared) / total


def re_paired(
    profiles: Profiles,
    found: list[tuple[Member, Member, float]],
    params: MatchParams,
    rng: np.random.Generator,
) -> RePaired | None:
    """Return the mean match when supporters change places; None where there is only one."""
    schools = sorted({other.school for _, other, _ in found})
    if len(schools) < 2:
        return None
    place = {school: i for i, school in enumerate(schools)}
    table = np.array(
        [
            [
                np.nan if (m := match_of(profiles, one.school, s)) is None or s == one.school else m
                for s in schools
            ]
            for one, _, _ in found
        ]
    )
    at = np.array([place[other.school] for _, other, _ in found])
    rows = np.arange(len(found))
    complete = math.factorial(min(len(schools), 12)) <= params.draws
    orders: Any = (
        itertools.permutations(range(len(schools)))
        if complete
        else (rng.permutation(len(schools)) for _ in range(params.draws))
    )
    drawn = [table[rows, np.asarray(order)[at]] for order in orders]
    # Where a client would support itself, or nothing is known of the pair, the others speak.
    values = [float(np.nanmean(pairs)) for pairs in drawn if not np.isnan(pairs).all()]
    return RePaired(values=np.array(values), complete=complete)
