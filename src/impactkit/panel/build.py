"""The school-by-year panel of one outcome."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import attrs
import polars as pl

from impactkit.lineage import Lineage
from impactkit.metrics import Panel
from impactkit.panel.balance import Balance, restrict
from impactkit.panel.exposure import Exposure, exposure
from impactkit.panel.ledger import Ledger
from impactkit.panel.standardise import STANDARD_UNITS, scale_words, standardise as place_within
from impactkit.panel.summary import count, membership_exclusions, warn
from impactkit.types import YEAR_END

__all__ = ["build_panel", "trace_rows", "unaccounted_rows"]

COLUMNS = ("school_key", "year", "value", "cohort", "cluster", "weight")
_READ = (
    *("urn", "school_key", "year", "value", "status", "measure", "subgroup", "weight"),
    *("phase", "la_code", "numerator", "denominator"),
)
"""Columns of the outcomes that a panel is made of."""


@attrs.frozen(kw_only=True)
class _Design:
    """What `build_panel` and `trace_rows` may be told; see `build_panel`."""

    measure: str
    subgroup: str = "all"
    years: tuple[int, int] | None = None
    leave_out: tuple[int, ...] = attrs.field(default=(), converter=tuple[int, ...])
    treated: pl.Expr | None = attrs.field(default=None, eq=False)
    balance: Balance = attrs.field(
        default="none", validator=attrs.validators.in_(("none", "complete", "window"))
    )
    min_before: int = attrs.field(default=2, validator=attrs.validators.ge(0))
    min_after: int = attrs.field(default=2, validator=attrs.validators.ge(0))
    min_schools: int = attrs.field(default=2, validator=attrs.validators.ge(1))
    exposed_by: str = YEAR_END
    standardise: str = attrs.field(
        default="none", validator=attrs.validators.in_(("none", *STANDARD_UNITS))
    )
    phases: pl.DataFrame | None = attrs.field(default=None, eq=False)


def build_panel(
    outcomes: pl.DataFrame,
    memberships: pl.DataFrame,
    lineage: Lineage,
    *,
    measure: str,
    subgroup: str = "all",
    years: tuple[int, int] | None = None,
    leave_out: Iterable[int] = (),
    treated: pl.Expr | None = None,
    balance: Balance = "none",
    min_before: int = 2,
    min_after: int = 2,
    min_schools: int = 2,
    exposed_by: str = YEAR_END,
    standardise: str = "none",
    phases: pl.DataFrame | None = None,
    unit: str = "",
) -> Panel:
    """Build the panel of one measure: who, when, how much, treated since when, in which cluster.

    Two URNs of one school can report in the same year. The URN that goes on (the later in its
    chain) then gives the number of that year, and the other's is set aside and counted. There are
    two causes, and the published files have no pupil counts to weigh by in either:

    - a change of number within the year, each URN reporting its part: nearly all of the 266
      school-years of this kind in the national absence files of 2017 to 2019;
    - two schools that merged, entered as a succession: nearly all of the 52 in the national
      workforce files of 2016 to 2019 (a census counts once, and in none did the numbers agree).

    Parameters
    ----------
    outcomes
        `year`, `value`, and `urn` or `school_key`. Rows are chosen by `measure` and `subgroup`
        where these columns exist; `status` other than ``ok`` is set aside by its code; `weight`,
        if there is one, is carried.
    memberships
        See `exposure`, which also takes `treated`, `min_schools` and `exposed_by`.
    years
        First and last year of the window, named by their ends. None: those in the data.
    leave_out
        Years within the window that are not used.
    balance
        ``none`` keeps every school-year; ``complete`` keeps schools with a value in every year of
        the panel; ``window`` keeps treated schools with a value in each of the `min_before` panel
        years before, and of the `min_after` years from, their first exposed year. Schools exposed
        after the window are comparison within it and keep what they have.
    min_before, min_after
        The length of the ``window`` on either side; the first exposed year is the first after.
    standardise
        ``none``, or how values are placed among all schools of their year and phase that have one,
        before any school is set aside for its partnerships (see `impactkit.panel.standardise`).
    phases
        `school_key`, `phase`: within which phase a school is placed. None: among all.
    unit
        The unit of the values.

    Returns
    -------
    Panel
        `counts` has, before exposure and balance set schools aside: ``rows``, ``urns``,
        ``schools``, ``ever_treated`` (first exposed at any known time), ``treated_in_window`` (by
        its last year), ``already_treated`` (no year before), ``never_treated``,
        ``two_before_two_after``; and after: ``school_years``, ``panel_schools`` and more.
        `exclusions` of stage ``panel`` and the panel's rows add up to ``rows``.

    Raises
    ------
    UsageError
        When `treated` names a column that memberships do not have.
    ValueError
        When `balance` is none of the three, or a length is below 0.

    Examples
    --------
    >>> import datetime as dt
    >>> from impactkit.lineage import build_lineage
    >>> outcomes = pl.DataFrame({"urn": [100001, 100001, 100002, 100002],
    ...     "year": [2014, 2015, 2014, 2015], "value": [20.0, 19.0, 21.0, None],
    ...     "status": ["ok", "ok", "ok", "supp"], "measure": "ratio", "subgroup": "all"})
    >>> members = pl.DataFrame({"partnership_id": ["A", "A"], "urn": [100001, 100003],
    ...     "joined": [dt.date(2014, 9, 1)] * 2})
    >>> panel = build_panel(outcomes, members, build_lineage(None), measure="ratio")
    >>> panel.frame.rows()
    [('100001', 2014, 20.0, 2015, 'A'), ('100001', 2015, 19.0, 2015, 'A'), \
('100002', 2014, 21.0, None, 'school:100002')]
    >>> [(e.reason, e.n_rows) for e in panel.exclusions]
    [('status_supp', 1)]
    """
    design = _Design(
        measure=measure,
        subgroup=subgroup,
        years=years,
        leave_out=leave_out,
        treated=treated,
        balance=balance,
        min_before=min_before,
        min_after=min_after,
        min_schools=min_schools,
        exposed_by=exposed_by,
        standardise=standardise,
        phases=phases,
    )
    read = outcomes.select(name for name in _READ if name in outcomes.columns)
    ledger, exposed, counts = _sort_out(read, memberships, lineage, design)
    scale = scale_words(ledger.rows(), standardise) if standardise != "none" else ""
    frame = ledger.kept.sort("school_key", "year")
    frame = frame.select(name for name in COLUMNS if name in frame.columns)
    return Panel(
        frame=frame,
        beside=_beside(ledger, exposed).select(frame.columns),
        measure=measure,
        unit=STANDARD_UNITS.get(standardise, unit),
        scale=scale,
        exposed_by=exposed_by,
        years=tuple(frame["year"].unique().sort()),
        counts=counts,
        exclusions=(
            *ledger.exclusions(measure, exposed.schools),
            *membership_exclusions(measure, counts),
        ),
        warnings=warn(frame, counts),
    )


def trace_rows(
    outcomes: pl.DataFrame, memberships: pl.DataFrame, lineage: Lineage, **design: Any
) -> pl.DataFrame:
    """Return every outcome row of the measure with `school_key`, `cohort` and `reason`.

    `reason` is null for rows that are in the panel which `build_panel` makes of the same arguments.
    All other columns of `outcomes` are kept, `source` and `source_row` among them.
    """
    ledger, _, _ = _sort_out(outcomes, memberships, lineage, _Design(**design))
    return ledger.rows()


def unaccounted_rows(panel: Panel) -> int:
    """Return rows that came in and are neither in the panel nor in one exclusion: always 0."""
    aside = sum(e.n_rows or 0 for e in panel.exclusions if e.stage == "panel")
    return panel.counts["rows"] - panel.frame.height - aside


def _sort_out(
    outcomes: pl.DataFrame, memberships: pl.DataFrame, lineage: Lineage, design: _Design
) -> tuple[Ledger, Exposure, dict[str, int]]:
    ledger = Ledger(_chosen(outcomes, lineage, design))
    counts = {"rows": ledger.kept.height}
    _set_aside_unusable(ledger, design)
    doubled = _set_aside_doubled(ledger)
    _standardise(ledger, design)
    years = ledger.kept["year"].unique().sort().to_list()
    exposed = exposure(
        memberships,
        lineage,
        treated=design.treated,
        first_year=years[0] if years else None,
        last_year=years[-1] if years else None,
        min_schools=design.min_schools,
        exposed_by=design.exposed_by,
    )
    ledger.kept = (
        ledger.kept.join(exposed.schools, on="school_key", how="left")
        .join(exposed.clusters, on="school_key", how="left")
        .with_columns(cluster=pl.coalesce("cluster", pl.format("school:{}", "school_key")))
    )
    before = ledger.kept
    for standing in ("date_unknown", "beside_treated"):
        ledger.set_aside(pl.col("standing") == standing, standing)
    restrict(ledger, years, design.balance, design.min_before, design.min_after)
    counts |= doubled | count(before, ledger.kept, exposed, years)
    return ledger, exposed, counts


def _beside(ledger: Ledger, exposed: Exposure) -> pl.DataFrame:
    """Return what was set aside of schools beside treated ones, of the years before they were."""
    aside = (rows.filter(pl.col("reason") == "beside_treated") for rows in ledger.aside)
    return (
        pl.concat([ledger.kept.clear(), *aside], how="diagonal")
        .join(exposed.beside, on="school_key")
        .filter(pl.col("year") < pl.col("from_year"))
        .sort("school_key", "year")
    )


def _chosen(outcomes: pl.DataFrame, lineage: Lineage, design: _Design) -> pl.DataFrame:
    """Return the rows of the measure with all the columns that later steps look at."""
    rows = outcomes.drop("cohort", "cluster", "standing", strict=False)
    for name, value in (("measure", design.measure), ("subgroup", design.subgroup)):
        if name in rows.columns:
            rows = rows.filter(pl.col(name) == value)
    if "status" not in rows.columns:
        missing = pl.col("value").is_null()
        rows = rows.with_columns(status=pl.when(missing).then(pl.lit("x")).otherwise(pl.lit("ok")))
    if "urn" not in rows.columns:
        rows = rows.with_columns(urn=pl.lit(None, pl.Int64))
    rows = lineage.apply(rows)
    return rows.with_columns(
        pl.col("year").cast(pl.Int64), pl.col("value").cast(pl.Float64)
    ).with_row_index("_row")


def _set_aside_unusable(ledger: Ledger, design: _Design) -> None:
    if design.years is not None:
        ledger.set_aside(~pl.col("year").is_between(*design.years), "outside_years")
    ledger.set_aside(pl.col("year").is_in(design.leave_out), "year_left_out")
    ledger.set_aside(pl.col("status") != "ok", "status_" + pl.col("status"))
    ledger.set_aside(pl.col("value").is_null(), "no_value")
    ledger.set_aside(~pl.col("value").is_finite(), "not_a_number")
    ledger.set_aside(pl.col("school_key").is_null() | pl.col("year").is_null(), "no_school")
    if "weight" in ledger.kept.columns:
        ledger.set_aside(~(pl.col("weight") > 0).fill_null(False), "no_weight")


def _standardise(ledger: Ledger, design: _Design) -> None:
    """Place values within year and phase; rows keep what was published as `published`."""
    if design.standardise == "none":
        return
    rows = ledger.kept.drop("phase", strict=False).with_columns(published=pl.col("value"))
    if design.phases is not None:
        rows = rows.join(design.phases, on="school_key", how="left", maintain_order="left")
    ledger.kept = place_within(rows, design.standardise)
    ledger.set_aside(pl.col("why_not").is_not_null(), pl.col("why_not"))
    ledger.kept = ledger.kept.drop("why_not")


def _set_aside_doubled(ledger: Ledger) -> dict[str, int]:
    """Leave one row a school and year, and count what had more."""
    school_year = ["school_key", "year"]
    urns = ledger.kept["urn"].drop_nulls().n_unique()
    # Nearly all rows are alone in their school and year: what is said of groups is worked out
    # among the few that are not.
    several = ledger.kept.filter(ledger.kept.select(school_year).is_duplicated())
    twice = several.filter(pl.col("urn").n_unique().over(school_year) > 1)
    content = pl.struct([name for name in ("value", "weight") if name in ledger.kept.columns])
    for judged, reason in (
        (
            pl.col("chain_position") < pl.col("chain_position").max().over(school_year),
            "doubled_school_year",
        ),
        (content.n_unique().over(school_year) > 1, "conflicting_rows"),
        (pl.int_range(pl.len()).over(school_year) > 0, "repeated_row"),
    ):
        out = several.filter(judged)
        ledger.set_aside(pl.col("_row").is_in(out["_row"].implode()), reason)
        several = several.join(out, on="_row", how="anti", maintain_order="left")
    return {
        **({"urns": urns} if urns else {}),
        "doubled_school_years": twice.select(school_year).n_unique() if twice.height else 0,
        "schools_with_doubled_years": twice["school_key"].n_unique(),
    }
