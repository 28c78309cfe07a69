"""Data that att_gt cannot use, or can use in part: it says who is affected and what to do."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from impactkit.errors import DataError, EstimationError, UsageError
from impactkit.estimators import att_gt

YEARS = range(2016, 2021)


def panel(**changes: pl.Expr) -> pl.DataFrame:
    """Return 12 units over five years: four each first treated in 2018 and 2019, four never."""
    frame = pl.DataFrame(
        [
            {
                "unit": unit,
                "time": time,
                "cohort": [2018, 2019, None][unit % 3],
                # An arbitrary but fixed pattern, different for every unit and year.
                "y": float((unit * 7 + (time - 2016) * 5 + unit * (time - 2016) ** 2) % 11),
                "x": float((unit * 5) % 7),
            }
            for unit in range(12)
            for time in YEARS
        ]
    )
    return frame.with_columns(**changes)


def fit(frame: pl.DataFrame, **options: Any) -> Any:
    """Call att_gt with the columns of `panel`."""
    columns = {"unit": "unit", "time": "time", "cohort": "cohort", "outcome": "y"}
    return att_gt(frame, **{**columns, **options})


def only(unit: int, then: Any, column: str) -> pl.Expr:
    """Change one unit's values of a column."""
    return pl.when(pl.col("unit") == unit).then(then).otherwise(column)


def test_every_wrong_argument_is_named_at_once() -> None:
    """Five wrong arguments give five problems."""
    with pytest.raises(UsageError) as caught:
        fit(panel(), control="all", method="ols", base_period="x", level=95, bootstrap=-1)
    assert {p.column for p in caught.value.problems} == {
        "control",
        "method",
        "base_period",
        "level",
        "bootstrap",
    }


def test_a_missing_column_suggests_the_one_that_is_meant() -> None:
    """Both missing columns are named, one with a suggestion."""
    with pytest.raises(DataError) as caught:
        fit(panel(), outcome="yy", cluster="partnership")
    first, second = caught.value.problems
    assert (first.column, first.remedy) == ("yy", "Did you mean `y`?")
    assert second.column == "partnership"


@pytest.mark.parametrize(
    ("change", "options", "column", "row", "count"),
    [
        pytest.param({"time": only(3, None, "time")}, {}, "time", 17, 5, id="null time"),
        pytest.param({"time": pl.col("time") + 0.5}, {}, "time", 2, 60, id="time not whole"),
        pytest.param(
            {"cohort": pl.col("cohort").fill_null(0)}, {}, "cohort", 12, 20, id="cohort 0"
        ),
        pytest.param({"y": only(1, float("inf"), "y")}, {}, "y", 7, 5, id="infinite outcome"),
        pytest.param(
            {"x": only(1, -float("inf"), "x")}, {"covariates": "x"}, "x", 7, 5, id="inf x"
        ),
        pytest.param({"x": -pl.col("x") - 1}, {"weights": "x"}, "x", 2, 60, id="negative weights"),
        pytest.param({"x": only(2, None, "x")}, {"weights": "x"}, "x", 12, 5, id="null weights"),
        pytest.param({"x": only(2, None, "x")}, {"cluster": "x"}, "x", 12, 5, id="null cluster"),
        pytest.param({"x": pl.col("time")}, {"cluster": "x"}, "x", 3, 48, id="cluster changes"),
        pytest.param(
            {
                "cohort": pl.when((pl.col("unit") == 0) & (pl.col("time") > 2018))
                .then(None)
                .otherwise("cohort")
            },
            {},
            "cohort",
            5,
            2,
            id="treatment switches off",
        ),
        pytest.param({"unit": only(1, 0, "unit")}, {"cohort": "c"}, "unit", 7, 5, id="duplicates"),
    ],
)
def test_bad_values_name_column_and_first_row(
    change: dict[str, Any], options: dict[str, Any], column: str, row: int, count: int
) -> None:
    """The problem has the column, the first row as a spreadsheet counts, and the number of rows."""
    frame = panel(**change).with_columns(c=pl.lit(2018))
    with pytest.raises(DataError) as caught:
        fit(frame, **options)
    (problem,) = caught.value.problems
    assert (problem.column, problem.row, problem.count) == (column, row, count)
    assert problem.rule


@pytest.mark.parametrize(
    ("change", "column"),
    [
        pytest.param({"y": pl.col("y").cast(pl.String)}, "y", id="text outcome"),
        pytest.param({"time": pl.lit("2023/24")}, "time", id="text time"),
        pytest.param({"cohort": pl.lit("2018")}, "cohort", id="text cohort"),
    ],
)
def test_text_where_numbers_belong_is_refused(change: dict[str, Any], column: str) -> None:
    """The type is an error with a remedy; no text is turned into numbers by guess."""
    with pytest.raises(DataError) as caught:
        fit(panel(**change))
    (problem,) = caught.value.problems
    assert problem.column == column
    assert problem.remedy


