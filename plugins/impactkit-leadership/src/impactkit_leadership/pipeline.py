"""M07, ``leadership.pipeline``: of those seen as future leaders, how many are promoted, how soon.

The clock starts on the day somebody is seen as a future leader. Were it to start with a programme,
whoever got that far would have been immortal until then, and programmes would seem to promote.
"""

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
    Note,
    Table,
    estimating_metric,
)

if TYPE_CHECKING:
    import polars as pl

ID = "leadership.pipeline"
PROMOTED, LEFT = "Promoted", "Left before any promotion"
CAUSES = {"promoted": PROMOTED, "left": LEFT}


@attrs.frozen(kw_only=True)
class PipelineParams:
    """What a study may set under ``[metrics."leadership.pipeline"]``.

    `within` is the number of years since being seen. A figure rests on `min_people` people of
    `min_schools` schools or more.
    """

    within: float = attrs.field(default=3.0, converter=float, validator=attrs.validators.gt(0))
    min_people: int = attrs.field(default=10, validator=attrs.validators.ge(1))
    min_schools: int = attrs.field(default=5, validator=attrs.validators.ge(1))


CARD = Card(
    definition=(
        "Of the people seen as future leaders, the share promoted to a higher level within three "
        "years of that day, and the share who left before any promotion. Both compete."
    ),
    formula="cumulative incidence by cause (Aalen-Johansen), clock from `identified_on`",
    source=(
        "Founding claim: potential leaders are identified quickly and developed (Ofsted 090232, "
        "2010). Aalen & Johansen (1978), Scandinavian Journal of Statistics 5(3), 141-150. Years "
        "and definition are this project's"
    ),
    caveats=(
        "Who is in no pool is in no figure: schools that see future leaders late look quick.",
        "Time is counted from being seen, and not from the start of a programme, since only those "
        "who had not left could start one.",
        "Whether a school was in a partnership is taken on the day somebody was seen; schools that "
        "join may differ from others in ways that nothing here adjusts for.",
        "Being in a pool is a judgement about a person: no name and no school is shown.",
        "So far only the synthetic authority has filled the table of the talent pool.",
    ),
    founding="M07",
    ours=True,
)


@estimating_metric(
    id=ID,
    title="From being seen to being promoted",
    question="Are people who are seen as future leaders promoted?",
    unit="percent",
    direction="higher",
    needs=Needs(
        tables={"talent_pool": ("staff_key", "school_key", "identified_on")},
        optional={
            "talent_pool": ("promoted_on", "left_on", "observed_until", "started_on"),
            "memberships": ("partnership_id", "school_key", "joined", "left"),
        },
    ),
    params=PipelineParams,
    card=CARD,
)
def pipeline(context: MetricContext) -> Iterator[Any]:
    """Yield the incidence of promotion and of leaving, by partnership, and a funnel."""
    from impactkit_leadership import partners
    from impactkit_leadership.shares import IN, OUT

    params = context.params or PipelineParams()
    rows, exclusions = _spells(context.table("talent_pool"))
    yield from exclusions
    memberships = partners.members(context.tables.get("memberships"))
    rows = _grouped(rows, memberships)
    groups = {"all": rows}
    if not memberships.is_empty():
        inside = rows["in_partnership"]
        groups |= {IN: rows.filter(inside), OUT: rows.filter(~inside)}
    found: dict[str, dict[str, Estimate]] = {}
    curves = {}
    for name, part in groups.items():
        found[name], curves[name] = _incidence(part, name, params)
    for cause in CAUSES:
        yield from (found[name][cause] for name in groups)
        if len(groups) > 1:
            yield _difference(found[IN][cause], found[OUT][cause], CAUSES[cause])
    for name, curve in curves.items():
        yield _half(curve, name, found[name]["promoted"])
    yield _funnel(groups)
    yield from _picture(curves, groups, params)
    if memberships.is_empty():
        yield Note("No memberships were given, so partnerships cannot be told from others.")


