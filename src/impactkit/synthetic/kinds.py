r"""Partnerships of several kinds: pairs, chains, clusters; some end; effects may differ.

By default an effect is the same in every partnership. With `moderators` the effect of school
:math:`i` is the planted one times

.. math:: m_i = m_{\text{structure}} \, m_{\text{purpose}} \,
    (1 + \beta_{\text{dose}} (d_i - \bar d) / 10) (1 + \beta_{\text{km}} (k_i - \bar k) / 10)

where :math:`d_i` is days of help delivered and :math:`k_i` kilometres to the school that leads; and
in each year after a partnership has ended the share `fade` of the effect is left. What is planted
is in `Truth.potential`, school by school.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import attrs
import numpy as np
import polars as pl

from impactkit.synthetic.partnerships import Group
from impactkit.synthetic.places import Places
from impactkit.synthetic.schools import Schools
from impactkit.synthetic.settings import Settings

LASTS = 2
"""Years that a partnership lasts which ends."""


def with_kinds(
    groups: tuple[Group, ...], settings: Settings, rng: np.random.Generator
) -> tuple[Group, ...]:
    """Return the partnerships with a structure, and with an end for the share `ends` of them.

    One client is a pair, several are a chain; those without a supporter are a cluster.
    """
    if settings.layout:
        return tuple(
            attrs.evolve(group, structure=part.structure, end=part.end(group.start))
            for group, part in zip(groups, settings.layout, strict=True)
        )
    able = [p for p, g in enumerate(groups) if g.cohort + LASTS <= settings.years[1]]
    ended = set(rng.permutation(able)[: round(settings.ends * len(groups))].tolist())
    return tuple(
        attrs.evolve(
            group,
            structure="cluster"
            if group.supporter is None
            else ("pair" if len(group.treated) == 1 else "chain"),
            end=dt.date(group.cohort + LASTS - 1, 8, 31) if p in ended else None,
        )
        for p, group in enumerate(groups)
    )


def effect_scale(
    groups: Sequence[Group],
    schools: Schools,
    places: Places,
    interventions: pl.DataFrame,
    settings: Settings,
) -> np.ndarray:
    """Return the factor on each school's effect, by school and year: 1 but for what was asked."""
    scale = np.ones((schools.n, len(settings.span)))
    asked = settings.moderators
    doses = dict(interventions.group_by("school_key").agg(pl.col("dose_delivered").sum()).rows())
    treated = [(group, i) for group in groups for i in group.treated]
    dose = np.array([doses.get(schools.key[i], 0.0) for _, i in treated])
    km = np.array([places.km(i, group.members[-1]) for group, i in treated])
    linear = (1 + asked.get("dose", 0.0) * (dose - dose.mean()) / 10) * (
        1 + asked.get("km", 0.0) * (km - km.mean()) / 10
    )
    years = np.array(settings.span)
    for (group, i), factor in zip(treated, linear, strict=True):
        kind = asked.get(group.structure, 1.0) * asked.get(group.purpose, 1.0)
        after = np.maximum(0, years - group.end.year) if group.end else np.zeros(len(years))
        scale[i] = kind * factor * settings.fade**after
    return scale


def supporters_share(
    groups: Sequence[Group], schools: Schools, settings: Settings
) -> np.ndarray | None:
    """Return what is added to attainment of schools that give help, by school and year."""
    if not settings.supporter_effect:
        return None
    years = np.array(settings.span)
    added = np.zeros((schools.n, len(years)))
    for group in groups:
        if group.supporter is not None:
            added[group.supporter] = settings.supporter_effect * (years >= group.cohort)
    return added
