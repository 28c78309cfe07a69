"""Every fault of a table, all at once, by file, row, column and value; nothing else is refused."""

from __future__ import annotations

import datetime as dt
import decimal
from typing import Any

import attrs
import polars as pl
import pytest

from impactkit.declarations import ColumnSpec, TableSpec
from impactkit.errors import Problem
from impactkit.tables import Validated, core_tables, validate
from impactkit.types import Measure

SPECS = {spec.name: spec for spec in core_tables()}


def check(table: str, rows: dict[str, list[Any]], **how: Any) -> Validated:
    """Validate a small table given by columns."""
    return validate(pl.DataFrame(rows), SPECS[table], file=f"{table}.csv", **how)


def told(result: Validated, severity: str = "error") -> list[tuple[str, int | None, str]]:
    """Return code, row and column of the problems of a severity."""
    return [(p.code, p.row, p.column) for p in result.problems if p.severity == severity]


def test_a_good_register_comes_out_typed_with_its_source() -> None:
    """Headers are forgiven case and spaces; columns come in the order of the spec."""
    result = check(
        "memberships",
        {
            "Joined": ["01/09/2019", "2020-09-01"],
            "URN": ["100001", "100002"],
            "Partnership ID": ["P1", "P1"],
            "Role": ["Client", "PEER"],
        },
    )
    assert result.problems == ()
    assert result.frame.rows() == [
        ("P1", 100001, "client", dt.date(2019, 9, 1), "memberships.csv", 2),
        ("P1", 100002, "peer", dt.date(2020, 9, 1), "memberships.csv", 3),
    ]
    assert result.frame.columns == [
        "partnership_id",
        "urn",
        "role",
        "joined",
        "source",
        "source_row",
    ]
    assert result.rejected.height == 0


def test_a_blank_role_among_others_is_taken_as_peer_and_told() -> None:
    """It may have been forgotten, and a peer counts as treated; rows and the table stay usable."""
    result = check(
        "memberships",
        {
            "partnership_id": ["P1", "P1", "P1"],
            "urn": ["100001", "100002", "100003"],
            "role": ["supporter", " ", "client"],
        },
    )
    assert result.frame["role"].to_list() == ["supporter", "peer", "client"]
    (problem,) = result.problems
    assert (problem.code, problem.severity, problem.count) == ("role.blank", "warning", 1)
    assert "the first blank one is row 3" in problem.rule


def test_without_a_role_every_school_is_a_peer() -> None:
    """The default is for a column that is not there, as for a blank cell."""
    result = check("memberships", {"partnership_id": ["P1"], "urn": ["100001"]})
    assert result.frame["role"].to_list() == ["peer"]


BAD = {
    "partnership_id": ["P1", "P1", "P1", "P2", "P2", ""],
    "urn": ["10000", "100002", "100003", "100004", "100004", "100005"],
    "role": ["peer", "suporter", "peer", "peer", "peer", "peer"],
    "joined": ["01/09/2019", "01/09/2019", "09/30/2019", "01/09/2019", "01/09/2019", "01/09/2019"],
    "left": ["", "", "", "31/08/2018", "", ""],
}
FAULTS = [
    ("urn.format", 2, "urn"),
    ("role.unknown", 3, "role"),
    ("joined.order", 4, "joined"),
    ("left.order", 5, "left"),
    ("key.duplicate", 6, "partnership_id, urn, role, joined"),
    ("partnership_id.missing", 7, "partnership_id"),
]


def test_every_fault_of_a_register_is_told_at_once() -> None:
    """File, row, column, value and remedy: what a person needs to mend it."""
    result = check("memberships", BAD)
    assert told(result) == FAULTS
    assert all(p.file == "memberships.csv" and p.rule and p.remedy for p in result.problems)
    texts = [str(problem) for problem in result.problems]
    assert texts[1] == (
        "Row 3 of memberships.csv: `role` is 'suporter'; there is no such role. "
        "Did you mean 'supporter'?"
    )
    assert "it is before `joined`" in texts[3]
    assert "stands in row 5 already" in texts[4]


