"""Tables of leaders and governors: posts, appointments, boards and what boards do together.

These are about people. Keys are pseudonyms that the supplier makes; names, dates of birth and
reasons for leaving have no place here.
"""

from __future__ import annotations

from impactkit.tables.columns import column, optional, school, table
from impactkit.tables.rules import at_least_one, at_most, in_order, names_school
from impactkit.tables.vocabulary import (
    DESTINATIONS,
    GOVERNOR_ACTIVITIES,
    GOVERNOR_ROLES,
    ORIGINS,
    PHASES,
    READINESS,
)
from impactkit.types import LEVELS

LEVEL = column("level", values=LEVELS, description="Level of the post.", example="head")

leadership_spells = table(
    "leadership_spells",
    title="Leadership spells",
    description=(
        "One row a person, post and unbroken time in it. `origin` is where the holder came from "
        "(`source` is the file, in every table)."
    ),
    key=("staff_key", "urn", "school_key", "level", "start"),
    checks=(names_school, in_order("start", "end")),
    columns=(
        column("staff_key", personal=True, description="Pseudonym of the person.", example="a41f"),
        *school(),
        LEVEL,
        optional("fte", "float", low=0, high=1, unit="full-time equivalent", description="Share."),
        column("start", "date", description="First day in post.", example="2019-09-01"),
        optional("end", "date", description="Last day in post; blank while it lasts."),
        optional("origin", values=ORIGINS, description="Where the holder came from."),
        optional("destination", values=DESTINATIONS, description="Where the holder went."),
        optional("interim", "bool", description="Was it an interim post?"),
        optional("phase", values=PHASES, description="Phase of the school."),
    ),
)

appointments = table(
    "appointments",
    title="Appointments",
    description="One row a vacancy for a post of leadership, filled or not.",
    key=("appointment_id",),
    checks=(
        names_school,
        in_order("advertised", "filled"),
        at_most("internal_shortlisted", "applicants"),
    ),
    columns=(
        optional("appointment_id", description="Your own name for it.", example="A01"),
        *school(),
        LEVEL,
        optional("advertised", "date", description="First advertised."),
        optional("filled", "date", description="Filled; blank if it was not."),
        optional("applicants", "int", low=0, unit="people", description="How many applied."),
        optional(
            "internal_shortlisted",
            "int",
            low=0,
            unit="people",
            description="How many of the short list were from the school.",
        ),
        optional("appointed_source", values=ORIGINS, description="Where the holder came from."),
    ),
)

talent_pool = table(
    "talent_pool",
    title="Talent pool",
    description=(
        "One row a person seen as a future leader. Judgements about people: whoever is in it may "
        "ask to see it."
    ),
    key=("staff_key", "identified_on"),
    checks=(
        names_school,
        in_order("identified_on", "promoted_on"),
        in_order("identified_on", "left_on"),
    ),
    columns=(
        column("staff_key", personal=True, description="Pseudonym of the person.", example="a41f"),
        *school(),
        column("identified_on", "date", description="First seen as one.", example="2019-09-01"),
        optional("for_level", values=LEVELS, description="Level of post they are to fill."),
        optional("readiness", values=READINESS, description="When they could fill it."),
        optional("programme", description="Programme that prepares them, if any."),
        optional("started_on", "date", description="When the programme began."),
        optional("promoted_on", "date", description="First day at a higher level."),
        optional("left_on", "date", description="Left the partnership's schools."),
        optional("observed_until", "date", description="Last day the register knows of them."),
    ),
)

governor_spells = table(
    "governor_spells",
    title="Governor spells",
    description="One row a person, board, role and term. `role` is one of the roles of GIAS.",
    key=("person_key", "board_id", "urn", "school_key", "role", "appointed"),
    checks=(in_order("appointed", "term_end"),),
    columns=(
        column("board_id", description="Your own name for the board.", example="B01"),
        *school(),
        column("role", values=GOVERNOR_ROLES, description="Role.", example="Governor"),
        optional("appointing_body", description="Who appointed, as GIAS has it."),
        optional("appointed", "date", description="First day."),
        optional("term_end", "date", description="Last day; blank if none is set."),
        optional("shared_board", "bool", description="Does the board govern several schools?"),
        optional("person_key", personal=True, description="Pseudonym of the person."),
        optional("board_seats", "int", low=1, high=60, description="Seats that the board has."),
        optional("trained_on", "date", description="Finished the training for new governors."),
    ),
)

governor_activity = table(
    "governor_activity",
    title="Joint activity of governors",
    description="One row an event. With two boards or more it is joint.",
    key=("activity_id",),
    checks=(at_least_one("boards"),),
    columns=(
        column("activity_id", description="Your own name for the event.", example="G001"),
        column("date", "date", description="The day.", example="2019-11-12"),
        column("type", values=GOVERNOR_ACTIVITIES, description="What kind of event."),
        optional("hours", "float", low=0, unit="hours", description="How long."),
        column("boards", "list", description="Boards that took part.", example="B01; B02"),
        optional("attendees", "int", low=0, unit="people", description="How many came."),
        optional("topic", description="What it was about."),
        optional("evidence_ref", description="Where the evidence is."),
    ),
)

TABLES = (leadership_spells, appointments, talent_pool, governor_spells, governor_activity)
