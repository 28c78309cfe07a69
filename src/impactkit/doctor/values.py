"""Values as such, whosever they are: impossible, always the same, in the wrong unit or year."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from impactkit.doctor.case import Case
from impactkit.doctor.finding import Fact, Finding, Kind, found
from impactkit.doctor.words import count, years_words

IMPLAUSIBLE = Kind(
    code="values.implausible",
    title="Values that can hardly be true",
    section="Values",
    severity="warning",
    detector="Further than {far} interquartile ranges outside the quartiles of the measure and "
    "phase; for ratios, rates, money and counts {far_log} on the scale of logarithms.",
    consequence="A few such values can move a mean, and its standard error, by themselves.",
    remedy="Look the schools up at the source; take a value out with a reason, never in silence.",
)
CONSTANT = Kind(
    code="values.constant",
    title="Figures that never change",
    section="Values",
    severity="warning",
    detector="More than {constant:.0%} of schools with four years or more have one figure in all.",
    consequence="Copied figures make changes look smaller and more certain than they are.",
    remedy="Ask the source whether figures were carried forward where none were collected.",
)
REPEATED = Kind(
    code="values.same_year_twice",
    title="Two years running with the same figures",
    section="Values",
    severity="error",
    detector="In two years running {repeated:.0%} of schools or more have the same figure "
    "(20 schools or more).",
    consequence="One year's file stands under two years: years named by their start in one file "
    "and by their end in another is the usual cause. Every date of joining is then a year off.",
    remedy="Name every year by its end: 2024 is 2023/24. Check the `year` of both files.",
)
SHARE = Kind(
    code="values.share_not_per_cent",
    title="Shares where per cents are expected",
    section="Values",
    severity="error",
    detector="A measure in per cent has no value above 1 in a year, in 20 schools or more.",
    consequence="Changes come out a hundred times too small, or jump where the unit changes.",
    remedy="Multiply by 100, and say which changes are percentage points.",
)
GRADES = Kind(
    code="values.grades_averaged",
    title="Grades are averaged as numbers",
    section="Values",
    severity="warning",
    detector="The unit of the outcome is `grade`.",
    consequence="A step from 1 to 2 is not a step from 3 to 4, and schools are inspected when "
    "results fall or rise, not every year.",
    remedy="Ask how long until a better grade, or what share is good or better, among schools "
    "inspected in the same year.",
)
UNWEIGHTED = Kind(
    code="values.percentages_unweighted",
    title="Percentages of large and small schools count the same",
    section="Values",
    severity="note",
    detector="A percentage has pupil counts, the panel has no weights, and large schools (90th "
    "percentile) have more than {uneven} times the pupils of small ones (10th).",
    consequence="The mean of schools' percentages is not the percentage of pupils.",
    remedy="Say that the result is about schools, or weight by pupils.",
)
COLUMN = Kind(
    code="values.column_of_shares",
    title="Shares in a column of per cents",
    section="Values",
    severity="warning",
    detector="A column `pct_...` of `schools` or `school_years` has no value above 1, in 20 "
    "schools or more.",
    consequence="Schools are compared and grouped by figures a hundred times too small; read with "
    "others in per cent they look alike.",
    remedy="Write 45 for 45%, not 0.45; a workbook may show 45% and hold 0.45.",
)
KINDS = (IMPLAUSIBLE, CONSTANT, REPEATED, SHARE, GRADES, UNWEIGHTED, COLUMN)

_LOGARITHMIC = ("ratio", "rate", "gbp", "fte", "count")
_ENOUGH = 20


def of_study(case: Case) -> Iterator[Finding]:
    """Look at the percentages that schools are described by."""
    for table in ("schools", "school_years"):
        frame = case.tables.get(table, pl.DataFrame())
        for name in [c for c in frame.columns if c.startswith("pct_")]:
            values = frame[name].drop_nulls()
            top = values.max()
            if len(values) >= _ENOUGH and isinstance(top, float) and 0 < top <= 1:
                yield found(
                    COLUMN,
                    f"No value of `{name}` in {table} is above 1; the highest of "
                    f"{count(len(values), 'row')} is {top:.4g}.",
                    rows=len(values),
                    highest=top,
                )


def of_measure(case: Case, measure: str) -> Iterator[Fact | Finding]:
    """Look at the values of an outcome."""
    rows = case.rows(measure).filter(pl.col("value").is_not_null())
    if rows.is_empty():
        yield Fact(section="Values", measure=measure, text="there is no value")
        return
    low, middle, high = (float(rows["value"].quantile(q)) for q in (0.0, 0.5, 1.0))  # type: ignore[arg-type]
    yield Fact(
        section="Values",
        measure=measure,
        text=f"{rows.height:,} values from {low:.4g} to {high:.4g}, median {middle:.4g}",
        numbers={"values": rows.height, "lowest": low, "median": middle, "highest": high},
    )
    known = case.measures.get(measure)
    unit = known.unit if known else case.panels[measure].unit
    if unit == "grade":
        yield found(GRADES, f"{case.label(measure)} is a grade.", measure=measure)
    if unit == "percent":
        yield from _shares(rows, measure)
        yield from _weights(case, rows, measure)
    yield from _implausible(case, rows, measure, unit)
    yield from _constant(case, rows, measure)
    yield from _repeated(case, rows, measure)


def _implausible(case: Case, rows: pl.DataFrame, measure: str, unit: str) -> Iterator[Finding]:
    logarithmic = unit in _LOGARITHMIC
    if logarithmic:  # zeros have no logarithm; `comparability` looks at them
        rows = rows.filter(pl.col("value") > 0)
    rows = rows.drop("phase", strict=False).join(case.phases, on="school_key", how="left")
    scale = pl.col("value").log() if logarithmic else pl.col("value")
    reach = case.limits.far_log if logarithmic else case.limits.far
    low, high = (scale.quantile(q).over("phase") for q in (0.25, 0.75))
    beyond = (scale < low - reach * (high - low)) | (scale > high + reach * (high - low))
    far = rows.filter(beyond & (high > low) & (pl.len().over("phase") >= _ENOUGH))
    if far.is_empty():
        return
    middle = float(rows["value"].quantile(0.5) or 0)
    worst = far.sort((pl.col("value") - middle).abs(), descending=True)
    name = "urn" if "urn" in worst.columns else "school_key"
    school, year, value = str(worst[name][0]), int(worst["year"][0]), float(worst["value"][0])
    yield found(
        IMPLAUSIBLE,
        f"{count(far.height, 'value')} of {count(far['school_key'].n_unique(), 'school')} lie far "
        f"from the others; the median is {middle:.4g}.",
        measure=measure,
        example=f"{value:g} of school {school} in {years_words([year])}",
        values=far.height,
    )


def _constant(case: Case, rows: pl.DataFrame, measure: str) -> Iterator[Finding]:
    each = rows.group_by("school_key").agg(n=pl.len(), kinds=pl.col("value").n_unique())
    long = each.filter(pl.col("n") >= 4)
    same = long.filter(pl.col("kinds") == 1).height
    if same > case.limits.constant * long.height:
        yield found(
            CONSTANT,
            f"{same:,} of {count(long.height, 'school')} with four years or more have the same "
            "figure in each.",
            measure=measure,
            schools=long.height,
            same=same,
        )


def _repeated(case: Case, rows: pl.DataFrame, measure: str) -> Iterator[Finding]:
    pairs = rows.select("school_key", "year", "value").join(
        rows.select("school_key", pl.col("year") - 1, later="value"), on=["school_key", "year"]
    )
    same = (pl.col("value") == pl.col("later")).mean()
    years = pairs.group_by("year").agg(share=same, n=pl.len()).sort("year")
    alike = years.filter((pl.col("share") >= case.limits.repeated) & (pl.col("n") >= _ENOUGH))
    for year, share, n in alike.iter_rows():
        yield found(
            REPEATED,
            f"In {years_words([year])} and {years_words([year + 1])} {100 * share:.0f}% of "
            f"{count(n, 'school')} have the same figure.",
            measure=measure,
            year=year,
            share=share,
        )


def _shares(rows: pl.DataFrame, measure: str) -> Iterator[Finding]:
    years = rows.group_by("year").agg(top=pl.col("value").max(), n=pl.len()).sort("year")
    small = years.filter((pl.col("top") <= 1) & (pl.col("top") > 0) & (pl.col("n") >= _ENOUGH))
    if small.height:
        yield found(
            SHARE,
            f"No value above 1 in {years_words(small['year'].to_list())}.",
            measure=measure,
            years=small.height,
        )


def _weights(case: Case, rows: pl.DataFrame, measure: str) -> Iterator[Finding]:
    if "denominator" not in rows.columns or "weight" in case.panels[measure].frame.columns:
        return
    sizes = rows["denominator"].drop_nulls()
    small, large = sizes.quantile(0.1), sizes.quantile(0.9)
    if small and large and large > case.limits.uneven * small:
        yield found(
            UNWEIGHTED,
            f"The pupils behind a figure go from {small:,.0f} (10th percentile) to {large:,.0f} "
            "(90th).",
            measure=measure,
            small=small,
            large=large,
        )
