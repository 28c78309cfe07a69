"""M27, ``partnership.match_quality``: whether strengths lie where needs are.

For a client and a supporter, over the domains in which both were judged,

    match = sum of need x strength / 4 over sum of need        (need and strength are 0 to 4)

is the share of the client's need that meets a strength. The mean over pairs is compared with what
random re-pairing of the same supporters would give.
"""

from __future__ import annotations

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
    from impactkit_partnership.matching import Member, Profiles, RePaired

ID = "partnership.match_quality"
MATCH = "Match of strengths to needs, mean over pairs"
CHANCE = "Match if supporters were paired at random"
BEYOND = "Match beyond chance"
UNIT = "share of need, 0 to 1"


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
    from impactkit_partnership import resampling
    from impactkit_partnership.matching import match_of, members_of, profiles_of, re_paired

    params = context.params or MatchParams()
    members, lost = members_of(context.table("memberships"), params, stage=ID)
    profiles, more = profiles_of(context.table("needs"), members, stage=ID)
    yield from (*lost, *more)
    clients = [m for m in members if m.role == "client"]
    supporters = [m for m in members if m.role == "supporter"]
    wanted = [
        (one, other)
        for one in clients
        for other in supporters
        if one.partnership == other.partnership and one.school != other.school
    ]
    pairs = [(one, other, match_of(profiles, one.school, other.school)) for one, other in wanted]
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
    others = re_paired(profiles, found, params, context.rng())
    counts: dict[str, Any] = {
        "unit": UNIT,
        "n_schools": len({m.school for one, other, _ in found for m in (one, other)}),
    }
    yield resampling.drawn_estimate(
        mean, spread, len(names), estimand=MATCH, method="mean over pairs of schools", **counts
    )
    yield from _against_chance(mean, spread, others, len(names), counts)
    yield from _tables(found, profiles)


def _against_chance(
    mean: float, spread: Any, others: RePaired | None, n: int, counts: dict[str, Any]
) -> Iterator[Estimate | Table | Chart]:
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
    yield Table(
        id="against_chance",
        title="Match of strengths to needs, beside chance",
        columns=(
            c.what("pairs", "Pairs"),
            c.number("match", "Match, 0 to 1", digits=2),
            c.number("low", "From", digits=2),
            c.number("high", "To", digits=2),
        ),
        rows=[
            ("as they are", mean, spread.low, spread.high),
            ("paired at random", expected, low, high),
        ],
        note="As they are: 95% interval. At random: the middle 95% of re-pairings.",
    )
    yield Chart(
        id="against_chance",
        kind="interval",
        title="Match of strengths to needs, beside chance",
        data="against_chance",
        x="pairs",
        y="match",
        low="low",
        high="high",
        y_title="Share of need that meets a strength",
    )
    how = "all re-pairings" if others.complete else "random re-pairings"
    yield Estimate(
        estimand=CHANCE,
        term="chance",
        value=expected,
        ci_low=low,
        ci_high=high,
        n_partnerships=n,
        method=f"mean over {how}; the middle 95% of them",
        variance="permutation of supporters",
        **counts,
    )
    bounded = spread.low is not None
    # A millionth of a millionth: sums in another order must not turn ties into losses.
    as_well = others.values >= mean - 1e-12
    p_value = as_well.mean() if others.complete else (1 + as_well.sum()) / (1 + len(as_well))
    yield Estimate(
        estimand=BEYOND,
        term="less chance",
        value=mean - expected,
        std_error=spread.std_error,
        ci_low=spread.low - expected if bounded else None,
        ci_high=spread.high - expected if bounded else None,
        n_partnerships=n,
        n_clusters=n,
        p_value=float(p_value),
        method=f"mean over pairs less that over {how}; p: the share of these that match as well",
        variance="percentile bootstrap of partnerships" if bounded else "none",
        reason="" if bounded else "there are too few partnerships for an interval",
        **counts,
    )


def _tables(
    found: list[tuple[Member, Member, float]], profiles: Profiles
) -> Iterator[Table | Chart]:
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
    yield Chart(
        id="domains",
        kind="heatmap",
        title="Needs of clients and strengths of supporters, by domain",
        data="domains",
        series="domain",
        y_title="Mean score, 0 to 4",
    )
