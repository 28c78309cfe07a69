from __future__ import annotations

import json
import xml.etree.ElementTree as ET

import attrs
import pytest

from impactkit.pipeline.wellformed import chart_faults
from impactkit.report.chart_frame import NARROW, WIDE
from impactkit.report.chart_scatter import SHAPES
from impactkit.report.chart_waterfall import steps
from impactkit.report.charts import draw, spec
from impactkit.report.figures import figures_of
from impactkit.report.pictures import Picture, describe, pictures
from impactkit.results import Chart, Column, Table

CORNERS = [
    ("one", 1.0, 2.0, "Clusters"),
    ("two", 3.0, 1.0, "Chains"),
    ("three", -1.0, -2.0, "Clusters"),
    ("four", 2.0, -0.5, "Chains"),
]
PLANE = Chart(
    id="plane", kind="scatter", title="", data="t", x="a", y="b", series="s", reference=0.0
)
PARTS = [
    ("Trend", 3.0, 2.0, 4.0, ""),
    ("Recovery", 2.0, 1.0, 3.0, ""),
    ("Left over", -6.0, -7.0, -5.0, ""),
    ("Raw change", -1.0, -2.0, 0.0, "total"),
]
FALL = Chart(
    id="fall", kind="waterfall", title="", data="t", x="p", y="a", low="l", high="h", series="s"
)


def plane(rows: list[tuple[object, ...]], **changed: object) -> list[Picture]:
    """Return the pictures of a table of names, two numbers and a series."""
    names = ("p", "a", "b", "s")
    table = Table(id="t", title="", columns=[Column(name=n) for n in names], rows=rows)
    return pictures(attrs.evolve(PLANE, **changed), [], [table])


def fall(rows: list[tuple[object, ...]]) -> list[Picture]:
    """Return the pictures of a table of steps with their intervals."""
    names = ("p", "a", "l", "h", "s")
    table = Table(id="t", title="", columns=[Column(name=n) for n in names], rows=rows)
    return pictures(FALL, [], [table])


def words_in(svg: str) -> list[str]:
    """Return the texts of a drawing."""
    return [" ".join(e.itertext()) for e in ET.fromstring(svg).iter() if e.tag.endswith("text")]


@pytest.mark.parametrize("width", [WIDE, NARROW])
@pytest.mark.parametrize("found", [plane(CORNERS), plane(CORNERS, series=""), fall(PARTS)])
def test_specifications_are_valid_and_drawings_fit_their_width(
    found: list[Picture], width: int
) -> None:
    """Altair's copy of the schema accepts them, and no picture is wider than its place."""
    altair = pytest.importorskip("altair")
    [picture] = found
    altair.Chart.from_dict(spec(picture, width), validate=True)
    assert float(ET.fromstring(draw(picture, width)).attrib["width"]) <= width
    assert draw(picture, width) == draw(picture, width)


def test_a_scatter_has_a_line_at_nothing_only_where_points_lie_either_side_of_it() -> None:
    """Four points across zero are parted by an upright line; those right of it are not."""
    [across] = plane(CORNERS)
    [right] = plane([row for row in CORNERS if row[1] > 0])
    uprights = [
        [layer["data"]["values"] for layer in spec(p, WIDE)["layer"] if "data" in layer][1]
        for p in (across, right)
    ]
    assert uprights == [[{"x": 0.0}], []]


def test_series_of_a_scatter_are_named_and_told_apart_without_colour() -> None:
    """Both names are in the key; each has a shape of its own."""
    [picture] = plane(CORNERS)
    texts = words_in(draw(picture, NARROW))
    assert {"Clusters", "Chains"} <= set(texts)
    assert json.dumps(list(SHAPES[:2])) in json.dumps(spec(picture, WIDE))
    assert len(set(SHAPES)) == len(SHAPES)


def test_the_one_of_a_series_is_seen_beside_a_crowd() -> None:
    """Sixty draws are small, the one estimate is larger and drawn after them."""
    crowd = [(str(i), float(i), 1.0, "draws") for i in range(60)]
    [picture] = plane([("it", 30.0, 1.0, "the estimate"), *crowd])
    marks = [e for e in spec(picture, WIDE)["layer"] if e["mark"]["type"] == "point"]
    found = [(e["transform"][0]["filter"]["oneOf"], e["mark"]["size"]) for e in marks]
    (crowds, small), (few, large) = found
    assert (crowds, few) == (["draws"], ["the estimate"])
    assert large > 2 * small


