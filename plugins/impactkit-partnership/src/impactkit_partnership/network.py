"""M44, ``partnership.network``: who works with whom, and who asks.

Schools of a partnership are linked when they took part in a joint activity. What the links would be
if chance alone had chosen who came, or who called, is drawn for comparison (`mixing`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import attrs

from impactkit import (
    Card,
    Chart,
    Diagnostic,
    Estimate,
    MetricContext,
    Needs,
    Period,
    Table,
    estimating_metric,
)
from impactkit_partnership import columns as c

if TYPE_CHECKING:
    from impactkit_partnership.mixing import Chance, Ties

ID = "partnership.network"
DENSITY = "Pairs of schools that worked together, of those that could"
RECIPROCITY = "Pairs in which both schools called the other, of those in which one did"


@attrs.frozen(kw_only=True)
class NetworkParams:
    """What a study may set under ``[metrics."partnership.network"]``.

    `draws` is how often chance chooses who came and who called.
    """

    draws: int = attrs.field(default=999, validator=attrs.validators.ge(99))


CARD = Card(
    definition=(
        "Density: of the pairs of schools that were in one partnership at the same time, the share "
        "that took part in at least one joint activity together. Reciprocity: of the pairs in "
        "which one school called a joint activity that the other took part in, the share in which "
        "the other did so too."
    ),
    formula="100 x linked pairs / possible pairs; 100 x pairs linked both ways / pairs linked",
    source="Founding claim: Maximising Progress, common priorities and shared practice. Measures: "
    "Wasserman & Faust (1994), Social Network Analysis, chapters 4 and 13. The null by which they "
    "are judged is this project's",
    caveats=(
        "It knows what was logged: a link that nobody wrote down is none.",
        "Density grows with the number of activities and falls with the number of schools, so it "
        "is compared with the same activities with those who came drawn at random.",
        "A link says nothing of what passed along it.",
        "There is no picture of the network: the tables and the course over the years stand in for "
        "it.",
        "So far only the synthetic authority has filled the log of joint activity.",
    ),
    founding="M44",
    ours=True,
)


@estimating_metric(
    id=ID,
    title="Network of schools",
    question="Do all schools of a partnership work with each other, and do both sides ask?",
    unit="percent",
    direction="higher",
    needs=Needs(
        tables={
            "activity": ("partnership_id", "date", "schools"),
            "memberships": ("partnership_id", "school_key"),
        },
        optional={
            "activity": ("activity_id", "initiated_by"),
            "memberships": ("joined", "left"),
            "schools": ("urn", "school_key"),
        },
    ),
    params=NetworkParams,
    card=CARD,
)
def network(context: MetricContext) -> Iterator[Any]:
    """Yield density and reciprocity, what chance would give, and the course over the years."""
    from impactkit_partnership import activities, mixing

    params = context.params or NetworkParams()
    log, lost = activities.logged(context, ID)
    ties, apart = mixing.ties_of(log, context.table("memberships"), stage=ID)
    yield from (*lost, *apart)
    chance = mixing.by_chance(ties, params.draws, context.rng())
    yield from _measured(
        ties,
        {name: (len(t.linked), len(t.possible)) for name, t in ties.items()},
        chance.density,
        context,
        estimand=DENSITY,
        term="",
        missing="no two schools were in one partnership at the same time; see `memberships`",
    )
    yield from _measured(
        ties,
        {name: (len(t.both_ways), len(t.one_way)) for name, t in ties.items()},
        chance.reciprocity,
        context,
        estimand=RECIPROCITY,
        term="reciprocity",
        missing="no joint activity names the school that called it; give its URN as `initiated_by` "
        "in `activity`",
    )
    yield _by_partnership(ties)
    yield _by_year(ties)
    yield Chart(
        id="density",
        kind="line",
        title="Pairs of schools that worked together in the year",
        data="by_year",
        x="year",
        y="density",
        x_title="Academic year",
        y_title="Percent of pairs in partnership that year",
    )


def _measured(
    ties: dict[str, Ties],
    counts: dict[str, tuple[int, int]],
    chance: Chance,
    context: MetricContext,
    *,
    estimand: str,
    term: str,
    missing: str,
) -> Iterator[Estimate | Diagnostic]:
    """Yield a share of pairs, what chance gives of it, and how often chance lies as far off."""
    import numpy as np

    from impactkit_partnership import resampling

    used = {name: pair for name, pair in counts.items() if pair[1]}
    found = resampling.ratio(
        [float(hit) for hit, _ in used.values()],
        [float(of) for _, of in used.values()],
        context.rng(),
    )
    if found is None:
        yield Estimate(
            estimand=estimand, term=term, unit="percent", status="not_estimable", reason=missing
        )
        return
    yield resampling.drawn_estimate(
        *found,
        len(used),
        scale=100,
        estimand=estimand,
        term=term,
        unit="percent",
        n_schools=len({school for name in used for school in ties[name].schools}),
        method="share of pairs of schools, partnerships pooled",
    )
    drawn = chance.values
    if not len(drawn):
        return
    low, high = (float(x) for x in np.quantile(drawn, [0.025, 0.975]))
    yield Estimate(
        estimand=f"{estimand}, by chance",
        term="by chance",
        unit="percent",
        value=100 * float(drawn.mean()),
        ci_low=100 * low,
        ci_high=100 * high,
        n_partnerships=len(used),
        method=chance.how,
        variance="the middle 95% of draws",
    )
    # Ties on either side: sums in another order must not turn them into losses.
    below = float((1 + np.sum(drawn <= found[0] + 1e-12)) / (1 + len(drawn)))
    above = float((1 + np.sum(drawn >= found[0] - 1e-12)) / (1 + len(drawn)))
    yield Diagnostic(
        name=f"{'reciprocity' if term else 'density'} against chance",
        value=100 * (found[0] - float(drawn.mean())),
        p_value=min(1.0, 2 * min(below, above)),
        text="Percentage points beyond chance; permutation test, both sides.",
    )


def _percent(part: int, whole: int) -> float | None:
    return 100 * part / whole if whole else None


def _by_partnership(ties: dict[str, Ties]) -> Table:
    return Table(
        id="by_partnership",
        title="Links within each partnership",
        columns=(
            c.what("partnership", "Partnership"),
            c.schools(),
            c.events("events", "Joint activities"),
            c.number("possible", "Pairs that could work together", digits=0),
            c.number("linked", "Pairs that did", digits=0),
            c.number("density", "Pairs that did, %", "percent"),
            c.number("both", "Both called the other, %", "percent"),
        ),
        rows=[
            (
                name,
                len(t.schools),
                len(t.events),
                len(t.possible),
                len(t.linked),
                _percent(len(t.linked), len(t.possible)),
                _percent(len(t.both_ways), len(t.one_way)),
            )
            for name, t in ties.items()
        ],
        note="Blank where no pair could have worked together, or no school was named as calling.",
    )


def _by_year(ties: dict[str, Ties]) -> Table:
    years = sorted({year for t in ties.values() for year in t.linked_in})
    rows = []
    for year in range(years[0], years[-1] + 1) if years else ():
        possible = sum(len(t.possible_in(year)) for t in ties.values())
        linked = sum(len(t.linked_in.get(year, ())) for t in ties.values())
        rows.append((Period(year).label, possible, linked, _percent(linked, possible)))
    return Table(
        id="by_year",
        title="Links by academic year",
        columns=(
            c.what("year", "Academic year"),
            c.number("possible", "Pairs in partnership that year", digits=0),
            c.number("linked", "Pairs that worked together", digits=0),
            c.number("density", "Share, %", "percent"),
        ),
        rows=rows,
    )
