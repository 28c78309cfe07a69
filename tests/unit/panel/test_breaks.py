"""Years that cannot stand side by side, values that cannot be, and zeros that were symbols."""

from __future__ import annotations

import polars as pl
import pytest

from impactkit.panel import breaks_crossed, gap_years_filled, suspicious_zeros
from impactkit.panel.breaks import continued, years_of
from impactkit.types import Break, Gap, Measure

NEW = Measure(
    id="new",
    label="New",
    unit="percent",
    low=0,
    high=100,
    first_year=2016,
    breaks=[2016, Break(2018, "less is asked for", hard=False)],
    gaps=[Gap(2020, "No tests were held.")],
    continues="old",
)
OLD = Measure(id="old", label="Old", unit="percent", low=0, high=100, last_year=2015)
MEASURES = {"new": NEW, "old": OLD}


def rows(*values):
    """Return outcome rows: measure, year, value."""
    return pl.DataFrame(
        values, schema={"measure": pl.String, "year": pl.Int64, "value": pl.Float64}, orient="row"
    )


@pytest.mark.parametrize(
    ("years", "crossed"),
    [
        ([2014, 2015], []),
        ([2015, 2016], [2016]),
        ([2016, 2017], []),
        ([2013, 2019], [2016, 2018]),
        ([2018, 2019], []),
        ([2016], []),
        ([], []),
    ],
)
def test_a_break_is_crossed_by_years_on_both_sides(years, crossed):
    """The year of a break is the first of the new meaning: beginning with it crosses nothing."""
    assert [item.year for item in breaks_crossed(NEW, years)] == crossed


def test_values_of_gap_years_are_named_with_their_file_row_and_number():
    """Filled years are one problem a measure, year and file, with the first row and the count."""
    frame = rows(("new", 2019, 60.0), ("new", 2020, 61.0), ("new", 2020, 62.0), ("new", 2020, None))
    frame = frame.with_columns(source=pl.lit("results.csv"), source_row=pl.Series([2, 3, 4, 5]))
    [problem] = gap_years_filled(frame, MEASURES)
    assert (problem.file, problem.row, problem.count) == ("results.csv", 3, 2)
    assert problem.severity == "error"
    assert "new has values of 2019/20 (2020)" in problem.rule
    assert "no tests were held" in problem.rule
    assert "Take these rows out" in problem.remedy


def test_values_before_the_first_and_after_the_last_year_are_told_apart():
    """Each says when the measure began or ended, and which one there was before."""
    before, after = gap_years_filled(rows(("new", 2015, 50.0), ("old", 2016, 80.0)), MEASURES)
    assert "first published for 2015/16; before, there was old" in before.rule
    assert "last published for 2014/15" in after.rule


def test_years_without_values_and_measures_of_ones_own_are_no_fault():
    """A row whose value is withheld fills nothing; a measure without an entry has no gap."""
    frame = rows(("new", 2020, None), ("late", 2020, 4.0), ("new", 2019, 60.0))
    assert gap_years_filled(frame, MEASURES) == ()


def test_a_measure_is_continued_by_the_one_before_it_up_to_its_first_year():
    """Rows of the older measure carry the newer's id; those of the years of the newer stay out."""
    frame = rows(("new", 2016, 50.0), ("old", 2015, 80.0), ("old", 2016, 81.0))
    found = continued(frame, "new", MEASURES).sort("year")
    assert found.rows() == [("new", 2015, 80.0), ("new", 2016, 50.0)]
    assert years_of(frame, "new", MEASURES) == (2015, 2016)
    assert years_of(frame, "new", MEASURES, years=(2016, 2019)) == (2016,)
    assert years_of(frame, "new", MEASURES, leave_out=[2015]) == (2016,)


def year(measure, at, zeros, symbols, others):
    """Return a year's rows: so many zeros, so many symbols, and other values."""
    values = [*[0.0] * zeros, *[None] * symbols, *others]
    return rows(*[(measure, at, value) for value in values])


SPREAD = [float(v) for v in range(1, 81)]


def test_zeros_in_place_of_the_symbols_of_other_years_are_found():
    """A fifth of rows have a symbol in two years; in the third they are zeros."""
    frame = pl.concat(
        [year("old", at, 1, 20, SPREAD) for at in (2012, 2013)] + [year("old", 2014, 20, 0, SPREAD)]
    )
    [found] = suspicious_zeros(frame, MEASURES)
    assert (found.year, found.n_zeros, found.n_symbols) == (2014, 20, 0)
    assert found.evidence == (
        "20% of its rows are 0 and 0% have a symbol; in the other years 1% are 0 and 20% have a "
        "symbol"
    )


def test_zeros_far_from_every_other_value_are_found_without_other_years():
    """Nothing between 0 and 40 where half of the others lie below 60."""
    frame = year("old", 2014, 8, 0, [float(v) for v in range(40, 81)])
    [found] = suspicious_zeros(frame, MEASURES)
    assert found.n_zeros == 8
    assert "between 0 and 40 there is no value" in found.evidence


@pytest.mark.parametrize(
    "frame",
    [
        year("old", 2014, 8, 0, SPREAD),
        year("old", 2014, 4, 0, [60.0] * 40),
        year("old", 2014, 8, 3, [60.0] * 40),
        pl.concat([year("old", at, 20, 20, SPREAD) for at in (2013, 2014)]),
    ],
    ids=["zeros are the end of a range", "a few", "symbols are there too", "zeros every year"],
)
def test_zeros_that_may_be_true_are_left_alone(frame):
    """A zero beside small values, beside symbols or as usual as ever is no finding."""
    assert suspicious_zeros(frame, MEASURES) == ()


def test_grades_and_measures_that_can_be_negative_have_true_zeros():
    """0 is the middle of a progress score, and the word for no in a category."""
    measures = {
        "progress": Measure(id="progress", label="P", unit="points", low=-10, high=10),
        "category": Measure(id="category", label="C", unit="grade", low=0, high=1),
    }
    frame = pl.concat(
        [year("progress", 2014, 9, 0, [2.0] * 30), year("category", 2014, 9, 0, [1.0] * 30)]
    )
    assert suspicious_zeros(frame, measures) == ()
