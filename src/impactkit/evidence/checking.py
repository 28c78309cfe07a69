"""A claim held to data: the ratio or difference claimed, and what there would have been anyway.

Raw, trend-adjusted and recovery-adjusted figures always stand together. No ratio is given where the
change elsewhere may be zero or is under three of its standard errors: dividing by next to nothing
gives whatever one likes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import attrs

from impactkit.errors import EstimationError, Problem, UsageError
from impactkit.evidence.claims import Claim
from impactkit.evidence.improvement import Improvement, improvement
from impactkit.evidence.recovery import Recovery, recovery, school_facts
from impactkit.evidence.reliability import Reliability, expected_recovery, reliability
from impactkit.inference.intervals import fieller
from impactkit.results import Exclusion

if TYPE_CHECKING:
    import polars as pl

    from impactkit.metrics import Panel

AFTER = (0, 2)
"""Event years whose mean is "after": the first three years in a partnership."""
LEAST = 3.0
"""Standard errors that the change elsewhere must have before anything is divided by it."""


@attrs.frozen(kw_only=True)
class Figure:
    """A number and its interval."""

    value: float
    ci_low: float | None = None
    ci_high: float | None = None
    std_error: float | None = None

    def inside(self, low: float | None, high: float | None) -> bool:
        """Tell whether the interval meets the range from `low` to `high` (None: open)."""
        if self.ci_low is None or self.ci_high is None:
            return False
        return (high is None or self.ci_low <= high) and (low is None or self.ci_high >= low)

    @property
    def nothing(self) -> bool:
        """Whether the interval includes zero."""
        return self.inside(0.0, 0.0)


@attrs.frozen(kw_only=True)
class Rates:
    """How much schools that joined improved, how much others did, and one over the other.

    `ratio` is None, with `why_no_ratio`, where the change elsewhere is too near nothing. Its
    interval is Fieller's; the covariance of the two changes is zero, for they are of separate
    schools, given the years in which schools joined.
    """

    joined: Figure
    elsewhere: Figure
    difference: Figure
    ratio: Figure | None
    why_no_ratio: str
    n_schools: int
    n_clusters: int
    n_comparison: int
    exclusions: tuple[Exclusion, ...] = ()


def improvement_rates(found: Improvement, level: float = 0.95) -> Rates:
    """Return the mean changes of joining schools and elsewhere, their difference and ratio.

    Raises
    ------
    EstimationError
        When there are fewer than two partnerships.
    """
    joined, elsewhere, difference = (
        _figure(found, of, level) for of in ("change", "expected", "excess")
    )
    ratio, why = None, ""
    assert joined.std_error is not None
    assert elsewhere.std_error is not None
    if elsewhere.nothing or abs(elsewhere.value) < LEAST * elsewhere.std_error:
        why = (
            "schools elsewhere changed too little, for how much that varies, to divide by: "
            f"{elsewhere.value:.2f}, with a standard error of {elsewhere.std_error:.2f}"
        )
    else:
        df = int(found.regress(of="change").df[0])
        bounds = fieller(
            joined.value,
            elsewhere.value,
            joined.std_error**2,
            elsewhere.std_error**2,
            level=level,
            df=df,
        )
        if bounds is None:
            why = "the ratio has no bounds: the change elsewhere may be zero"
        else:
            value = joined.value / elsewhere.value
            ratio = Figure(value=value, ci_low=bounds[0], ci_high=bounds[1])
    return Rates(
        joined=joined,
        elsewhere=elsewhere,
        difference=difference,
        ratio=ratio,
        why_no_ratio=why,
        n_schools=found.schools.height,
        n_clusters=found.n_clusters,
        n_comparison=found.n_comparison,
        exclusions=found.exclusions,
    )


def _figure(found: Improvement, of: Any, level: float) -> Figure:
    from scipy.special import stdtrit

    fit = found.regress(of=of)
    value, error, df = fit.contrast([1.0])
    reach = float(stdtrit(df, 0.5 + level / 2)) * error
    return Figure(value=value, ci_low=value - reach, ci_high=value + reach, std_error=error)


@attrs.frozen(kw_only=True)
class Check:
    """A claim, the figures that bear on it, and what can be said of it in a sentence.

    `recovery` is None, with `why_no_recovery`, where there is too little history. `by_reliability`
    is the recovery, in the measure's unit, that the unreliability of one year's results alone would
    bring, and `ratio_by_reliability` the ratio it would give.
    """

    claim: Claim
    measure: str
    label: str
    unit: str
    rates: Rates
    recovery: Recovery | None
    why_no_recovery: str
    reliability: Reliability | None
    by_reliability: float | None
    ratio_by_reliability: float | None
    sentence: str
    notes: tuple[str, ...]


def check(
    claim: Claim,
    panel: Panel,
    tables: Mapping[str, pl.DataFrame],
    *,
    unit: str,
    label: str = "",
    control: str = "notyettreated",
    level: float = 0.95,
    seed: int = 0,
) -> Check:
    """Hold a claim to a panel.

    Parameters
    ----------
    claim
        What is claimed.
    panel
        Of the measure it is about.
    tables
        `outcomes` and `schools`, for numbers of pupils and phases.
    unit
        Of the effect: ``percentage points`` for a measure in per cent.
    label
        Of the measure, in words.
    control, level, seed
        Of the study.

    Raises
    ------
    UsageError
        When a difference is claimed in percentage points of a measure that is no percentage.
    EstimationError
        When not even the raw changes can be compared.
    """
    if claim.unit == "percentage points" and unit != "percentage points":
        raise UsageError(
            Problem(
                code="claim.unit",
                value=claim.words,
                rule=f"{panel.measure} is in {unit or 'a unit of its own'}, and percentage points "
                "are of percentages only",
                remedy="Name another --measure, or give --difference in the measure's unit.",
            )
        )
    found = improvement_rates(improvement(panel, after=AFTER, control=control), level)
    facts = school_facts(tables, panel.measure)
    parts, why = None, ""
    try:
        parts = recovery(panel, facts=facts, after=AFTER, seed=seed, level=level)
    except EstimationError as error:
        why = str(error)
    trust, recovered, ratio = None, None, None
    try:
        trust = reliability(panel, facts, shares=panel.unit == "percent")
        recovered = expected_recovery(panel, trust, facts)
    except EstimationError:
        # What it needs is a part of what `recovery` needs, whose reason is told.
        pass
    if recovered is not None and found.ratio is not None:
        ratio = (found.elsewhere.value + recovered) / found.elsewhere.value
    return Check(
        claim=claim,
        measure=panel.measure,
        label=label or panel.measure,
        unit=unit,
        rates=found,
        recovery=parts,
        why_no_recovery=why,
        reliability=trust,
        by_reliability=recovered,
        ratio_by_reliability=ratio,
        sentence=sentence(claim, found, parts, unit),
        notes=tuple(_notes(claim, found, parts, why)),
    )


def sentence(claim: Claim, found: Rates, parts: Recovery | None, unit: str) -> str:
    """Return what can be said of a claim without being embarrassed, in two sentences to quote.

    The second never goes without the first: how much of a change would have come anyway belongs to
    the change.
    """
    of = f" {unit}" if unit else ""
    both = (
        f"Schools that joined changed by {_n(found.joined.value)}{of}, schools elsewhere by "
        f"{_n(found.elsewhere.value)} over the same years"
    )
    if claim.kind == "ratio" and found.ratio is not None:
        r = found.ratio
        first = (
            f"{both}: {_n(r.value)} times as much ({_n(r.ci_low)} to {_n(r.ci_high)}), which "
            f"{_fits(r, claim)} “{claim.words}”"
        )
    elif claim.kind == "ratio":
        first = (
            f"{both}, which is too little to divide by: the data neither bear out nor refute "
            f"“{claim.words}”"
        )
    else:
        d = found.difference
        first = (
            f"{both}: {_n(d.value)} more ({_n(d.ci_low)} to {_n(d.ci_high)}), which "
            f"{_fits(d, claim)} “{claim.words}”"
        )
    return f"{first}. {_left(parts, found.n_schools, of)}."


def _fits(figure: Figure, claim: Claim) -> str:
    return "does not rule out" if figure.inside(claim.low, claim.high) else "does not bear out"


def _left(parts: Recovery | None, n_schools: int, of: str) -> str:
    if parts is None:
        return "How much of it would have come anyway cannot be told from these years"
    e = parts.excess
    seen = ""
    if parts.n_schools < n_schools:
        seen = f" (for the {parts.n_schools} seen for three years before)"
    anyway = (
        f"Schools with results like theirs changed by {_n(parts.anyway.value)} without joining"
        f"{seen}, which leaves {_n(e.value)}{of} ({_n(e.ci_low)} to {_n(e.ci_high)}) of "
        f"{_n(parts.raw.value)}"
    )
    if e.ci_low <= 0 <= e.ci_high:
        return f"{anyway}, and that may be nothing"
    return f"{anyway} that recovery and the trend do not explain"


def _notes(claim: Claim, found: Rates, parts: Recovery | None, why: str) -> list[str]:
    notes = []
    if claim.other_comparator:
        notes.append(
            f"The claim compares with “{claim.comparator}”. These figures compare with schools "
            "that had not joined, and say nothing of anybody else: with whom one compares decides "
            "the ratio."
        )
    if found.why_no_ratio:
        notes.append(f"No ratio is given, since {found.why_no_ratio}.")
    if claim.unit == "points":
        notes.append("“Points” are taken to be in the unit of the measure; they are not per cent.")
    if why:
        notes.append(f"Recovery could not be worked out: {why}.")
    if parts is not None:
        adjusted = parts.excess.value
        if parts.raw.value * adjusted <= 0 or abs(parts.raw.value) > 2 * abs(adjusted):
            notes.append("The raw change is more than twice what recovery and trend leave of it.")
        if parts.beyond:
            notes.append(
                f"{parts.beyond} of {parts.n_schools} schools had results before joining that no "
                "other school had: for them the forecast reaches beyond what it was learnt from."
            )
        if not parts.sized:
            notes.append("Numbers of pupils are not known, so that small schools count as large.")
        lost = found.n_schools - parts.n_schools
        if lost:
            notes.append(
                f"The split into parts is of {parts.n_schools} of the {found.n_schools} schools: "
                "it takes three years of results before joining."
            )
    return notes


def _n(value: float | None) -> str:
    """Write a number of two significant places or one decimal, without a minus before zero."""
    if value is None:
        return "?"
    digits = 2 if abs(value) < 1 else 1
    text = f"{value:.{digits}f}"
    return text.lstrip("-") if float(text) == 0 else text.replace("-", "−")
