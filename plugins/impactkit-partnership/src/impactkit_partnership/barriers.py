"""M03, ``partnership.barriers``: what stood in the way, how often, and how long until it was gone.

Barriers per ten partnerships with an exact Poisson interval, days to resolution by Kaplan and
Meier, and both by whether the start had been clear (`partnership.agreement_clarity`).
"""

from __future__ import annotations

import datetime as dt
import math
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import attrs

from impactkit import (
    Card,
    Chart,
    Diagnostic,
    Estimate,
    MetricContext,
    Needs,
    Note,
    Table,
    estimating_metric,
)
from impactkit_partnership import columns as c

if TYPE_CHECKING:
    import polars as pl

ID = "partnership.barriers"
PER_TEN = "Barriers logged for ten partnerships"
PER_YEAR = "Barriers logged for ten partnerships in a year"
DAYS = "Days until a barrier was out of the way, median"
CLEAR, UNCLEAR = "clear start", "unclear start"
POISSON = "Poisson; barriers taken as independent"
DAYS_A_YEAR = 365.25
BUNCHED = (
    "Some partnerships logged more than chance explains: the interval is likely too narrow.",
)


@attrs.frozen(kw_only=True)
class BarrierParams:
    """What a study may set under ``[metrics."partnership.barriers"]``.

    `observed_until` is the last day that the log covers; otherwise that of its latest date. A start
    is clear where the share `clear_from` of the items of the agreement, or more, was settled within
    `settled_within` days.
    """

    observed_until: dt.date | None = None
    clear_from: float = attrs.field(
        default=0.5, validator=[attrs.validators.gt(0), attrs.validators.le(1)]
    )
    settled_within: int = attrs.field(default=60, validator=attrs.validators.ge(0))


CARD = Card(
    definition=(
        "Barriers logged for ten partnerships; and the median number of days from the day on which "
        "a barrier was written down to the day on which it was out of the way, counting those that "
        "are still there as not yet resolved. Both are shown by whether the start was clear: half "
        "the items of the agreement, or more, settled 60 days after it."
    ),
    formula="10 x barriers / partnerships; median of the Kaplan-Meier curve of days to resolution",
    source="Founding claim: Ofsted 090232 (2010), barriers such as reluctance to engage where the "
    "start was not clear. Definition is this project's. Intervals: Garwood (1936); Kaplan & Meier "
    "(1958); log-rank: Mantel (1966)",
    caveats=(
        "A barrier that nobody wrote down is not counted, and open partnerships write more down: "
        "more barriers logged need not be more barriers.",
        "A partnership without any entry counts as one without barriers.",
        "A clear start is not given at random: what it goes with it need not have brought about.",
        "The interval of the rate holds for barriers that come independently; a warning says where "
        "they come in bunches.",
        "So far only the synthetic authority has filled the table of barriers.",
    ),
    founding="M03",
    ours=True,
)


@estimating_metric(
    id=ID,
    title="Barriers and how long they last",
    question="How often do partnerships meet barriers, and how soon are they out of the way?",
    unit="barriers for ten partnerships",
    direction="lower",
    needs=Needs(
        tables={
            "barriers": ("partnership_id", "raised_on", "resolved_on"),
            "partnerships": ("partnership_id", "start_date"),
        },
        optional={
            "barriers": ("kind",),
            "partnerships": ("end_date",),
            "agreements": (
                *("partnership_id", "item", "present", "evidenced_on", "doc_ref", "coder"),
            ),
        },
    ),
    params=BarrierParams,
    card=CARD,
)
def barriers(context: MetricContext) -> Iterator[Any]:
    """Yield rates, times to resolution, and both by clarity of the start."""
    import polars as pl

    from impactkit_partnership import frames

    params = context.params or BarrierParams()
    known, lost = frames.started(context.table("partnerships"), ID)
    columns = {
        "partnership_id": pl.String,
        "raised_on": pl.Date,
        "resolved_on": pl.Date,
        "kind": pl.String,
    }
    log = frames.typed(context.table("barriers"), columns)
    until = params.observed_until or frames.latest(log, "raised_on", "resolved_on")
    until = until or dt.date.max
    rows, more = frames.screened(
        log,
        [
            frames.unknown_partnership(known, "Barriers"),
            ("undated", "Barriers without the day they were raised", pl.col("raised_on").is_null()),
            (
                "outside",
                "Barriers raised after the last day observed",
                pl.col("raised_on") > pl.lit(until),
            ),
            (
                "backward",
                "Barriers resolved before they were raised",
                pl.col("resolved_on") < pl.col("raised_on"),
            ),
        ],
        ID,
    )
    yield from (*lost, *more)
    starts = _starts(context, known, params)
    time = _years(known, until)
    groups = {
        "all": list(time),
        **{g: [p for p in time if starts.get(p) == g] for g in (CLEAR, UNCLEAR)},
    }
    counts = Counter(rows["partnership_id"])
    bunched = _bunching(counts, time)
    for estimand in (PER_TEN, PER_YEAR):
        for group, members in groups.items():
            if group == "all" or (starts and members):
                found = _rate(estimand, counts, members, time, bunched)
                yield attrs.evolve(
                    found, subgroup=group, term="" if estimand == PER_TEN else "by year"
                )
    if starts:
        yield _ratio(counts, groups, time, bunched)
    yield from bunched
    yield from _resolution(rows, starts, until)
    yield _kinds(rows)
    if not starts:
        yield Note(
            text="No agreements were judged, so clear and unclear starts are not told apart."
        )


