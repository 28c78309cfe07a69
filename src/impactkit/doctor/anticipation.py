"""Before the start (E8): work that began before the date of joining, schools that moved already.

For event time e < 0 a lead is the change of each treated school from year g + e - 1 to g + e, less
the mean change of comparison schools of its phase over the same years, averaged over schools.
Standard errors are clustered by partnership; the test is a t-test, Bonferroni's over event times.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import attrs
import polars as pl

from impactkit.doctor.case import Case
from impactkit.doctor.finding import Finding, Kind, found
from impactkit.doctor.words import amount, count
from impactkit.report.phrases import p_words

EARLY_START = Kind(
    code="E8.work_before_joining",
    mistake="E8",
    title="Work began before the date of joining",
    section="Before joining",
    severity="warning",
    detector="Interventions, or the partnership itself for its first members, began more than "
    "{early_days} days before the school's date of joining.",
    consequence="The year that counts as untouched was not, so the effect comes out too small.",
    remedy="Use the date at which work began, or set `anticipation` in [design].",
)
LEAD = Kind(
    code="E8.moving_before_joining",
    mistake="E8",
    title="Moving before joining",
    section="Before joining",
    severity="warning",
    detector="In one of the three years before joining treated schools changed otherwise than "
    "comparison schools, by more than {lead} standard deviations between schools and beyond chance "
    "(t-test clustered by partnership, level {lead_level} divided by the number of years).",
    consequence="Either help began early, or the paths were not parallel; a difference-in-"
    "differences takes both for effect.",
    remedy="Find out what happened in that year. If help had begun, set `anticipation`; if not, "
    "compare with schools on the same path.",
)
KINDS = (EARLY_START, LEAD)

_LEADS = (-1, -2, -3)


@attrs.frozen(kw_only=True)
class Lead:
    """Mean change of treated schools at one event time, net of comparison schools."""

    event_time: int
    change: float
    std_error: float
    p_value: float
    n_schools: int
    n_clusters: int


def leads(rows: pl.DataFrame) -> tuple[Lead, ...]:
    """Return the mean change at each of the last three event times before joining.

    Parameters
    ----------
    rows
        Untreated school-years: `school_key`, `year`, `value`, `cohort`, `cluster`, `phase` and
        `treated`. Years follow one another; where one is missing there is no change.
    """
    from scipy.special import stdtr

    before = rows.select("school_key", pl.col("year") + 1, earlier="value")
    changes = rows.join(before, on=["school_key", "year"]).with_columns(
        change=pl.col("value") - pl.col("earlier")
    )
    group = ["year", "phase"]
    usual = (
        changes.filter(~pl.col("treated"))
        .group_by(group)
        .agg(usual=pl.col("change").mean(), var=pl.col("change").var() / pl.len())
    )
    net = changes.filter("treated").join(usual, on=group, nulls_equal=True)
    net = net.with_columns(net=pl.col("change") - pl.col("usual"))
    made = []
    for event_time in _LEADS:
        mine = net.filter(pl.col("year") - pl.col("cohort") == event_time)
        clusters = mine["cluster"].n_unique()
        if clusters < 2:
            continue
        mean = float(mine["net"].mean())  # type: ignore[arg-type]
        sums = mine.group_by("cluster").agg(s=(pl.col("net") - mean).sum())["s"]
        weights = mine.group_by(group).agg(w=pl.len() / mine.height, var=pl.col("var").first())
        theirs = float((weights["w"] ** 2 * weights["var"].fill_null(0)).sum())
        own = float((sums**2).sum()) / mine.height**2 * clusters / (clusters - 1)
        error = math.sqrt(own + theirs)
        p = 2 * float(stdtr(clusters - 1, -abs(mean) / error)) if error > 0 else 1.0
        made.append(
            Lead(
                event_time=event_time,
                change=mean,
                std_error=error,
                p_value=p,
                n_schools=mine.height,
                n_clusters=clusters,
            )
        )
    return tuple(made)


def of_measure(case: Case, measure: str) -> Iterator[Finding]:
    """Look for changes in the last years before joining."""
    rows = case.untreated[measure]
    seen = [lead for lead in leads(rows) if lead.n_schools >= case.limits.few_schools]
    spread = rows["spread"].median()
    if not seen or not spread:
        return
    unit = case.panels[measure].unit
    level = case.limits.lead_level / len(seen)
    sure = [x for x in seen if x.p_value < level and abs(x.change) > case.limits.lead * spread]  # type: ignore[operator]
    if not sure:
        return
    worst = max(sure, key=lambda lead: abs(lead.change) / lead.std_error)
    when = "last year" if worst.event_time == -1 else f"year {-worst.event_time} years"
    yield found(
        LEAD,
        f"In the {when} before joining {count(worst.n_schools, 'treated school')} changed by "
        f"{amount(worst.change, unit)} against comparison schools (standard error "
        f"{worst.std_error:.2g}, {worst.n_clusters:,} clusters, {p_words(worst.p_value)}).",
        measure=measure,
        event_time=worst.event_time,
        change=worst.change,
        std_error=worst.std_error,
        p_value=worst.p_value,
        schools=worst.n_schools,
    )


def of_study(case: Case) -> Iterator[Finding]:
    """Look for work that began long before the date of joining."""
    members = case.tables.get("memberships")
    if members is None or not {"joined", "partnership_id"} <= set(members.columns):
        return
    joined = members.filter(pl.col("joined").is_not_null())
    starts = []
    help_given = case.tables.get("interventions")
    if help_given is not None and "start" in help_given.columns:
        first = help_given.group_by("school_key", "partnership_id").agg(began=pl.col("start").min())
        starts.append(joined.join(first, on=["school_key", "partnership_id"]))
    register = case.tables.get("partnerships")
    if register is not None and "start_date" in register.columns:
        founders = joined.filter(pl.col("joined") == pl.col("joined").min().over("partnership_id"))
        began = register.select("partnership_id", began="start_date")
        starts.append(founders.join(began, on="partnership_id"))
    if not starts:
        return
    columns = ["school_key", "partnership_id", "joined", "began"]
    rows = pl.concat([frame.select(columns) for frame in starts]).drop_nulls("began")
    days = (pl.col("joined") - pl.col("began")).dt.total_days()
    early = rows.with_columns(days=days).filter(pl.col("days") > case.limits.early_days)
    if early.is_empty():
        return
    n = early["school_key"].n_unique()
    longest = int(early["days"].max())  # type: ignore[arg-type]
    yield found(
        EARLY_START,
        f"For {count(n, 'school')} in {count(early['partnership_id'].n_unique(), 'partnership')} "
        f"work began up to {longest:,} days before the date of joining.",
        schools=n,
        days=longest,
    )
