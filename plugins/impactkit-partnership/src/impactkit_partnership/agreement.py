"""How far two people who judged the same things agree: an estimate, and whether it will do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from impactkit import Diagnostic, Estimate, Note

ENOUGH = 0.6
"""Kappa from which judgements may be relied on (Landis & Koch 1977 call it substantial)."""


def kappa_of(
    judged: Mapping[str, Mapping[Any, bool]], what: str
) -> Iterator[Estimate | Diagnostic | Note]:
    """Yield kappa over what the first two coders, by name, both judged; nothing without two."""
    from impactkit import cohen_kappa

    coders = sorted(judged)
    if len(coders) < 2:
        return
    one, other = (judged[coder] for coder in coders[:2])
    both = sorted(one.keys() & other.keys(), key=str)
    found = cohen_kappa((one[key], other[key]) for key in both)
    names: dict[str, Any] = {
        "estimand": "Agreement of two coders (kappa)",
        "term": what,
        "unit": "kappa",
    }
    if found.value is None:
        yield Estimate(**names, status="not_estimable", reason=found.reason)
        return
    bounds = found.interval()
    yield Estimate(
        **names,
        value=found.value,
        std_error=found.std_error,
        ci_low=bounds and bounds[0],
        ci_high=bounds and bounds[1],
        method="Cohen's kappa",
        variance="large sample (Fleiss, Cohen & Everitt 1969), judgements independent",
        reason="" if bounds else "the coders never differed, so there is no standard error",
    )
    yield Diagnostic(
        name=f"agreement of two coders on {what}",
        value=found.value,
        passed=found.value >= ENOUGH,
        text="Cohen's kappa; from 0.6 on judgements may be relied on.",
    )
    if len(coders) > 2:
        yield Note(
            text="More than a pair of coders judged; kappa is of the first pair by name.",
        )
