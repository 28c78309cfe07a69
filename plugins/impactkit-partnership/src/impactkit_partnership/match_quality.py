"""M27, ``partnership.match_quality``: whether strengths lie where needs are.

For a client and a supporter, over the domains in which both were judged,

    match = sum of need x strength / 4 over sum of need        (need and strength are 0 to 4)

is the share of the client's need that meets a strength. The mean over pairs is compared with what
random re-pairing of the same supporters would give.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import attrs

from impactkit import (
    Card,
    Chart,
    Estimate,
    Exclusion,
    MetricContext,
    Needs,
    Table,
    estimating_metric,
)
from impactkit_partnership import columns as c

if TYPE_CHECKING:
    import numpy as np
    import polars as pl

ID = "partnership.match_quality"
MATCH = "Match of strengths to needs, mean over pairs"
CHANCE = "Match if supporters were paired at random"
BEYOND = "Match beyond chance"
UNIT = "share of need, 0 to 1"
TOP = 4.0


@attrs.frozen(kw_only=True)
class MatchParams:
    """What a study may set under ``[metrics."partnership.match_quality"]``.

    `draws` is the number of random re-pairings; where there are no more than that in all, each is
    tried.
    """

    client_roles: tuple[str, ...] = attrs.field(default=("client",), converter=tuple)
    supporter_roles: tuple[str, ...] = attrs.field(
        default=("supporter", "executive_lead", "hub"), converter=tuple
    )
    draws: int = attrs.field(default=1999, validator=attrs.validators.ge(99))


CARD = Card(
    definition=(
        "For each client and supporter of a partnership: the sum over domains of the client's need "
        "times the supporter's strength (as a share of the top score), over the sum of the need; "
        "1 where the supporter is as strong as can be wherever there is need. The mean over pairs."
    ),
    formula="sum_d need_d x (strength_d / 4) / sum_d need_d, averaged over pairs",
    source="Founding claim: Central South Consortium, matching strengths to needs. Definition is "
    "this project's. Test: random re-pairing (Fisher 1935)",
    caveats=(
        "Scores of needs and strengths are noisy, and made by people who may know how the schools "
        "will be paired.",
        "A strong school matches everybody: the test by re-pairing asks whether strengths went "
        "where they were needed, not whether supporters are strong.",
        "A good match on paper is not a good partnership.",
        "So far only the synthetic authority has filled the table of needs and strengths.",
    ),
    founding="M27",
    ours=True,
)


@estimating_metric(
    id=ID,
    title="Match of strengths to needs",
    question="Do the strengths of supporting schools lie where their clients' needs are?",
    unit=UNIT,
    direction="higher",
    needs=Needs(
        tables={
            "needs": ("school_key", "domain", "kind", "score"),
            "memberships": ("partnership_id", "school_key", "role"),
        },
        optional={"needs": ("assessed_on",), "memberships": ("joined",)},
    ),
    params=MatchParams,
    card=CARD,
)
def match_quality(context: MetricContext) -> Iterator[Any]:
    """Yield the mean match, what chance would give, and the match of every pair."""
    import numpy as np

    from impactkit_partnership import resampling

    params = context.params or MatchParams()
    members, lost = _members(context.table("memberships"), params)
    profiles, more = _profiles(context.table("needs"), members)
    yield from (*lost, *more)
    clients = [m for m in members if m.role == "client"]
    supporters = [m for m in members if m.role == "supporter"]
    wanted = [
        (one, other)
        for one in clients
        for other in supporters
        if one.partnership == other.partnership and one.school != other.school
    ]
    pairs = [(one, other, _match(profiles, one.school, other.school)) for one, other in wanted]
    unknown = sum(match is None for _, _, match in pairs)
    if unknown:
        yield Exclusion(
            reason="partnership.no_profile",
            text="Pairs of schools without a domain in which the client's need and the supporter's "
            "strength were both judged, or whose client has no need",
            n_rows=unknown,
            stage=ID,
        )
    found = [(one, other, match) for one, other, match in pairs if match is not None]
    if not found:
        yield Estimate(
            estimand=MATCH,
            status="not_estimable",
            reason="no client and supporter of one partnership were both judged, before they "
            "joined, in one domain; give both kinds of scores in `needs`",
            n_partnerships=0,
        )
        return
    names = sorted({one.partnership for one, _, _ in found})
    by = [[match for one, _, match in found if one.partnership == name] for name in names]
    mean, spread = resampling.ratio(
        [math.fsum(of) for of in by], [float(len(of)) for of in by], context.rng()
    ) or (0.0, resampling.Drawn())
    others = _re_paired(profiles, found, params, context.rng())
    counts: dict[str, Any] = {
        "unit": UNIT,
        "n_schools": len({m.school for one, other, _ in found for m in (one, other)}),
    }
    p_value = None
    if others is not None:
        # A millionth of a millionth: sums in another order must not turn ties into losses.
        p_value = float((1 + np.sum(others.values >= mean - 1e-12)) / (1 + len(others.values)))
        if others.complete:
            p_value = float(np.mean(others.values >= mean - 1e-12))
    yield attrs.evolve(
        resampling.drawn_estimate(
            mean, spread, len(names), estimand=MATCH, method="mean over pairs of schools", **counts
        ),
        p_value=p_value,
    )
    yield from _against_chance(mean, spread, others, len(names), counts)
    yield from _tables(found, profiles)
    yield Chart(
        id="matches",
        kind="interval",
        title="Match of strengths to needs, by partnership",
        data="by_partnership",
        x="partnership",
        y="match",
        reference=None if others is None else float(others.values.mean()),
        y_title="Share of need that meets a strength",
    )


@attrs.frozen
class _Member:
    partnership: str
    school: str
    role: str
    joined: Any = attrs.field(eq=False)


@attrs.frozen(kw_only=True, eq=False)
class _RePaired:
    """The mean match of each random re-pairing; `complete` where every possible one was tried."""

    values: np.ndarray
    complete: bool


Profiles = dict[tuple[str, str], dict[str, float]]
"""Scores by domain, for each school and kind."""


def _members(memberships: pl.DataFrame, params: MatchParams) -> tuple[list[_Member], Any]:
    import polars as pl

    from impactkit_partnership.frames import screened, typed

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
    rows, lost = screened(
        typed(memberships, columns),
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
        ID,
    )
    rows = rows.with_columns(pl.col("role").replace(part)).sort(
        "partnership_id", "school_key", "role", "joined"
    )
    rows = rows.unique(["partnership_id", "school_key", "role"], keep="first", maintain_order=True)
    return [_Member(*row) for row in rows.iter_rows()], lost


def _profiles(needs: pl.DataFrame, members: list[_Member]) -> tuple[Profiles, Any]:
    """Return scores by school, kind and domain: of the latest judgement before a school joined."""
    import polars as pl

    from impactkit_partnership.frames import screened, typed

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
    rows, lost = screened(
        typed(needs, columns).filter(pl.col("school_key").is_in(list(joined))),
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
        ID,
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


def _match(profiles: Profiles, client: str, supporter: str) -> float | None:
    """Return the share of a client's need that meets a strength; None where it cannot be said."""
    need = profiles.get((client, "need"), {})
    strength = profiles.get((supporter, "strength"), {})
    shared = sorted(need.keys() & strength.keys())
    total = math.fsum(need[domain] for domain in shared)
    if not total > 0:
        return None
    return math.fsum(need[domain] * strength[domain] / TOP for domain in shared) / total


