"""What schools that joined changed by themselves, and a picture of it beside that elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import attrs

from impactkit import Chart, Column, Estimate, MetricContext, Table
from impactkit_pupils.common import Joint, estimate


def change_inside(context: MetricContext, estimand: str, found: Joint, **more: Any) -> Estimate:
    """Return the mean change in schools that joined, compared with nothing, so without a p-value.

    `found` is of one outcome.
    """
    [only] = found.each.values()
    alone = attrs.evolve(found, fit=only.regress(of="change"))
    warnings = (*more.pop("warnings", ()), "not compared with schools elsewhere")
    told = estimate(context, estimand, alone, [1.0], warnings=warnings, **more)
    return attrs.evolve(
        told,
        p_value=None,
        n_comparison=None,
        method="mean change of schools that joined; every school counts once",
        variance=f"cluster jackknife (CRV3) over partnerships, t with {told.df:.0f} degrees of "
        "freedom",
    )


def before_and_after(found: Joint, title: str, unit: str) -> Iterator[Any]:
    """Yield where schools that joined stood before and after, and would have stood otherwise."""
    [only] = found.each.values()
    before, change, expected = (
        float(only.schools[name].mean())  # type: ignore[arg-type]
        for name in ("before", "change", "expected")
    )
    n = only.schools.height
    joined, otherwise = "that joined", "as elsewhere"
    yield Table(
        id="before_and_after",
        title=title,
        columns=(
            Column(name="when", label="When", kind="dimension"),
            Column(name="who", label="Schools", kind="dimension"),
            Column(name="mean", label="Mean", unit=unit, digits=2),
            Column(name="schools", label="How many", kind="count", of="schools"),
        ),
        rows=[
            ("before", joined, before, n),
            ("after", joined, before + change, n),
            ("before", otherwise, before, n),
            ("after", otherwise, before + expected, n),
        ],
        note="'As elsewhere' is where schools that joined would stand had they changed as others.",
    )
    yield Chart(
        id="before_and_after",
        kind="line",
        title=title,
        data="before_and_after",
        x="when",
        y="mean",
        series="who",
        x_title="Joining a partnership",
        y_title=f"Mean, {unit}",
    )
