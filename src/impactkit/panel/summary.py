"""What a panel says of itself: counts, exclusions of memberships, warnings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from impactkit.panel.exposure import Exposure
from impactkit.results import Exclusion
from impactkit.types import Period

__all__ = ["count", "membership_exclusions", "warn"]

THIN_YEAR = 0.9
"""A year with fewer schools than this share of the fullest year is named in a warning: below it
the mix of schools, not the outcome, can move the mean of the year."""


def count(
    before: pl.DataFrame, kept: pl.DataFrame, exposed: Exposure, years: Sequence[int]
) -> dict[str, int]:
    """Count schools before exposure and balance set any aside, and the panel after it."""
    first, last = (years[0], years[-1]) if years else (0, 0)
    cohort = pl.col("cohort")
    schools = before.group_by("school_key").agg(
        cohort.first(),
        pl.col("standing").first(),
        pre=(pl.col("year") < cohort).sum(),
        post=(pl.col("year") >= cohort).sum(),
    )
    groups = exposed.one_school.join(schools, on="school_key", how="semi")
    panel = kept.group_by("school_key").agg(cohort.first(), pl.col("cluster").first())
    standing = pl.col("standing")
    unusable = standing.is_in(["date_unknown", "beside_treated"]).fill_null(False)
    estimable = (cohort > first) & (cohort <= last)

    def n(frame: pl.DataFrame, condition: pl.Expr) -> int:
        return frame.filter(condition).height

    return {
        "schools": schools.height,
        "ever_treated": n(schools, cohort.is_not_null()),
        "treated_in_window": n(schools, cohort <= last),
        "already_treated": n(schools, cohort <= first),
        "never_treated": n(schools, cohort.is_null() & ~unusable),
        "two_before_two_after": n(schools, (pl.col("pre") >= 2) & (pl.col("post") >= 2)),
        "placeholder_dates": n(schools, standing == "date_unknown"),
        "beside_treated": n(schools, standing == "beside_treated"),
        "one_school_groups": groups["partnership_id"].n_unique(),
        "schools_in_one_school_groups": n(schools, standing == "one_school"),
        "other_partnership": n(schools, standing == "other_partnership"),
        "repeated_memberships": exposed.n_repeated,
        "school_years": kept.height,
        "panel_schools": panel.height,
        "panel_treated": n(panel, estimable),
        "panel_never_treated": n(panel, cohort.is_null()),
        "clusters": panel["cluster"].n_unique(),
        "treated_clusters": panel.filter(estimable)["cluster"].n_unique(),
    }


def membership_exclusions(measure: str, counts: Mapping[str, int]) -> tuple[Exclusion, ...]:
    """Say what was left out by the memberships although the school-years are in the panel."""
    one_school = Exclusion(
        reason="one_school_groups",
        text="The group has one school only, so it is no partnership; the school is not treated "
        "by it and stays for comparison.",
        n_schools=counts["schools_in_one_school_groups"],
        measure=measure,
        stage="exposure",
        treated=0,
    )
    already = Exclusion(
        reason="already_treated",
        text="The school was exposed in the first year or earlier, so there is no year before to "
        "compare with; its school-years are in the panel, but no effect can be estimated for it.",
        n_schools=counts["already_treated"],
        measure=measure,
        stage="estimation",
        treated=counts["already_treated"],
    )
    return tuple(exclusion for exclusion in (one_school, already) if exclusion.n_schools)


def warn(frame: pl.DataFrame, counts: Mapping[str, int]) -> tuple[str, ...]:
    """Return what a reader of any estimate from this panel should know, as sentences."""
    found = []
    by_year = frame.group_by("year").agg(n=pl.len()).sort("year")
    fullest = max(by_year["n"].to_list(), default=0)
    for year, n in by_year.iter_rows():
        if n < THIN_YEAR * fullest:
            found.append(
                f"In {Period(year).label} fewer schools have a value ({n:,}) than in the fullest "
                f"year ({fullest:,}): differences between years may come from which schools are "
                "in them."
            )
    if counts["schools_with_doubled_years"]:
        found.append(
            "Two URNs of one school reported in the same year (schools: "
            f"{counts['schools_with_doubled_years']:,}): either each covers part of the year in "
            "which the school changed its number, or two schools merged and the register calls it "
            "a succession. The URN that goes on was kept."
        )
    if not counts["panel_treated"]:
        found.append(
            "No school was first exposed after the first year and by the last: no effect can be "
            "estimated."
        )
    if not counts["panel_never_treated"]:
        found.append("No school is never treated: only schools not yet treated can be compared.")
    return tuple(found)