def test_the_same_faults_in_an_official_extract_cost_their_rows_only() -> None:
    """Set aside with their reason, counted, and warned of; a row given twice is kept."""
    result = check("memberships", BAD, register=False)
    assert result.errors == ()
    assert told(result, "warning") == FAULTS
    assert result.rejected["row"].to_list() == [2, 3, 4, 5, 7]
    assert result.rejected["reason"].to_list()[0] == "`urn`: expected six digits"
    assert not any("10000" in reason for reason in result.rejected["reason"])
    assert '"urn":"10000"' in result.rejected["values"][0]
    assert result.frame["source_row"].to_list() == [6]
    assert result.n_rows == result.frame.height + result.rejected.height


def test_outcomes_take_symbols_and_nothing_else() -> None:
    """A symbol is a status; an unknown one is an error even in an official extract."""
    rows = {
        "urn": ["100001", "100002", "100003", "100004"],
        "year": ["2023/24"] * 4,
        "measure": ["overall_absence"] * 4,
        "value": ["4.0", "SUPP", "", "hidden"],
    }
    for register in (True, False):
        result = check("outcomes", rows, register=register)
        assert told(result) == [("symbol.unknown", 5, "value")]
    good = check("outcomes", {name: column[:3] for name, column in rows.items()})
    assert good.problems == ()
    chosen = good.frame.select("year", "subgroup", "value", "status")
    assert chosen.rows() == [
        (2024, "all", 4.0, "ok"),
        (2024, "all", None, "supp"),
        (2024, "all", None, "x"),
    ]


def test_a_value_and_its_status_have_to_agree() -> None:
    """Neither a suppressed value nor an ok without one."""
    result = check(
        "outcomes",
        {
            "urn": ["100001", "100002", "100003"],
            "year": ["2024"] * 3,
            "measure": ["m"] * 3,
            "value": ["4.0", "", "5"],
            "status": ["c", "ok", ""],
        },
    )
    assert told(result) == [("status.value", 2, "status"), ("value.missing", 3, "value")]


@pytest.mark.parametrize(
    ("table", "rows", "fault"),
    [
        (
            "outcomes",
            {"year": ["2024"], "measure": ["m"], "value": ["50"], "urn": ["100001"]}
            | {"numerator": ["12"], "denominator": ["10"]},
            ("numerator.range", 2, "numerator"),
        ),
        (
            "outcomes",
            {"year": ["2024"], "measure": ["m"], "value": ["50"], "urn": ["100001"]}
            | {"numerator": ["SUPP"]},
            ("numerator.number", 2, "numerator"),
        ),
        (
            "leadership_spells",
            {"staff_key": ["a"], "urn": ["100001"], "level": ["head"], "start": ["2019-09-01"]}
            | {"fte": ["1.5"]},
            ("fte.range", 2, "fte"),
        ),
        (
            "governor_activity",
            {"activity_id": ["G1"], "date": ["2019-11-12"], "type": ["peer review"]}
            | {"boards": [";"]},
            ("boards.empty", 2, "boards"),
        ),
        (
            "memberships",
            {"partnership_id": ["P1"], "urn": [""], "school_key": [""]},
            ("school.missing", 2, "urn"),
        ),
        (
            "schools",
            {"urn": ["100001"], "laestab": ["936/2313"]},
            ("laestab.format", 2, "laestab"),
        ),
        (
            "school_links",
            {"urn": ["100001"], "link_urn": ["100002"], "link_type": ["Ancestor"]},
            ("link_type.unknown", 2, "link_type"),
        ),
    ],
)
def test_values_and_rows_that_cannot_be_are_faults(
    table: str, rows: dict[str, list[str]], fault: tuple[str, int, str]
) -> None:
    """Range, pattern, enumeration, and what two columns say together."""
    assert told(check(table, rows, register=True)) == [fault]


def test_a_figure_outside_the_range_of_its_measure_is_a_fault() -> None:
    """With what it could be, in the words of the registry; other measures are left alone."""
    rows = {
        "urn": ["100001", "100002", "100003"],
        "year": ["2024"] * 3,
        "measure": ["late", "late", "other"],
        "value": ["104", "100", "104"],
    }
    late = Measure(id="late", label="Late arrivals", unit="percent", low=0, high=100)
    result = check("outcomes", rows, measures=[late])
    assert [str(problem) for problem in result.problems] == [
        "Row 2 of outcomes.csv: `value` is '104'; late cannot have this value; expected 0 to 100. "
        "Is it in another unit, or a figure of another column?"
    ]
    assert check("outcomes", rows).problems == ()


