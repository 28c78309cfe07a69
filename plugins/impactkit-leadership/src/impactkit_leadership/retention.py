"""M05, ``leadership.retention``: new leaders still there one, three and five years on.

The Department's definition: of the leaders new to a post of a level at one School Workforce Census,
the share employed at a later one in a post of the same level or higher, in the same phase.
Source: DfE, School leadership retention, reporting year 2024, methodology.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import attrs

from impactkit import (
    Card,
    Estimate,
    Exclusion,
    MetricContext,
    MetricResult,
    Needs,
    Note,
    estimating_metric,
)
from impactkit_leadership.days import as_day
from impactkit_leadership.levels import LABELS, SENIOR, check_levels

ID = "leadership.retention"
TITLE = "Retention of new leaders"
QUESTION = "Do leaders who are new to a post stay at that level or rise?"


NO_CENSUS = (
    "the register of leadership spells covers no November census; give the time it covers in "
    "`observed_from` and `observed_until`"
)
NOBODY_LEFT = (
    "the register of leadership spells records no departure, as one does that holds only those who "
    "are still there; if leavers were recorded, set `observed_from` to the day from which they were"
)

Day = Any
"""A date, ISO text for one, or None: TOML has dates, JSON has none."""


def _census_day(_: Any, __: Any, value: str) -> None:
    if value and not re.fullmatch(r"(0[1-9]|1[0-2])-(0[1-9]|1\d|2[0-8])", value):
        raise ValueError(f"census_day is {value!r}; write MM-DD, for example 11-07, day 28 at most")


def _horizons(_: Any, __: Any, value: tuple[int, ...]) -> None:
    if not value or any(type(years) is not int or years < 1 for years in value):
        raise ValueError(f"horizons is {value!r}; give whole years, 1 or more")


@attrs.frozen(kw_only=True)
class RetentionParams:
    """What a study may set under ``[metrics."leadership.retention"]``.

    `min_cohort` people and `min_schools` schools are what a share must rest on. `observed_from` and
    `observed_until` say what time the register covers, where its own dates do not show it.
    `census_day` (``MM-DD``) replaces the first Thursday in November. `include_interim` lets interim
    posts start a cohort. `min_clusters` is how many schools or partnerships it takes before the
    interval allows for clustering. `destinations_by_partnership` splits what became of new
    leaders by partnership too; in a small authority disclosure control must then withhold more.
    """

    levels: tuple[str, ...] = attrs.field(default=SENIOR, converter=tuple, validator=check_levels)
    horizons: tuple[int, ...] = attrs.field(default=(1, 3, 5), converter=tuple, validator=_horizons)
    min_cohort: int = attrs.field(default=5, validator=attrs.validators.ge(1))
    min_schools: int = attrs.field(default=5, validator=attrs.validators.ge(1))
    min_clusters: int = attrs.field(default=10, validator=attrs.validators.ge(2))
    include_interim: bool = False
    destinations_by_partnership: bool = False
    census_day: str = attrs.field(default="", validator=_census_day)
    observed_from: Day = attrs.field(default=None, converter=as_day)
    observed_until: Day = attrs.field(default=None, converter=as_day)


CARD = Card(
    definition=(
        "Of the leaders new to a post at one School Workforce Census, the share employed at a "
        "census one, three or five years later in a post of the same leadership level or higher, "
        "in the same phase, in any school in the data. The definition is the Department's. Beside "
        "it the same share a year on of all leaders in post, new or not, which rests on more "
        "people; that one is this project's."
    ),
    formula=(
        "100 x (new leaders at or above their level, in the same phase, k censuses on) / "
        "(new leaders whose k-th later census has been taken), cohorts pooled"
    ),
    source=(
        "Department for Education, School leadership retention, reporting year 2024 (Explore "
        "Education Statistics), methodology"
    ),
    caveats=(
        "Heads who move to a trust's central team are not in the census, so they look like "
        "leavers; the table of destinations shows them apart where there are enough.",
        "A leader who moves to a school outside these data cannot be followed. The Department "
        "would count some of them as retained, so a local share is likely below a national one.",
        "New to post means: held no post of that level at the census before. A head is new as an "
        "executive head only when executive heads are asked for by themselves.",
        "The census day is taken to be the first Thursday in November, as in 2023 and 2024; for "
        "other years that is our assumption. All-through schools count as secondary.",
        "Interim posts start no cohort. The Department is reported to leave out leaders aged 50 "
        "and over too; we could not verify that, and this metric has no ages.",
        "Middle leaders are left out by the Department, since the census does not identify them "
        "reliably.",
        "A register that records no departure in its first two years is read from the first one "
        "on, since before it would hold survivors only.",
        "Leaving is not always a loss, and partnership schools differ from others in ways that "
        "nothing here adjusts for.",
        "So far only the synthetic authority has filled the table of leadership spells.",
    ),
    founding="M05",
)


@estimating_metric(
    id=ID,
    title=TITLE,
    question=QUESTION,
    unit="percent",
    direction="higher",
    needs=Needs(
        tables={"leadership_spells": ("staff_key", "school_key", "level", "start", "end")},
        optional={
            "leadership_spells": ("fte", "destination", "interim", "phase"),
            "schools": ("school_key", "phase"),
            "memberships": ("partnership_id", "school_key", "joined", "left"),
        },
    ),
    params=RetentionParams,
    card=CARD,
)
def retention(context: MetricContext) -> MetricResult:
    """Estimate the retention of new leaders by level, years after, phase and partnership."""
    import polars as pl

    from impactkit_leadership import census, cohorts, partners, retention_tables, year_on_year

    params = context.params or RetentionParams()
    spells, exclusions = census.clean_spells(
        context.table("leadership_spells"), context.tables.get("schools"), stage=ID
    )
    since = params.observed_from or census.recorded_from(spells)
    if since is None and not spells.is_empty():
        return _result((), exclusions, estimates=_nothing(params, NOBODY_LEFT))
    observed = census.window(
        spells, since=since, until=params.observed_until, fixed=params.census_day
    )
    if observed is None:
        return _result((), exclusions, estimates=_nothing(params, NO_CENSUS))
    memberships = partners.members(context.tables.get("memberships"))
    labels = partners.cluster_labels(memberships)
    starting = spells if params.include_interim else spells.filter(~pl.col("interim"))
    # A school in no partnership is a cluster of its own, whose name no partnership can have.
    alone = pl.concat_str(pl.lit("school "), "school_key")

    def followed(cohort_of: Any, horizons: tuple[int, ...]) -> pl.DataFrame:
        frames = [
            cohorts.fates(
                cohort_of(starting, observed, level), spells, memberships, observed, level, horizons
            ).with_columns(pl.lit(LABELS[level]).alias("level"))
            for level in params.levels
        ]
        return pl.concat(frames).with_columns(
            pl.col("school_key")
            .replace_strict(labels, default=alone, return_dtype=pl.String)
            .alias("cluster"),
            pl.col("phase").fill_null("not known"),
        )

    has_groups = not memberships.is_empty()
    rows = followed(cohorts.new_leaders, params.horizons)
    found = retention_tables.summarise(rows, params, has_groups=has_groups)
    everybody = followed(cohorts.in_post, (1,))
    return _result(
        _notes(observed, spells, params, has_groups=has_groups),
        exclusions,
        estimates=(
            *found.estimates,
            *year_on_year.year_on_year(everybody, params, has_groups=has_groups),
        ),
        tables=found.tables,
        charts=(*found.charts, *([year_on_year.chart()] if has_groups else [])),
    )


def _result(notes: Iterable[Note], exclusions: tuple[Exclusion, ...], **found: Any) -> MetricResult:
    return MetricResult(
        metric=ID,
        title=TITLE,
        question=QUESTION,
        unit="percent",
        direction="higher",
        notes=tuple(notes),
        exclusions=exclusions,
        **found,
    )


def _nothing(params: RetentionParams, reason: str) -> tuple[Estimate, ...]:
    from impactkit_leadership import retention_tables

    return tuple(
        Estimate(
            metric=ID,
            estimand=retention_tables.estimand(years),
            term=LABELS[level],
            unit="percent",
            status="not_estimable",
            reason=reason,
        )
        for level in params.levels
        for years in params.horizons
    )


def _notes(
    observed: Any, spells: Any, params: RetentionParams, *, has_groups: bool
) -> Iterable[Note]:
    yield Note(
        text="New leaders are those of the censuses from autumn {first} to autumn {last}, and they "
        "were followed to autumn {last}. Whoever would have to be followed beyond that is "
        "counted as not yet observed, never as having left.",
        values={"first": observed.first + 1, "last": observed.last},
    )
    ends = spells["end"].drop_nulls()
    if params.observed_from is None and observed.since > spells["start"].min():
        yield Note(
            text="No departure is recorded before {day}. A register drawn up later holds only "
            "those who were still there, so nobody is followed from an earlier census; if leavers "
            "were recorded, set `observed_from` to the day from which they were.",
            values={"day": f"{ends.min():%d %B %Y}"},
        )
    planned = not ends.is_empty() and (ends.max() - spells["start"].max()).days > 366
    if planned and params.observed_until is None:
        yield Note(
            text="The last end in the register lies more than a year after the last start. If "
            "it is a planned end, set `observed_until` to the day the register was drawn up."
        )
    if spells["phase"].null_count():
        yield Note(
            text="Where the phase of a school is not known, a move is taken to be within the phase."
        )
    if "middle" in params.levels:
        yield Note(
            text="The Department publishes no figure for middle leaders: records of them differ."
        )
    if not has_groups:
        yield Note(
            text="No memberships were given, so moves to partner schools are among the moves to "
            "other schools, and schools in partnerships cannot be told from others."
        )
