"""The measure registry agrees with itself, with the readers, and with the published files."""

from __future__ import annotations

import itertools
from pathlib import Path

import polars as pl
import pytest

from impactkit.pipeline.read import own_measures
from impactkit.readers import core_readers
from impactkit.tables import core_measures, core_tables, validate
from impactkit.tables.national_figures import READ, SAID, national_figures

DATA = Path(__file__).resolve().parents[3] / ".." / "shared" / "data" / "england"
SPEC = next(spec for spec in core_tables() if spec.name == "measures")
KNOWN = {measure.id: measure for measure in core_measures()}
READERS = {reader.id: reader for reader in core_readers()}


def test_each_measure_is_there_once():
    """No id is declared twice: one registry, one meaning."""
    assert len(KNOWN) == len(core_measures())


@pytest.mark.parametrize("reader", READERS.values(), ids=READERS)
def test_readers_fill_registered_measures(reader):
    """Whatever core's readers declare to fill has an entry."""
    assert set(reader.measures) <= set(KNOWN)


@pytest.mark.parametrize("measure", KNOWN.values(), ids=KNOWN)
def test_years_of_a_measure_do_not_contradict_each_other(measure):
    """Breaks and gaps lie within its span, and no year is a break and a gap at once."""
    first, last = measure.first_year or 0, measure.last_year or 9999
    assert first <= last
    years = [*measure.break_years, *measure.soft_break_years]
    assert len(set(years)) == len(years)
    assert all(first <= year <= last for year in (*years, *measure.gap_years))
    assert not set(years) & set(measure.gap_years)
    if measure.low is not None and measure.high is not None:
        assert measure.low < measure.high
        assert all(measure.low <= figure.value <= measure.high for figure in measure.national)


@pytest.mark.parametrize(
    "measure", [m for m in KNOWN.values() if m.continues], ids=lambda measure: measure.id
)
def test_a_continued_measure_ends_where_the_next_begins(measure):
    """Between the two lies a hard break: the first year of the new meaning."""
    before = KNOWN[measure.continues]
    assert before.last_year == measure.first_year - 1
    assert measure.first_year in measure.break_years
    assert before.unit == measure.unit


def test_headers_belong_to_years_of_their_measure():
    """A form that names the years of a header names none in which its measure was not published."""
    from impactkit.readers import ks2, ks4, ks5

    for form in (ks2.FORM, ks4.FORM, ks5.FORM):
        for name, headers in form.measures.items():
            measure = KNOWN[name]
            for header in headers:
                if header.first is not None:
                    assert (measure.first_year or 0) <= header.first, name
                if header.last is not None:
                    assert header.last <= (measure.last_year or 9999), name


def test_gap_years_are_those_without_tests_and_tables():
    """No tests in 2020 and 2021, no school's results of 2022, no progress without a baseline."""
    assert KNOWN["ks2_rwm_expected"].gap_years == (2020, 2021, 2022)
    assert KNOWN["ks2_reading_progress"].gap_years == (2020, 2021, 2022, 2024, 2025)
    assert {2025, 2026} <= set(KNOWN["ks4_progress8"].gap_years)


def test_what_is_checked_names_its_source():
    """A break or gap that claims to be checked says against what."""
    events = [(m.id, e) for m in KNOWN.values() for e in (*m.breaks, *m.gaps)]
    assert events
    assert [name for name, e in events if e.checked and not e.source] == []
    assert [name for name, e in events if not e.text] == []


def test_national_figures_of_the_readme_beside_the_data():
    """The checks beside the data: ratios and absence of 2018 and 2019, key stage 2 of 2017-19."""

    def figure(measure, year, phase):
        [found] = [f.value for f in KNOWN[measure].national if (f.year, f.phase) == (year, phase)]
        return found

    assert figure("pupil_teacher_ratio", 2018, "Primary") == 20.9
    assert figure("pupil_teacher_ratio", 2018, "Secondary") == 16
    assert figure("overall_absence", 2019, "Primary") == 4.0
    assert figure("overall_absence", 2019, "Secondary") == 5.5
    rwm = [figure("ks2_rwm_expected", year, "State-funded") for year in (2017, 2018, 2019)]
    assert rwm == [61, 64, 65]