def test_a_school_may_return_but_not_be_a_member_twice_at_once() -> None:
    """Spells of one school in one role follow one another."""
    rows = {
        "partnership_id": ["P1"] * 2,
        "urn": ["100001"] * 2,
        "joined": ["2015-09-01", "2018-09-01"],
        "left": ["2017-08-31", ""],
    }
    assert check("memberships", rows).problems == ()
    overlapping = check("memberships", rows | {"left": ["", ""]})
    assert told(overlapping) == [("joined.overlap", 3, "joined")]


def test_columns_that_are_missing_double_or_misspelt_are_told_together() -> None:
    """The first pass stops before values are looked at."""
    result = check(
        "leadership_spells",
        {
            "staff_ky": ["a"],
            "urn": ["no urn"],
            "URN": ["100001"],
            "level": ["head"],
            "start": ["2019-09-01"],
            "destinaton": ["retired"],
            "shoe size": ["42"],
        },
    )
    assert told(result) == [
        ("column.duplicate", 1, "urn"),
        ("column.missing", 1, "staff_key"),
        ("column.unknown", 1, "destinaton"),
    ]
    texts = " ".join(map(str, result.problems))
    assert "Is it the column 'staff_ky'?" in texts
    assert "Did you mean 'destination'?" in texts
    assert told(result, "note") == [("column.extra", None, "")]
    assert result.frame.height == 0


def test_a_second_column_of_a_name_is_not_taken_for_another() -> None:
    """A file with two columns `urn` reaches the tables as `urn` and `urn (2)`."""
    result = check(
        "memberships", {"partnership_id": ["P"], "urn": ["100001"], "urn (2)": ["100002"]}
    )
    assert told(result) == [("column.duplicate", 1, "urn")]


def test_a_table_with_no_column_for_the_school_says_so() -> None:
    """Either `urn` or `school_key` will do."""
    result = check("memberships", {"partnership_id": ["P1"]})
    assert told(result) == [("school.column", None, "urn")]
    assert check("memberships", {"partnership_id": ["P1"], "school_key": ["k"]}).problems == ()


def test_one_column_where_several_are_wanted_points_at_the_delimiter() -> None:
    """The usual sign of a file saved with something else between its columns."""
    result = check("memberships", {"partnership_id^urn^role": ["P1^100001^peer"]})
    assert "another sign than" in str(result.problems[0])


def test_repeated_faults_are_counted_not_repeated() -> None:
    """A thousand rows with one fault make one line, with the number of the rest."""
    rows = {"partnership_id": [f"P{i}" for i in range(1000)], "urn": ["10000"] * 1000}
    (problem,) = check("memberships", rows).problems
    assert (problem.row, problem.count) == (2, 1000)
    assert "999 more like it" in str(problem)
    rows["urn"] = [str(i) for i in range(1000)]
    problems = check("memberships", rows).problems
    assert len(problems) == 20
    assert sum(problem.count for problem in problems) == 1000


def test_rows_without_what_identifies_them_are_not_called_twins() -> None:
    """Two appointments without an id, or two governors without a key, may well be two."""
    rows = {"appointment_id": ["", ""], "urn": ["100001"] * 2, "level": ["head"] * 2}
    assert check("appointments", rows).problems == ()
    rows = {"board_id": ["B1"] * 2, "role": ["Governor"] * 2, "appointed": ["2019-09-01"] * 2}
    assert check("governor_spells", rows).problems == ()


def test_one_governor_of_two_schools_on_one_board_is_no_repetition() -> None:
    """A shared board has a row for each of its schools; the same school twice is one too many."""
    rows = {
        "person_key": ["g1"] * 2,
        "board_id": ["group 17"] * 2,
        "role": ["Governor"] * 2,
        "appointed": ["2019-09-01"] * 2,
    }
    assert check("governor_spells", rows | {"urn": ["100001", "100002"]}).problems == ()
    assert check("governor_spells", rows | {"urn": ["100001"] * 2}).problems


