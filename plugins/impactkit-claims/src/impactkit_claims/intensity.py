"""M26, ``claims.intensity``: from an executive head to advice, and whether more brings more.

Schools in more trouble get more help, and recover more anyway. So the slope allows for results
before joining, among schools whose results before leave the amount of help open.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import attrs

from impactkit import (
    Card,
    Diagnostic,
    EstimationError,
    Exclusion,
    MetricContext,
    Needs,
    Note,
    estimating_metric,
)
from impactkit_claims.common import MEMBERSHIPS, OUTCOMES, TREND_ONLY, changes, told
from impactkit_claims.groups import group_estimates, grouped, picture

if TYPE_CHECKING:
    import polars as pl

SLOPE = "Effect of ten {unit} more of help, given results before"
CRUDE = "Effect of ten {unit} more of help, as it is"
BY_DOSE = "ATT by amount of help"
BY_TYPE = "ATT by kind of help"
NAMES = {2: ("less", "more"), 3: ("least", "middle", "most")}


@attrs.frozen(kw_only=True)
class Params:
    """What a study may say under ``[metrics."claims.intensity"]``.

    Attributes
    ----------
    bins
        Into how many equal parts schools are put by amount of help: 2 or 3.
    unit
        Of the dose: ``days``, ``hours`` or ``fte_terms``. Rows without a unit are in it.
    before, after
        Event years compared; 0 is the first year in a partnership.
    """

    bins: int = attrs.field(default=3, validator=attrs.validators.in_((2, 3)))
    unit: str = "days"
    before: tuple[int, int] = (-1, -1)
    after: tuple[int, int] = (0, 30)


@estimating_metric(
    id="claims.intensity",
    title="Effect by kind and amount of help",
    question="Did schools that got more help, or another kind of it, gain more?",
    needs=Needs(
        tables={
            "outcomes": OUTCOMES,
            "memberships": MEMBERSHIPS,
            "interventions": ("school_key", "type", "dose_delivered"),
        },
        optional={"interventions": ("dose_unit",)},
        panel=True,
    ),
    params=Params,
    card=Card(
        definition=(
            "The slope of school-level effects on the amount of help delivered, given results "
            "before joining, among schools whose results before leave the amount open; and the "
            "effect by kind of help and by thirds of its amount."
        ),
        formula="excess_i = a + b dose_i / 10 + c before_i; b, on schools within the overlap",
        source=(
            "Founding claim: help ranges from executive headship to advice and targeted support "
            "(article on National Leaders of Education). The trimming is this project's own"
        ),
        caveats=(
            TREND_ONLY,
            "Nobody drew lots for the amount of help: schools in more trouble get more. What of "
            "that results before do not show stays in the slope. Never read it as what a further "
            "day would bring.",
            "A school may get several kinds of help; it then counts under each.",
            "So far only the synthetic authority has filled the table of interventions.",
        ),
        founding="M26",
        ours=True,
    ),
)
def intensity(context: MetricContext) -> Iterator[Any]:
    """Yield the slope, a test of trend, and effects by amount and kind."""
    yield from context.each_outcome(lambda measure: _of(context, measure))
    yield Note(
        "How much help a school got went with how much it needed; the slope describes, and is no "
        "promise of what more help would bring."
    )


def _of(context: MetricContext, measure: str) -> Iterator[Any]:
    import numpy as np
    import polars as pl

    params = context.params or Params()
    panel = context.panel(measure)
    found = changes(context, panel, before=params.before, after=params.after)
    say = told(context, panel, found)
    helped, unknown = _helped(context, params)
    placed = found.schools.join(
        helped.group_by("school_key").agg(dose=pl.col("dose").sum()),
        on="school_key",
        how="left",
        maintain_order="left",
    )
    names = NAMES[params.bins]
    bins = _bins(placed["dose"], params.bins)
    inside = _overlap(placed["before"].to_numpy(), bins)
    kept = inside & placed["dose"].is_not_null().to_numpy()
    dose = placed["dose"].fill_null(0.0).to_numpy() / 10
    before = placed["before"].to_numpy()
    words = params.unit.replace("_", " ")
    if kept.sum() < 4:
        raise EstimationError(
            f"{int(kept.sum())} schools that joined have an amount of help in {words} and results "
            "before joining that schools with more and with less help share; it takes four"
        )
    X = np.stack([np.ones(len(dose)), dose, before - before[kept].mean()], axis=1) * kept[:, None]
    schools = placed.filter(pl.Series(kept))
    slope = found.regress(X)
    yield say.estimate(SLOPE.format(unit=words), slope, [0.0, 1.0, 0.0], schools=schools)
    some = placed["dose"].is_not_null().to_numpy()
    crude = found.regress(np.stack([np.ones(len(dose)), dose], axis=1) * some[:, None])
    yield say.estimate(
        CRUDE.format(unit=words),
        crude,
        [0.0, 1.0],
        schools=placed.filter(pl.Series(some)),
        p_value=None,
    )
    yield _trend(found, bins, before, kept, measure)
    by_dose = grouped(found, [None if b < 0 else names[b] for b in bins])
    shown = group_estimates(say, by_dose, BY_DOSE, {})
    shown.sort(key=lambda e: names.index(e.term))
    yield from shown
    yield from picture("dose", say, shown, "Effect by amount of help", "Amount of help")
    yield from _by_kind(found, say, helped)
    yield from (
        *found.exclusions,
        *_left_out(measure, int((~some).sum()), int((some & ~inside).sum()), unknown),
    )


def _helped(context: MetricContext, params: Params) -> tuple[pl.DataFrame, int]:
    """Return school, kind and amount of help measured in the unit, and how many rows are not."""
    import polars as pl

    rows = context.table("interventions")
    unit = pl.col("dose_unit") if "dose_unit" in rows.columns else pl.lit(None, pl.String)
    known = (
        rows.with_columns(pl.col("school_key").cast(pl.String), unit=unit.fill_null(params.unit))
        .filter(pl.col("unit") == params.unit)
        .select("school_key", "type", dose=pl.col("dose_delivered").cast(pl.Float64))
        .drop_nulls("dose")
        .sort("school_key", "type", "dose")
    )
    return known, rows.height - known.height


def _bins(dose: pl.Series, n: int) -> Any:
    """Return the part, from 0, that each amount is in; -1 where it is not known."""
    import numpy as np

    known = dose.is_not_null().to_numpy()
    values = dose.fill_null(0.0).to_numpy()
    found = np.full(len(values), -1)
    if known.any():
        cuts = np.quantile(values[known], np.arange(1, n) / n)
        found[known] = np.searchsorted(cuts, values[known], side="left")
    return found


def _overlap(before: Any, bins: Any) -> Any:
    """Tell which schools had results before that occur with every amount of help."""
    import numpy as np

    parts = [before[bins == b] for b in np.unique(bins[bins >= 0])]
    if not parts:
        return np.zeros(len(before), dtype=bool)
    low, high = max(p.min() for p in parts), min(p.max() for p in parts)
    return (before >= low) & (before <= high)


def _trend(found: Any, bins: Any, before: Any, kept: Any, measure: str) -> Diagnostic:
    """Test for a monotone trend: the slope on the order of the parts, given results before."""
    import numpy as np
    from scipy.special import stdtr

    X = np.stack([np.ones(len(bins)), bins, before - before[kept].mean()], axis=1) * kept[:, None]
    name = "monotone trend over amounts of help"
    try:
        value, error, df = found.regress(X).contrast([0.0, 1.0, 0.0])
    except EstimationError as reason:
        return Diagnostic(name=name, measure=measure, text=f"Not tested: {reason}.")
    p = 2 * float(stdtr(df, -abs(value) / error)) if error > 0 else None
    text = "Whether effects go up or down from the least to the most help (t-test on the order)."
    return Diagnostic(name=name, value=value, p_value=p, measure=measure, text=text)


def _by_kind(found: Any, say: Any, helped: pl.DataFrame) -> Iterator[Any]:
    """Yield the effect on schools that got each kind of help, one kind at a time."""
    shown = []
    for kind in helped["type"].drop_nulls().unique().sort().to_list():
        with_it = set(helped.filter(helped["type"] == kind)["school_key"])
        label = kind.replace("_", " ")
        groups = [label if key in with_it else None for key in found.schools["school_key"]]
        shown += group_estimates(say, grouped(found, groups), BY_TYPE, {})
    # One at a time they are not one family: a school counts under each kind that it got.
    yield from (attrs.evolve(e, p_adjusted=None) for e in shown)
    yield from picture("kind", say, shown, "Effect by kind of help", "Kind of help")


def _left_out(measure: str, no_dose: int, outside: int, unknown: int) -> Iterator[Exclusion]:
    for reason, text, n in (
        ("claims.no_dose", "schools that joined, without an amount of help in the unit", no_dose),
        (
            "claims.no_overlap",
            "schools left out of the slope: with such results before, amounts of help did not vary",
            outside,
        ),
    ):
        if n:
            yield Exclusion(
                reason=reason, text=text, n_schools=n, treated=n, measure=measure, stage="groups"
            )
    if unknown:
        text = "pieces of help whose amount is not known in the unit: they add nothing to it"
        yield Exclusion(
            reason="claims.other_unit", text=text, n_rows=unknown, measure=measure, stage="groups"
        )
