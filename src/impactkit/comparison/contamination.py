"""Comparison schools that may have been treated after all: neighbours, partners, same trust.

A comparison school that shares a trust with a treated one, sits next door, or was in a partnership
of its own around the time, has had some of what is evaluated. It makes an effect look smaller, or,
by losing pupils or staff to the treated school, larger. Each function here leaves such comparison
schools out and counts them; treated schools always stay.
"""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl

from impactkit.comparison.group import ComparisonGroup
from impactkit.comparison.schools import Schools, leave_out, require_both, schools
from impactkit.errors import DataError, Problem, did_you_mean
from impactkit.estimators.options import check_options
from impactkit.results import Exclusion


def donut(
    frame: pl.DataFrame | pl.LazyFrame,
    *,
    unit: str,
    treated: str,
    km: float = 5.0,
    easting: str = "easting",
    northing: str = "northing",
) -> ComparisonGroup:
    """Leave out comparison schools within `km` kilometres of a treated school.

    Parameters
    ----------
    frame
        One row a school.
    unit, treated
        Columns: the school, and whether it is treated.
    km
        Radius in kilometres, as the crow flies; a school at exactly that distance goes.
    easting, northing
        Columns of the National Grid, in metres. A comparison school without them cannot be
        cleared, and is left out with that reason.

    Raises
    ------
    DataError, UsageError
        With every fault of the frame, or of the arguments.
    EstimationError
        When no comparison school is left.

    Examples
    --------
    >>> frame = pl.DataFrame({"urn": [1, 2, 3], "treated": [True, False, False],
    ...                       "easting": [530000, 533000, 540000], "northing": [180000] * 3})
    >>> donut(frame, unit="urn", treated="treated")
    Comparison group: comparison schools farther than 5 km from every treated school
    1 treated schools, 1 comparison schools (worth 1.0 equally weighted)
    Left out: 1 schools, 0 of them treated (a treated school is within 5 km)
    """
    from scipy.spatial import cKDTree

    check_options([(not km > 0, "km", km, "a distance above 0")])
    checked = schools(frame, unit=unit, treated=treated, others=[easting, northing])
    _require_numbers(checked.rows, (easting, northing))
    place = checked.rows.select(pl.col(easting, northing).cast(pl.Float64)).to_numpy()
    known = np.isfinite(place).all(axis=1)
    at = checked.treated & known
    near = np.zeros(len(place), dtype=bool)
    if at.any():
        ask = ~checked.treated & known
        distance, _ = cKDTree(place[at]).query(place[ask])
        near[ask] = distance <= 1000 * km
    lost = int((checked.treated & ~known).sum())
    warnings = (
        f"{lost:,} treated schools have no place on the grid, so their neighbours were kept",
    )
    return _screened(
        checked,
        unit,
        treated,
        method=f"comparison schools farther than {km:g} km from every treated school",
        away=(
            (near, "near", f"a treated school is within {km:g} km"),
            (~checked.treated & ~known, "no_place", "no place on the grid, so it is not cleared"),
        ),
        warnings=warnings if lost else (),
    )


def outside_trusts(
    frame: pl.DataFrame | pl.LazyFrame, *, unit: str, treated: str, trust: str = "trust_uid"
) -> ComparisonGroup:
    """Leave out comparison schools of a trust that has a treated school.

    Parameters
    ----------
    frame, unit, treated
        As for `donut`.
    trust
        Column of trusts; null for a school in none.

    Raises
    ------
    DataError
        With every fault of the frame.
    EstimationError
        When no comparison school is left.

    Examples
    --------
    >>> frame = pl.DataFrame({"urn": [1, 2, 3, 4], "treated": [True, False, False, False],
    ...                       "trust_uid": ["A", "A", "B", None]})
    >>> outside_trusts(frame, unit="urn", treated="treated").frame["urn"].to_list()
    [1, 3, 4]
    """
    checked = schools(frame, unit=unit, treated=treated, others=[trust])
    theirs = checked.rows[trust].filter(pl.Series(checked.treated)).drop_nulls().unique()
    same = checked.rows[trust].is_in(theirs.implode()).fill_null(False).to_numpy()
    return _screened(
        checked,
        unit,
        treated,
        method="comparison schools outside the trusts of treated schools",
        away=((same & ~checked.treated, "same_trust", "its trust has a treated school"),),
    )


