"""Comparability: which years of a measure may stand side by side, and which values cannot be true.

A measure's years can be comparable, comparable with caution (a soft break), or not (a hard break);
of a gap year no school's value was ever published. The registry of measures says which is which.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import attrs
import polars as pl

from impactkit.errors import Problem
from impactkit.types import Break, Measure, Period

__all__ = [
    "Zeros",
    "breaks_crossed",
    "continued",
    "gap_years_filled",
    "suspicious_zeros",
    "years_of",
]

MIN_ZEROS = 5
"""Fewer zeros than these in a year can be true of a few small schools."""

MIN_VALUES = 20
"""With fewer other values in a year there is no telling where they lie."""

COMMON_SYMBOLS = 0.03
"""Symbols are to be expected where they stand for at least this share of the other years' rows."""


def breaks_crossed(measure: Measure, years: Iterable[int]) -> tuple[Break, ...]:
    """Return the breaks of a measure that lie between some of the years, hard and soft.

    Examples
    --------
    >>> known = Measure(id="m", label="M", unit="percent", breaks=[2016])
    >>> [b.year for b in breaks_crossed(known, [2015, 2017])]
    [2016]
    >>> breaks_crossed(known, [2016, 2017])
    ()
    """
    years = list(years)
    if not years:
        return ()
    first, last = min(years), max(years)
    return tuple(item for item in measure.breaks if first < item.year <= last)


def continued(
    outcomes: pl.DataFrame, measure: str, measures: Mapping[str, Measure]
) -> pl.DataFrame:
    """Return the rows of a measure and, for years before its first, of the one that it continues.

    The rows of the older measure carry the newer's id: between the two lies a hard break, so only
    standardised values can be followed across it.
    """
    parts, name, limit = [], measure, None
    while name:
        rows = outcomes.filter(pl.col("measure") == name)
        parts.append(rows if limit is None else rows.filter(pl.col("year") < limit))
        known = measures.get(name)
        limit = known.first_year if known else None
        name = known.continues if known and limit is not None else ""
    return pl.concat(parts).with_columns(measure=pl.lit(measure))


def years_of(
    outcomes: pl.DataFrame,
    measure: str,
    measures: Mapping[str, Measure],
    *,
    years: tuple[int, int] | None = None,
    leave_out: Iterable[int] = (),
) -> tuple[int, ...]:
    """Return the years in which schools have a value of a measure, or of one that it continues."""
    rows = continued(outcomes, measure, measures).filter(pl.col("value").is_not_null())
    first, last = years or (0, 9999)
    found = rows["year"].unique().sort().to_list()
    return tuple(y for y in found if first <= y <= last and y not in tuple(leave_out))


def gap_years_filled(
    outcomes: pl.DataFrame, measures: Mapping[str, Measure]
) -> tuple[Problem, ...]:
    """Return a problem for each measure, year and file with values that cannot have been published.

    These are values of a gap year (no tests in 2020 and 2021), or of a year before the measure
    began or after it ended. Somebody filled them in, copied them, or gave them another year's name.

    Parameters
    ----------
    outcomes
        `measure`, `year`, `value`; `source` and `source_row` are named where they are there.
    measures
        The registry, by id.
    """
    problems = []
    held = outcomes.filter(pl.col("value").is_not_null())
    place = [pl.col("source") if "source" in held.columns else pl.lit("").alias("source")]
    place += [
        pl.col("source_row")
        if "source_row" in held.columns
        else pl.lit(None, pl.Int64).alias("source_row")
    ]
    counted = (
        held.select("measure", "year", *place)
        .group_by("measure", "year", "source")
        .agg(pl.len().alias("n"), pl.col("source_row").min().alias("row"))
        .sort("measure", "year", "source")
    )
    for name, year, source, n, row in counted.iter_rows():
        known = measures.get(name)
        if known is None:
            continue
        why, remedy = _never_published(known, year)
        if why:
            problems.append(
                Problem(
                    code="measure.gap_year",
                    file=source or "",
                    row=row,
                    column="value",
                    rule=f"{name} has values of {Period(year).label} ({year}), but {why}",
                    remedy=remedy,
                    count=n,
                )
            )
    return tuple(problems)