def test_a_long_title_along_the_axis_is_wrapped_on_a_telephone() -> None:
    """All of its words are there, in two lines or more."""
    title = "Distance to the partner, in kilometres, as the mean of a group of schools"
    [picture] = plane(CORNERS, x_title=title)
    assert title in " ".join(words_in(draw(picture, NARROW)))
    assert "…" not in draw(picture, NARROW)
    assert title in words_in(draw(picture, WIDE))


def test_points_without_a_place_are_counted_and_not_drawn() -> None:
    """No first number, no second, and a word for a number: three of seven are missing."""
    lost = [("a", None, 1.0, ""), ("b", 1.0, None, ""), ("c", "withheld", 1.0, "")]
    [picture] = plane([*CORNERS, *lost])
    assert (len(picture.points), picture.missing) == (4, 3)
    table = Table(id="t", title="", columns=[Column(name=n) for n in "pabs"], rows=lost)
    [figure] = figures_of([PLANE], [], [attrs.evolve(table, rows=[*CORNERS, *lost])], "x", {})
    assert "Three values not drawn" in figure.key
    assert "which holds text" in " ".join(chart_faults(PLANE, table))


def test_the_words_of_a_scatter_tell_its_corners() -> None:
    """Two above on the right, one below on either side: counted by hand."""
    [picture] = plane(CORNERS)
    words = describe(picture, 1)
    assert "from −1.00 to 3.00 across and from −2.00 to 2.00 up" in words
    assert "2 above on the right, 1 below on the left, 1 below on the right" in words
    assert "Clusters, Chains" in words


def test_steps_float_and_a_total_stands_on_zero() -> None:
    """Worked by hand: 0 to 3, 3 to 5, 5 to -1, and the total from 0 to -1."""
    [picture] = fall(PARTS)
    found = [(s.start, s.end, s.total) for s in steps(picture.points)]
    assert found == [(0, 3, False), (3, 5, False), (5, -1, False), (0, -1, True)]
    # the interval of the second step, 1 to 3, moved to where the step begins
    assert (steps(picture.points)[1].low, steps(picture.points)[1].high) == (4, 6)
    drawn = words_in(draw(picture, WIDE))
    amounts = ("+3.00", "+2.00", "−6.00", "−1.00")
    # each of them once more in white beneath, so that it is read on a line
    assert [t for t in drawn if t in amounts] == [*amounts, *amounts]


def test_what_follows_a_total_goes_on_from_it() -> None:
    """A second sum begins where the first ended."""
    rows = [("All", 10.0, None, None, "total"), ("Less", -4.0, None, None, "")]
    [picture] = fall(rows)
    assert [(s.start, s.end) for s in steps(picture.points)] == [(0, 10), (10, 6)]


def test_steps_upon_a_withheld_one_are_counted_and_not_drawn() -> None:
    """Where the second step ends is not known, so that the third has nowhere to begin."""
    rows = [PARTS[0], ("Recovery", None, None, None, ""), *PARTS[2:]]
    [picture] = fall(rows)
    assert [p.x for p in picture.points] == ["Trend", "Raw change"]
    assert picture.missing == 2
    assert "Left over" not in " ".join(words_in(draw(picture, WIDE)))
    assert "Left over" not in describe(picture, 1)


def test_the_words_of_a_waterfall_are_its_steps_in_order() -> None:
    """Each amount with its sign, and which of them is the sum."""
    [picture] = fall(PARTS)
    expected = "Trend 3.00; Recovery 2.00; Left over −6.00; in all, Raw change −1.00"
    assert expected in describe(picture, 1)


def test_long_names_of_steps_are_wrapped_and_then_cut() -> None:
    """A name of hundreds of letters takes two lines and no more; nothing of it runs."""
    rows = [("<script>alert(1)</script> " + "long " * 80, 1.0, None, None, "")]
    [picture] = fall(rows)
    svg = draw(picture, NARROW)
    assert "<script" not in svg
    assert "…" in svg
    assert float(ET.fromstring(svg).attrib["width"]) <= NARROW


def test_years_as_steps_are_names() -> None:
    """A step called 2016 is no place on a scale."""
    rows = [(2016, 1.0, None, None, ""), (2017, 2.0, None, None, "")]
    [picture] = fall(rows)
    assert {"2016", "2017"} <= set(words_in(draw(picture, WIDE)))