def test_a_valid_frame_is_valid_again() -> None:
    """What comes out can go in: core's readers hand over typed columns."""
    first = check(
        "outcomes",
        {"urn": ["100001", "100002"], "year": ["2024"] * 2, "measure": ["m"] * 2}
        | {"value": ["1.5", "c"]},
    )
    second = validate(first.frame, SPECS["outcomes"], file="outcomes.csv")
    assert second.problems == ()
    assert second.frame.equals(first.frame)


def test_nan_in_memory_is_refused() -> None:
    """A frame of floats has to say null where there is nothing."""
    rows = {"urn": [100001], "year": [2024], "measure": ["m"], "value": [float("nan")]}
    assert told(check("outcomes", rows)) == [("symbol.unknown", 2, "value")]


@pytest.mark.parametrize(
    "values",
    [
        pl.Series([b"\xff"]),
        pl.Series([object()], dtype=pl.Object),
        pl.Series([dt.timedelta(1)]),
        pl.Series([[1, 2]], dtype=pl.Array(pl.Int64, 2)),
        pl.Series([{"a": 1}]),
        pl.Series([[b"\xff"]]),
    ],
    ids=lambda series: str(series.dtype),
)
def test_a_column_of_a_type_that_is_no_text_is_a_problem_and_no_crash(values: pl.Series) -> None:
    """Frames in memory may hold anything."""
    result = check("partnerships", {"partnership_id": ["P1"], "name": values})
    assert told(result) == [("column.type", 1, "name")]


@pytest.mark.parametrize(
    ("values", "urn"),
    [
        (pl.Series([100001], dtype=pl.Int32), 100001),
        (pl.Series(["100001"], dtype=pl.Categorical), 100001),
        (pl.Series([decimal.Decimal(100001)]), 100001),
        (pl.Series([100001.0, None]), 100001),
    ],
    ids=lambda value: str(getattr(value, "dtype", "")),
)
def test_any_type_that_says_the_same_is_taken(values: pl.Series, urn: int) -> None:
    """An integer that came as something else loses nothing."""
    rows = {"urn": values, "partnership_id": ["P1", "P2"][: len(values)]}
    assert check("memberships", rows).frame["urn"].to_list()[0] == urn


def test_a_check_that_fails_is_a_problem_and_no_crash() -> None:
    """A plugin's check may be wrong; the table is then not to be relied upon."""

    def broken(frame: pl.DataFrame, spec: TableSpec) -> list[Problem]:
        raise ZeroDivisionError

    spec = attrs.evolve(SPECS["partnerships"], checks=(broken,))
    result = validate(pl.DataFrame({"partnership_id": ["P1"]}), spec)
    assert told(result) == [("check.failed", None, "")]
    assert "broken" in str(result.problems[0])


def test_a_plugin_s_table_is_checked_like_core_s() -> None:
    """A spec is data: names, types, ranges, and an example in the remedy."""
    spec = TableSpec(
        name="kent.minibuses",
        columns=[
            ColumnSpec(name="plate", pattern=r"^[A-Z]{2}\d{2}$", example="GK19"),
            ColumnSpec(name="seats", dtype="int", low=1, high=17),
        ],
        key=["plate"],
    )
    frame = pl.DataFrame({"plate": ["GK19", "gk19", "GK19"], "seats": ["16", "16", "0"]})
    assert told(validate(frame, spec)) == [
        ("plate.format", 3, "plate"),
        ("seats.range", 4, "seats"),
        ("key.duplicate", 4, "plate"),
    ]


def test_an_empty_table_is_a_warning_and_nothing_at_all_too() -> None:
    """A register may rightly be empty; a frame without columns has been told of already."""
    assert told(
        check("agreements", {"partnership_id": [], "item": [], "present": []}), "warning"
    ) == [("table.empty", None, "")]
    nothing = validate(pl.DataFrame(), SPECS["agreements"])
    assert told(nothing, "warning") == [("table.empty", None, "")]
    assert nothing.errors == ()