def _re_paired(
    profiles: Profiles,
    found: list[tuple[_Member, _Member, float]],
    params: MatchParams,
    rng: np.random.Generator,
) -> _RePaired | None:
    """Return the mean match when supporters change places; None where there is only one."""
    import numpy as np

    schools = sorted({other.school for _, other, _ in found})
    if len(schools) < 2:
        return None
    place = {school: i for i, school in enumerate(schools)}
    table = np.array(
        [
            [
                np.nan if (m := _match(profiles, one.school, s)) is None or s == one.school else m
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
    return _RePaired(values=np.array(values), complete=complete)


def _against_chance(
    mean: float, spread: Any, others: _RePaired | None, n: int, counts: dict[str, Any]
) -> Iterator[Estimate]:
    import numpy as np

    if others is None:
        yield Estimate(
            estimand=CHANCE,
            term="chance",
            status="not_estimable",
            reason="there is one supporter only, who cannot change places with another",
            **counts,
        )
        return
    low, high = (float(x) for x in np.quantile(others.values, [0.025, 0.975]))
    expected = float(others.values.mean())
    how = "all re-pairings" if others.complete else "random re-pairings"
    yield Estimate(
        estimand=CHANCE,
        term="chance",
        value=expected,
        ci_low=low,
        ci_high=high,
        n_partnerships=n,
        method=f"mean over {how}; the middle 95 % of them",
        variance="permutation of supporters",
        **counts,
    )
    bounded = spread.low is not None
    yield Estimate(
        estimand=BEYOND,
        term="less chance",
        value=mean - expected,
        std_error=spread.std_error,
        ci_low=spread.low - expected if bounded else None,
        ci_high=spread.high - expected if bounded else None,
        n_partnerships=n,
        n_clusters=n,
        method=f"mean over pairs less that over {how}",
        variance="percentile bootstrap of partnerships" if bounded else "none",
        reason="" if bounded else "there are too few partnerships for an interval",
        **counts,
    )


def _tables(found: list[tuple[_Member, _Member, float]], profiles: Profiles) -> Iterator[Table]:
    by: dict[str, list[float]] = {}
    for one, _, match in found:
        by.setdefault(one.partnership, []).append(match)
    yield Table(
        id="by_partnership",
        title="Match of strengths to needs, by partnership",
        columns=(
            c.what("partnership", "Partnership"),
            c.number("pairs", "Pairs of schools", digits=0),
            c.number("match", "Match, 0 to 1", digits=2),
        ),
        rows=[(name, len(of), math.fsum(of) / len(of)) for name, of in sorted(by.items())],
    )
    clients = sorted({one.school for one, _, _ in found})
    supporters = sorted({other.school for _, other, _ in found})
    domains = sorted({d for s in clients for d in profiles.get((s, "need"), {})})

    def mean(schools: list[str], kind: str, domain: str) -> float | None:
        of = [profiles[s, kind][domain] for s in schools if domain in profiles.get((s, kind), {})]
        return math.fsum(of) / len(of) if of else None

    yield Table(
        id="domains",
        title="Needs of clients and strengths of supporters, by domain",
        columns=(
            c.what("domain", "Domain"),
            c.number("need", "Need of clients, mean, 0 to 4"),
            c.number("strength", "Strength of supporters, mean, 0 to 4"),
        ),
        rows=[(d, mean(clients, "need", d), mean(supporters, "strength", d)) for d in domains],
    )
