"""The skills audit: how much the same governors' marks rose, by partnership and item."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import polars as pl

from impactkit import (
    Chart,
    Column,
    Estimate,
    EstimationError,
    MetricContext,
    Table,
    paired_change,
    scored_answers,
)

if TYPE_CHECKING:
    from impactkit_governance.strength import StrengthParams

METRIC = "governance.strength"
GAIN = "Gain in the skills audit"
SAID = ("What governors say of themselves, with nobody to compare them with.",)
POINTS = "Rise of the mean mark in the skills audit"


def gains(
    context: MetricContext, params: StrengthParams, clusters: Mapping[str, str]
) -> Iterator[Any]:
    """Yield the gain from the first audit to the last, of governors who took both.

    `clusters` has the partnership or board that each school hangs together with.
    """
    missing = Estimate(
        metric=METRIC,
        estimand=GAIN,
        unit="standard deviations",
        status="not_estimable",
        reason="there is no skills audit; give its answers in `survey_responses` and its items in "
        "`instruments`, and their name as `audit`",
    )
    responses = context.tables.get("survey_responses")
    instruments = context.tables.get("instruments")
    if responses is None or instruments is None:
        yield missing
        return
    found = scored_answers(responses, instruments, params.audit)
    if found.frame.is_empty():
        yield missing
        return
    yield from found.exclusions
    people = _pairs(found.means(), clusters)
    asked = found.asked(min(found.frame["wave"]))
    rate = None if asked is None else min(1.0, people.height / asked)
    if rate is not None and rate < params.least_response:
        yield Estimate(
            metric=METRIC,
            estimand=GAIN,
            unit="standard deviations",
            status="not_estimable",
            reason=f"{100 * rate:.0f}% of the governors asked took the audit twice, and "
            f"{100 * params.least_response:.0f}% is the least that a figure may rest on; ask "
            "those who did not",
        )
        return
    if people.height < params.min_people:
        reason = f"fewer than {params.min_people} governors took the skills audit twice"
        yield Estimate(
            metric=METRIC,
            estimand=GAIN,
            unit="standard deviations",
            status="not_estimable",
            reason=reason,
        )
        return
    try:
        got = paired_change(
            people["before"].to_list(), people["after"].to_list(), people["cluster"].to_list()
        )
    except EstimationError as error:
        yield Estimate(metric=METRIC, estimand=GAIN, status="not_estimable", reason=str(error))
        return
    for estimand, of, unit in ((GAIN, "g", "standard deviations"), (POINTS, "change", "points")):
        low, high = got.interval(of)
        yield Estimate(
            metric=METRIC,
            estimand=estimand,
            value=got.g if of == "g" else got.change,
            std_error=got.g_std_error if of == "g" else got.change_std_error,
            ci_low=low,
            ci_high=high,
            df=float(got.df),
            unit=unit,
            n_people=got.n,
            n_schools=people["school_key"].n_unique(),
            n_clusters=got.n_clusters,
            method="first and last audit of the same governors"
            + ("; Hedges g_av (Lakens 2013)" if of == "g" else ""),
            variance="jackknife over partnerships and boards, t",
            warnings=(*SAID, *_silence(rate, params)),
        )
    yield from _items(found.frame, people)


def _silence(rate: float | None, params: StrengthParams) -> tuple[str, ...]:
    """Warn of those who did not take the audit twice, or of not knowing how many they are."""
    if rate is None:
        return ("How many governors were asked is not known (`invited`), nor who is missing.",)
    if rate < params.enough_response:
        return (
            f"{100 * rate:.0f}% of the governors asked took the audit twice, fewer than "
            f"{100 * params.enough_response:.0f}%: those who did not may think otherwise.",
        )
    return ()


def _pairs(means: pl.DataFrame, clusters: Mapping[str, str]) -> pl.DataFrame:
    """Return one row a person with marks `before` and `after`, first and last wave."""
    own = means.filter(~pl.col("retro_pre")).sort("respondent_key", "wave")
    return (
        own.group_by("respondent_key", maintain_order=True)
        .agg(
            pl.col("school_key").drop_nulls().first(),
            before=pl.col("value").first(),
            after=pl.col("value").last(),
            first=pl.col("wave").first(),
            last=pl.col("wave").last(),
        )
        .filter(pl.col("first") < pl.col("last"))
        .with_columns(
            cluster=pl.col("school_key")
            .replace_strict(clusters, default=pl.col("school_key"), return_dtype=pl.String)
            .fill_null("no school")
        )
    )


def _items(frame: pl.DataFrame, people: pl.DataFrame) -> Iterator[Table | Chart]:
    """Yield the mean of each item, first and last, of those who took the audit twice."""
    keys = people.select("respondent_key", "first", "last")
    rows = frame.filter(~pl.col("retro_pre")).join(keys, on="respondent_key")
    first = rows.filter(pl.col("wave") == pl.col("first"))
    last = rows.filter(pl.col("wave") == pl.col("last"))
    both = first.join(last, on=["respondent_key", "item"], suffix="_last")
    by_item = (
        both.group_by("item")
        .agg(pl.col("value").mean(), pl.col("value_last").mean(), n=pl.len())
        .sort("item")
    )
    yield Table(
        id="skills",
        title="Skills audit, first and last",
        columns=(
            Column(name="item", label="Item", kind="dimension"),
            Column(name="when", label="When", kind="dimension"),
            Column(name="mark", label="Mean mark", digits=2, denominator="people"),
            Column(name="people", label="Governors", kind="count", of="people"),
        ),
        rows=[
            (item, when, value, n)
            for item, before, after, n in by_item.rows()
            for when, value in (("first", before), ("last", after))
        ],
        note="Marks of governors who answered the item both times; reversed items are turned "
        "round, so that more is more.",
    )
    yield Chart(
        id="skills",
        kind="interval",
        title="Skills audit by item, first and last",
        data="skills",
        x="item",
        y="mark",
        series="when",
        x_title="Item",
        y_title="Mean mark",
    )
