"""The measure registry: what each published number means, and over which years it means that."""

from __future__ import annotations

from impactkit.types import Measure


def core_measures() -> tuple[Measure, ...]:
    """Return the measures that core knows, whichever reader fills them.

    Examples
    --------
    >>> known = {measure.id: measure for measure in core_measures()}
    >>> known["ks2_rwm_expected"].break_years, known["ks2_rwm_expected"].gap_years
    ((2016,), (2020, 2021, 2022))
    >>> known["ks2_rwm_expected"].continues
    'ks2_rwm_level4'
    """
    from impactkit.tables import measures_after, measures_results, measures_schools

    return (
        *measures_schools.MEASURES,
        *measures_results.MEASURES,
        *measures_after.MEASURES,
    )