def outside_partnerships(
    frame: pl.DataFrame | pl.LazyFrame,
    memberships: pl.DataFrame | pl.LazyFrame,
    *,
    unit: str,
    treated: str,
    window: tuple[int, int],
    years: int = 3,
    min_schools: int = 2,
) -> ComparisonGroup:
    """Leave out comparison schools that were in any partnership around the time of the study.

    Parameters
    ----------
    frame, unit, treated
        As for `donut`.
    memberships
        `unit`, `partnership_id`, `joined` and `left` (dates; `left` null while it lasts), of any
        kind, not only those evaluated.
    window
        First and last year of the study, named by their ends.
    years
        How many years before and after the window count as around the time.
    min_schools
        A group of fewer schools in `memberships` is no partnership.

    Raises
    ------
    DataError, UsageError
        With every fault of the frames, or of the arguments.
    EstimationError
        When no comparison school is left.

    Examples
    --------
    >>> frame = pl.DataFrame({"urn": [1, 2, 3], "treated": [True, False, False]})
    >>> members = pl.DataFrame({"urn": [2, 9], "partnership_id": ["P", "P"],
    ...     "joined": [dt.date(2010, 9, 1)] * 2, "left": [dt.date(2014, 7, 1), None]})
    >>> print(outside_partnerships(frame, members, unit="urn", treated="treated",
    ...                            window=(2015, 2019)))
    Comparison group: comparison schools in no partnership within 3 years of 2015 to 2019
    1 treated schools, 1 comparison schools (worth 1.0 equally weighted)
    Left out: 1 schools, 0 of them treated (in a partnership around the time)
    """
    check_options(
        [
            (not window[0] <= window[1], "window", window, "a first and a last year"),
            (not years >= 0, "years", years, "0 or more"),
            (not min_schools >= 1, "min_schools", min_schools, "1 or more"),
        ]
    )
    checked = schools(frame, unit=unit, treated=treated)
    rows = memberships.lazy().collect()
    missing = [c for c in (unit, "partnership_id", "joined", "left") if c not in rows.columns]
    if missing:
        raise DataError(
            Problem(
                code="column.missing",
                file="memberships",
                column=name,
                rule="there is no such column",
                remedy=did_you_mean(name, rows.columns),
            )
            for name in missing
        )
    # The academic year named 2015 begins on 1 September 2014.
    first = dt.date(window[0] - years - 1, 9, 1)
    last = dt.date(window[1] + years, 8, 31)
    rows = rows.filter(pl.col(unit).n_unique().over("partnership_id") >= min_schools)
    over = pl.col("left") < first
    later = pl.col("joined") > last
    rows = rows.filter(~(over | later).fill_null(False))
    undated = rows.group_by(unit).agg(pl.col("joined").is_null().all())
    inside = checked.rows[unit].is_in(rows[unit].unique().implode()).to_numpy() & ~checked.treated
    unknown = (
        checked.rows[unit]
        .is_in(undated.filter("joined")[unit].implode())
        .fill_null(False)
        .to_numpy()
    )
    return _screened(
        checked,
        unit,
        treated,
        method=(
            f"comparison schools in no partnership within {years} years of {window[0]} to "
            f"{window[1]}"
        ),
        away=(
            (inside & ~unknown, "membership", "in a partnership around the time"),
            (
                inside & unknown,
                "membership_undated",
                "in a partnership since an unknown date, so it is not cleared",
            ),
        ),
    )


def _screened(
    checked: Schools,
    unit: str,
    treated: str,
    *,
    method: str,
    away: tuple[tuple[np.ndarray, str, str], ...],
    warnings: tuple[str, ...] = (),
) -> ComparisonGroup:
    """Leave out schools, reason by reason; weights that came with the frame stay as they are."""
    rows = checked.rows.with_columns(
        pl.Series(f"_{i}", where) for i, (where, _, _) in enumerate(away)
    )
    exclusions: tuple[Exclusion, ...] = checked.exclusions
    for i, (_, reason, text) in enumerate(away):
        rows, lost = leave_out(rows, pl.col(f"_{i}"), treated, reason, text)
        exclusions += lost
    rows = rows.drop(f"_{i}" for i in range(len(away)))
    require_both(rows[treated].cast(pl.Boolean).to_numpy(), exclusions)
    if "weight" not in rows.columns:
        rows = rows.with_columns(weight=pl.lit(1.0))
    return ComparisonGroup(
        method=method,
        frame=rows,
        unit=unit,
        treated=treated,
        exclusions=exclusions,
        warnings=warnings,
    )


def _require_numbers(rows: pl.DataFrame, columns: tuple[str, ...]) -> None:
    wrong = [c for c in columns if not (rows.schema[c].is_numeric() or rows.schema[c] == pl.Null)]
    if wrong:
        raise DataError(
            Problem(
                code="column.type",
                file="the frame of schools",
                column=name,
                rule=f"it holds {rows.schema[name]}; expected metres on the National Grid",
                remedy="Cast it to numbers.",
            )
            for name in wrong
        )
