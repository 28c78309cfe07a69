"""Bars of parts, grids and ribbons: read from tables, drawn to scale, told in words."""

from __future__ import annotations

import itertools
import xml.etree.ElementTree as ET
from typing import Any

import attrs
import pytest

from impactkit.report import theme
from impactkit.report.charts import NARROW, WIDE, draw, spec
from impactkit.report.figures import figures_of
from impactkit.report.pictures import Picture, describe, pictures
from impactkit.results import Chart, Column, Table

LONG = Table(
    id="answers",
    title="",
    columns=[
        Column(name="item", kind="dimension"),
        Column(name="answer", kind="dimension"),
        Column(name="year", kind="dimension"),
        Column(name="share"),
    ],
    rows=[
        ["Leading <b>change</b>", "Agree", "2020", 30.0],
        ["Leading <b>change</b>", "Disagree", "2020", 10.0],
        ["Coaching", "Agree", "2020", 20.0],
        ["Coaching", "Disagree", "2020", None],
        ["Coaching", "Agree", "2021", 99.0],
    ],
)
WIDE_TABLE = Table(
    id="fates",
    title="",
    columns=[
        Column(name="year", kind="dimension"),
        Column(name="all", label="Teachers", kind="count", of="people"),
        Column(name="stayed", label="Stayed", kind="count", of="people"),
        Column(name="left", label="Left", kind="count", of="people"),
    ],
    rows=[[2020, 100, 75, 25], [2021, 60, 60, 0]],
    sums=(("all", ("stayed", "left")),),
)
KINDS = ("stacked", "heatmap", "flow")


def long(kind: str) -> Picture:
    """Return the picture of the long table, of one year."""
    chart = Chart(
        id="a",
        kind=kind,  # type: ignore[arg-type]
        title="",
        data="answers",
        x="item",
        y="share",
        series="answer",
        where={"year": "2020"},
    )
    (found,) = pictures(chart, [], [LONG])
    return found


def wide(kind: str, **fields: str) -> Picture:
    """Return the picture of the wide table, whose columns add up."""
    chart = Chart(id="b", kind=kind, title="", data="fates", y="all", **fields)  # type: ignore[arg-type]
    (found,) = pictures(chart, [], [WIDE_TABLE])
    return found


def values(layer: dict[str, Any]) -> list[Any]:
    """Return the inline data of a layer."""
    return layer["data"]["values"]


def texts(picture: Picture, width: int = WIDE) -> list[str]:
    """Return the words of a drawing."""
    root = ET.fromstring(draw(picture, width))
    return [" ".join(e.itertext()) for e in root.iter() if e.tag.endswith("text")]


@pytest.mark.parametrize("width", [WIDE, NARROW])
@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_valid_fits_its_width_and_escapes_names(kind: str, width: int) -> None:
    """Altair's schema accepts it; the drawing is XML no wider than asked; names are text."""
    altair = pytest.importorskip("altair")
    altair.Chart.from_dict(spec(long(kind), width), validate=True)
    svg = draw(long(kind), width)
    assert float(ET.fromstring(svg).attrib["width"]) <= width
    assert "<b>" not in svg
    assert "&lt;b&gt;" in svg
    assert svg == draw(long(kind), width)


@pytest.mark.parametrize("kind", KINDS)
def test_a_withheld_value_is_counted_and_never_drawn(kind: str) -> None:
    """Three of the four values of that year are there; the caption tells of the fourth."""
    picture = long(kind)
    assert [p.y for p in picture.points] == [30.0, 10.0, 20.0]
    assert picture.missing == 1
    (figure,) = figures_of([picture.chart], [], [LONG], "m", {})
    assert "One value not drawn: see the table." in figure.key
    assert ("Grey: no figure." in figure.key) == (kind == "heatmap")


def test_where_keeps_the_rows_of_a_table() -> None:
    """The row of another year is no part of the picture, and is not called missing."""
    assert 99.0 not in [p.y for p in long("stacked").points]
    everything = attrs.evolve(long("stacked").chart, where={})
    (found,) = pictures(everything, [], [LONG])
    assert 99.0 in [p.y for p in found.points]


def test_columns_that_add_up_are_the_parts() -> None:
    """Without series the columns named in `sums` stand for it, by their labels; years are names."""
    ribbons = wide("flow", x="year")
    assert [(p.x, p.series, p.y) for p in ribbons.points] == [
        ("2020", "Stayed", 75.0),
        ("2020", "Left", 25.0),
        ("2021", "Stayed", 60.0),
        ("2021", "Left", 0.0),
    ]
    bars = wide("stacked", x="year")
    assert [p.y for p in bars.points] == [75.0, 25.0, 100.0, 0.0]  # per cent of 100, and of 60
    grid = wide("heatmap", series="year")
    assert [(p.x, p.series) for p in grid.points][:2] == [("Stayed", "2020"), ("Left", "2020")]
    every = attrs.evolve(grid.chart, y="")
    (found,) = pictures(every, [], [WIDE_TABLE])
    assert [p.x for p in found.points][:3] == ["Teachers", "Stayed", "Left"]


