"""How alike treated and comparison schools were before anybody joined, and whether they overlap."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from impactkit.comparison import balance_table, propensity
from impactkit.comparison.balance import COMPARABLE, NO_ADJUSTMENT
from impactkit.doctor.case import Case
from impactkit.doctor.finding import Fact, Finding, Kind, found
from impactkit.doctor.words import count

UNBALANCED = Kind(
    code="balance.not_comparable",
    title="Treated and comparison schools differ at baseline",
    section="Balance",
    severity="warning",
    detector="Largest difference in the outcome before joining (standardised within year and "
    "phase, mean of up to three years), pupils, FSM, EAL or SEN: beyond 0.25 standard deviations "
    "(What Works Clearinghouse); from 0.05 a note.",
    consequence="Beyond 0.25 the groups are not comparable; from 0.05 the analysis has to adjust. "
    "A difference-in-differences removes differences that last, and no others.",
    remedy="Use a comparison group that shares the trigger, or covariates; say how they differ.",
)
NO_OVERLAP = Kind(
    code="overlap.poor",
    title="Treated schools unlike any comparison school",
    section="Overlap",
    severity="warning",
    detector="More than {outside_overlap:.0%} of treated schools have a propensity score (logit "
    "on the same columns as balance) above every comparison school's; or the columns tell the two "
    "apart.",
    consequence="For these schools nobody shows what would have happened; the answer comes from "
    "the model, not from data.",
    remedy="Widen the comparison pool, or leave these schools out and say for whom the result is.",
)
KINDS = (UNBALANCED, NO_OVERLAP)

_COVARIATES = ("pupils", "pct_fsm6", "pct_eal", "pct_sen")
_KNOWN = 0.8
"""Share of schools that must have a covariate for it to be compared."""


def of_measure(case: Case, measure: str) -> Iterator[Fact | Finding]:
    """Compare baselines, and the chance of being treated."""
    frame, covariates = baseline(case, measure)
    sides = int(frame["treated"].sum()), int((~frame["treated"]).sum())
    if min(sides) < 2:
        text = f"{sides[0]:,} treated and {sides[1]:,} comparison schools have a figure before"
        yield Fact(section="Balance", measure=measure, text=text)
        return
    yield from _balance(case, measure, frame, covariates)
    yield from _overlap(case, measure, frame, covariates)


def baseline(case: Case, measure: str) -> tuple[pl.DataFrame, list[str]]:
    """Return one row a school with its outcome before joining and its covariates.

    `outcome before` is the mean `z` of the last three years before joining; of a comparison school,
    of all its years.
    """
    rows = case.untreated[measure]
    recent = ~pl.col("treated") | (pl.col("cohort") - pl.col("year") <= 3)
    frame = (
        rows.filter(recent & pl.col("z").is_not_null())
        .group_by("school_key")
        .agg(pl.col("treated").first(), pl.col("z").mean().alias("outcome before"))
        .sort("school_key")
    )
    there = [c for c in _COVARIATES if c in case.register.columns]
    frame = frame.join(
        case.register.select("school_key", *there),
        on="school_key",
        how="left",
        maintain_order="left",
    )
    known = [
        c
        for c in there
        if frame.height
        and frame[c].is_not_null().mean() >= _KNOWN  # type: ignore[operator]
        and frame[c].n_unique() > 2
    ]
    return frame.select("school_key", "treated", "outcome before", *known), known


def _balance(
    case: Case, measure: str, frame: pl.DataFrame, covariates: list[str]
) -> Iterator[Fact | Finding]:
    table = balance_table(
        frame, unit="school_key", treated="treated", covariates=["outcome before", *covariates]
    )
    told = [
        f"{r.covariate} {r.difference:+.2f}" if r.difference is not None else f"{r.covariate} ?"
        for r in table.rows
    ]
    yield Fact(
        section="Balance",
        measure=measure,
        text=f"differences in standard deviations between schools: {', '.join(told)}",
        numbers={r.covariate: r.difference for r in table.rows if r.difference is not None},
    )
    worst = table.worst
    if worst.difference is None or abs(worst.difference) <= NO_ADJUSTMENT:
        return
    yield found(
        UNBALANCED,
        f"Over {count(table.n_treated, 'treated school')} and "
        f"{count(table.n_comparison, 'comparison school')} the largest difference is in "
        f"{worst.covariate}: {worst.difference:+.2f} standard deviations.",
        measure=measure,
        severity="warning" if abs(worst.difference) > COMPARABLE else "note",
        difference=worst.difference,
        treated=table.n_treated,
        comparison=table.n_comparison,
    )


def _overlap(
    case: Case, measure: str, frame: pl.DataFrame, covariates: list[str]
) -> Iterator[Fact | Finding]:
    from impactkit.errors import EstimationError

    columns = ["outcome before", *covariates]
    try:
        scored = propensity(frame, unit="school_key", treated="treated", covariates=columns).frame
    except EstimationError as error:
        yield found(NO_OVERLAP, f"{str(error)[0].upper()}{str(error)[1:]}.", measure=measure)
        return
    highest = scored.filter(~pl.col("treated"))["score"].max()
    mine = scored.filter("treated")["score"]
    outside = int((mine > highest).sum())
    yield Fact(
        section="Overlap",
        measure=measure,
        text=f"{outside:,} of {count(len(mine), 'treated school')} have a propensity score above "
        f"every comparison school's (by {', '.join(columns)})",
        numbers={"outside": outside, "treated": len(mine)},
    )
    if outside > case.limits.outside_overlap * len(mine):
        yield found(
            NO_OVERLAP,
            f"{outside:,} of {count(len(mine), 'treated school')} score higher than every "
            f"comparison school (by {', '.join(columns)}).",
            measure=measure,
            outside=outside,
            treated=len(mine),
        )
