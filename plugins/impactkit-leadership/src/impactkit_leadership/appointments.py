"""M06, ``leadership.internal_appointments``: how many senior posts are filled from within.

Internal appointments over all senior appointments whose source is known, from the school itself and
from the partnership, and beside them how long the posts stood vacant.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import attrs

from impactkit import (
    Card,
    Exclusion,
    MetricContext,
    MetricResult,
    Needs,
    Note,
    estimating_metric,
)
from impactkit_leadership.levels import LABELS, SENIOR, check_levels, posts_of

if TYPE_CHECKING:
    import polars as pl

ID = "leadership.internal_appointments"
TITLE = "Senior posts filled from within"
QUESTION = "Do schools fill senior posts from their own ranks, or from their partners'?"


@attrs.frozen(kw_only=True)
class AppointmentParams:
    """What a study may set under ``[metrics."leadership.internal_appointments"]``.

    Appointments are pooled over the academic years in the data, of which there must be `min_years`.
    A share must rest on `min_appointments` people and `min_schools` schools. `min_clusters` is how
    many schools or partnerships it takes before the interval allows for clustering.
    """

    levels: tuple[str, ...] = attrs.field(default=SENIOR, converter=tuple, validator=check_levels)
    min_years: int = attrs.field(default=3, validator=attrs.validators.ge(1))
    min_appointments: int = attrs.field(default=5, validator=attrs.validators.ge(1))
    min_schools: int = attrs.field(default=5, validator=attrs.validators.ge(1))
    min_clusters: int = attrs.field(default=10, validator=attrs.validators.ge(2))


CARD = Card(
    definition=(
        "Of the senior appointments whose source is known, the share that went to somebody from "
        "the school itself, from its partnership, or from either. Senior posts are those of heads, "
        "deputy heads and assistant heads unless the study says otherwise."
    ),
    formula="100 x internal appointments / all appointments with a known source, years pooled",
    source="Founding claim: senior staff recruited from own ranks (Children & Young People Now, "
    "on Ofsted 090232, 2010); definition and thresholds are this project's",
    caveats=(
        "A school fills one to three senior posts a year, so at least three years are pooled.",
        "The interval is the exact one of Clopper and Pearson, since numbers are small: it covers "
        "at least as often as it says, and is wider than it need be.",
        "An internal appointment is not always better: read the share beside the length of the "
        "vacancy and the number of applicants.",
        "A school in no partnership cannot appoint from one; compare the share from the school or "
        "the partnership.",
        "Posts not yet filled have no source and are in no share. They do count in the median wait "
        "over all, as open up to the last day in the table (Kaplan-Meier): leave out posts that "
        "were withdrawn. The waits by source are of filled posts only, so they understate.",
        "So far only the synthetic authority has filled the table of appointments.",
    ),
    founding="M06",
    ours=True,
)


@estimating_metric(
    id=ID,
    title=TITLE,
    question=QUESTION,
    unit="percent",
    needs=Needs(
        tables={"appointments": ("school_key", "level", "filled", "appointed_source")},
        optional={
            "appointments": ("advertised",),
            "memberships": ("partnership_id", "school_key", "joined", "left"),
        },
    ),
    params=AppointmentParams,
    card=CARD,
)
def internal_appointments(context: MetricContext) -> MetricResult:
    """Estimate the shares of senior appointments from within, and the length of vacancies."""
    import polars as pl

    from impactkit_leadership import appointment_tables, appointment_waits, partners

    params = context.params or AppointmentParams()
    memberships = partners.members(context.tables.get("memberships"))
    posts, filled, exclusions = _clean(context.table("appointments"), params)
    alone = pl.concat_str(pl.lit("school "), "school_key")
    cluster = pl.col("school_key").replace_strict(
        partners.cluster_labels(memberships), default=alone, return_dtype=pl.String
    )
    rows = filled.with_columns(
        cluster.alias("cluster"), partners.in_partnership(filled, memberships, "filled")
    )
    posts = posts.with_columns(cluster.alias("cluster"))
    groups = not memberships.is_empty()
    years = rows["filled"].dt.offset_by("4mo").dt.year().n_unique() if rows.height else 0
    return MetricResult(
        metric=ID,
        title=TITLE,
        question=QUESTION,
        unit="percent",
        estimates=(
            *appointment_tables.estimates(rows, params, groups=groups, years=years),
            *appointment_waits.estimates(posts, params),
        ),
        tables=(appointment_tables.table(rows, params, groups=groups),),
        charts=tuple(appointment_tables.charts()),
        notes=tuple(_notes(rows, groups=groups)),
        exclusions=exclusions,
    )


def _clean(
    appointments: pl.DataFrame, params: AppointmentParams
) -> tuple[pl.DataFrame, pl.DataFrame, tuple[Exclusion, ...]]:
    """Return posts of the levels asked for, those filled, and what was set aside and why.

    Of a post `days` is how long it was open: until it was filled, or the last day in the table.
    """
    import polars as pl

    from impactkit import set_aside, typed_columns
    from impactkit_leadership.appointment_tables import SOURCES

    frame = typed_columns(
        appointments,
        {
            "school_key": pl.String,
            "level": pl.String,
            "advertised": pl.Date,
            "filled": pl.Date,
            "appointed_source": pl.String,
        },
    )
    wanted = [post for level in params.levels for post in posts_of(level)]
    faults = (
        (
            "incomplete_appointment",
            "Appointments without a school or a level",
            pl.any_horizontal(pl.col("school_key", "level").is_null()),
        ),
        (
            "other_level",
            "Appointments to other levels than those asked for",
            ~pl.col("level").is_in(wanted),
        ),
        (
            "backward_appointment",
            "Posts filled before they were advertised",
            (pl.col("filled") < pl.col("advertised")).fill_null(value=False),
        ),
    )
    kept, exclusions = set_aside(frame, faults, ID)
    known = pl.col("appointed_source").is_in(list(SOURCES))
    label = {post: LABELS[level] for level in params.levels for post in posts_of(level)}
    last = pl.lit(kept.select(pl.max_horizontal(pl.col("advertised", "filled").max())).item())
    posts = kept.with_columns(
        pl.when(known).then("appointed_source").otherwise(pl.lit("not_known")).alias("source"),
        pl.col("level").replace(label),
        (pl.col("filled").fill_null(last) - pl.col("advertised")).dt.total_days().alias("days"),
    ).sort("school_key", "level", "filled", "source", "days")
    open_still = (
        "unfilled",
        "Posts advertised and not filled: in no share, but in the median wait over all",
        pl.col("filled").is_null(),
    )
    filled, more = set_aside(posts, [open_still], ID)
    return posts, filled, (*exclusions, *more)


def _notes(rows: pl.DataFrame, *, groups: bool) -> Iterator[Note]:
    unknown = rows.filter(rows["source"] == "not_known").height
    if unknown:
        yield Note(
            text="The source is not known for {n} of {m} appointments, which are in no share.",
            values={"n": unknown, "m": rows.height},
            of="people",
        )
    if not groups:
        yield Note(
            text="No memberships were given, so schools in partnerships cannot be told from others."
        )
