"""The measure registry: what each published number means, and over which years it means that."""

from __future__ import annotations

from impactkit.types import Measure

WORKFORCE = "School Workforce Census, in the performance tables (england_swf.csv)"
ABSENCE = "Pupil absence, in the performance tables (england_abs.csv)"


def core_measures() -> tuple[Measure, ...]:
    """Return the measures that core's readers fill.

    Persistent absence was measured against three thresholds. They are three measures, because a
    school's figure jumps where the threshold falls: no year of one can stand for the other.

    Examples
    --------
    >>> [m.id for m in core_measures() if m.id.startswith("persistent")]
    ['persistent_absence_10', 'persistent_absence_15', 'persistent_absence_20']
    """
    return (
        Measure(
            id="pupil_teacher_ratio",
            label="Pupils for each teacher",
            unit="ratio",
            direction="lower",
            low=0,
            high=200,
            source=WORKFORCE,
        ),
        Measure(
            id="teachers_headcount",
            label="Teachers (headcount)",
            unit="count",
            low=0,
            high=1000,
            source=WORKFORCE,
        ),
        Measure(
            id="teachers_fte",
            label="Teachers (full-time equivalent)",
            unit="fte",
            low=0,
            high=1000,
            source=WORKFORCE,
        ),
        Measure(
            id="teaching_assistants_fte",
            label="Teaching assistants (full-time equivalent)",
            unit="fte",
            low=0,
            high=1000,
            source=WORKFORCE,
        ),
        Measure(
            id="mean_teacher_salary",
            label="Mean gross full-time salary of teachers",
            unit="gbp",
            low=1000,
            high=250_000,
            source=WORKFORCE,
        ),
        Measure(
            id="overall_absence",
            label="Sessions missed",
            unit="percent",
            direction="lower",
            low=0,
            high=100,
            source=ABSENCE,
        ),
        Measure(
            id="unauthorised_absence",
            label="Sessions missed without leave",
            unit="percent",
            direction="lower",
            low=0,
            high=100,
            source=ABSENCE,
        ),
        Measure(
            id="persistent_absence_10",
            label="Pupils who missed 10 % of sessions or more",
            unit="percent",
            direction="lower",
            low=0,
            high=100,
            first_year=2016,
            source=ABSENCE,
        ),
        Measure(
            id="persistent_absence_15",
            label="Pupils who missed 15 % of sessions or more",
            unit="percent",
            direction="lower",
            low=0,
            high=100,
            last_year=2015,
            source=ABSENCE,
        ),
        Measure(
            id="persistent_absence_20",
            label="Pupils who missed 20 % of sessions or more",
            unit="percent",
            direction="lower",
            low=0,
            high=100,
            last_year=2011,
            source=ABSENCE,
        ),
    )
