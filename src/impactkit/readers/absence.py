"""Pupil absence, as in the performance tables: ``england_abs.csv``.

Persistent absence is measured against 20 and 15% of sessions in 2011, 15% to 2015 and 10% since
2016, under headers that say so; they are different measures.
"""

from __future__ import annotations

from impactkit.readers.forms import Aggregate, Form, Header
from impactkit.readers.performance import form_reader

FORM = Form(
    title="the pupil absence tables (england_abs.csv)",
    identity={
        "la": (Header("LA"), Header("LEA")),
        "estab": (Header("ESTAB"),),
        "urn": (Header("URN"),),
    },
    measures={
        "overall_absence": (Header("PERCTOT"),),
        "unauthorised_absence": (Header("PERCUA"),),
        "persistent_absence_10": (Header("PPERSABS10", 2016),),
        "persistent_absence_15": (Header("PPERSABS15"),),
        "persistent_absence_20": (Header("PPERSABS20"),),
    },
    aggregates=(Aggregate("la", "NAT", "national"),),
)


READER = form_reader(
    FORM,
    id="dfe.absence",
    title="Pupil absence, from the performance tables",
    years=(*range(2011, 2020), 2022, 2023, 2024),
    source="Department for Education, school performance tables",
    notes=(
        "Files of 2011 to 2014 and 2017 to 2019 were at hand; columns, symbols and the rows of "
        "authorities and England were compared with published files of 2022 and 2024."
    ),
)
