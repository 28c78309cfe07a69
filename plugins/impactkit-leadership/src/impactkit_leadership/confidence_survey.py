"""The survey behind ``leadership.confidence``: who answered, how reliably, and each item."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import polars as pl

from impactkit import (
    Answers,
    Chart,
    Column,
    Diagnostic,
    Table,
    cronbach_alpha,
    mcdonald_omega,
)

if TYPE_CHECKING:
    from impactkit_leadership.confidence import ConfidenceParams


def asked_and_answered(answers: Answers, waves: list[int]) -> Table:
    """Return how many were asked and answered in the first and the last wave, and their mean."""
    rows = answers.frame.filter(~pl.col("retro_pre"))
    means = answers.means().filter(~pl.col("retro_pre"))
    cells: list[tuple[Any, ...]] = []
    for wave in (waves[0], waves[-1]):
        n = rows.filter(pl.col("wave") == wave)["respondent_key"].n_unique()
        invited = answers.asked(wave)
        silent = None if invited is None else invited - n
        mean = means.filter(pl.col("wave") == wave)["value"].mean()
        cells.append((f"wave {wave}", invited, n, silent, mean))
    return Table(
        id="response",
        title="Who was asked and who answered",
        columns=(
            Column(name="wave", label="Survey", kind="dimension"),
            Column(name="invited", label="Asked", kind="count", of="people"),
            Column(name="answered", label="Answered", kind="count", of="people"),
            Column(name="silent", label="Did not answer", kind="count", of="people"),
            Column(name="mean", label="Mean", digits=2, denominator="answered"),
        ),
        rows=cells,
        sums=(("invited", ("answered", "silent")),),
        note="Asked are those of schools and levels from which anybody answered.",
    )


def reliability(answers: Answers, wave: int) -> Iterator[Diagnostic]:
    """Yield alpha and omega at first, and items that run against the others."""
    wide = answers.wide(wave)
    for name, found in (
        ("Cronbach's alpha", cronbach_alpha(wide.to_numpy())),
        ("McDonald's omega", mcdonald_omega(wide.to_numpy())),
    ):
        yield Diagnostic(
            name=f"reliability of the scale, {name}",
            value=found,
            passed=None if found is None else found >= 0.7,
            text="Of the first survey; 0.7 or more is usual for comparing groups."
            if found is not None
            else "It does not exist: too few items or people, or no common factor fits.",
        )
    for item in answers.contrary(wave):
        yield Diagnostic(
            name=f"item {item} runs against the others",
            passed=False,
            text="High answers go with low answers to the other items: put `reverse` right for it "
            "in `instruments`.",
        )


def response_told(rate: float | None, params: ConfidenceParams) -> Iterator[Diagnostic]:
    """Yield the share who answered both times, where it is known."""
    if rate is None:
        return
    yield Diagnostic(
        name="share of those asked who answered both times",
        value=rate,
        passed=rate >= params.enough_response,
        text="Below the limit the figures are of those who cared to answer.",
    )


def by_item(answers: Answers, people: pl.DataFrame, waves: list[int]) -> Iterator[Table | Chart]:
    """Yield the mean of each item at first and last, of those who answered twice."""
    rows = answers.frame.filter(~pl.col("retro_pre")).join(
        people.select("respondent_key"), on="respondent_key", how="semi"
    )
    cells = (
        rows.filter(pl.col("wave").is_in([waves[0], waves[-1]]))
        .group_by("item", "wave")
        .agg(pl.col("value").sort_by("respondent_key").mean(), people=pl.len())
        .sort("item", "wave")
        .with_columns(
            wave=pl.when(pl.col("wave") == waves[0]).then(pl.lit("first")).otherwise(pl.lit("last"))
        )
    )
    if cells.is_empty():
        return
    yield Table(
        id="confidence_items",
        title="Confidence by item, first and last",
        columns=(
            Column(name="item", label="Item", kind="dimension"),
            Column(name="when", label="Survey", kind="dimension"),
            Column(name="mean", label="Mean", digits=2, denominator="people"),
            Column(name="people", label="Leaders", kind="count", of="people"),
        ),
        rows=cells.rows(),
        note="Of leaders who answered both times. Items that run the other way are turned round.",
    )
    yield Chart(
        id="confidence_items",
        kind="interval",
        title="Leaders' confidence by item, first and last",
        data="confidence_items",
        x="item",
        y="mean",
        series="when",
        x_title="Item",
        y_title="Mean, points of the scale",
    )