def _spells(pool: pl.DataFrame) -> tuple[pl.DataFrame, list[Exclusion]]:
    """Return `years` and `end` (promoted, left or null) of each person, from being seen on."""
    import polars as pl

    from impactkit import set_aside, typed_columns

    days = ("promoted_on", "left_on", "observed_until", "started_on")
    names = {"staff_key": pl.String, "school_key": pl.String, "identified_on": pl.Date}
    rows = typed_columns(pool, {**names, **dict.fromkeys(days, pl.Date)})
    latest = max(
        (d for c in ("identified_on", *days) if (d := rows[c].max()) is not None),
        default=None,
    )
    until = pl.coalesce("observed_until", pl.lit(latest, pl.Date))
    ended = pl.min_horizontal("promoted_on", "left_on")
    # Whoever is promoted and leaves on one day was promoted.
    first = (
        pl.when(pl.col("promoted_on").is_not_null() & (pl.col("promoted_on") == ended))
        .then(pl.lit("promoted"))
        .when(pl.col("left_on").is_not_null() & (pl.col("left_on") == ended))
        .then(pl.lit("left"))
    )
    rows = rows.sort(*rows.columns).with_columns(end=first, last=pl.coalesce(ended, until))
    # The first day counts, so people are taken in the order in which they were seen.
    rows, lost = set_aside(
        rows.sort("identified_on", "staff_key", "school_key", "last", nulls_last=True),
        [
            (
                "incomplete_pool",
                "Rows without a person, a school or the day on which they were seen",
                pl.any_horizontal(pl.col(*names).is_null()),
            ),
            (
                "seen_again",
                "People who were seen more than once; the first day counts",
                ~pl.col("staff_key").is_first_distinct(),
            ),
            (
                "backward_pool",
                "People promoted, gone or last known before they were seen",
                (pl.col("last") < pl.col("identified_on")).fill_null(False),
            ),
        ],
        ID,
    )
    return rows.with_columns(
        years=(pl.col("last") - pl.col("identified_on")).dt.total_days() / 365.25
    ), lost


def _grouped(rows: pl.DataFrame, memberships: pl.DataFrame) -> pl.DataFrame:
    import polars as pl

    from impactkit_leadership import partners

    labels = partners.cluster_labels(memberships)
    alone = pl.concat_str(pl.lit("school "), "school_key")
    return rows.with_columns(
        cluster=pl.col("school_key").replace_strict(labels, default=alone, return_dtype=pl.String),
        in_partnership=partners.in_partnership(rows, memberships, "identified_on"),
    )


def _incidence(
    rows: pl.DataFrame, name: str, params: PipelineParams
) -> tuple[dict[str, Estimate], Any]:
    """Return the incidence of each cause within the years, and the curves (None without any)."""
    from impactkit import aalen_johansen

    about: dict[str, Any] = {"metric": ID, "subgroup": name, "unit": "percent"}
    words = f"within {params.within:g} years"

    def none(status: Any, reason: str) -> dict[str, Estimate]:
        return {
            cause: Estimate(**about, estimand=label, term=words, status=status, reason=reason)
            for cause, label in CAUSES.items()
        }

    schools = rows["school_key"].n_unique()
    if rows.height < params.min_people:
        reason = f"fewer than {params.min_people} people were seen as future leaders"
        return none("not_estimable", reason), None
    if schools < params.min_schools:
        reason = (
            f"they come from fewer than {params.min_schools} schools, where one person could be "
            "recognised"
        )
        return none("withheld", reason), None
    try:
        curves = aalen_johansen(rows, duration="years", cause="end", cluster="cluster")
    except EstimationError as error:
        return none("not_estimable", str(error)), None
    counts: dict[str, Any] = {"n_people": rows.height, "n_schools": schools}
    found = none("not_estimable", "nobody's time ended in this way")
    for e in curves.at(params.within):
        cause = e.estimand.removeprefix("F(t) of ")
        scaled: dict[str, Any] = {
            field: None if (value := getattr(e, field)) is None else 100 * value
            for field in ("value", "std_error", "ci_low", "ci_high")
        }
        found[cause] = attrs.evolve(
            e, **about, **counts, **scaled, estimand=CAUSES[cause], term=words
        )
    return found, curves


def _difference(one: Estimate, two: Estimate, label: str) -> Estimate:
    """Return the incidence in partnerships less that elsewhere, two groups of other schools."""
    from scipy.special import ndtri

    names: dict[str, Any] = {
        "metric": ID,
        "estimand": f"{label}: partnership schools less others",
        "term": one.term,
        "unit": "percentage points",
    }
    if one.value is None or two.value is None or not one.std_error or not two.std_error:
        missing = one if one.value is None else two
        return Estimate(
            **names,
            status="withheld" if missing.status == "withheld" else "not_estimable",
            reason=f"a share of one side is missing: {missing.reason or 'it has no interval'}",
        )
    error = (one.std_error**2 + two.std_error**2) ** 0.5
    value, reach = one.value - two.value, float(ndtri(0.975)) * error
    return Estimate(
        **names,
        value=value,
        std_error=error,
        ci_low=value - reach,
        ci_high=value + reach,
        n_people=(one.n_people or 0) + (two.n_people or 0),
        n_schools=one.n_schools,
        n_comparison=two.n_schools,
        method="difference of two cumulative incidences",
        variance="of either side, clustered; sides taken as independent",
        warnings=("Schools in partnerships may differ from others; this adjusts for nothing.",),
    )