def _starts(context: MetricContext, known: pl.DataFrame, params: BarrierParams) -> dict[str, str]:
    """Return whether each partnership began clearly, of those whose agreement was judged."""
    from impactkit_partnership.agreement_clarity import ClarityParams, by_partnership, settled

    if "agreements" not in context.tables:
        return {}
    rule = ClarityParams(settled_within=params.settled_within)
    judged, _ = settled(context.tables["agreements"], known, rule, stage=ID)
    return {
        name: CLEAR if early >= params.clear_from else UNCLEAR
        for name, (early, _) in by_partnership(judged, rule).items()
    }


def _years(known: pl.DataFrame, until: dt.date) -> dict[str, float]:
    """Return for how many years each partnership was at work; those that began later are not in."""
    return {
        name: (min(filter(None, (end, until))) - start).days / DAYS_A_YEAR
        for name, start, end in known.iter_rows()
        if start <= until < dt.date.max
    }


def _rate(
    estimand: str,
    counts: Counter[str],
    members: list[str],
    time: dict[str, float],
    bunched: list[Diagnostic],
) -> Estimate:
    from impactkit import garwood

    in_a_year = estimand == PER_YEAR
    count = sum(counts[name] for name in members)
    over = (math.fsum(time[name] for name in members) if in_a_year else len(members)) / 10
    names: dict[str, Any] = {"estimand": estimand, "unit": "barriers for ten partnerships"}
    if in_a_year:
        names["unit"] += " a year"
    if not over > 0:
        return Estimate(
            **names,
            status="not_estimable",
            reason="no partnership was at work on the days that the log covers; give starts in "
            "`partnerships`, or set `observed_until`",
        )
    low, high = garwood(count, over)
    return Estimate(
        **names,
        value=count / over,
        std_error=math.sqrt(count) / over or None,
        ci_low=low,
        ci_high=high,
        n_partnerships=len(members),
        n_clusters=len(members),
        method="count over partnerships; exact Poisson interval (Garwood)",
        variance=POISSON,
        warnings=BUNCHED if any(not test.passed for test in bunched) else (),
    )


def _ratio(
    counts: Counter[str],
    groups: dict[str, list[str]],
    time: dict[str, float],
    bunched: list[Diagnostic],
) -> Estimate:
    """Return the rate after a clear start over that after an unclear one."""
    from impactkit import rate_ratio

    names: dict[str, Any] = {
        "estimand": "Barriers a year after a clear start over those after an unclear one",
        "term": "clear over unclear",
        "unit": "ratio",
    }
    events = [sum(counts[name] for name in groups[group]) for group in (CLEAR, UNCLEAR)]
    years = [math.fsum(time[name] for name in groups[group]) for group in (CLEAR, UNCLEAR)]
    if not all(years) or not events[1]:
        return Estimate(
            **names,
            status="not_estimable",
            reason="there must be partnerships of both kinds, and barriers after unclear starts",
        )
    low, high = rate_ratio(events[0], years[0], events[1], years[1])
    return Estimate(
        **names,
        value=events[0] / years[0] / (events[1] / years[1]),
        ci_low=low,
        ci_high=high,
        n_partnerships=len(groups[CLEAR]) + len(groups[UNCLEAR]),
        method="ratio of two rates; exact interval given all barriers",
        variance=POISSON,
        warnings=BUNCHED if any(not test.passed for test in bunched) else (),
    )


def _bunching(counts: Counter[str], time: dict[str, float]) -> list[Diagnostic]:
    """Test whether partnerships differ in their rate by more than chance (Pearson)."""
    years = {name: length for name, length in time.items() if length > 0}
    total = sum(counts[name] for name in years)
    if len(years) < 2 or total < len(years):
        return []
    from scipy.special import gammaincc

    rate = total / math.fsum(years.values())
    chi2 = math.fsum((counts[name] - rate * t) ** 2 / (rate * t) for name, t in years.items())
    p = float(gammaincc((len(years) - 1) / 2, chi2 / 2))
    return [
        Diagnostic(
            name="bunching of barriers",
            value=chi2 / (len(years) - 1),
            p_value=p,
            passed=p >= 0.05,
            text="Chi-squared over its degrees of freedom, between partnerships: about 1 when "
            "barriers come at random.",
        )
    ]


