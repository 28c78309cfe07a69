"""M17, ``governance.minutes_challenge``: questions that challenge, in minutes that were read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import attrs

from impactkit import (
    Card,
    Chart,
    Column,
    Diagnostic,
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

    from impactkit import Kappa

ID = "governance.minutes_challenge"
UNIT = "questions a meeting"
NOW = "Questions a meeting, since the partnership"
CHANGE = "Questions a meeting, since the partnership less before"


@attrs.frozen(kw_only=True)
class MinutesParams:
    """What a study may set under ``[metrics."governance.minutes_challenge"]``.

    `rubric` is what `observations` calls the coding of minutes, `domains` the kinds of question;
    the first leads. Two readers must agree by `min_kappa` on meetings of which at least
    `min_double` were read by both. A count of `many` or more is one category when agreement is
    judged. A figure rests on `min_meetings` meetings of `min_boards` schools' boards or more.
    """

    rubric: str = "minutes"
    domains: tuple[str, ...] = attrs.field(default=("challenge", "support"), converter=tuple)
    min_kappa: float = attrs.field(
        default=0.6, validator=[attrs.validators.ge(0), attrs.validators.le(1)]
    )
    min_double: int = attrs.field(default=10, validator=attrs.validators.ge(2))
    many: int = attrs.field(default=5, validator=attrs.validators.ge(1))
    min_meetings: int = attrs.field(default=5, validator=attrs.validators.ge(1))
    min_boards: int = attrs.field(default=5, validator=attrs.validators.ge(2))


CARD = Card(
    definition=(
        "How many questions in the minutes of a governors' meeting challenge, and how many "
        "support, on what the partnership does; since the partnership began, and beside before. "
        "Given only where two people who read the same minutes agree."
    ),
    formula=(
        "mean over meetings of the questions coded (mean of readers); Cohen's kappa >= 0.6; "
        "change = mean over boards of (since - before)"
    ),
    source=(
        "Founding claim: governors' planning is rooted in outcomes (Ofsted 090232, 2010). The "
        "index is this project's. Kappa: Cohen (1960); the limit is customary"
    ),
    caveats=(
        "Clerks write differently: minutes that are fuller show more questions.",
        "Boards that know their minutes will be read may ask more, or write more.",
        "A question in the minutes is not yet a decision.",
        "Before and since are of the same boards, with nobody to compare them with.",
        "So far only the synthetic authority has filled the coding of minutes.",
    ),
    founding="M17",
    ours=True,
)


@estimating_metric(
    id=ID,
    title="Challenge in governors' minutes",
    question="Do governors ask questions that challenge the partnership?",
    unit=UNIT,
    direction="higher",
    needs=Needs(
        tables={
            "observations": (
                "lesson_id",
                "school_key",
                "rubric",
                "domain",
                "rater_key",
                "score",
                "observed_on",
            )
        },
        optional={"memberships": ("partnership_id", "school_key", "joined", "left")},
    ),
    params=MinutesParams,
    card=CARD,
)
def minutes_challenge(context: MetricContext) -> Iterator[Any]:
    """Yield questions a meeting by kind, before and since, where two readers agree."""
    params = context.params or MinutesParams()
    rows, lost = _coded(context, params)
    yield from lost
    shown = []
    for domain in params.domains:
        part = rows.filter(rows["domain"] == domain)
        kappa = agreement(part, params)
        yield _told(domain, kappa, params)
        reason = _unfit(part, kappa, params)
        if reason:
            yield _missing(NOW, domain, reason)
            continue
        meetings = _meetings(part)
        yield from _figures(meetings, domain, params)
        shown += _years(meetings, domain)
    if shown:
        yield from _picture(shown)


def _coded(context: MetricContext, params: MinutesParams) -> tuple[pl.DataFrame, list[Exclusion]]:
    """Return the coding of minutes, with the first day in a partnership of each school."""
    import polars as pl

    from impactkit import set_aside, typed_columns

    names = ("lesson_id", "school_key", "rubric", "domain", "rater_key")
    columns = dict.fromkeys(names, pl.String)
    rows = typed_columns(
        context.table("observations"),
        {**columns, "score": pl.Float64, "observed_on": pl.Date},
    )
    rows = rows.filter((pl.col("rubric") == params.rubric).fill_null(False))
    rows, lost = set_aside(
        rows,
        [
            (
                "incomplete_coding",
                "Codings of minutes without a meeting, a school, a kind of question, a reader, a "
                "count or a day",
                pl.any_horizontal(pl.all().is_null()),
            ),
            (
                "other_domain",
                "Codings of other kinds of question than those asked for",
                ~pl.col("domain").is_in(params.domains),
            ),
            (
                "no_count",
                "Codings that are no count of questions",
                (pl.col("score") < 0) | (pl.col("score") != pl.col("score").round()),
            ),
        ],
        ID,
    )
    joined = typed_columns(
        context.tables.get("memberships", pl.DataFrame()),
        {"partnership_id": pl.String, "school_key": pl.String, "joined": pl.Date},
    ).drop_nulls()
    first = (
        joined.sort("joined", "partnership_id")
        .group_by("school_key", maintain_order=True)
        .agg(pl.col("joined", "partnership_id").first())
    )
    rows = rows.join(first, on="school_key", how="left").with_columns(
        since=(pl.col("observed_on") >= pl.col("joined")).fill_null(False)
    )
    return rows.sort("lesson_id", "domain", "rater_key", "score"), lost


def agreement(rows: pl.DataFrame, params: MinutesParams) -> Kappa:
    """Return how far the first two readers of each meeting agree on its count, beyond chance."""
    import polars as pl

    from impactkit import cohen_kappa

    capped = rows.with_columns(pl.col("score").clip(upper_bound=params.many))
    pairs = (
        capped.unique(["lesson_id", "rater_key"], keep="first", maintain_order=True)
        .sort("lesson_id", "rater_key")
        .group_by("lesson_id", maintain_order=True)
        .agg(pl.col("score"))
        .filter(pl.col("score").list.len() >= 2)["score"]
        .to_list()
    )
    return cohen_kappa((one, two) for one, two, *_ in pairs)


def _unfit(rows: pl.DataFrame, kappa: Kappa, params: MinutesParams) -> str:
    """Say why a kind of question cannot be given; empty when it can."""
    if rows.is_empty():
        return f"no minutes were coded for it; give `observations` of rubric {params.rubric!r}"
    if kappa.n < params.min_double:
        return (
            f"fewer than {params.min_double} meetings were read by two people, so nobody can say "
            "whether they would agree"
        )
    if kappa.value is None:
        return f"how far readers agree cannot be said: {kappa.reason}"
    if kappa.value < params.min_kappa:
        return (
            f"two readers of the same minutes agree by a kappa of {kappa.value:.2f}, and "
            f"{params.min_kappa:g} is the least; settle the rules of coding and read again"
        )
    return ""


def _told(domain: str, kappa: Kappa, params: MinutesParams) -> Diagnostic:
    return Diagnostic(
        name=f"agreement of readers, {domain}",
        value=kappa.value,
        passed=None if kappa.value is None else kappa.value >= params.min_kappa,
        text=kappa.reason or "Cohen's kappa on counts; 1 is full agreement, 0 what chance gives.",
    )


def _meetings(rows: pl.DataFrame) -> pl.DataFrame:
    """Return one row a meeting: the mean of its readers."""
    import polars as pl

    return (
        rows.group_by("lesson_id")
        .agg(
            pl.col("score").mean(),
            pl.col("school_key", "partnership_id", "since", "observed_on", "joined").first(),
        )
        .with_columns(cluster=pl.coalesce("partnership_id", "school_key"))
        .sort("lesson_id")
    )


def _figures(meetings: pl.DataFrame, domain: str, params: MinutesParams) -> Iterator[Estimate]:
    """Yield the mean since the partnership and its change, each with partnerships as clusters."""
    import polars as pl

    from impactkit import paired_change

    now = meetings.filter("since")
    boards = now["school_key"].n_unique()
    if now.height < params.min_meetings or boards < params.min_boards:
        yield _missing(
            NOW,
            domain,
            f"fewer than {params.min_meetings} meetings or {params.min_boards} boards since they "
            "were in a partnership; give `memberships`, and minutes of later meetings",
        )
        return
    by = now.group_by("cluster").agg(pl.col("score").sum(), n=pl.len()).sort("cluster")
    yield _ratio(by["score"].to_list(), by["n"].to_list(), domain, boards)
    sides = meetings.group_by("school_key", "cluster").agg(
        before=pl.col("score").filter(~pl.col("since")).mean(),
        after=pl.col("score").filter("since").mean(),
    )
    sides = sides.drop_nulls(["before", "after"]).sort("school_key")
    if sides.height < params.min_boards:
        reason = f"fewer than {params.min_boards} boards have minutes of before and since"
        yield _missing(CHANGE, domain, reason)
        return
    try:
        got = paired_change(*(sides[name].to_list() for name in ("before", "after", "cluster")))
    except EstimationError as error:
        yield _missing(CHANGE, domain, str(error))
        return
    low, high = got.interval()
    yield Estimate(
        metric=ID,
        estimand=CHANGE,
        term=domain,
        value=got.change,
        std_error=got.change_std_error,
        ci_low=low,
        ci_high=high,
        df=float(got.df),
        unit=UNIT,
        n_schools=got.n,
        n_clusters=got.n_clusters,
        method="mean over boards of their means since and before",
        variance="jackknife over partnerships, t",
        warnings=("The same boards twice, with nobody to compare them with.",),
    )


def _ratio(sums: list[float], counts: list[int], domain: str, boards: int) -> Estimate:
    """Return a mean over meetings, with the variance of a ratio over clusters."""
    from scipy.special import stdtrit

    n, clusters = sum(counts), len(counts)
    value = sum(sums) / n
    shown: dict[str, Any] = {
        "metric": ID,
        "estimand": NOW,
        "term": domain,
        "value": value,
        "unit": UNIT,
        "n_schools": boards,
        "n_clusters": clusters,
        "method": "mean over meetings, of the mean of their readers",
    }
    if clusters < 2:
        reason = "all meetings are of one partnership"
        return Estimate(**shown, reason=reason, variance="none")
    squares = sum((s - value * k) ** 2 for s, k in zip(sums, counts, strict=True))
    error = (clusters / (clusters - 1) * squares) ** 0.5 / n
    reach = float(stdtrit(clusters - 1, 0.975)) * error
    return Estimate(
        **shown,
        std_error=error,
        ci_low=max(0.0, value - reach),
        ci_high=value + reach,
        df=float(clusters - 1),
        variance="linearised, clustered on partnerships, t",
    )


def _missing(estimand: str, domain: str, reason: str) -> Estimate:
    return Estimate(
        metric=ID, estimand=estimand, term=domain, status="not_estimable", reason=reason, unit=UNIT
    )


def _years(meetings: pl.DataFrame, domain: str) -> list[tuple[Any, ...]]:
    """Return kind, years since joining, mean and meetings."""
    import polars as pl

    days = (pl.col("observed_on") - pl.col("joined")).dt.total_days()
    rows = meetings.filter(pl.col("joined").is_not_null())
    return (
        rows.group_by(year=(days / 365.25).floor().cast(pl.Int64))
        .agg(pl.col("score").sort().mean(), n=pl.len())
        .sort("year")
        .select(pl.lit(domain), "year", "score", "n")
        .rows()
    )


def _picture(rows: list[tuple[Any, ...]]) -> Iterator[Table | Chart]:
    yield Table(
        id="minutes",
        title="Questions a meeting, by years since joining",
        columns=(
            Column(name="kind", label="Questions", kind="dimension"),
            Column(name="year", label="Years since joining", kind="dimension"),
            Column(name="mean", label="A meeting", digits=2),
            Column(name="meetings", label="Meetings", kind="count", of="events"),
        ),
        rows=rows,
        note="0 is the first year in the partnership, -1 the year before.",
    )
    yield Chart(
        id="minutes",
        kind="line",
        title="Questions a meeting in governors' minutes",
        data="minutes",
        x="year",
        y="mean",
        series="kind",
        x_title="Years since joining (0: the first)",
        y_title="Questions a meeting",
    )
