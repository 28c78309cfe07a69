"""Who is at a school: the school census, as in the performance tables (``england_census.csv``).

Special educational needs changed their categories in 2015: statements and School Action (Plus)
before, education, health and care plans and SEN support since.
"""

from __future__ import annotations

from typing import Any

from impactkit.readers.forms import Aggregate, Form, headers
from impactkit.readers.performance import form_reader
from impactkit.types import Measure

SOURCE = "School census, in the performance tables (england_census.csv)"


def _share(name: str, label: str, **about: Any) -> Measure:
    return Measure(
        id=f"census_{name}", label=label, unit="percent", low=0, high=100, source=SOURCE, **about
    )


MEASURES = (
    Measure(
        id="census_pupils", label="Pupils on roll", unit="count", low=0, high=20_000, source=SOURCE
    ),
    _share("girls", "Girls"),
    _share("fsm", "Pupils eligible for free school meals"),
    _share(
        "fsm6",
        "Pupils eligible for free school meals in the last six years",
        soft_break_years=(2019,),
    ),
    _share("eal", "Pupils with English as an additional language"),
    _share("sen_support", "Pupils with SEN support", first_year=2015),
    _share("sen_plan", "Pupils with a statement or a plan for their needs", first_year=2015),
    _share("sen_action", "Pupils at School Action", last_year=2014),
    _share("sen_action_plus", "Pupils with a statement or at School Action Plus", last_year=2014),
)

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
    entries=MEASURES,
)

READER = form_reader(
    FORM,
    id="dfe.census",
    title="The school census, from the performance tables",
    years=(2011, *range(2013, 2026)),
    source="Department for Education, school performance tables",
    notes="Files of 2011, 2013, 2015, 2017 and 2019 were at hand; the headers stay the same since.",
)
