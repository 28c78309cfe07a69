"""Standardisation: where a school stands among the schools of its year and phase.

A measure that changed its meaning cannot be followed in its own unit, but a school's place among
others can: as a distance from their mean, or as a rank. A comparison of changes in place relies on
schools having kept their places across the change, had nobody joined (rank stability).

A z-score is in standard deviations *between schools* ("school SD"). That is no effect size: pupils
differ far more than the means of their schools do, so the same change is a smaller number of
pupils' standard deviations. Common practice in evaluation, not a method of ours; the limits below
are.
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from impactkit.errors import Problem, UsageError

__all__ = ["STANDARD_UNITS", "phases_of", "pupils_known", "scale_words", "standardise"]

STANDARD_UNITS = {"z": "school SD", "logit_z": "school SD", "rank": "percentile points"}
"""The unit that values have once they are standardised."""

_PLACES = {
    "z": "Values are distances from the mean of the year{within}, in standard deviations between "
    "schools.",
    "logit_z": "Values are log odds of a share, as distances from their mean in the year{within}, "
    "in standard deviations between schools.",
    "rank": "Values are percentile ranks within the year{within}: 50 is the middle school.",
}
_NO_EFFECT_SIZE = "A school SD is no effect size: pupils differ more than the means of schools do."

MIN_SCHOOLS = 10
"""With fewer schools in a year and phase there is no distribution to speak of."""


def phases_of(tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Return `school_key` and `phase`, from the register of schools or else from the outcomes.

    One phase a school, for all its years: a file of one year that tells phases must not give that
    year groups which the others have not.
    """
    parts = [
        tables[name].select("school_key", "phase").drop_nulls()
        for name in ("schools", "outcomes")
        if name in tables and {"school_key", "phase"} <= set(tables[name].columns)
    ]
    if not parts:
        return pl.DataFrame(schema={"school_key": pl.String, "phase": pl.String})
    return pl.concat(parts).unique("school_key", keep="first", maintain_order=True)


def pupils_known(frame: pl.DataFrame) -> bool:
    """Tell whether every row says how many pupils its value is of, so that they can be weights."""
    if "denominator" not in frame.columns or frame.is_empty():
        return False
    return bool((frame["denominator"] > 0).fill_null(False).all())


def standardise(frame: pl.DataFrame, how: str) -> pl.DataFrame:
    """Return the frame with `value` standardised within `year` and, where it is there, `phase`.

    Parameters
    ----------
    frame
        One row a school and year: `year`, `value`, and `phase`, `denominator` (pupils) and
        `numerator` where they are there. With a denominator in every row, the mean and the standard
        deviation are weighted by pupils; ranks never are.
    how
        ``z``: (value - mean) / SD, the SD of all schools there are (divided by n, not n - 1).
        ``logit_z``: the same of log((k + 0.5) / (n - k + 0.5)), with k of n pupils; without a
        numerator, k is `value` per cent of n. ``rank``: 100 (r - 0.5) / n, ties at their mean rank.

    Returns
    -------
    polars.DataFrame
        With `why_not`: null, or why a row has no standardised value, which is then null:
        ``no_denominator``, ``few_to_standardise`` (fewer than ten schools of its year and phase),
        ``no_spread`` (all their values are the same).

    Raises
    ------
    UsageError
        When `how` is none of the three, or ``logit_z`` is asked for without any denominator.

    References
    ----------
    Cox & Snell (1989), *Analysis of Binary Data*, 2nd ed., section 2.1.6 (the empirical logit).

    Examples
    --------
    >>> schools = pl.DataFrame({"year": [2019] * 10, "value": [float(v) for v in range(10)]})
    >>> standardise(schools, "rank")["value"].to_list()[:3]
    [5.0, 15.0, 25.0]
    >>> [round(v, 3) for v in standardise(schools, "z")["value"].to_list()[:2]]
    [-1.567, -1.219]
    """
    if how not in STANDARD_UNITS:
        words = ", ".join(STANDARD_UNITS)
        raise UsageError(
            Problem(code="standardise.how", value=how, rule=f"expected one of {words}")
        )
    group: list[str] = [name for name in ("year", "phase") if name in frame.columns]
    rows = frame.with_columns(why_not=pl.lit(None, pl.String), _x=pl.col("value"))
    if how == "logit_z":
        rows = _log_odds(rows)
    return _placed(rows, how, group).drop("_x")


