"""Figures for all of England, as published: to check a reading of the files against.

Each was read from the row about England in the file that `SOURCES` names for its measure; those of
`SAID` are from a release. Where a file gave more decimals than were published before and after, or
counted other schools than its neighbours, its figure is not here.
"""

from __future__ import annotations

from impactkit.types import NationalFigure

SFR39 = "Department for Education, SFR39/2016"

_TABLES = "performance tables, the row about England in {}"
SOURCES = {
    "census_": _TABLES.format("england_census.csv"),
    "ks2_": _TABLES.format("england_ks2final.csv"),
    "ks4_to_": _TABLES.format("england_ks4-pupdest.csv"),
    "ks4_": _TABLES.format("england_ks4provisional.csv (provisional)"),
    "mean_teacher": _TABLES.format("england_swf.csv"),
    "pupil_teacher": _TABLES.format("england_swf.csv"),
    "overall_": _TABLES.format("england_abs.csv"),
    "persistent_": _TABLES.format("england_abs.csv"),
    "unauthorised_": _TABLES.format("england_abs.csv"),
}
"""Where figures are from, by the beginning of a measure's id; the longest that fits counts."""

Figures = dict[str, dict[str, dict[int, float]]]

READ: Figures = {
    "pupil_teacher_ratio": {
        "Primary": {
            2012: 21.0,
            2013: 20.9,
            2014: 20.5,
            2015: 20.3,
            2017: 20.6,
            2018: 20.9,
            2019: 20.7,
        },
        "Secondary": {2012: 15.6, 2013: 15.5, 2014: 15.0, 2017: 15.6, 2018: 16.0, 2019: 16.3},
    },
    "mean_teacher_salary": {
        "Primary": {2012: 36472, 2013: 36153, 2014: 36559, 2015: 36252, 2017: 37119, 2018: 38697},
        "Secondary": {2012: 38903, 2013: 38513, 2014: 38521, 2017: 39483, 2018: 39762, 2019: 40571},
    },
    "overall_absence": {
        "Primary": {
            2011: 5.14,
            2012: 4.4,
            2013: 4.8,
            2014: 3.9,
            2017: 4.0,
            2018: 4.2,
            2019: 4.0,
        },
        "Secondary": {
            2011: 6.52,
            2012: 5.7,
            2013: 5.8,
            2014: 5.2,
            2017: 5.4,
            2018: 5.5,
            2019: 5.5,
        },
        "Special": {2014: 9.0, 2017: 9.7, 2018: 10.2, 2019: 10.1},
    },
    "unauthorised_absence": {"Primary": {2011: 0.69}, "Secondary": {2011: 1.41}},
    "persistent_absence_10": {
        "Primary": {2017: 8.3, 2018: 8.7, 2019: 8.2},
        "Secondary": {2017: 13.5, 2018: 13.9, 2019: 13.7},
        "Special": {2017: 28.5, 2018: 29.6, 2019: 28.8},
    },
    "persistent_absence_15": {
        "Primary": {2011: 5.2, 2012: 3.4, 2013: 3.6, 2014: 1.9},
        "Secondary": {2011: 9.5, 2012: 6.8, 2013: 6.5, 2014: 5.3},
        "Special": {2014: 14.6},
    },
    "persistent_absence_20": {"Primary": {2011: 1.9}, "Secondary": {2011: 4.7}},
    "census_eal": {
        "Primary": {2013: 18.1, 2015: 19.4, 2017: 20.8, 2019: 21.2},
        "Secondary": {2013: 13.6, 2017: 16.1, 2019: 16.9},
    },
    "census_fsm6": {
        "Primary": {2013: 26.8, 2015: 26.4, 2017: 24.9, 2019: 23.0},
        "Secondary": {2013: 28.3, 2017: 29.1, 2019: 27.7},
    },
    "ks2_rwm_expected": {"State-funded": {2017: 61, 2018: 64, 2019: 65}},
    "ks2_rwm_higher": {"State-funded": {2017: 9, 2018: 10, 2019: 11}},
    "ks2_reading_expected": {"State-funded": {2017: 72, 2018: 75, 2019: 73}},
    "ks2_reading_higher": {"State-funded": {2017: 25, 2018: 28, 2019: 27}},
    "ks2_maths_expected": {"State-funded": {2017: 75, 2018: 75, 2019: 79}},
    "ks2_maths_higher": {"State-funded": {2017: 23, 2018: 24, 2019: 27}},
    "ks2_gps_expected": {"State-funded": {2017: 77, 2018: 78, 2019: 78}},
    "ks2_gps_higher": {"State-funded": {2017: 31, 2018: 34, 2019: 36}},
    "ks2_writing_expected": {"State-funded": {2017: 76, 2018: 78, 2019: 78}},
    "ks2_writing_higher": {"State-funded": {2017: 18, 2018: 20, 2019: 20}},
    "ks2_science_expected": {"State-funded": {2017: 82, 2018: 82, 2019: 83}},
    "ks2_reading_scaled": {"State-funded": {2017: 104, 2018: 105, 2019: 104}},
    "ks2_maths_scaled": {"State-funded": {2017: 104, 2018: 104, 2019: 105}},
    "ks2_gps_scaled": {"State-funded": {2017: 106, 2018: 106, 2019: 106}},
    "ks4_attainment8": {"State-funded": {2017: 46.0, 2018: 46.4, 2019: 46.5}},
    "ks4_progress8": {"State-funded": {2017: -0.03, 2018: -0.02, 2019: -0.03}},
    "ks4_basics_94": {"State-funded": {2017: 63.3, 2018: 63.9, 2019: 64.4}},
    "ks4_basics_95": {"State-funded": {2017: 42.2, 2018: 43.0, 2019: 43.0}},
    "ks4_five_94": {"State-funded": {2017: 60.6, 2018: 59.7, 2019: 60.0}},
    "ks4_ebacc_entered": {"State-funded": {2017: 38.1, 2018: 38.4, 2019: 40.0}},
    "ks4_ebacc_94": {"State-funded": {2017: 23.5, 2018: 24.0, 2019: 24.8}},
    "ks4_ebacc_95": {"State-funded": {2017: 21.1, 2018: 16.6, 2019: 17.0}},
    "ks4_ebacc_points": {"State-funded": {2018: 4.03, 2019: 4.06}},
    "ks4_to_sustained": {"State-funded": {2015: 94, 2016: 94, 2017: 94, 2019: 94}},
    "ks4_to_education": {"State-funded": {2015: 90, 2016: 86, 2017: 87, 2019: 87}},
    "ks4_to_not_sustained": {"State-funded": {2015: 5, 2016: 5, 2017: 5, 2019: 5}},
}
SAID = {
    "ks2_rwm_level4": (NationalFigure(2015, 80, "All", source=SFR39),),
    "ks2_rwm_expected": (NationalFigure(2016, 53, "All", source=SFR39),),
}


def national_figures(measure: str) -> tuple[NationalFigure, ...]:
    """Return the published figures of a measure, in the order of years.

    Examples
    --------
    >>> [(f.year, f.value) for f in national_figures("ks2_rwm_expected")]
    [(2016, 53), (2017, 61), (2018, 64), (2019, 65)]
    """
    source = max((s for s in SOURCES if measure.startswith(s)), key=len, default="")
    read = [
        NationalFigure(year, value, phase, source=SOURCES[source])
        for phase, by_year in READ.get(measure, {}).items()
        for year, value in by_year.items()
    ]
    return tuple(sorted((*SAID.get(measure, ()), *read), key=lambda f: (f.year, f.phase)))