def test_every_national_figure_belongs_to_a_measure_and_has_a_source():
    """A figure under a mistyped id would be shown nowhere."""
    assert {*READ, *SAID} <= set(KNOWN)
    for name in {*READ, *SAID}:
        assert KNOWN[name].national == national_figures(name) != ()
        assert all(figure.source for figure in national_figures(name))


FILES = {
    "dfe.workforce": "dfe_performance_tables/20??/england_swf.csv",
    "dfe.absence": "dfe_performance_tables/20??/england_abs.csv",
    "dfe.census": "dfe_performance_tables/20??/england_census.csv",
    "dfe.ks2": "ks2_original_by_la/*ks2final.csv",
    "dfe.ks4": "dfe_performance_tables/20??/england_ks4provisional.csv",
    "dfe.ks4_destinations": "dfe_performance_tables/20??/england_ks4-pupdest.csv",
}


@pytest.mark.skipif(not DATA.is_dir(), reason="the published files are not beside the checkout")
def test_national_figures_are_those_of_the_files():
    """Each figure of `READ` stands in the row about England of the file that it names."""
    published = {}
    for reader, pattern in FILES.items():
        paths = sorted(DATA.glob(pattern))
        assert paths, pattern
        for path in paths:
            national = READERS[reader].read(path, None).national
            rows = national.select("measure", "phase", "year", "level", "subgroup", "value")
            for measure, phase, year, level, subgroup, value in rows.iter_rows():
                if (level, subgroup) == ("national", "all"):
                    published[measure, phase, year] = value
    said = [
        ((measure, phase, year), value)
        for measure, phases in READ.items()
        for phase, by_year in phases.items()
        for year, value in by_year.items()
    ]
    assert [(key, value) for key, value in said if published.get(key) != value] == []


def test_soft_and_hard_breaks_are_told_apart():
    """The properties part the breaks, in the order in which they were declared."""
    measure = KNOWN["ks2_rwm_expected"]
    assert (measure.break_years, measure.soft_break_years) == ((2016,), (2018,))
    pairs = itertools.pairwise(KNOWN["ks4_attainment8"].soft_break_years)
    assert all(before < after for before, after in pairs)


OWN = {
    "measure": ["late"],
    "label": ["Late arrivals"],
    "unit": ["percent"],
    "break_years": ["2021; 2023"],
    "soft_break_years": ["2022"],
    "gap_years": ["2020"],
    "exposed_by": ["12-31"],
}


def test_a_study_can_say_what_its_own_measure_means():
    """Breaks, gaps and exposure of a table of one's own, as of core's."""
    checked = validate(pl.DataFrame(OWN), SPEC, file="measures.csv", register=True)
    assert checked.problems == ()
    late = own_measures(checked)["late"]
    assert (late.break_years, late.soft_break_years) == ((2021, 2023), (2022,))
    assert (late.gap_years, late.exposed_by) == ((2020,), "12-31")


@pytest.mark.parametrize(
    ("column", "value", "rule"),
    [
        ("break_years", "2020/21", "expected years of four digits"),
        ("gap_years", "2020; soon", "expected years of four digits"),
        ("exposed_by", "02-31", "it has not the expected form"),
    ],
)
def test_what_is_no_year_and_no_day_is_a_fault(column, value, rule):
    """The row and the column are named, and no measure is made of a faulty table."""
    checked = validate(
        pl.DataFrame(OWN | {column: [value]}), SPEC, file="measures.csv", register=True
    )
    [problem] = checked.problems
    assert (problem.row, problem.column) == (2, column)
    assert rule in problem.rule
    assert own_measures(checked) == {}