def _log_odds(rows: pl.DataFrame) -> pl.DataFrame:
    if "denominator" not in rows.columns or rows["denominator"].null_count() == rows.height > 0:
        raise UsageError(
            Problem(
                code="standardise.denominator",
                column="denominator",
                rule="logit_z needs to know how many pupils each value is of",
                remedy='Use standardise = "z", which needs none.',
            )
        )
    n, k = pl.col("denominator"), pl.col("value") / 100 * pl.col("denominator")
    if "numerator" in rows.columns:
        k = pl.coalesce("numerator", k)
    known = (n > 0).fill_null(False)
    return rows.with_columns(
        _x=pl.when(known).then(((k + 0.5) / (n - k + 0.5)).log()),
        why_not=pl.when(~known).then(pl.lit("no_denominator")),
    )


def _placed(rows: pl.DataFrame, how: str, group: list[str]) -> pl.DataFrame:
    x, n = pl.col("_x"), pl.col("_x").count().over(group)
    weight = pl.col("denominator") if pupils_known(rows) else pl.lit(1.0)
    total = pl.when(x.is_not_null()).then(weight).sum().over(group)
    mean = (x * weight).sum().over(group) / total
    rows = rows.with_columns(_mean=mean)
    spread = (((x - pl.col("_mean")) ** 2 * weight).sum().over(group) / total).sqrt()
    same = (x.max() == x.min()).over(group)
    why = (
        pl.when(n < MIN_SCHOOLS)
        .then(pl.lit("few_to_standardise"))
        .when(same)
        .then(pl.lit("no_spread"))
    )
    placed = (
        100 * (x.rank("average").over(group) - 0.5) / n
        if how == "rank"
        else (x - pl.col("_mean")) / spread
    )
    rows = rows.with_columns(why_not=pl.coalesce("why_not", why), value=placed)
    return rows.with_columns(value=pl.when(pl.col("why_not").is_null()).then("value")).drop("_mean")


def scale_words(rows: pl.DataFrame, how: str) -> str:
    """Say what standardised values are, and of which schools the distribution is.

    `rows` have `school_key`, `year`, `published` and `value`; `phase` and `la_code` where they are
    known.
    """
    placed = rows.filter(pl.col("published").is_not_null() & pl.col("value").is_not_null())
    by_year = placed.group_by("year").len()["len"].to_list()
    least, most = min(by_year, default=0), max(by_year, default=0)
    schools = f"{most:,}" if least == most else f"{least:,} to {most:,}"
    phases, authorities = (
        placed[name].drop_nulls().n_unique() if name in placed.columns else 0
        for name in ("phase", "la_code")
    )
    of_no_phase = placed.filter(pl.col("phase").is_null()) if phases > 1 else placed.clear()
    unknown = of_no_phase["school_key"].n_unique()
    of = f" of {authorities} local {'authority' if authorities == 1 else 'authorities'}"
    weighted = "weighted by pupils" if how != "rank" and pupils_known(placed) else "not weighted"
    told = [
        _PLACES[how].format(within=" and phase" if phases > 1 else ""),
        f"The distribution is that of all schools in the files ({schools} a year"
        f"{of if authorities else ''}), {weighted}; among other schools the same school may stand "
        "elsewhere.",
        *(
            [f"Schools whose phase no file says are placed among each other ({unknown:,})."]
            if unknown
            else []
        ),
        *([_NO_EFFECT_SIZE] if how != "rank" else []),
    ]
    return " ".join(told)
