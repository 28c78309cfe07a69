"""Variances of synthetic control and synthetic difference-in-differences.

    placebo     never-treated units drawn to play the treated; the variance of these estimates,
                times (B - 1)/B; asks that treated and other units vary alike
    bootstrap   units drawn with replacement; the same factor
    jackknife   one unit left out at a time, weights kept and scaled to one;
                (N - 1)/N sum (tau_(i) - mean)^2, conservative

Placebo and bootstrap find the weights again in every draw, from those of the estimate, with its
ridge and tolerance. All as R `synthdid`.

Sources: Arkhangelsky et al. (2021), AER 111(12), algorithms 2 (bootstrap), 3 (jackknife) and 4
(placebo); Clarke et al. (2023), arXiv 2301.11859, section 2.4 (several cohorts).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import attrs
import numpy as np

from impactkit.estimators.rectangle import Floats, Ints
from impactkit.estimators.synthetic_units import (
    Design,
    Recipe,
    Units,
    Weighed,
    noise_level,
    path,
    weigh,
)

Variance = Literal["placebo", "jackknife", "bootstrap", "none"]

_BATCH = 64


def replicate(
    units: Units,
    design: Design,
    found: Sequence[Weighed],
    recipe: Recipe,
    variance: Variance,
    replications: int,
    seed: int,
) -> tuple[Floats | None, str]:
    """Return the variance of each average, shape (1 + events,), or None and why there is none."""
    other = np.flatnonzero(units.start == design.T)
    treated = [np.flatnonzero(units.start == s) for s in design.starts]
    n1 = sum(design.sizes)
    if variance == "none":
        return None, "no variance was asked for"
    if variance == "placebo" and len(other) <= n1:
        return None, (
            f"the placebo variance needs more units never treated ({len(other):,}) than treated "
            f"ones ({n1:,}); add some, or use variance='bootstrap'"
        )
    if variance != "placebo" and min(design.sizes) == 1:
        return None, (
            "a cohort of one treated unit: how such units vary cannot be seen by "
            f"{variance}; use variance='placebo'"
        )
    if variance == "jackknife":
        draws = _leave_one_out(units, design, found, other, treated)
        n = len(draws)
        return (n - 1) ** 2 / n * draws.var(axis=0, ddof=1), ""
    rng = np.random.default_rng(seed)
    noises = [noise_level(units.y[other], s) for s in design.starts]
    draws = np.concatenate(
        [
            _draw(
                units, design, found, recipe, variance, rng, noises, min(_BATCH, replications - a)
            )
            for a in range(0, replications, _BATCH)
        ]
    )
    return (len(draws) - 1) / len(draws) * draws.var(axis=0, ddof=1), ""


def _draw(
    units: Units,
    design: Design,
    found: Sequence[Weighed],
    recipe: Recipe,
    variance: Variance,
    rng: np.random.Generator,
    noises: Sequence[float],
    count: int,
) -> Floats:
    """Estimate again, weights included, from drawn units."""
    other = np.flatnonzero(units.start == design.T)
    panels, starts, designs = [], [], []
    for _ in range(count):
        if variance == "placebo":
            order = rng.permutation(len(other))
            controls = order[: len(other) - sum(design.sizes)]
            acting = np.split(order[len(controls) :], np.cumsum(design.sizes)[:-1])
            groups = [units.y[other[a]] for a in acting]
            drawn = design
        else:
            drawn_units = _resample(units, design, rng)
            controls = np.searchsorted(other, drawn_units[units.start[drawn_units] == design.T])
            groups = [units.y[drawn_units[units.start[drawn_units] == s]] for s in design.starts]
            drawn = attrs.evolve(design, sizes=tuple(len(g) for g in groups))
        designs.append(drawn)
        for start, group, weights in zip(design.starts, groups, found, strict=True):
            kept = weights.unit[controls]
            total = kept.sum()
            panels.append((units.y[other[controls]], group, start))
            starts.append(
                Weighed(
                    unit=kept / total if total > 0 else np.full(len(kept), 1 / len(kept)),
                    time=weights.time,
                )
            )
    again = weigh(panels, recipe, starts, [*noises] * count)
    paths = [path(*panel, weights) for panel, weights in zip(panels, again, strict=True)]
    G = len(design.starts)
    return np.array([d.averages(paths[r * G : (r + 1) * G]) for r, d in enumerate(designs)])


def _resample(units: Units, design: Design, rng: np.random.Generator) -> Ints:
    """Draw units with replacement until every cohort and two units never treated are there."""
    while True:
        drawn = np.sort(rng.integers(0, len(units.start), size=len(units.start)))
        there = np.bincount(units.start[drawn], minlength=design.T + 1)
        if all(there[s] for s in design.starts) and there[design.T] >= 2:
            return drawn


def _leave_one_out(
    units: Units,
    design: Design,
    found: Sequence[Weighed],
    other: Ints,
    treated: Sequence[Ints],
) -> Floats:
    """Estimate without each unit in turn, with the weights as they were, scaled to one."""
    draws = []
    for left in range(len(units.start)):
        keep = other != left
        paths, sizes = [], []
        for start, group, weights in zip(design.starts, treated, found, strict=True):
            kept = weights.unit[keep]
            if kept.sum() <= 0:
                kept = np.ones(len(kept))
            scaled = Weighed(unit=kept / kept.sum(), time=weights.time)
            members = group[group != left]
            paths.append(path(units.y[other[keep]], units.y[members], start, scaled))
            sizes.append(len(members))
        draws.append(attrs.evolve(design, sizes=tuple(sizes)).averages(paths))
    return np.array(draws)
