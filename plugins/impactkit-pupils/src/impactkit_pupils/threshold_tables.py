"""Tables and pictures of shares who reach a threshold: of all schools, and by partnership."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from impactkit import Chart, Column, Estimate, MetricContext, Table
from impactkit_pupils.counts import EXACT_BELOW, interval, side

if TYPE_CHECKING:
    import polars as pl

BEYOND = "Change beyond that of schools elsewhere"
CHANGE = "Change in schools that joined"
POINTS = "percentage points"


def whole(context: MetricContext, measure: str, found: tuple[Estimate, Estimate]) -> Iterator[Any]:
    """Yield both changes of all schools that joined, side by side."""
    words = {CHANGE: "Schools that joined", BEYOND: "Beyond schools elsewhere"}
    shown = [e for e in found if e.status == "ok"]
    yield Table(
        id=f"change_{measure}",
        title=f"{context.label(measure)}: change since joining",
        columns=(
            Column(name="what", label="What", kind="dimension"),
            Column(name="change", label="Change, percentage points", unit=POINTS, digits=1),
            Column(name="low", label="From", unit=POINTS, digits=1),
            Column(name="high", label="To", unit=POINTS, digits=1),
        ),
        rows=[(words[e.estimand], e.value, e.ci_low, e.ci_high) for e in shown],
        note="In the first every pupil counts once, in the second every school.",
    )
    yield Chart(
        id=f"change_{measure}",
        kind="interval",
        title=f"{context.label(measure)}: change since joining",
        data=f"change_{measure}",
        x="what",
        y="change",
        low="low",
        high="high",
        x_title="What",
        y_title="Change, percentage points",
        reference=0.0,
    )


def by_partnership(context: MetricContext, rows: pl.DataFrame, measure: str) -> Iterator[Any]:
    """Yield a table of each partnership's pupils, and a picture of the changes."""
    from impactkit import pupils_equivalent

    found: list[tuple[Any, ...]] = []
    # All together stand in the estimates: a total here would give a partnership of few away.
    for part in rows.partition_by("cluster", maintain_order=True):
        was, now = side(part, "before"), side(part, "after")
        p_0, p_1 = was.reached / was.tested, now.reached / now.tested
        low, high = interval(now, was, context.design.level)
        points = 100 * (p_1 - p_0)
        found.append(
            (
                part["cluster"][0],
                part.height,
                was.reached,
                was.tested,
                100 * p_0,
                now.reached,
                now.tested,
                100 * p_1,
                points,
                low,
                high,
                100 * (p_1 / p_0 - 1) if p_0 > 0 else None,
                pupils_equivalent(points, now.a_year),
            )
        )
    yield Table(
        id=f"threshold_{measure}",
        title=f"{context.label(measure)}: pupils before and after joining",
        columns=(
            Column(name="partnership", label="Partnership", kind="dimension"),
            Column(name="schools", label="Schools", kind="count", of="schools"),
            Column(name="reached_before", label="Reached it before", kind="count", of="people"),
            Column(name="tested_before", label="Tested before", kind="count", of="people"),
            Column(
                name="share_before",
                label="Before, %",
                kind="share",
                numerator="reached_before",
                denominator="tested_before",
                unit="percent",
                digits=1,
            ),
            Column(name="reached_after", label="Reached it after", kind="count", of="people"),
            Column(name="tested_after", label="Tested after", kind="count", of="people"),
            Column(
                name="share_after",
                label="After, %",
                kind="share",
                numerator="reached_after",
                denominator="tested_after",
                unit="percent",
                digits=1,
            ),
            Column(
                name="change",
                label="Change, percentage points",
                unit=POINTS,
                denominator="tested_before",
                digits=1,
            ),
            *(
                Column(name=name, label=words, unit=POINTS, denominator="tested_before", digits=1)
                for name, words in (("low", "From"), ("high", "To"))
            ),
            Column(
                name="relative",
                label="Change, % of the share before",
                unit="percent",
                denominator="reached_before",
                digits=0,
            ),
            Column(
                name="pupils",
                label="Pupils a year that it stands for",
                unit="pupils",
                denominator="tested_before",
                digits=1,
            ),
        ),
        rows=found,
        note=(
            f"Intervals: Newcombe's; exact where there are fewer than {EXACT_BELOW} pupils before "
            "or after. Pupils of a partnership are taken as independent."
        ),
    )
    yield Chart(
        id=f"threshold_{measure}",
        kind="interval",
        title=f"{context.label(measure)}: change since joining, by partnership",
        data=f"threshold_{measure}",
        x="partnership",
        y="change",
        low="low",
        high="high",
        x_title="Partnership",
        y_title="Change, percentage points",
        reference=0.0,
    )