def _resolution(rows: pl.DataFrame, starts: dict[str, str], until: dt.date) -> Iterator[Any]:
    """Yield the medians and curves of days to resolution, and the test of clear against unclear."""
    import polars as pl

    from impactkit import EstimationError, kaplan_meier, log_rank

    spells = rows.with_columns(
        # Two barriers written down and gone on one day took part of that day.
        pl.max_horizontal(
            (pl.min_horizontal("resolved_on", pl.lit(until)) - pl.col("raised_on")).dt.total_days(),
            pl.lit(0.5),
        ).alias("days"),
        (pl.col("resolved_on") <= pl.lit(until)).fill_null(value=False).alias("gone"),
        pl.col("partnership_id")
        .replace_strict(starts, default=None, return_dtype=pl.String)
        .alias("start"),
    ).sort("partnership_id", "raised_on", "days")
    sides = [("all", spells), *((g, spells.filter(pl.col("start") == g)) for g in (CLEAR, UNCLEAR))]
    steps: list[tuple[Any, ...]] = []
    for group, part in sides:
        if group != "all" and not starts:
            continue
        try:
            curve = kaplan_meier(part, duration="days", event="gone", cluster="partnership_id")
        except EstimationError as error:
            yield _median(group, part, None, (None, None), str(error))
            continue
        middle, bounds = curve.median()["all"]
        yield _median(group, part, middle, bounds, "half of them were not yet out of the way")
        if starts and group == "all":  # the picture compares the two
            continue
        steps.append((group, 0.0, 100.0, None, None))
        steps += (
            (
                group,
                row["time"],
                100 * row["value"],
                *(_percent(row[k]) for k in ("ci_low", "ci_high")),
            )
            for row in curve.to_frame().iter_rows(named=True)
        )
    yield Table(
        id="resolution",
        title="Barriers not yet out of the way",
        columns=(
            c.what("start", "Start of the partnership"),
            c.number("days", "Days", "days", digits=0),
            c.number("left", "Still there, %", "percent"),
            *c.INTERVAL,
        ),
        rows=steps,
        note="Kaplan-Meier curve; intervals are pointwise and allow for partnerships.",
    )
    yield Chart(
        id="resolution",
        kind="step",
        title="Barriers not yet out of the way",
        data="resolution",
        x="days",
        y="left",
        low="low",
        high="high",
        series="start",
        x_title="Days since it was written down",
        y_title="Percent still there",
    )
    told = spells.drop_nulls("start")
    if told["start"].n_unique() == 2 and told["gone"].any():
        test = log_rank(
            told, duration="days", event="gone", group="start", cluster="partnership_id"
        )
        yield Diagnostic(
            name="days to resolution, clear against unclear start (log-rank)",
            value=test.statistic,
            p_value=test.p_value,
            text=test.reason or f"Chi-squared; variance: {test.variance}.",
        )


def _percent(share: float | None) -> float | None:
    return None if share is None else 100 * share


def _median(
    group: str,
    part: pl.DataFrame,
    middle: float | None,
    bounds: tuple[float | None, float | None],
    reason: str,
) -> Estimate:
    names: dict[str, Any] = {
        "estimand": DAYS,
        "term": "resolution",
        "subgroup": group,
        "unit": "days",
        "n_partnerships": part["partnership_id"].n_unique() if part.height else 0,
    }
    if middle is None:
        return Estimate(**names, status="not_estimable", reason=reason)
    whole = None not in bounds
    return Estimate(
        **names,
        value=middle,
        ci_low=bounds[0] if whole else None,
        ci_high=bounds[1] if whole else None,
        n_clusters=names["n_partnerships"],
        method="median of the Kaplan-Meier curve; Brookmeyer-Crowley interval",
        variance="cluster-robust by partnership",
        reason="" if whole else "the bounds of the curve do not both come down to a half",
    )


def _kinds(rows: pl.DataFrame) -> Table:
    import polars as pl

    kinds = (
        rows.with_columns(pl.col("kind").fill_null("not stated"))
        .group_by("kind")
        .agg(
            pl.len().alias("n"),
            pl.col("resolved_on").is_not_null().sum().alias("gone"),
            pl.col("partnership_id").n_unique().alias("partnerships"),
        )
        .sort("n", "kind", descending=[True, False])
    )
    return Table(
        id="kinds",
        title="What stood in the way",
        columns=(
            c.what("kind", "Barrier"),
            c.events("barriers", "Logged"),
            c.events("resolved", "Out of the way"),
            c.partnerships(label="Partnerships that met it"),
        ),
        rows=kinds.iter_rows(),
    )