def _half(curves: Any, name: str, promoted: Estimate) -> Estimate:
    """Return the time by which half of all who were seen had been promoted, if it was reached.

    `promoted` is the share within the years: who has no curve has neither, for the same reason.
    """
    about: dict[str, Any] = {
        "metric": ID,
        "estimand": "Years until half had been promoted",
        "subgroup": name,
        "unit": "years",
    }
    if curves is None:
        return Estimate(**about, status=promoted.status, reason=promoted.reason)
    steps = zip(curves.time, curves.steps, strict=True)
    reached = [t for t, e in steps if e.estimand == "F(t) of promoted" and (e.value or 0.0) >= 0.5]
    if not reached:
        reason = "in the time observed fewer than half were promoted"
        return Estimate(**about, status="not_estimable", reason=reason)
    return Estimate(
        **about,
        value=min(reached),
        n_people=promoted.n_people,
        n_schools=promoted.n_schools,
        reason="no interval is worked out where causes compete",
        method="first time at which the incidence of promotion reaches a half",
        variance="none",
    )


def _funnel(groups: dict[str, pl.DataFrame]) -> Table:
    import polars as pl

    def people(name: str, label: str) -> Column:
        return Column(name=name, label=label, kind="count", of="people")

    rows: list[tuple[Any, ...]] = []
    for name, part in groups.items():
        ends = part["end"].fill_null("open")
        counts = [int((ends == which).sum()) for which in ("promoted", "left", "open")]
        started = part.filter(pl.col("started_on").is_not_null()).height
        rows.append((name, part.height, *counts, started, part["school_key"].n_unique()))
    return Table(
        id="pipeline",
        title="What became of people who were seen as future leaders",
        columns=(
            Column(name="group", label="School was", kind="dimension"),
            people("seen", "Seen"),
            people("promoted", "Promoted"),
            people("left", "Left"),
            people("open", "Neither yet"),
            people("programme", "On a programme"),
            Column(name="schools", label="Schools", kind="count", of="schools"),
        ),
        rows=rows,
        totals={"group": "all"},
        sums=(("seen", ("promoted", "left", "open")),),
        note="As far as the register goes; who was seen late has had less time.",
    )


def _steps(people: pl.DataFrame, last: int, least: int) -> list[int]:
    """Return the years at which a curve may be shown: `least` were promoted between any two.

    From two points that are nearer together one could tell how many were promoted between them,
    and from the last one, with all who ever were, how many were later.
    """
    promoted = people.filter(people["end"] == "promoted")["years"].sort().to_list()
    years, seen = [0], 0
    for year in range(1, last + 1):
        by_then = sum(t <= year for t in promoted)
        if by_then - seen >= least:
            years, seen = [*years, year], by_then
    later = len(promoted) - seen
    if 0 < later < least and len(years) > 1:
        # The last two spans become one, where the curve reaches as far as anybody's promotion.
        years[-1:] = [last] if promoted[-1] <= last else []
    return years


def _picture(
    curves: dict[str, Any], groups: dict[str, pl.DataFrame], params: PipelineParams
) -> Iterator[Table | Chart]:
    """Yield promotion by whole years since being seen: a curve by day would show each person."""
    rows = []
    for name, found in curves.items():
        if found is None:
            continue
        last = int(min(found.last_seen.values()))
        for year in _steps(groups[name], last, params.min_people):
            rows += [
                (name, year, 100 * e.value)
                for e in found.at(year)
                if e.estimand == "F(t) of promoted" and e.value is not None
            ]
    if not rows:
        return
    yield Table(
        id="pipeline_years",
        title="Promoted, by years since being seen",
        columns=(
            Column(name="group", label="School was", kind="dimension"),
            Column(name="years", label="Years since", kind="dimension"),
            Column(name="promoted", label="Promoted by then", unit="percent", digits=1),
        ),
        rows=rows,
        note="Years between which fewer than enough were promoted to be told are left out.",
    )
    yield Chart(
        id="pipeline_years",
        kind="line",
        title="Promoted, by years since being seen as a future leader",
        data="pipeline_years",
        x="years",
        y="promoted",
        series="group",
        x_title="Years since being seen",
        y_title="Percent promoted",
    )