def test_parts_of_a_bar_follow_one_another() -> None:
    """Each part begins where the one before ended; what is negative goes the other way."""
    picture = wide("stacked", x="year")
    ends = [(v["from"], v["to"]) for v in values(spec(picture, WIDE)["layer"][0])]
    assert ends == [(0.0, 75.0), (75.0, 100.0), (0.0, 100.0), (100.0, 100.0)]
    points = tuple(attrs.evolve(p, y=-p.y if p.series == "Left" else p.y) for p in picture.points)
    turned = spec(attrs.evolve(picture, points=points), WIDE)["layer"][0]
    assert [(v["from"], v["to"]) for v in values(turned)][1] == (0.0, -25.0)


def test_amounts_are_written_where_there_is_room() -> None:
    """75, 25 and 100 are in their parts; the part of nobody has no number."""
    layer = spec(wide("stacked", x="year"), WIDE)["layer"][1]
    assert [v["label"] for v in values(layer)] == ["75", "25", "100"]
    assert "2021" in texts(wide("stacked", x="year"), NARROW)


def test_a_grid_has_the_number_in_each_cell_and_grey_where_there_is_none() -> None:
    """The largest is darkest, and what has no figure is neither light nor dark."""
    cells = values(spec(long("heatmap"), WIDE))
    by = {(c["x"], c["row"]): c for c in cells}
    assert by["Leading <b>change</b>", "Agree"]["fill"] == theme.DARK
    assert by["Leading <b>change</b>", "Agree"]["label"] == "30"
    assert by["Leading <b>change</b>", "Disagree"]["fill"] == theme.LIGHT
    assert by["Coaching", "Disagree"] == {
        "x": "Coaching",
        "row": "Disagree",
        "label": "",
        "fill": theme.GREY,
    }


def test_ribbons_are_as_thick_as_their_amounts_and_fill_their_bars() -> None:
    """Both sides are as tall; a ribbon has one thickness from end to end, in one scale."""
    drawn = spec(wide("flow", x="year"), WIDE)["layer"]
    thick = {}
    for v in values(drawn[0]):
        thick.setdefault(v["ribbon"], set()).add(round(v["bottom"] - v["top"], 6))
    assert thick == {"2020 → Stayed": {112.5}, "2020 → Left": {37.5}, "2021 → Stayed": {90.0}}
    tall = {v["name"]: v["bottom"] - v["top"] for v in values(drawn[1])}
    assert tall == pytest.approx({"2020": 150.0, "2021": 90.0})
    assert any("135" in text for text in texts(wide("flow", x="year")))


def test_an_amount_below_nought_flows_nowhere_and_is_counted() -> None:
    """A ribbon cannot be thinner than nothing."""
    rows = [["A", "B", "2020", 5.0], ["A", "C", "2020", -2.0]]
    (found,) = pictures(long("flow").chart, [], [attrs.evolve(LONG, rows=rows)])
    assert found.missing == 1
    assert [p.series for p in found.points] == ["B"]


def test_ribbons_of_nothing_are_drawn_as_nothing() -> None:
    """Amounts that are all nought make no picture fail."""
    nothing = attrs.evolve(LONG, rows=[["A", "B", "2020", 0.0]])
    (found,) = pictures(long("flow").chart, [], [nothing])
    assert all(values(layer) == [] for layer in spec(found, WIDE)["layer"])
    ET.fromstring(draw(found, WIDE))


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("stacked", "Two bars, in parts: Agree, Disagree. The largest part is 30, at Leading"),
        ("heatmap", "Grid of 2 by 2: lowest 10 at Leading"),
        ("flow", "Ribbons from two bars to Agree, Disagree: the thickest, from Leading"),
    ],
)
def test_each_kind_is_told_in_words(kind: str, words: str) -> None:
    """Who cannot see the picture hears its largest value; a grid says how many cells are empty."""
    said = describe(long(kind), 0)
    assert said.startswith(words)
    assert ("one cell without a figure" in said) == (kind == "heatmap")


def luminance(colour: str) -> float:
    """Return the relative luminance (WCAG 2.2)."""
    parts = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    r, g, b = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


@pytest.mark.parametrize("n", [2, 3, 4, 5, 7])
def test_parts_are_told_apart_without_colour(n: int) -> None:
    """On a grey copy each part of a bar is darker or lighter than every other."""
    greys = sorted(luminance(colour) for colour in theme.parts(n))
    steps = [(b + 0.05) / (a + 0.05) for a, b in itertools.pairwise(greys)]
    assert min(steps) > 1.2


@pytest.mark.parametrize("share", [i / 20 for i in range(21)])
def test_numbers_can_be_read_on_every_shade(share: float) -> None:
    """Contrast of the ink on the fill is 4.5 to 1 or more (WCAG 2.2, 1.4.3)."""
    fill = theme.shade(share)
    ink = theme.ink_on(fill)

    one, other = sorted((luminance(fill), 1.0 if ink == "white" else 0.0))
    assert (other + 0.05) / (one + 0.05) >= 4.5
