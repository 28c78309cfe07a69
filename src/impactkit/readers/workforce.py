"""School workforce, as in the performance tables: ``england_swf.csv``.

Short codes to 2015, sentences since 2016 (in 2016 cut off at 64 characters), and ``(FTE)`` in the
census's own tables by school of later years. 2015 has primary schools only. Rows about England have
``NAT`` for the authority, and the phase in place of the establishment (or of the URN, where there
is no column for the establishment).
"""

from __future__ import annotations

from impactkit.readers.forms import Aggregate, Form, Header
from impactkit.readers.performance import form_reader

FORM = Form(
    title="the school workforce tables (england_swf.csv)",
    identity={
        "la": (Header("LA"), Header("LA Number", 2016)),
        "estab": (Header("ESTAB"), Header("Establishment Number", 2016)),
        "urn": (Header("URN"),),
        "phase": (Header("School Phase", 2019),),
    },
    measures={
        "pupil_teacher_ratio": (Header("RATPUPTEA"), Header("Pupil: Teacher Ratio", 2016)),
        "teachers_headcount": (
            Header("NTEA"),
            Header("Total Number of Teachers (Headcount)", 2016),
        ),
        "teachers_fte": (
            Header("NFTETEA"),
            Header("Total Number of Teachers (Full-Time Equivalent)", 2016),
            Header("Total Number of Teachers (FTE)", 2020),
        ),
        "teaching_assistants_fte": (
            Header("NFTETEAAS"),
            Header("Total Number of Teaching Assistants (Full-time Equivalent)", 2016),
            Header("Total Number of Teaching Assistants (FTE)", 2020),
        ),
        "mean_teacher_salary": (
            Header("SALARY"),
            Header("Mean Gross FTE Salary of All Teachers", 2016),
            Header("Mean Gross FTE Salary of All Teachers (£s)", 2018),
        ),
    },
    aggregates=(Aggregate("la", "NAT", "national"),),
    words={"phase": {"16 plus": "16 to 19"}},
)


READER = form_reader(
    FORM,
    id="dfe.workforce",
    title="School workforce, from the performance tables",
    years=tuple(range(2011, 2026)),
    source="Department for Education, school performance tables",
    notes="2015 has primary schools only. Of files since 2020 only the headers are known.",
)
