"""Where the doctor draws its lines: every threshold, in one place.

Those of baseline balance are the What Works Clearinghouse's (`impactkit.comparison.balance`). The
others are judgements of this project, to be argued with; `examine` takes others.
"""

from __future__ import annotations

import attrs


@attrs.frozen(kw_only=True)
class Thresholds:
    """Lines between what is reported and what is not.

    Attributes
    ----------
    low_z
        E1: mean standard score of treated schools before joining, in the worse direction.
    dip
        E1: fall of the last year before joining below the school's own earlier mean, in standard
        deviations between schools.
    few_schools
        Treated schools that a mean before joining must rest on to be judged.
    small_cohort
        E2: pupils behind a school's yearly figure.
    begins
        E4: share of treated schools whose figures begin only once they had joined.
    vanished
        E4: share of treated schools whose figures stop before the last year, and how much it may
        differ between treated and comparison schools.
    contaminated
        E5 and E9: share of comparison schools that may have been treated after all. Up to it the
        finding is a note.
    around_years
        E5: years before and after the study in which another partnership counts.
    near_km
        E9: kilometres within which a comparison school is a neighbour.
    tests
        E7: tests of headlines, beyond which they are many.
    early_days
        E8: days by which work began before the date of joining.
    lead
        E8: change in the last year before joining, in standard deviations between schools, that
        matters when it is also beyond chance.
    lead_level
        E8: level of the test of the years before joining, divided by the number of years.
    overlapping
        Share of treated schools in two programmes at once; up to it the finding is a note.
    outside_overlap
        Share of treated schools that are unlike every comparison school.
    most_detectable
        Smallest effect that the design would find four times in five, in standard deviations
        between schools.
    few_clusters
        Treated clusters below which standard errors cannot be trusted.
    years_before
        Years before joining that show a trend; half of treated schools should have them.
    far
        Interquartile ranges by which a value lies outside the quartiles of its measure and phase.
    far_log
        The same on the scale of logarithms, for amounts and ratios.
    constant
        Share of schools whose figure is the same in every year.
    repeated
        Share of schools with the same figure in two years running.
    uneven
        Ratio of large (90th percentile) to small (10th) schools from which weights matter.
    """

    low_z: float = 0.5
    dip: float = 0.5
    few_schools: int = 5
    small_cohort: int = 30
    begins: float = 0.1
    vanished: float = 0.1
    contaminated: float = 0.1
    around_years: int = 3
    near_km: float = 5.0
    tests: int = 1
    early_days: int = 183
    lead: float = 0.1
    lead_level: float = 0.05
    overlapping: float = 0.25
    outside_overlap: float = 0.1
    most_detectable: float = 0.5
    few_clusters: int = 5
    years_before: int = 3
    far: float = 10.0
    far_log: float = 5.0
    constant: float = 0.05
    repeated: float = 0.9
    uneven: float = 3.0
