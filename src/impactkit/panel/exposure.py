"""Exposure: from memberships to the first exposed year of each school, and its cluster.

The first exposed year is the academic year of joining, September to August, named by its end; or
the year after, for a school that joins later in the year than a partnership could still show in
that year's outcome (tests are in May: see `Measure.exposed_by`).
"""

from __future__ import annotations

import datetime as dt

import attrs
import polars as pl

from impactkit.errors import Problem, UsageError
from impactkit.inference.clusters import cluster_labels
from impactkit.lineage import Lineage
from impactkit.types import YEAR_END, Period

__all__ = ["PLACEHOLDER_BEFORE", "Exposure", "exposed_from", "exposure", "exposure_words"]

PLACEHOLDER_BEFORE = dt.date(1944, 8, 3)
"""A join date before the Education Act 1944 stands for "not known": maintained schools and their
governing bodies, as the register has them, begin with it. `1900-01-01` is the common one: 62 of
1,057 federation rows of the register of August 2022."""


@attrs.frozen(kw_only=True, eq=False)
class Exposure:
    """What the memberships say of each school.

    Attributes
    ----------
    schools
        One row a school that has a membership: `school_key`, `cohort` (first exposed year, null
        unless treated) and `standing`:

        - ``treated``: it meets the condition, in a real partnership, from a known date;
        - ``date_unknown``: it does, but a join date is missing or a placeholder, so no year can be
          called unexposed: neither treated nor comparison;
        - ``beside_treated``: it does not, but shares a partnership with a school that does, so it
          is no fair comparison;
        - ``one_school``: it does, but only in a partnership that has no other school;
        - ``other_partnership``: none of its partnerships has a school that meets the condition.
    clusters
        `school_key`, `cluster`: partnerships that share a school are one cluster. Schools that are
        not listed are clusters of their own, which `build_panel` names ``school:`` and their key.
    one_school
        The partnerships with one school only: `partnership_id`, `school_key`.
    beside
        `school_key` and `from_year` of each school that is ``beside_treated``: the first year in
        which it is. Not listed where a date is missing or a placeholder.
    n_repeated
        Rows that say again that a school joined a partnership: a second URN of the same school, or
        the same row twice. The earliest date counts.
    """

    schools: pl.DataFrame
    clusters: pl.DataFrame
    one_school: pl.DataFrame
    beside: pl.DataFrame
    n_repeated: int = 0


def exposure(
    memberships: pl.DataFrame,
    lineage: Lineage,
    *,
    treated: pl.Expr | None = None,
    first_year: int | None = None,
    last_year: int | None = None,
    min_schools: int = 2,
    exposed_by: str = YEAR_END,
) -> Exposure:
    """Work out who is treated, since when, and which schools vary together.

    Parameters
    ----------
    memberships
        `partnership_id`, `joined`, and `urn` or `school_key`; `left` and whatever `treated` uses.
    treated
        The condition, an expression over columns of `memberships`. None: every member is treated.
    first_year, last_year
        The window. Memberships outside it do not tie clusters together; cohorts are given whatever
        their year.
    min_schools
        A group of fewer schools, after lineage, is no partnership. Count them in the whole
        register: a county's extract may hold one school of a trust that has many elsewhere.
    exposed_by
        The last day of joining, as ``MM-DD``, that makes the same academic year the first exposed.

    Raises
    ------
    UsageError
        When `treated` names a column that memberships do not have.

    Examples
    --------
    >>> from impactkit.lineage import build_lineage
    >>> members = pl.DataFrame({"partnership_id": ["A", "A", "B"], "urn": [100001, 100002, 100003],
    ...     "joined": [dt.date(2014, 9, 1), dt.date(2015, 8, 31), dt.date(2014, 9, 1)]})
    >>> exposure(members, build_lineage(None)).schools.rows()
    [('100001', 2015, 'treated'), ('100002', 2015, 'treated'), ('100003', None, 'one_school')]
    >>> exposure(members, build_lineage(None), exposed_by="01-01").schools["cohort"].to_list()
    [2015, 2016, None]
    """
    rows = _rows(memberships, lineage, treated, min_schools, exposed_by)
    return Exposure(
        schools=_schools(rows),
        clusters=_clusters(rows, first_year, last_year),
        one_school=rows.filter("alone")
        .select("partnership_id", "school_key")
        .unique()
        .sort("partnership_id", "school_key"),
        beside=_beside(rows),
        n_repeated=rows.height - rows.select("partnership_id", "school_key", "role").n_unique()
        if rows.height
        else 0,
    )


