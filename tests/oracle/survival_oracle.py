"""Survival curves and their variances by plain loops and numerical derivatives.

Imports nothing from impactkit. Every estimate is a function of one weight a cluster; the
contribution of a cluster is the derivative of the estimate by its weight, here by differences (the
infinitesimal jackknife, which is how R's ``survfit(cluster = )`` defines its robust variance).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

Spell = dict[str, Any]
"""With entry (None: from the start), end, cause (None: censored), cluster and group."""


def watched(spell: Spell, time: float) -> bool:
    """Tell whether a spell is at risk at a time."""
    return (spell["entry"] is None or spell["entry"] < time) and time <= spell["end"]


def survivor(spells: list[Spell], at: float, weight: dict[Any, float]) -> float:
    """Return the weighted Kaplan-Meier estimate."""
    s = 1.0
    for time in sorted({x["end"] for x in spells if x["cause"] is not None}):
        if time > at:
            break
        n = sum(weight[x["cluster"]] for x in spells if watched(x, time))
        d = sum(weight[x["cluster"]] for x in spells if x["cause"] is not None and x["end"] == time)
        s *= 1 - d / n
    return s


def incidence(spells: list[Spell], at: float, weight: dict[Any, float], cause: str) -> float:
    """Return the weighted Aalen-Johansen estimate."""
    f, s = 0.0, 1.0
    for time in sorted({x["end"] for x in spells if x["cause"] is not None}):
        if time > at:
            break
        n = sum(weight[x["cluster"]] for x in spells if watched(x, time))
        d = sum(weight[x["cluster"]] for x in spells if x["cause"] is not None and x["end"] == time)
        mine = sum(weight[x["cluster"]] for x in spells if x["cause"] == cause and x["end"] == time)
        f += s * mine / n
        s *= 1 - d / n
    return f


def excess(spells: list[Spell], weight: dict[Any, float], group: str) -> float:
    """Return ended less expected of a group, the numerator of the log-rank test."""
    u = 0.0
    for stratum in {x.get("stratum") for x in spells}:
        part = [x for x in spells if x.get("stratum") == stratum]
        for time in sorted({x["end"] for x in part if x["cause"] is not None}):
            ended = [x for x in part if x["cause"] is not None and x["end"] == time]
            at_risk = [x for x in part if watched(x, time)]

            def total(some: list[Spell]) -> float:
                return sum(weight[x["cluster"]] for x in some)

            mine = total([x for x in at_risk if x["group"] == group])
            u += total([x for x in ended if x["group"] == group])
            u -= mine * total(ended) / total(at_risk)
    return u


def derivatives(estimate: Callable[[dict[Any, float]], float], spells: list[Spell]) -> list[float]:
    """Return the derivative by each cluster's weight at one."""
    ones = {x["cluster"]: 1.0 for x in spells}
    step, found = 1e-5, []
    for c in sorted(ones):
        up, down = ({**ones, c: 1 + sign * step} for sign in (1, -1))
        found.append((estimate(up) - estimate(down)) / (2 * step))
    return found


def std_error(estimate: Callable[[dict[Any, float]], float], spells: list[Spell]) -> float:
    """Return the root of the sum of squared derivatives."""
    return math.sqrt(sum(d * d for d in derivatives(estimate, spells)))
