from __future__ import annotations

import itertools
import json
import xml.etree.ElementTree as ET

import attrs
import pytest

from impactkit.report import theme
from impactkit.report.chart_frame import NARROW, WIDE
from impactkit.report.charts import _apart, draw, spec
from impactkit.report.pictures import Picture, describe, pictures
from impactkit.results import Chart, Column, Estimate, Table

HOSTILE = '<script>alert(1)</script> & "quotes" \''


def estimates() -> list[Estimate]:
    """Make seven event times; the value of each is the event time itself."""
    out = []
    for t in range(-3, 4):
        interval = {} if t == -1 else {"ci_low": t - 1.0, "ci_high": t + 1.0}
        band = {} if t == -1 else {"band_low": t - 2.0, "band_high": t + 2.0}
        out.append(
            Estimate(
                measure="maths",
                estimand="ATT by event time",
                term=str(t),
                value=float(t),
                **interval,
                **band,
            )
        )
    return out


def table(n_series: int = 2) -> Table:
    """Make a table of three levels and years for each series."""
    groups = [f"Group {i}" for i in range(n_series)]
    return Table(
        id="levels",
        title="Levels",
        columns=[
            Column(name="level", kind="dimension"),
            Column(name="year", kind="dimension"),
            Column(name="group", kind="dimension"),
            Column(name="rate"),
            Column(name="low"),
            Column(name="high"),
        ],
        rows=[
            [level, year, group, 50.0 + i + year - 2015, 45.0 + i, 60.0 + i + year - 2015]
            for i, group in enumerate(groups)
            for level, year in ((HOSTILE, 2015), ("Zebra", 2016), ("Apple", 2017))
        ],
    )


CHARTS = {
    "event_study": Chart(id="a", kind="event_study", title="", x="term"),
    "line": Chart(
        id="b",
        kind="line",
        title="",
        data="levels",
        x="year",
        y="rate",
        series="group",
        low="low",
        high="high",
        reference=50.0,
    ),
    "step": Chart(id="c", kind="step", title="", data="levels", x="year", y="rate", series="group"),
    "bar": Chart(id="d", kind="bar", title="", data="levels", x="level", y="rate", series="group"),
    "interval": Chart(
        id="e",
        kind="interval",
        title="",
        data="levels",
        x="level",
        y="rate",
        series="group",
        low="low",
        high="high",
        reference=50.0,
    ),
}


def picture(kind: str, n_series: int = 2) -> Picture:
    """Return the one picture that a chart of this kind gives."""
    found = pictures(CHARTS[kind], estimates(), [table(n_series)])
    assert len(found) == 1
    return found[0]


@pytest.mark.parametrize("width", [WIDE, NARROW])
@pytest.mark.parametrize("n_series", [1, 2, 6])
@pytest.mark.parametrize("kind", CHARTS)
def test_every_specification_is_valid_vega_lite(kind: str, n_series: int, width: int) -> None:
    """Altair's copy of the vega-lite schema accepts what is given to the renderer."""
    altair = pytest.importorskip("altair")
    altair.Chart.from_dict(spec(picture(kind, n_series), width), validate=True)


@pytest.mark.parametrize("width", [WIDE, NARROW])
@pytest.mark.parametrize("kind", CHARTS)
def test_a_drawing_is_xml_that_fits_its_width_and_escapes_its_text(kind: str, width: int) -> None:
    """Hostile names are text in the SVG; nothing in it runs, and nothing is fetched."""
    svg = draw(picture(kind), width)
    root = ET.fromstring(svg)
    assert float(root.attrib["width"]) <= width
    tags = {element.tag.rpartition("}")[2] for element in root.iter()}
    assert not tags & {"script", "image", "foreignObject", "use", "a"}
    assert "<script" not in svg
    assert "href" not in svg.replace("xmlns:xlink", "")
    if kind in ("bar", "interval"):
        assert "&lt;script&gt;" in svg


@pytest.mark.parametrize("kind", CHARTS)
def test_the_same_picture_gives_the_same_bytes(kind: str) -> None:
    """Nothing in a drawing comes from a clock, a counter or an order of hashing."""
    assert draw(picture(kind), WIDE) == draw(picture(kind), WIDE)


def test_categories_keep_the_order_of_the_table() -> None:
    """A reader meets rows in the order of the table beside the chart, not in alphabetical order."""
    texts = [
        element.text
        for element in ET.fromstring(draw(picture("bar"), WIDE)).iter()
        if element.tag.endswith("text") and element.text
    ]
    assert texts.index("Zebra") < texts.index("Apple")


def test_an_event_study_takes_event_times_only() -> None:
    """Overall estimates, cohorts and calendar years don't become points."""
    others = [
        Estimate(measure="maths", value=1.0),
        Estimate(measure="maths", term="2016", value=1.0),
        Estimate(measure="maths", term="head", value=1.0),
    ]
    found = pictures(CHARTS["event_study"], [*estimates(), *others], [])
    assert [p.x for p in found[0].points] == [-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0]


