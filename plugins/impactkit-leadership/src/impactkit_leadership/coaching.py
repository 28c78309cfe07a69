"""M11, ``leadership.coaching_dose``: coaching that leaders had, and how it goes with confidence.

It describes and is no effect: who is coached more was chosen for it.
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
from impactkit_leadership.confidence import INSTRUMENTS, RESPONSES

if TYPE_CHECKING:
    import numpy as np
    import polars as pl

ID = "leadership.coaching_dose"
DOSE = "Hours of coaching that a leader had in a term"
SLOPE = "Difference in the change of confidence that goes with an hour more a term"
BY_DOSE = "Change in confidence by amount of coaching"
THIRDS = ("least", "middle", "most")
NEVER = ("Nobody drew lots for coaching: this is what goes with it, not what it did.",)


@attrs.frozen(kw_only=True)
class CoachingParams:
    """What a study may set under ``[metrics."leadership.coaching_dose"]``.

    `types` are the kinds of help that are coaching, a day of it `hours_a_day`. `instrument` is the
    questionnaire of confidence. A figure rests on `min_people` leaders of `min_schools` schools.
    """

    types: tuple[str, ...] = attrs.field(
        default=("head_mentoring", "middle_leader_coaching"), converter=tuple
    )
    hours_a_day: float = attrs.field(default=6.0, validator=attrs.validators.gt(0))
    instrument: str = "leadership_confidence"
    min_people: int = attrs.field(default=12, validator=attrs.validators.ge(3))
    min_schools: int = attrs.field(default=6, validator=attrs.validators.ge(4))


CARD = Card(
    definition=(
        "The hours of coaching and mentoring that a leader of the school had in a term, and how "
        "much more the confidence of leaders changed in schools with an hour more of it."
    ),
    formula=(
        "change_ij = a + b dose_j + u_j + e_ij, with u_j of school j (random intercept); b, and "
        "the mean change in thirds of the dose"
    ),
    source=(
        "Founding claim: coaching and mentoring built confidence (Ofsted 090232, 2010). Variance "
        "components by the method of moments (Swamy & Arora 1972, Econometrica 40(2)); intervals: "
        "cluster jackknife. The dose is this project's"
    ),
    caveats=(
        "Who gets more coaching was chosen for it, by need or by promise. The slope is no effect "
        "and no promise of what an hour more would bring.",
        "Hours are known by school and shared out evenly among its leaders; who had them is not.",
        "Coaching that ended before the first survey, or began after the last, is left out; a "
        "school of whose coaching a part has no amount or no dates is in no figure.",
        "Time that was protected for reflection is in no register yet and is left out.",
        "Schools of a partnership without coaching count with no hours.",
        "So far only the synthetic authority has filled the answers and the help.",
    ),
    founding="M11",
    ours=True,
)


@estimating_metric(
    id=ID,
    title="Coaching and confidence",
    question="Does leaders' confidence rise more where there was more coaching?",
    unit="points",
    direction="higher",
    needs=Needs(
        tables={
            "survey_responses": RESPONSES[:7],
            "instruments": INSTRUMENTS,
            "interventions": ("school_key", "type", "dose_delivered", "start", "end"),
            "leadership_spells": ("staff_key", "school_key", "level", "start", "end"),
        },
        optional={
            "interventions": ("dose_unit",),
            "survey_responses": ("retro_pre", "answered_on"),
            "memberships": ("partnership_id", "school_key", "joined", "left"),
        },
    ),
    params=CoachingParams,
    card=CARD,
)
def coaching_dose(context: MetricContext) -> Iterator[Any]:
    """Yield the usual dose, the slope of confidence on it, and the change by thirds."""
    import polars as pl

    from impactkit import set_aside
    from impactkit_leadership import partners
    from impactkit_leadership.coaching_hours import dose_by_school

    params = context.params or CoachingParams()
    people, surveyed, unused = _people(context, params.instrument)
    doses, lost = dose_by_school(
        context.table("interventions"), context.table("leadership_spells"), surveyed, params
    )
    yield from (*unused, *lost)
    labels = partners.cluster_labels(partners.members(context.tables.get("memberships")))
    alone = pl.concat_str(pl.lit("school "), "school_key")
    rows, unknown = set_aside(
        people.join(doses.with_columns(coached=True), on="school_key", how="left"),
        [
            (
                "dose_not_known",
                "Leaders of schools that had coaching, of which it is not known how much",
                pl.col("coached") & pl.col("dose").is_null(),
            )
        ],
        ID,
    )
    yield from unknown
    rows = rows.with_columns(
        pl.col("dose").fill_null(0.0),
        cluster=pl.col("school_key").replace_strict(labels, default=alone, return_dtype=pl.String),
    ).sort("respondent_key")
    yield _usual(rows, params)
    few = _few(rows, params)
    if few:
        yield Estimate(metric=ID, estimand=SLOPE, status="not_estimable", reason=few)
        return
    yield _slope(rows)
    yield from _thirds(rows, params)
    yield Note(
        "Schools with more coaching may have been those in more need, or with more promise; what "
        "goes with coaching is not what coaching did."
    )


def _people(
    context: MetricContext, instrument: str
) -> tuple[pl.DataFrame, pl.DataFrame, tuple[Exclusion, ...]]:
    """Return leaders with their `change`, and when their schools first and last answered."""
    import polars as pl

    from impactkit import scored_answers

    answers = scored_answers(
        context.table("survey_responses"), context.table("instruments"), instrument
    )
    own = answers.means().filter(~pl.col("retro_pre"))
    last = max(own["wave"], default=0)
    first = min(own["wave"], default=0)
    after = own.filter(pl.col("wave") == last).select("respondent_key", after="value")
    people = (
        own.filter((pl.col("wave") == first) & (first < last))
        .join(after, on="respondent_key")
        .select("respondent_key", "school_key", change=pl.col("after") - pl.col("value"))
        .drop_nulls()
    )
    days = pl.col("answered_on")
    surveyed = answers.frame.group_by("school_key").agg(
        first=days.filter(pl.col("wave") == first).min(),
        last=days.filter(pl.col("wave") == last).max(),
    )
    return people, surveyed, answers.exclusions


def _few(rows: pl.DataFrame, params: CoachingParams) -> str:
    """Say why there are too few to tell anything; empty when there are enough."""
    schools = rows["school_key"].n_unique()
    if rows.height < params.min_people or schools < params.min_schools:
        return (
            f"fewer than {params.min_people} leaders of {params.min_schools} schools answered the "
            "questionnaire both times"
        )
    if rows["dose"].n_unique() < 2:
        return "all schools had the same amount of coaching, so nothing can go with it"
    return ""


def _usual(rows: pl.DataFrame, params: CoachingParams) -> Estimate:
    """Return the median dose of schools whose leaders answered and that had any coaching."""
    import polars as pl

    from impactkit import median_interval

    doses = rows.filter(pl.col("dose") > 0).unique("school_key")["dose"].sort().to_list()
    if len(doses) < params.min_schools:
        reason = f"fewer than {params.min_schools} schools whose leaders answered had coaching"
        return Estimate(metric=ID, estimand=DOSE, status="not_estimable", reason=reason)
    middle, bounds = median_interval(doses)
    return Estimate(
        metric=ID,
        estimand=DOSE,
        value=middle,
        ci_low=None if bounds is None else bounds[0],
        ci_high=None if bounds is None else bounds[1],
        reason="" if bounds else "too few schools for an interval of the median",
        unit="hours",
        n_schools=len(doses),
        method="median of schools with coaching; distribution-free interval",
        variance="schools taken as independent",
    )


def mixed_slope(
    change: np.ndarray, dose: np.ndarray, school: np.ndarray
) -> tuple[float, float] | None:
    """Return intercept and slope of a random-intercept model; None where the dose does not vary.

    With the dose the same for all of a school, generalised least squares is that of school means,
    each with the weight 1 / (s_u^2 + s_e^2 / n). s_e^2 is pooled within schools, s_u^2 what the
    means spread beyond it about a line (not below 0).
    """
    import numpy as np

    names, place, n = np.unique(school, return_inverse=True, return_counts=True)
    mean = np.bincount(place, change) / n
    x = np.bincount(place, dose) / n
    groups = len(names)
    if groups < 3 or np.ptp(x) <= 0:
        return None
    spare = len(change) - groups
    within = float(((change - mean[place]) ** 2).sum()) / spare if spare > 0 else 0.0
    X = np.stack([np.ones(groups), x], axis=1)
    hat = X @ np.linalg.pinv(X)
    residual = mean - hat @ mean
    left = 1 - np.diag(hat)
    between = float((residual**2).sum() - within * (left / n).sum()) / float(left.sum())
    spread = max(0.0, between) + within / n
    weight = 1 / np.maximum(spread, 1e-12 * max(1.0, float(spread.max())))
    root = np.sqrt(weight)
    found = np.linalg.lstsq(X * root[:, None], mean * root, rcond=None)[0]
    return float(found[0]), float(found[1])


def _slope(rows: pl.DataFrame) -> Estimate:
    """Return the slope, with the spread of leaving out one partnership or school at a time."""
    import numpy as np
    from scipy.special import stdtr, stdtrit

    change, dose = rows["change"].to_numpy(), rows["dose"].to_numpy()
    school, cluster = rows["school_key"].to_numpy(), rows["cluster"].to_numpy()
    about: dict[str, Any] = {
        "metric": ID,
        "estimand": SLOPE,
        "unit": "points for an hour a term",
        "n_people": rows.height,
        "n_schools": rows["school_key"].n_unique(),
    }
    names = np.unique(cluster)
    whole = mixed_slope(change, dose, school)
    left = [mixed_slope(*(a[cluster != c] for a in (change, dose, school))) for c in names]
    n = len(names)
    if whole is None or None in left or n < 4:
        reason = "coaching does not vary enough between partnerships to see what goes with it"
        return Estimate(**about, status="not_estimable", reason=reason)
    slopes = np.array([both[1] for both in left if both is not None])
    error = float(np.sqrt((n - 1) / n * ((slopes - slopes.mean()) ** 2).sum()))
    reach = float(stdtrit(n - 2, 0.975)) * error
    return Estimate(
        **about,
        value=whole[1],
        std_error=error,
        ci_low=whole[1] - reach,
        ci_high=whole[1] + reach,
        df=float(n - 2),
        p_value=2 * float(stdtr(n - 2, -abs(whole[1]) / error)) if error > 0 else None,
        n_clusters=n,
        method="random intercept of schools, generalised least squares of school means",
        variance="jackknife over partnerships and schools, t",
        warnings=NEVER,
    )


def _thirds(rows: pl.DataFrame, params: CoachingParams) -> Iterator[Any]:
    """Yield the mean change by thirds of the schools' dose, a table and a picture of them."""
    import polars as pl

    from impactkit import paired_change

    # Schools with the same dose are in the same third, that of their middle place.
    schools = rows.select("school_key", "dose").unique()
    place = (pl.col("dose").rank("average") - 0.5) / schools.height
    thirds = schools.select("school_key", third=(3 * place).floor().cast(pl.Int64))
    rows = rows.join(thirds, on="school_key")
    cells: list[tuple[Any, ...]] = []
    for k, name in enumerate(THIRDS):
        own = rows.filter(pl.col("third") == k).sort("respondent_key")
        if own.is_empty():
            continue
        if own.height < params.min_people or own["school_key"].n_unique() < params.min_schools:
            reason = f"fewer than {params.min_people} leaders or {params.min_schools} schools"
            yield Estimate(
                metric=ID, estimand=BY_DOSE, term=name, status="not_estimable", reason=reason
            )
            continue
        try:
            # A change from nought: only its mean and spread between schools are wanted.
            got = paired_change(
                [0.0] * own.height, own["change"].to_list(), own["cluster"].to_list()
            )
        except EstimationError as error:
            yield Estimate(
                metric=ID, estimand=BY_DOSE, term=name, status="not_estimable", reason=str(error)
            )
            continue
        low, high = got.interval()
        found = Estimate(
            metric=ID,
            estimand=BY_DOSE,
            term=name,
            value=got.change,
            std_error=got.change_std_error,
            ci_low=low,
            ci_high=high,
            df=float(got.df),
            unit="points",
            n_people=got.n,
            n_schools=own["school_key"].n_unique(),
            n_clusters=got.n_clusters,
            method="mean change of leaders who answered both times",
            variance="jackknife over partnerships and schools, t",
            warnings=NEVER,
        )
        yield found
        cells.append((name, own["dose"].mean(), found.value, low, high, got.n, found.n_schools))
    if not cells:
        return
    yield Table(
        id="coaching",
        title="Change in confidence by amount of coaching",
        columns=(
            Column(name="third", label="Coaching", kind="dimension"),
            Column(name="dose", label="Hours a leader and term", digits=1),
            Column(name="change", label="Change, points", digits=2, denominator="people"),
            Column(name="low", label="From", digits=2, denominator="people"),
            Column(name="high", label="To", digits=2, denominator="people"),
            Column(name="people", label="Leaders", kind="count", of="people"),
            Column(name="schools", label="Schools", kind="count", of="schools"),
        ),
        rows=cells,
        note="Thirds of schools by their dose. Schools with the same dose stay together, so where "
        "many had none a third may be empty.",
    )
    yield Chart(
        id="coaching",
        kind="interval",
        title="Change in confidence by amount of coaching",
        data="coaching",
        x="third",
        y="change",
        low="low",
        high="high",
        x_title="Coaching",
        y_title="Points of the scale",
        reference=0.0,
    )