@pytest.mark.parametrize(
    ("frame", "options", "words"),
    [
        pytest.param(
            panel().filter(pl.col("cohort").is_not_null()),
            {"control": "nevertreated"},
            "none of the 8 units is never treated; use control='notyettreated'",
            id="nobody never treated",
        ),
        pytest.param(
            panel().filter(pl.col("cohort") == 2018),
            {},
            "all 4 units are first treated in 2018; add units",
            id="one cohort",
        ),
        pytest.param(
            panel(cohort=pl.lit(2016)),
            {},
            "12 treated units were left out .60 rows: already treated in the first period, 2016",
            id="all treated in the first year",
        ),
        pytest.param(panel(cohort=pl.lit(None)), {}, "no treated unit is left", id="none treated"),
        pytest.param(panel(y=pl.lit(None)), {}, "60 rows: no value of y", id="no outcome"),
        pytest.param(panel().head(0), {}, "no treated unit", id="empty"),
        pytest.param(panel(), {"anticipation": 4}, "8 treated units", id="anticipation too long"),
        pytest.param(
            panel().filter((pl.col("time") - 2016) != pl.col("unit") % 5),
            {"allow_unbalanced_panel": False},
            "48 rows: not observed in all 5 periods",
            id="nobody complete",
        ),
    ],
)
def test_a_design_that_cannot_work_says_why(
    frame: pl.DataFrame, options: dict[str, Any], words: str
) -> None:
    """The message has counts, and a remedy where there is one."""
    with pytest.raises(EstimationError, match=words):
        fit(frame, **options)


def cells(found: Any) -> dict[tuple[int, int], Any]:
    """Return the cells by cohort and period."""
    return dict(zip(found.index, found.cells, strict=True))


def test_rows_left_out_are_counted_by_reason() -> None:
    """Missing outcomes and early treatment: rows, whole units, and how many were treated."""
    early = pl.when(pl.col("unit") == 3).then(2016).otherwise("cohort")
    missing = pl.when((pl.col("unit") == 2) | (pl.col("time") == 2020) & (pl.col("unit") == 0))
    found = fit(panel(cohort=early, y=missing.then(float("nan")).otherwise("y")))
    assert [(e.reason, e.n_rows, e.n_schools, e.treated) for e in found.exclusions] == [
        ("missing", 6, 1, 0),
        ("already_treated", 5, 1, 1),
    ]
    assert "1 of 10 units lack some of the 5 periods" in found.warnings[0]


def test_where_all_are_treated_in_the_end_the_last_cohort_is_the_comparison() -> None:
    """Later effects are not estimable, with the reason; none is asked of the last cohort."""
    found = fit(panel().filter(pl.col("cohort").is_not_null()))
    assert [(e.reason, e.n_rows, e.n_schools) for e in found.exclusions] == [
        ("no_comparison", 16, 0),
        ("comparison_only", 0, 4),
    ]
    by_name = cells(found)
    assert {name for name, c in by_name.items() if c.status == "ok"} == {(2018, 2017), (2018, 2018)}
    assert "none is still untreated in 2020" in by_name[2018, 2020].reason
    simple = found.aggregate("simple").overall
    assert simple.value == by_name[2018, 2018].value
    assert "2 of 3 effects by cohort and period could not be estimated" in simple.warnings[0]
    calendar = found.aggregate("calendar")
    assert [t.status for t in calendar.terms] == ["ok", "not_estimable", "not_estimable"]


def test_one_treated_unit_gets_a_value_but_no_interval() -> None:
    """Its own variation is unknown; the overall effect says that it lacks that part."""
    found = fit(panel().filter(~pl.col("unit").is_in([3, 6, 9])))
    cell = cells(found)[2018, 2018]
    assert (cell.n_schools, cell.n_treated_clusters) == (1, 1)
    assert cell.value is not None
    assert cell.std_error is not None
    assert (cell.ci_low, cell.p_value) == (None, None)
    assert "one treated unit only" in cell.reason
    assert "a single treated cluster in 2018" in found.aggregate("simple").overall.warnings[0]


def test_one_cluster_leaves_no_standard_error() -> None:
    """All units in one cluster: values, and a reason in place of every interval."""
    found = fit(panel(c=pl.lit("P1")), cluster="c")
    for cell in found.cells:
        assert cell.value is not None
        assert (cell.std_error, cell.ci_low, cell.n_clusters) == (None, None, 1)
        assert "one treated cluster (of 4 units)" in cell.reason
    assert found.pretest().value is None
    assert "1 treated cluster is too few" in found.pretest().text
    assert "none of 3" in found.pretest("chi2").text


