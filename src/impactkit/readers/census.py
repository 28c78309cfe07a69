"""Who is at a school: the school census, as in the performance tables (``england_census.csv``).

Special educational needs changed their categories in 2015: statements and School Action (Plus)
before, education, health and care plans and SEN support since.
"""

from __future__ import annotations

from impactkit.readers.forms import Aggregate, Form, headers
from impactkit.readers.performance import form_reader

FORM = Form(
    title="the school census tables (england_census.csv)",
    identity={
        "la": headers("LA", "LEA"),
        "estab": headers("ESTAB"),
        "laestab": headers("LAESTAB"),
        "urn": headers("URN"),
        "phase": headers("SCHOOLTYPE"),
    },
    measures={
        "census_pupils": headers("NOR", "TOTPUPSENDN"),
        "census_girls": headers("PNORG"),
        "census_fsm": headers("PNUMFSM"),
        "census_fsm6": headers("PNUMFSMEVER"),
        "census_eal": headers("PNUMEAL"),
        "census_sen_support": headers("PSENELK"),
        "census_sen_plan": headers("PSENELSE"),
        "census_sen_action": headers("PSENA"),
        "census_sen_action_plus": headers("PSENSAP"),
    },
    required=("urn", "census_pupils"),
    aggregates=(
        Aggregate("urn", "NAT", "national"),
        Aggregate("urn", "LA", "la"),
    ),
    words={
        "phase": {
            "State-funded nursery": "Nursery",
            "State-funded primary": "Primary",
            "State-funded secondary": "Secondary",
            "State-funded special school": "Special",
            "State-funded special": "Special",
            "Special school": "Special",
            "Pupil referral unit": "",
            "Independent school": "",
            "Non-maintained special school": "Special",
        }
    },
)

READER = form_reader(
    FORM,
    id="dfe.census",
    title="The school census, from the performance tables",
    years=(2011, *range(2013, 2026)),
    source="Department for Education, school performance tables",
    notes=(
        "Files of 2011, 2013, 2015, 2017 and 2019 were at hand; columns, short rows and the rows "
        "of authorities and England were compared with the published file of 2022."
    ),
)
