"""M24, ``claims.chains_vs_pairs``: chains improve "almost twice as fast" as single support."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import attrs

from impactkit import Card, Estimate, EstimationError, MetricContext, Needs, estimating_metric
from impactkit_claims.common import (
    MEMBERSHIPS,
    OUTCOMES,
    TREND_ONLY,
    changes,
    in_several,
    joined_with,
    told,
)
from impactkit_claims.groups import difference, group_estimates, grouped, picture, unknown

if TYPE_CHECKING:
    import polars as pl

DIFFERENCE = "ATT in chains less ATT in pairs"
RATIO = "ATT in chains over ATT in pairs"
BY = "ATT by structure"


@attrs.frozen(kw_only=True)
class Params:
    """What a study may say under ``[metrics."claims.chains_vs_pairs"]``.

    Attributes
    ----------
    chains, pairs
        The structures that count as the one and the other.
    before, after
        Event years compared; 0 is the first year in a partnership.
    """

    chains: tuple[str, ...] = ("chain",)
    pairs: tuple[str, ...] = ("pair",)
    before: tuple[int, int] = (-1, -1)
    after: tuple[int, int] = (0, 30)


@estimating_metric(
    id="claims.chains_vs_pairs",
    title="Chains beside pairs",
    question="Did schools in chains gain more than schools supported one by one?",
    needs=Needs(
        tables={
            "outcomes": OUTCOMES,
            "memberships": MEMBERSHIPS,
            "partnerships": ("partnership_id", "structure"),
        },
        optional={"memberships": ("role",)},
        panel=True,
    ),
    params=Params,
    card=Card(
        definition=(
            "The effect of joining on schools in chains less that on schools in pairs, and the one "
            "over the other."
        ),
        formula="ATT(chain) - ATT(pair); ATT(chain) / ATT(pair) if the latter is 3 SE from zero",
        source=(
            "Founding claim: chains of three or four schools improve almost twice as fast as "
            "schools working individually (article on National Leaders of Education). Interval of "
            "the ratio: Fieller (1954)"
        ),
        caveats=(
            TREND_ONLY,
            "Chains were not drawn by lot: they may be chosen for being strong already.",
            "Schools of a chain share staff and count as one when it comes to chance.",
            "So far only the synthetic authority has filled the structures.",
        ),
        founding="M24",
    ),
)
def chains_vs_pairs(context: MetricContext) -> Iterator[Any]:
    """Yield the contrast, the ratio, and the effect by structure."""
    yield from context.each_outcome(lambda measure: _of(context, measure))


def _of(context: MetricContext, measure: str) -> Iterator[Any]:
    params = context.params or Params()
    panel = context.panel(measure)
    found = changes(context, panel, before=params.before, after=params.after)
    say = told(context, panel, found)
    of = joined_with(context)
    group = structures(context, of, found, params)
    got = grouped(found, group)
    by = group_estimates(say, got, BY, {})
    # The contrast comes first: a report leads with it.
    yield from _contrasts(say, got)
    yield from by
    yield from picture("structure", say, by, "Effect by structure", "Structure")
    yield from (*found.exclusions, *unknown("the structure", group, measure))
    yield from in_several(of, found)


def structures(
    context: MetricContext, of: pl.DataFrame, found: Any, params: Params
) -> list[str | None]:
    """Return `chain`, `pair` or the structure itself, in the order of `found.schools`."""
    import polars as pl

    kinds = context.table("partnerships").select(
        pl.col("partnership_id").cast(pl.String),
        structure=pl.when(pl.col("structure").is_in(params.chains))
        .then(pl.lit("chain"))
        .when(pl.col("structure").is_in(params.pairs))
        .then(pl.lit("pair"))
        .otherwise("structure"),
    )
    kinds = kinds.unique("partnership_id", keep="first", maintain_order=True)
    kind_of = of.join(kinds, on="partnership_id", how="left")
    placed = found.schools.join(kind_of, on="school_key", how="left", maintain_order="left")
    found_in: list[str | None] = placed["structure"].to_list()
    return found_in


def _contrasts(say: Any, got: Any) -> Iterator[Estimate]:
    from impactkit import fieller

    try:
        contrast = difference(say, got, "chain", "pair", DIFFERENCE)
    except EstimationError as error:
        yield say.missing(DIFFERENCE, str(error))
        return
    yield contrast
    a, b = got.names.index("chain"), got.names.index("pair")
    values, covariance = got.fit.values, got.fit.covariance
    pair, spread = float(values[b]), float(covariance[b, b]) ** 0.5
    bounds = None
    if abs(pair) >= 3 * spread:
        bounds = fieller(
            float(values[a]),
            pair,
            float(covariance[a, a]),
            float(covariance[b, b]),
            float(covariance[a, b]),
            level=say.level,
            df=int(min(got.fit.df[a], got.fit.df[b])),
        )
    if bounds is None:
        why = "the effect in pairs is under three of its standard errors: too little to divide by"
        yield say.missing(RATIO, why, unit="times")
        return
    yield attrs.evolve(
        contrast,
        estimand=RATIO,
        unit="times",
        value=float(values[a]) / pair,
        std_error=None,
        ci_low=bounds[0],
        ci_high=bounds[1],
        p_value=None,
        variance=f"Fieller's interval; {contrast.variance}",
    )