def test_a_year_that_nobody_has_moves_the_base_back() -> None:
    """Without 2017 the base of cohort 2018 is 2016: a difference of means, worked out here."""
    frame = panel().filter(pl.col("time") != 2017)

    def mean(first: pl.Expr, time: int) -> float:
        return float(frame.filter(first, pl.col("time") == time)["y"].mean())  # type: ignore

    treated, never = pl.col("cohort") == 2018, pl.col("cohort").is_null()
    expected = mean(treated, 2018) - mean(treated, 2016) - mean(never, 2018) + mean(never, 2016)
    cell = cells(fit(frame, control="nevertreated"))[2018, 2018]
    assert cell.value == pytest.approx(expected, abs=1e-12)


def test_a_cohort_without_its_base_year_is_not_estimable() -> None:
    """The other cohort is estimated all the same, and the reason names period and remedy."""
    gap = (pl.col("cohort") == 2018) & (pl.col("time") == 2017)
    by_name = cells(fit(panel().filter(~gap.fill_null(False))))
    assert by_name[2019, 2019].status == "ok"
    assert by_name[2018, 2019].status == "not_estimable"
    assert by_name[2018, 2019].reason.startswith(
        "none of the 4 units of cohort 2018 has an outcome with a positive weight in 2017, the base"
    )


@pytest.mark.parametrize("method", ["dr", "reg", "ipw"])
@pytest.mark.parametrize(
    "z",
    [pl.lit(2.0), pl.lit("all"), 2 * pl.col("x") + 1],
    ids=["constant", "one category", "collinear"],
)
def test_a_covariate_without_information_is_named(method: str, z: pl.Expr) -> None:
    """Constant or collinear: no effect is estimable, and the reason names the covariate."""
    found = fit(panel(z=z), covariates=["x", "z"], method=method)
    for cell in found.cells:
        assert cell.status == "not_estimable"
        assert "z is constant or determined by the other covariates" in cell.reason


def test_rows_without_a_covariate_are_left_out_and_counted() -> None:
    """The unit without one is gone, in words."""
    found = fit(panel(x=only(4, None, "x")), covariates=["x"], method="reg")
    assert [(e.text, e.n_rows, e.n_schools, e.treated) for e in found.exclusions] == [
        ("no value of x", 5, 1, 1)
    ]


def test_perfect_separation_is_a_want_of_overlap() -> None:
    """A covariate that tells the groups apart stops dr and ipw, with a remedy."""
    separating = panel(z=pl.col("cohort").is_null().cast(pl.Float64) + pl.col("x") / 100)
    for method in ("dr", "ipw"):
        found = fit(separating, covariates=["z"], method=method, control="nevertreated")
        assert {c.status for c in found.cells} == {"not_estimable"}
        assert "too little overlap: the covariates (z)" in found.cells[0].reason
        assert "outcome regression only" in found.cells[0].reason


def test_weights_of_zero_leave_nobody() -> None:
    """A cohort whose units all weigh nothing is not estimable, and not a division by zero."""
    weight = (pl.col("cohort") != 2018).fill_null(True).cast(pl.Float64)
    by_name = cells(fit(panel(w=weight), weights="w"))
    assert {c.status for (g, _), c in by_name.items() if g == 2018} == {"not_estimable"}
    assert {c.status for (g, _), c in by_name.items() if g == 2019} == {"ok"}


def test_an_outcome_that_never_varies_has_no_standard_error() -> None:
    """The effect is zero, and instead of an interval of no width there is a reason."""
    for options in ({}, {"bootstrap": 50, "seed": 1}):
        cell = fit(panel(y=pl.lit(3.0)), **options).cells[0]
        assert (cell.value, cell.std_error, cell.ci_low) == (0.0, None, None)
        assert "do not vary" in cell.reason


def test_options_without_meaning_for_an_aggregation_are_refused() -> None:
    """Nothing is ignored in silence."""
    found = fit(panel())
    for kind, options in (("calendar", {"min_e": 0}), ("simple", {"balance_e": 1}), ("all", {})):
        with pytest.raises(UsageError):
            found.aggregate(kind, **options)
    outside = found.aggregate("dynamic", min_e=9)
    assert outside.overall.status == "not_estimable"
    assert "in the event times asked for" in outside.overall.reason


def test_no_nan_reaches_a_frame() -> None:
    """Effects that cannot be had are null, with a status and a reason, in every column."""
    gap = (pl.col("cohort") == 2018) & (pl.col("time") == 2017)
    found = fit(panel().filter(~gap.fill_null(False)), base_period="universal")
    for frame in (found.to_frame(), found.aggregate("dynamic").to_frame()):
        floats = frame.select(pl.selectors.float())
        assert not any(floats[c].is_nan().any() for c in floats.columns)
        no_interval = frame.filter(pl.col("ci_low").is_null())
        assert no_interval.height
        assert (no_interval["reason"] != "").all()
