"""Bars of parts, grids and ribbons are drawn of what disclosure control releases, and no more."""

from __future__ import annotations

import pytest

from impactkit.disclosure import core_profiles, protect
from impactkit.report.charts import NARROW, draw
from impactkit.report.pictures import Picture, describe, pictures
from impactkit.results import Chart, Column, Evaluation, MetricResult, Table

DFE = core_profiles()[0]
PEOPLE = {"kind": "count", "of": "people"}


def released(kind: str, **fields: str) -> Picture:
    """Return the picture, after disclosure control, of where 104 teachers went: three retired."""
    table = Table(
        id="t",
        title="Teachers",
        columns=[
            Column(name="group of 2", label="School", kind="dimension"),
            Column(name="all", label="Teachers", **PEOPLE),  # type: ignore[arg-type]
            Column(name="stayed", label="Stayed", **PEOPLE),  # type: ignore[arg-type]
            Column(name="moved", label="Moved", **PEOPLE),  # type: ignore[arg-type]
            Column(name="retired", label="Retired", **PEOPLE),  # type: ignore[arg-type]
        ],
        rows=[["group of 2 schools", 104, 80, 21, 3], ["others", 500, 400, 60, 40]],
        sums=(("all", ("stayed", "moved", "retired")),),
    )
    chart = Chart(id="c", kind=kind, title="", data="t", y="all", **fields)  # type: ignore[arg-type]
    result = MetricResult(metric="a.b", plugin="a", tables=[table], charts=[chart])
    safe = protect(Evaluation(title="x", results=[result]), DFE).results[0]
    (picture,) = pictures(safe.charts[0], safe.estimates, safe.tables)
    return picture


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("stacked", {"x": "group of 2"}),
        ("flow", {"x": "group of 2"}),
        ("heatmap", {"series": "group of 2"}),
    ],
)
def test_who_retired_cannot_be_seen_or_reckoned(kind: str, fields: dict[str, str]) -> None:
    """Neither the three nor the part that would give it away as the rest is drawn or told."""
    picture = released(kind, **fields)
    small = [p for p in picture.points if "others" not in (p.x, p.series)]
    assert len(small) < 2
    assert picture.missing >= 2
    shown = draw(picture, NARROW) + describe(picture, 0)
    assert ">3<" not in shown
    assert ">21<" not in shown


def test_a_row_that_is_chosen_by_a_masked_name_is_still_found() -> None:
    """`where` follows the names of columns and rows that disclosure control writes anew."""
    where = {"group of 2": "group of 2 schools"}
    picture = released("flow", x="group of 2", where=where)  # type: ignore[arg-type]
    assert {p.y for p in picture.points} <= {80.0}
    assert picture.missing + len(picture.points) == 3