def _never_published(measure: Measure, year: int) -> tuple[str, str]:
    """Say why a measure can have no value of a year, and what to do; empty when it can."""
    for gap in measure.gaps:
        if gap.year == year:
            why = "none were published by school" + (f": {_small(gap.text)}" if gap.text else "")
            return (
                why,
                "Were they filled in, or copied from another year? Take these rows out: a panel "
                "needs none for such a year.",
            )
    before = f"; before, there was {measure.continues}" if measure.continues else ""
    if measure.first_year is not None and year < measure.first_year:
        return (
            f"it was first published for {Period(measure.first_year).label}{before}",
            "Is it another measure, or is the year that in which the school year begins?",
        )
    if measure.last_year is not None and year > measure.last_year:
        return (
            f"it was last published for {Period(measure.last_year).label}",
            "Is it another measure, or were the values carried on?",
        )
    return "", ""


def _small(text: str) -> str:
    return text[:1].lower() + text[1:].rstrip(".")


@attrs.frozen(kw_only=True)
class Zeros:
    """Zeros of a measure in a year that look like symbols which somebody replaced by 0.

    `n_zeros` of `n_values` values are exactly 0, and `n_symbols` rows have a symbol. `evidence`
    says in words why that is odd.
    """

    measure: str
    year: int
    n_zeros: int
    n_values: int
    n_symbols: int
    evidence: str


def suspicious_zeros(outcomes: pl.DataFrame, measures: Mapping[str, Measure]) -> tuple[Zeros, ...]:
    """Find years in which many values are exactly 0 where a symbol is to be expected.

    Guidance tells staff to type 0 over ``x``, ``c`` and ``z``. Two things give it away: other years
    have symbols and this one has zeros in their place; or a year without any symbol has zeros that
    stand far from every other value (none lies between 0 and half the median). The lines drawn
    (`MIN_ZEROS`, `COMMON_SYMBOLS`, half the median) are ours.

    Parameters
    ----------
    outcomes
        `measure`, `year`, `value`, and `status` where symbols were read.
    measures
        The registry, by id. Grades, and measures that can be negative, are not looked at.
    """
    usable = [m.id for m in measures.values() if m.unit != "grade" and (m.low or 0) >= 0]
    counts = _counts(outcomes.filter(pl.col("measure").is_in(usable)))
    found = []
    for row in counts.iter_rows(named=True):
        evidence = _replaced(row) or _isolated(row)
        if evidence and row["zeros"] >= MIN_ZEROS:
            found.append(
                Zeros(
                    measure=row["measure"],
                    year=row["year"],
                    n_zeros=row["zeros"],
                    n_values=row["values"],
                    n_symbols=row["symbols"],
                    evidence=evidence,
                )
            )
    return tuple(found)


def _counts(rows: pl.DataFrame) -> pl.DataFrame:
    """Count by measure and year, with the same counts over the measure's other years."""
    value = pl.col("value")
    counts = (
        rows.group_by("measure", "year")
        .agg(
            pl.len().alias("rows"),
            value.count().alias("values"),
            (value == 0).sum().alias("zeros"),
            value.is_null().sum().alias("symbols"),
            value.filter(value > 0).min().alias("least"),
            value.filter(value > 0).median().alias("median"),
            (value < 0).any().alias("negative"),
        )
        .sort("measure", "year")
    )
    return counts.with_columns(
        (pl.col(name).sum().over("measure") - pl.col(name)).alias(f"other_{name}")
        for name in ("rows", "zeros", "symbols")
    )


def _replaced(row: Mapping[str, float]) -> str:
    if not row["other_rows"] or row["negative"]:
        return ""
    symbols, zeros = row["symbols"] / row["rows"], row["zeros"] / row["rows"]
    usual = row["other_symbols"] / row["other_rows"]
    usual_zeros = row["other_zeros"] / row["other_rows"]
    if usual < COMMON_SYMBOLS or symbols > usual / 20 or zeros < max(usual / 2, 2 * usual_zeros):
        return ""
    return (
        f"{zeros:.0%} of its rows are 0 and {symbols:.0%} have a symbol; in the other years "
        f"{usual_zeros:.0%} are 0 and {usual:.0%} have a symbol"
    )


def _isolated(row: Mapping[str, float]) -> str:
    if row["symbols"] or row["negative"] or row["values"] - row["zeros"] < MIN_VALUES:
        return ""
    if row["least"] <= row["median"] / 2:
        return ""
    return (
        f"no row has a symbol, and between 0 and {row['least']:g} there is no value, "
        f"though half of the others lie below {row['median']:g}"
    )