def _rows(
    memberships: pl.DataFrame,
    lineage: Lineage,
    treated: pl.Expr | None,
    min_schools: int,
    exposed_by: str,
) -> pl.DataFrame:
    """Say of each membership whether it meets the condition, is alone, and has a usable date."""
    condition = pl.lit(True) if treated is None else treated
    missing = sorted(set(condition.meta.root_names()) - set(memberships.columns))
    if missing:
        raise UsageError(
            Problem(
                code="treated.column",
                column=name,
                rule="`treated` uses this column, and memberships do not have it",
                remedy=f"Use one of: {', '.join(sorted(memberships.columns))}.",
            )
            for name in missing
        )
    absent = {"left": pl.Date, "role": pl.String}
    rows = lineage.apply(
        memberships.with_columns(
            pl.lit(None, kind).alias(name)
            for name, kind in absent.items()
            if name not in memberships.columns
        )
    )
    alone = pl.col("school_key").n_unique().over("partnership_id") < min_schools
    return rows.select(
        "school_key",
        pl.col("partnership_id").cast(pl.String),
        "role",
        "joined",
        "left",
        meets=condition.fill_null(False),
        alone=alone,
        undated=pl.col("joined").is_null() | (pl.col("joined") < PLACEHOLDER_BEFORE),
        year=_first_exposed(pl.col("joined"), exposed_by),
    ).with_columns(real=pl.col("meets") & ~pl.col("alone"))


def _first_exposed(joined: pl.Expr, exposed_by: str) -> pl.Expr:
    """Return the first exposed year; days are compared by their place in the academic year."""
    month, day = (int(part) for part in exposed_by.split("-"))
    year = joined.dt.year().cast(pl.Int64) + (joined.dt.month() >= 9)
    place = (joined.dt.month().cast(pl.Int64) + 3) % 12 * 100 + joined.dt.day()
    return year + (place > (month + 3) % 12 * 100 + day)


def exposed_from(joined: dt.date, exposed_by: str = YEAR_END) -> Period:
    """Return the first exposed year of a school that joined on a day.

    Examples
    --------
    >>> exposed_from(dt.date(2014, 2, 3), "01-01").label, exposed_from(dt.date(2014, 2, 3)).label
    ('2014/15', '2013/14')
    """
    year = pl.select(_first_exposed(pl.lit(joined), exposed_by)).item()
    return Period(year)


def exposure_words(exposed_by: str = YEAR_END) -> str:
    """Say the rule in words, with an example.

    Examples
    --------
    >>> exposure_words("01-01")
    'A school that joins by 1 January is exposed in that school year, a school that joins later \
from the next: one that joined on 3 February 2014 counts as exposed from 2014/15.'
    >>> exposure_words()
    'The school year of joining, September to August, is the first exposed: a school that joined \
on 3 February 2014 counts as exposed from 2013/14.'
    """
    example = dt.date(2014, 2, 3)
    year = exposed_from(example, exposed_by).label
    if exposed_by == YEAR_END:
        return (
            "The school year of joining, September to August, is the first exposed: a school that "
            f"joined on 3 February 2014 counts as exposed from {year}."
        )
    day = dt.date.fromisoformat(f"2024-{exposed_by}")
    return (
        f"A school that joins by {day.day} {day:%B} is exposed in that school year, a school that "
        "joins later from the next: one that joined on 3 February 2014 counts as exposed from "
        f"{year}."
    )


def _schools(rows: pl.DataFrame) -> pl.DataFrame:
    beside = pl.col("real").any().over("partnership_id")
    standing = (
        pl.when((pl.col("real") & pl.col("undated")).any())
        .then(pl.lit("date_unknown"))
        .when(pl.col("real").any())
        .then(pl.lit("treated"))
        .when(pl.col("beside").any())
        .then(pl.lit("beside_treated"))
        .when((pl.col("meets") & pl.col("alone")).any())
        .then(pl.lit("one_school"))
        .otherwise(pl.lit("other_partnership"))
    )
    return (
        rows.with_columns(beside=beside)
        .group_by("school_key")
        .agg(standing=standing, earliest=pl.col("year").filter("real").min())
        .select(
            "school_key",
            cohort=pl.when(pl.col("standing") == "treated").then("earliest"),
            standing="standing",
        )
        .sort("school_key")
    )


def _beside(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the first year of those who are with treated schools and never treated themselves."""
    return (
        rows.filter(pl.col("real").any().over("partnership_id"))
        .filter(
            ~pl.col("real").any().over("school_key"), ~pl.col("undated").any().over("school_key")
        )
        .group_by("school_key")
        .agg(from_year=pl.col("year").min())
        .sort("school_key")
    )


def _clusters(rows: pl.DataFrame, first_year: int | None, last_year: int | None) -> pl.DataFrame:
    """Label the components of partnerships that have a treated school, through all their members.

    A supporting school that serves two partnerships ties them together although it is not treated
    itself, so every member counts here, not only those that meet the condition.
    """
    inside = pl.col("real").any().over("partnership_id")
    if last_year is not None:
        inside &= (pl.col("joined") <= dt.date(last_year, 8, 31)).fill_null(True)
    if first_year is not None:
        inside &= (pl.col("left") >= dt.date(first_year - 1, 9, 1)).fill_null(True)
    members = rows.filter(inside).select("school_key", "partnership_id").unique()
    return cluster_labels(members.sort("school_key", "partnership_id"))
