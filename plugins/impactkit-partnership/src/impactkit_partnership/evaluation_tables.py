"""The scorecard of systematic evaluation, and the tables and pictures beside it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from impactkit import Chart, Table
from impactkit_partnership import columns as c

if TYPE_CHECKING:
    from impactkit import RubricScore


SYSTEMATIC = "Partnerships that evaluate systematically"


OFSTED = (11, 20)


OFSTED_LABEL = "Ofsted's survey of 2009"


MOST_ROWS = 80
"""Partnerships that a picture with a row for each can have and still be looked at."""


LABELS = {
    "aims": "Written aims",
    "baseline": "Baseline in time (gate)",
    "outcome_each_level": "Outcome for each level",
    "evidence_types": "Kinds of evidence",
    "comparator": "Comparator",
    "reviews": "Reviews in every year (gate)",
    "reported_to_governors": "Reported to governors",
    "decision_changed": "Decision changed",
}


def scorecard(scores: tuple[RubricScore, ...]) -> Table:
    """Return partnerships by criteria."""
    return Table(
        id="scorecard",
        title="Scorecard of systematic evaluation",
        columns=(
            c.what("partnership", "Partnership"),
            *(c.text(name, label) for name, label in LABELS.items()),
            c.number("met", "Criteria met", digits=0),
            c.text("level", "Evaluation is"),
        ),
        rows=[
            (
                score.partnership,
                *score.by_criterion.values(),
                score.score,
                score.level,
            )
            for score in scores
        ],
        sums=(("met", tuple(LABELS)),),
        note="By rubric R1, which is this project's. Systematic: enough criteria and both gates.",
    )


def criteria(scores: tuple[RubricScore, ...]) -> Table:
    """Return how many partnerships meet each criterion."""
    from impactkit import wilson

    rows = []
    for name, label in LABELS.items():
        met, n = sum(score.by_criterion[name] for score in scores), len(scores)
        if n:
            low, high = wilson(met / n, n)
            rows.append((label, met, n, 100 * met / n, 100 * low, 100 * high))
    return Table(
        id="criteria",
        title="Partnerships that meet each criterion",
        columns=(
            c.what("criterion", "Criterion"),
            c.partnerships("met", "Partnerships that meet it"),
            c.partnerships("scored", "Partnerships scored"),
            c.number("share", "Share, %", "percent"),
            *c.INTERVAL,
        ),
        rows=rows,
    )


def beside_ofsted(scores: tuple[RubricScore, ...]) -> Table:
    """Return the share of systematic partnerships, beside that of Ofsted's survey."""
    from impactkit import wilson

    ours = (sum(score.systematic for score in scores), len(scores))
    rows = []
    for who, (hits, n) in (("These partnerships", ours), (OFSTED_LABEL, OFSTED)):
        if n:
            low, high = wilson(hits / n, n)
            rows.append((who, hits, n, 100 * hits / n, 100 * low, 100 * high))
    return Table(
        id="coverage",
        title="Systematic evaluation, beside Ofsted's survey",
        columns=(
            c.what("who", "Who"),
            c.partnerships("systematic", "Systematic"),
            c.partnerships("partnerships", "Partnerships"),
            c.number("share", "Share, %", "percent"),
            *c.INTERVAL,
        ),
        rows=rows,
        source="Ofsted 090232, Developing leadership: National Support Schools (2010)",
        note="Ofsted visited 24 support schools and 20 partner schools in 2009; no random sample.",
    )


def charts(partnerships: int) -> Iterator[Chart]:
    """Yield the pictures: beside Ofsted, by criterion, over the years, and each partnership."""
    between: dict[str, Any] = {
        "y": "share",
        "low": "low",
        "high": "high",
        "y_title": "Percent of partnerships",
    }
    yield Chart(
        id="coverage",
        kind="interval",
        title="Systematic evaluation, beside Ofsted's survey of 2009",
        data="coverage",
        x="who",
        reference=100 * OFSTED[0] / OFSTED[1],
        **between,
    )
    yield Chart(
        id="criteria",
        kind="interval",
        title="Partnerships that meet each criterion of rubric R1",
        data="criteria",
        x="criterion",
        **between,
    )
    yield Chart(
        id="coverage_by_year",
        kind="interval",
        title="Systematic evaluation at the end of each year",
        x="term",
        y="value",
        low="ci_low",
        high="ci_high",
        where={"estimand": SYSTEMATIC},
        x_title="Academic year",
        y_title="Percent of partnerships",
    )
    if partnerships <= MOST_ROWS:
        yield Chart(
            id="scorecard",
            kind="heatmap",
            title="Criteria that each partnership meets",
            data="scorecard",
            y="met",
            series="partnership",
            y_title="1: met, 0: not met",
        )