def test_each_measure_has_its_own_picture_and_where_chooses() -> None:
    """Estimates of two outcomes are never drawn on one axis."""
    reading = [attrs.evolve(e, measure="reading") for e in estimates()]
    both = [*estimates(), *reading]
    assert [p.measure for p in pictures(CHARTS["event_study"], both, [])] == ["maths", "reading"]
    chosen = attrs.evolve(CHARTS["event_study"], where={"measure": "reading"})
    assert [p.measure for p in pictures(chosen, both, [])] == ["reading"]


def test_values_that_cannot_be_drawn_are_counted() -> None:
    """A withheld value leaves a gap, and the picture knows how many there are."""
    rows = [list(row) for row in table().rows]
    rows[0][3] = None
    rows[1][3] = float("nan")
    found = pictures(CHARTS["bar"], [], [attrs.evolve(table(), rows=rows)])
    assert found[0].missing == 2
    assert len(found[0].points) == 4


def test_no_picture_is_made_of_nothing() -> None:
    """All withheld, an unknown table or an unknown column: no empty axes."""
    gone = [attrs.evolve(e, value=None, status="withheld") for e in estimates()]
    assert pictures(CHARTS["event_study"], gone, []) == []
    assert pictures(CHARTS["bar"], [], []) == []
    assert pictures(attrs.evolve(CHARTS["bar"], y="nowhere"), [], [table()]) == []


def test_the_reference_year_is_drawn_open_and_the_rest_filled() -> None:
    """Seven event times: six with interval and band, one open point for the base period."""
    svg = draw(picture("event_study"), WIDE)
    assert svg.count('stroke-width="5"') == 6
    assert svg.count(f'fill="white" stroke="{theme.DARK_BLUE}"') == 1


def test_a_line_for_joining_stands_only_between_years_before_and_since() -> None:
    """Years counted from an end, or from the first on, have nothing that it could part."""
    whole = picture("event_study")
    since = attrs.evolve(whole, points=tuple(p for p in whole.points if p.x >= 0))
    assert since.points
    assert len(since.points) < len(whole.points)
    assert '"x": -0.5' in json.dumps(spec(whole, WIDE))
    assert '"x": -0.5' not in json.dumps(spec(since, WIDE))


def test_names_along_an_axis_are_tilted_where_they_would_run_into_each_other() -> None:
    """Six academic years fit on a page and not on a telephone."""
    whole = picture("line", 1)
    years = [attrs.evolve(whole.points[0], x=f"{2013 + i}/{14 + i}") for i in range(6)]
    drawn = attrs.evolve(whole, points=tuple(years))
    assert "labelAngle" not in json.dumps(spec(drawn, WIDE)["layer"])
    assert '"labelAngle": -45' in json.dumps(spec(drawn, NARROW)["layer"])


def test_words_say_what_the_picture_shows() -> None:
    """Worked by hand: intervals are t-1 to t+1, so 0, 1 (and not -1, the base) take in zero."""
    words = describe(picture("event_study"), 1)
    assert "from 3 years before joining to 3 years after joining" in words
    assert "from −3.0 to 3.0" in words
    assert "in 2 of 6 years" in words
    own = attrs.evolve(picture("bar"), chart=attrs.evolve(CHARTS["bar"], alt="In my words."))
    assert describe(own, 1) == "In my words."


def test_labels_at_the_end_of_lines_do_not_overlap() -> None:
    """Labels nearer than the gap are moved apart, in order, about their own middle."""
    spread = _apart([5.0, 5.1, 9.0], 1.0)
    assert spread[1] - spread[0] >= 1.0 - 1e-12
    assert spread[2] - spread[1] >= 1.0 - 1e-12
    assert sum(spread) == pytest.approx(19.1)
    assert _apart([1.0, 9.0], 1.0) == [1.0, 9.0]


def luminance(colour: str) -> float:
    """Return the relative luminance of WCAG 2.2."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of WCAG 2.2."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_two_series_and_all_marks_have_enough_contrast() -> None:
    """WCAG: 3:1 between neighbours and for marks on white, 4.5:1 for text on white."""
    assert contrast(*theme.TWO) >= 3
    assert all(contrast(c, "#FFFFFF") >= 3 for c in (theme.DARK_BLUE, theme.MID_BLUE))
    assert all(contrast(c, "#FFFFFF") >= 4.5 for c in (theme.INK, theme.QUIET, theme.DARK_BLUE))


def test_colours_are_those_of_the_analysis_function() -> None:
    """The afcharts package holds the official values."""
    af = pytest.importorskip("afcharts.af_colours")
    official = {
        c.upper() for c in itertools.chain(af.get_af_colours("categorical", number_of_colours=4))
    }
    assert {c.upper() for c in theme.CATEGORICAL} == official
    assert [c.upper() for c in af.get_af_colours("duo")] == [c.upper() for c in theme.TWO]
