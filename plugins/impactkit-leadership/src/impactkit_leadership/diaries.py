"""Heads' diaries before and after a business manager came, for two metrics of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
import numpy as np
import polars as pl

from impactkit import Estimate, Exclusion, MetricContext, scored_answers
from impactkit_leadership import partners

LEAST, FEW, DRAWS = 5, 15, 2000
BEFORE, AFTER = "before", "after"


@attrs.frozen(kw_only=True, eq=False)
class Diaries:
    """Hours a week by use: `weeks` has one row a head and week, `pairs` one a head with both sides.

    `weeks` has `respondent_key`, `school_key`, `cluster`, `wave`, `side` (before, after, or null in
    schools without a business manager), `part` and `whole` hours. `pairs` has `before` and `after`:
    the mean of the head's weeks on each side.
    """

    weeks: pl.DataFrame
    exclusions: tuple[Exclusion, ...]

    def pairs(self, value: pl.Expr) -> pl.DataFrame:
        """Return heads with the mean of `value` (of a week) on either side."""
        sides = (
            self.weeks.drop_nulls("side")
            .with_columns(value=value)
            .group_by("respondent_key")
            .agg(
                pl.col("school_key", "cluster").sort().first(),
                before=pl.col("value").filter(pl.col("side") == BEFORE).mean(),
                after=pl.col("value").filter(pl.col("side") == AFTER).mean(),
            )
        )
        return sides.drop_nulls(["before", "after"]).sort("respondent_key")


def diaries(
    context: MetricContext,
    instrument: str,
    uses: tuple[str, ...],
    types: tuple[str, ...],
    *,
    most_hours: float,
    stage: str,
) -> Diaries:
    """Read diaries: hours a week for `uses`, and in all, before and after help of `types` began.

    A week of more than `most_hours`, or without an hour, is set aside and counted.
    """
    answers = scored_answers(
        context.table("survey_responses"), context.table("instruments"), instrument
    )
    chosen = pl.col("value").filter(pl.col("item").is_in(uses))
    weeks = (
        answers.frame.group_by("respondent_key", "wave")
        .agg(
            pl.col("school_key").drop_nulls().sort().first(),
            pl.col("answered_on").drop_nulls().min(),
            part=chosen.sort().sum(),
            known=chosen.len(),
            whole=pl.col("value").sort().sum(),
        )
        .sort("respondent_key", "wave")
    )
    lost = list(answers.exclusions)
    for reason, text, fault in (
        (
            "incomplete_week",
            "Weeks of a diary without a day, a school or the use that is asked for",
            pl.col("answered_on").is_null()
            | pl.col("school_key").is_null()
            | (pl.col("known") == 0),
        ),
        (
            "impossible_week",
            f"Weeks of a diary without an hour, or with more than {most_hours:g}",
            (pl.col("whole") <= 0) | (pl.col("whole") > most_hours),
        ),
    ):
        kept = weeks.filter(~fault)
        if kept.height < weeks.height:
            n = weeks.height - kept.height
            lost.append(Exclusion(reason=f"leadership.{reason}", text=text, n_rows=n, stage=stage))
        weeks = kept
    came = _came(context.tables.get("interventions"), types)
    labels = partners.cluster_labels(partners.members(context.tables.get("memberships")))
    alone = pl.concat_str(pl.lit("school "), "school_key")
    weeks = weeks.join(came, on="school_key", how="left").with_columns(
        cluster=pl.col("school_key").replace_strict(labels, default=alone, return_dtype=pl.String),
        side=pl.when(pl.col("came").is_null())
        .then(None)
        .when(pl.col("answered_on") < pl.col("came"))
        .then(pl.lit(BEFORE))
        .otherwise(pl.lit(AFTER)),
    )
    return Diaries(weeks=weeks, exclusions=tuple(lost))


def _came(interventions: pl.DataFrame | None, types: tuple[str, ...]) -> pl.DataFrame:
    """Return the first day of help of some types, by school."""
    columns = {"school_key": pl.String, "type": pl.String, "start": pl.Date}
    rows = partners.typed(interventions, columns).filter(pl.col("type").is_in(types))
    return rows.drop_nulls().group_by("school_key").agg(came=pl.col("start").min())


def drawn(rows: pl.DataFrame, statistic: Any, rng: np.random.Generator, **names: Any) -> Estimate:
    """Return ``statistic(rows as a list of tuples)`` with a percentile bootstrap of clusters.

    `rows` has `cluster`, `school_key`, `respondent_key` and the two columns of numbers that the
    statistic takes, ``before`` and ``after`` or ``part`` and ``whole``.
    """
    columns = [c for c in ("before", "after", "part", "whole") if c in rows.columns]
    each = [
        part.select(columns).to_numpy()
        for _, part in rows.sort("cluster", "respondent_key").group_by(
            "cluster", maintain_order=True
        )
    ]
    n = len(each)
    shown: Mapping[str, Any] = {
        **names,
        "value": float(statistic(np.concatenate(each))),
        "n_people": rows["respondent_key"].n_unique(),
        "n_schools": rows["school_key"].n_unique(),
        "n_clusters": n,
    }
    if n < LEAST:
        reason = "there are too few schools or partnerships for an interval by drawing again"
        return Estimate(**shown, reason=reason, variance="none")
    found = np.array(
        [statistic(np.concatenate([each[k] for k in rng.integers(0, n, n)])) for _ in range(DRAWS)]
    )
    low, high = np.quantile(found, [0.025, 0.975])
    narrow = "An interval from so few partnerships and schools is likely too narrow."
    return Estimate(
        **{**shown, "warnings": (*names.get("warnings", ()), *((narrow,) if n < FEW else ()))},
        std_error=float(found.std(ddof=1)),
        ci_low=float(low),
        ci_high=float(high),
        variance=f"percentile bootstrap of partnerships and schools, {DRAWS:,} draws",
    )


def mean_change(pairs: np.ndarray) -> float:
    """Return the mean of after less before."""
    return float((pairs[:, 1] - pairs[:, 0]).mean())


def share(hours: np.ndarray) -> float:
    """Return the share of part hours in whole hours, in percent."""
    return float(100 * hours[:, 0].sum() / hours[:, 1].sum())
