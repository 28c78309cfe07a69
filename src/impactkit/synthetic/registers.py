"""How partnerships agree and evaluate: the registers behind the rubric R1 and the clarity index.

A planted number of partnerships evaluates systematically: at least six of eight criteria, among
them both gates, a baseline no later than 60 days after the start and two reviews in every year.
The others fail in the ways that occur: too few criteria, a baseline too late, or one review a
year. Those last two have all the rest, so a count of criteria alone would be fooled by them.

Reviews that took place were mostly held no more than 30 days from the day planned, and mostly led
to a decision. The part `reviews` of a full county adds those that were planned and never held.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import numpy as np
import polars as pl

from impactkit.synthetic.partnerships import Group
from impactkit.synthetic.settings import Settings
from impactkit.tables.vocabulary import AGREEMENT_ITEMS, EVALUATION_CRITERIA

GATES = ("baseline", "reviews")
LEVELS_NAMED = ("middle", "senior_assistant", "senior_deputy", "head")
WEAKNESSES = ("few", "late_baseline", "one_review", "none")
NEAR = 0.85
"""Share of reviews held that were held within 30 days of the day planned."""
DECIDED = 0.7
"""Share of reviews held that led to a recorded decision."""


def choose_systematic(
    groups: tuple[Group, ...], settings: Settings, rng: np.random.Generator
) -> tuple[str, ...]:
    """Return the ids of the partnerships that evaluate systematically."""
    chosen = rng.permutation(len(groups))[: settings.systematic]
    return tuple(groups[p].id for p in sorted(chosen.tolist()))


def agreements_table(
    groups: tuple[Group, ...], systematic: tuple[str, ...], rng: np.random.Generator
) -> pl.DataFrame:
    """Return `agreements`: every item for every partnership, present or not, and since when."""
    rows = []
    for group in groups:
        likely = 0.9 if group.id in systematic else 0.5
        for item in AGREEMENT_ITEMS:
            present = bool(rng.random() < likely)
            day = group.start + dt.timedelta(days=int(rng.integers(0, 120)))
            rows.append(
                {
                    "partnership_id": group.id,
                    "item": item,
                    "present": present,
                    "evidenced_on": day if present else None,
                    "doc_ref": f"agreements/{group.id}/{item}" if present else None,
                    "coder": "coder_1",
                }
            )
    return pl.DataFrame(rows, schema_overrides={"evidenced_on": pl.Date, "doc_ref": pl.String})


def evaluation_table(
    groups: tuple[Group, ...],
    systematic: tuple[str, ...],
    settings: Settings,
    rng: np.random.Generator,
) -> pl.DataFrame:
    """Return `evaluation_activity`: one row a piece of dated evidence for a criterion.

    Each review that took place is a row of criterion `reviews`; each kind of evidence used is a row
    of `evidence_types`. A criterion that is not met has no row, or for `reviews` too few.
    """
    rows = []
    for p, group in enumerate(groups):
        weakness = "" if group.id in systematic else WEAKNESSES[p % len(WEAKNESSES)]
        met = _criteria_met(weakness, rng)
        for criterion, day, kind in _evidence(group, met, weakness, settings, rng):
            rows.append(
                {
                    "partnership_id": group.id,
                    "criterion": criterion,
                    "evidenced_on": day,
                    "evidence_type": kind,
                    "levels": [*LEVELS_NAMED] if criterion == "outcome_each_level" else None,
                    "reported_to_governors": criterion == "reported_to_governors",
                    "decision_ref": f"minutes/{group.id}"
                    if criterion == "decision_changed"
                    else None,
                    "evidence_ref": f"evaluation/{group.id}/{criterion}",
                }
            )
    types: dict[str, pl.DataType | type[pl.DataType]] = {
        "partnership_id": pl.String,
        "criterion": pl.String,
        "evidenced_on": pl.Date,
        "evidence_type": pl.String,
        "levels": pl.List(pl.String),
        "reported_to_governors": pl.Boolean,
        "decision_ref": pl.String,
        "evidence_ref": pl.String,
    }
    return _planned(pl.DataFrame(rows, schema=types), rng)


def _planned(table: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """Return the table with the day for which each review was planned, and what it decided."""
    n = table.height
    late = np.where(rng.random(n) < NEAR, rng.integers(-10, 31, n), rng.integers(31, 91, n))
    decided = pl.Series(rng.random(n) < DECIDED)
    review = pl.col("criterion") == "reviews"
    day = pl.col("evidenced_on") - pl.duration(days=pl.lit(pl.Series(late)))
    return table.with_columns(
        pl.when(review).then(day).alias("planned_on"),
        pl.when(review & decided)
        .then(pl.format("minutes/{}", "partnership_id"))
        .otherwise("decision_ref")
        .alias("decision_ref"),
    )


def _criteria_met(weakness: str, rng: np.random.Generator) -> set[str]:
    if weakness == "none":
        return set()
    optional = [criterion for criterion in EVALUATION_CRITERIA if criterion not in GATES]
    if weakness == "few":
        return {"baseline", *rng.permutation(optional)[: rng.integers(0, 4)].tolist()}
    missing = rng.permutation(optional)[: rng.integers(0, 3)].tolist()
    return {*EVALUATION_CRITERIA} - {*missing}


def _evidence(
    group: Group, met: set[str], weakness: str, settings: Settings, rng: np.random.Generator
) -> Iterator[tuple[str, dt.date, str]]:
    end = dt.date(settings.years[1], 8, 31)

    def within(first: int, last: int) -> dt.date:
        return group.start + dt.timedelta(days=int(rng.integers(first, last)))

    for criterion in EVALUATION_CRITERIA:
        if criterion not in met:
            continue
        if criterion == "baseline":
            day = within(61, 200) if weakness == "late_baseline" else within(-60, 61)
            yield criterion, day, "results"
        elif criterion == "reviews":
            every = 340 if weakness == "one_review" else 170
            for days in range(every, (end - group.start).days + 1, every):
                yield criterion, group.start + dt.timedelta(days=days), "document"
        elif criterion == "evidence_types":
            for kind in ("results", "survey", "workforce")[: rng.integers(2, 4)]:
                yield criterion, within(60, 240), kind
        else:
            yield criterion, within(20, 240), "document"
