"""Partnerships scored by rubric R1, by each coder and by all together."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

import attrs
import polars as pl

from impactkit import MetricContext, RubricR1, RubricScore, Working, score_r1, typed_columns


def evidence_of(context: MetricContext) -> pl.DataFrame:
    """Return the rows of `evaluation_activity`, typed."""
    types = {
        "partnership_id": pl.String,
        "criterion": pl.String,
        "evidenced_on": pl.Date,
        "evidence_ref": pl.String,
        "evidence_type": pl.String,
        "levels": pl.List(pl.String),
        "reported_to_governors": pl.Boolean,
        "decision_ref": pl.String,
        "coder": pl.String,
    }
    return typed_columns(context.table("evaluation_activity"), types)


def levels_at_work(context: MetricContext) -> dict[str, set[str]]:
    """Return by partnership the leadership levels that its joint activity was for."""
    log = typed_columns(
        context.tables.get("activity"), {"partnership_id": pl.String, "level": pl.String}
    )
    found: dict[str, set[str]] = {}
    for partnership, level in log.drop_nulls().unique().iter_rows():
        found.setdefault(partnership, set()).add(level)
    return found


@attrs.frozen(kw_only=True)
class Scores:
    """The scores by coder, and those on which all coders of a partnership agree."""

    agreed: tuple[RubricScore, ...]
    by_coder: Mapping[str, tuple[RubricScore, ...]]


def scores_of(
    evidence: pl.DataFrame,
    known: pl.DataFrame,
    until: dt.date | None,
    levels: Mapping[str, set[str]],
    rubric: RubricR1,
) -> Scores:
    """Score partnerships that are a whole year old; `until` is the last day observed."""
    working = _working(known, until)
    coders = evidence["coder"].drop_nulls().unique().sort().to_list()
    by_coder = {}
    for coder in coders:
        own = evidence.filter(pl.col("coder").is_null() | (pl.col("coder") == coder))
        judged = set(evidence.filter(pl.col("coder") == coder)["partnership_id"])
        theirs = {name: worked for name, worked in working.items() if name in judged}
        by_coder[coder] = score_r1(own, theirs, involved=levels, rubric=rubric)
    met: dict[str, RubricScore] = {
        s.partnership: s for s in score_r1(evidence, working, involved=levels, rubric=rubric)
    }
    several = [s for found in by_coder.values() for s in found]
    for score in several:
        both = tuple(a and b for a, b in zip(met[score.partnership].met, score.met, strict=True))
        met[score.partnership] = attrs.evolve(score, met=both)
    return Scores(agreed=tuple(met[name] for name in sorted(met)), by_coder=by_coder)


def _working(known: pl.DataFrame, until: dt.date | None) -> dict[str, Working]:
    """Return when each partnership worked that has a whole year behind it."""
    if until is None:
        return {}
    spans = {
        name: Working(start=start, until=min(filter(None, (end, until))))
        for name, start, end in known.iter_rows()
    }
    return {name: worked for name, worked in spans.items() if worked.whole_years()}
