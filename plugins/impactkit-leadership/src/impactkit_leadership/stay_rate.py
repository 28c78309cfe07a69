"""M04, ``leadership.stay_rate``: teachers of one census who are at the school at the next."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import attrs

from impactkit import (
    Card,
    Chart,
    Column,
    Estimate,
    EstimationError,
    Exclusion,
    MetricContext,
    Needs,
    Table,
    estimating_metric,
)

if TYPE_CHECKING:
    import polars as pl

ID = "leadership.stay_rate"
EXCLUDED, INCLUDED = "retirements left out", "retirements counted as leaving"
WITHIN = "in the partnership, retirements left out"
RATE = "Teachers who stayed at the school"
EFFECT = "ATT on the share of teachers who stayed"


@attrs.frozen(kw_only=True)
class StayParams:
    """What a study may set under ``[metrics."leadership.stay_rate"]``.

    The rate of a group with fewer than `pool_below` teachers is that of `pool_years` censuses
    together. `min_schools` are what a share must rest on; from `min_clusters` on the interval
    allows for schools that hang together.
    """

    pool_below: int = attrs.field(default=20, validator=attrs.validators.ge(0))
    pool_years: int = attrs.field(default=3, validator=attrs.validators.ge(1))
    min_schools: int = attrs.field(default=5, validator=attrs.validators.ge(1))
    min_clusters: int = attrs.field(default=10, validator=attrs.validators.ge(2))


CARD = Card(
    definition=(
        "Of the teachers of a school at one census, the share who are there at the next: with "
        "those who retired left out, and with them counted as having left; and the share who are "
        "there or at a school of the partnership. A change of the school's number is no move."
    ),
    formula="100 x stayed / (teachers - retired); 100 x stayed / teachers; 100 x (stayed + moved "
    "within the partnership) / (teachers - retired)",
    source=(
        "Founding claim: staff retention improved (Children & Young People Now, on Ofsted 090232, "
        "2010). The definition is this project's: the Department counts teachers who stay in "
        "state-funded schools, which is another thing"
    ),
    caveats=(
        "Staying at the school is not staying in the profession. A move within the partnership "
        "may be its very purpose: the third rate counts it as staying.",
        "A school has few teachers, so its own rate says little: schools count by their teachers, "
        "and a group of under twenty is taken over three years.",
        "Retirement is what the register says; schools of which it is not known are in the second "
        "rate only, and counted.",
        "The comparison is an effect only if both groups would have changed alike.",
        "So far only the synthetic authority has filled the columns of stayers.",
    ),
    founding="M04",
    ours=True,
)


@estimating_metric(
    id=ID,
    title="Teachers who stay",
    question="Do more teachers stay at their school once it is in a partnership?",
    unit="percent",
    direction="higher",
    needs=Needs(
        tables={"school_years": ("school_key", "year", "teachers", "teachers_stayed")},
        optional={
            "school_years": ("teachers_retired", "teachers_moved_partner"),
            "memberships": ("partnership_id", "school_key", "joined", "left", "role"),
        },
    ),
    params=StayParams,
    card=CARD,
)
def stay_rate(context: MetricContext) -> Iterator[Any]:
    """Yield the effect on either rate, the rates themselves, and where teachers went."""
    from impactkit_leadership import partners

    params = context.params or StayParams()
    rows, lost = counts(context.table("school_years"))
    memberships = partners.members(context.tables.get("memberships"))
    for place, (term, (stayed, of)) in enumerate(RATES.items()):
        part = rows.drop_nulls([stayed, of])
        if part.is_empty() and not rows.is_empty():
            reason = f"nothing is known of it; give {NEEDED[term]} in `school_years`"
            yield Estimate(
                metric=ID, estimand=RATE, term=term, status="not_estimable", reason=reason
            )
            continue
        if part.height < rows.height:
            yield Exclusion(
                reason="leadership.unknown_moves",
                text=f"School-years without {NEEDED[term]}, not in the rate: {term}",
                n_rows=rows.height - part.height,
                stage=ID,
            )
        if term != WITHIN:
            # The years of one of the two rates are enough for a picture.
            yield from _effect(context, rates_by_school(part, stayed, of), term, chart=place == 0)
        yield from _rates(part, memberships, term, (stayed, of), params)
    yield from lost
    yield from _fates(rows)


RATES = {
    EXCLUDED: ("stayed", "without"),
    INCLUDED: ("stayed", "teachers"),
    WITHIN: ("kept", "without"),
}
"""Who stayed and out of how many, by rate."""
NEEDED = {
    EXCLUDED: "`teachers_retired`",
    INCLUDED: "`teachers_stayed`",
    WITHIN: "`teachers_retired` and `teachers_moved_partner`",
}


def counts(school_years: pl.DataFrame) -> tuple[pl.DataFrame, list[Exclusion]]:
    """Return `teachers`, `stayed`, `retired`, `moved`, `without` and `kept` by school and year.

    `without` are the teachers who did not retire, `kept` those who stayed or moved to a partner.

    Rows of one school and year are added up, as those of a school that changed its number are.
    """
    import polars as pl

    from impactkit import set_aside, typed_columns

    names = {"school_key": pl.String, "year": pl.Int64}
    numbers = ("teachers", "teachers_stayed", "teachers_retired", "teachers_moved_partner")
    rows = typed_columns(school_years, {**names, **dict.fromkeys(numbers, pl.Int64)})
    rows = rows.rename({n: n.removeprefix("teachers_").removesuffix("_partner") for n in numbers})
    rows, lost = set_aside(
        rows,
        [
            (
                "not_followed",
                "School-years whose teachers were not followed to the next census",
                pl.any_horizontal(pl.col("school_key", "year", "teachers", "stayed").is_null()),
            ),
            (
                "no_teachers",
                "School-years without a teacher, or with more who stayed, retired or moved than "
                "there were",
                (pl.col("teachers") <= 0)
                | (
                    pl.sum_horizontal(pl.col("stayed", "retired", "moved").fill_null(0))
                    > pl.col("teachers")
                ),
            ),
        ],
        ID,
    )
    # An unknown part makes the sum unknown.
    parts = [
        pl.when(pl.col(name).is_null().any()).then(None).otherwise(pl.col(name).sum()).alias(name)
        for name in ("teachers", "stayed", "retired", "moved")
    ]
    rows = rows.group_by("school_key", "year").agg(parts).sort("school_key", "year")
    return rows.with_columns(
        without=pl.col("teachers") - pl.col("retired"), kept=pl.col("stayed") + pl.col("moved")
    ), lost


def rates_by_school(rows: pl.DataFrame, stayed: str, of: str) -> pl.DataFrame:
    """Return `school_key`, `year`, `value` (percent who stayed) and `weight` (out of how many)."""
    import polars as pl

    return rows.filter(pl.col(of) > 0).select(
        "school_key",
        "year",
        value=100 * pl.col(stayed) / pl.col(of),
        weight=pl.col(of).cast(pl.Float64),
    )


def _effect(
    context: MetricContext, frame: pl.DataFrame, term: str, *, chart: bool
) -> Iterator[Any]:
    try:
        parts = context.effect(frame, aggregations=("group", "dynamic"), cells=False)
    except EstimationError as error:
        yield Estimate(
            metric=ID, estimand=EFFECT, term=term, status="not_estimable", reason=str(error)
        )
        return
    first = next(part for part in parts if isinstance(part, Estimate))
    yield attrs.evolve(first, metric=ID, estimand=EFFECT, term=term)
    if chart:
        yield from (part for part in parts if part is not first)


def _rates(
    rows: pl.DataFrame,
    memberships: pl.DataFrame,
    term: str,
    shares: tuple[str, str],
    params: StayParams,
) -> Iterator[Estimate]:
    """Yield the share at the last census, in and out of partnerships, schools together."""
    import polars as pl

    from impactkit import wilson
    from impactkit_leadership.partners import cluster_labels, in_partnership
    from impactkit_leadership.shares import IN, OUT, Limits, share_estimate

    last = max(rows["year"], default=0)
    recent = rows.filter(pl.col("year") > last - params.pool_years)
    census = recent.with_columns(day=pl.date(pl.col("year") - 1, 11, 7))
    labels = cluster_labels(memberships)
    alone = pl.concat_str(pl.lit("school "), "school_key")
    recent = recent.with_columns(
        cluster=pl.col("school_key").replace_strict(labels, default=alone, return_dtype=pl.String),
        inside=in_partnership(census, memberships, "day"),
    )
    groups = {"all": recent}
    if not memberships.is_empty():
        groups |= {IN: recent.filter("inside"), OUT: recent.filter(~pl.col("inside"))}
    limits = Limits(1, params.min_schools, params.min_clusters)
    for name, whole in groups.items():
        latest = whole.filter(pl.col("year") == last)
        part = latest if latest[shares[1]].sum() >= params.pool_below else whole
        yield share_estimate(
            _tally(part, shares, limits),
            wilson,
            interval_name="Wilson interval",
            metric=ID,
            estimand=RATE,
            term=term,
            subgroup=name,
        )


def _tally(rows: pl.DataFrame, shares: tuple[str, str], limits: Any) -> Any:
    """Count stayers among teachers, of schools whose teachers are given as numbers."""
    import polars as pl

    from impactkit import effective_sample
    from impactkit_leadership.shares import Tally

    stayed, of = shares
    by = rows.group_by("cluster").agg(pl.col(stayed, of).sum()).sort("cluster")
    by = by.filter(pl.col(of) > 0)
    schools = rows["school_key"].n_unique()
    counted: dict[str, Any] = {
        "people": int(by[of].sum()),
        "schools": schools,
        "successes": int(by[stayed].sum()),
    }
    if by.is_empty():
        return Tally(**counted, status="not_estimable", reason="there are no teachers")
    if schools < limits.min_schools:
        reason = (
            f"the teachers are of fewer than {limits.min_schools} schools, where a school could "
            "be recognised"
        )
        return Tally(**counted, status="withheld", reason=reason)
    worth = effective_sample(
        by[stayed].to_list(), by[of].to_list(), min_clusters=limits.min_clusters
    )
    return Tally(**counted, worth=worth)


def _fates(rows: pl.DataFrame) -> Iterator[Table | Chart]:
    """Yield where teachers of each census were at the next, and the picture of the latest."""
    import polars as pl

    def people(name: str, label: str) -> Column:
        return Column(name=name, label=label, kind="count", of="people")

    parts = [name for name in ("retired", "moved") if rows[name].null_count() < rows.height]
    rows = rows.drop_nulls(parts)
    labels = {"retired": "Retired", "moved": "Moved within the partnership"}
    cells = (
        rows.group_by("year")
        .agg(pl.col("teachers", "stayed", *parts).sum())
        .with_columns(other=pl.col("teachers") - pl.sum_horizontal("stayed", *parts))
        .sort("year")
    )
    yield Table(
        id="teachers",
        title="Where teachers were a year later",
        columns=(
            Column(name="year", label="Academic year of the census", kind="dimension"),
            people("teachers", "Teachers"),
            people("stayed", "At the school"),
            *(people(name, labels[name]) for name in parts),
            people("other", "Elsewhere, or not known"),
        ),
        rows=cells.rows(),
        sums=(("teachers", ("stayed", *parts, "other")),),
        note="Each census counts a teacher anew. Schools of which a part is not known are left "
        "out.",
    )
    if not cells.is_empty():
        yield Chart(
            id="teachers",
            kind="flow",
            title="Where the teachers of the latest census were a year later",
            data="teachers",
            x="year",
            y="teachers",
            where={"year": str(cells["year"][-1])},
            y_title="Teachers",
        )
