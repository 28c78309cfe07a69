"""How often barriers come: rates, their ratio, and a test for bunches."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

from impactkit import Diagnostic, Estimate

CLEAR, UNCLEAR = "clear start", "unclear start"
PER_TEN = "Barriers logged for ten partnerships"


PER_YEAR = "Barriers logged for ten partnerships in a year"


POISSON = "Poisson; barriers taken as independent"


BUNCHED = (
    "Some partnerships logged more than chance explains: the interval is likely too narrow.",
)


def rate_of(
    estimand: str,
    counts: Counter[str],
    members: list[str],
    time: dict[str, float],
    bunched: list[Diagnostic],
) -> Estimate:
    """Return barriers for ten partnerships, or for ten partnerships and a year."""
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


def ratio_of(
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


def bunching(counts: Counter[str], time: dict[str, float]) -> list[Diagnostic]:
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
