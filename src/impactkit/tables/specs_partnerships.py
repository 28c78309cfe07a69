"""Tables of partnerships: who works with whom, in which role, and what help is given."""

from __future__ import annotations

from impactkit.tables.columns import column, optional, school, table, urn
from impactkit.tables.rules import at_least_one, in_order, names_school, no_overlap
from impactkit.tables.vocabulary import (
    AGREEMENT_ITEMS,
    COUNTRIES,
    DOSE_UNITS,
    EVALUATION_CRITERIA,
    EVIDENCE_TYPES,
)
from impactkit.types import INTERVENTION_TYPES, LEVELS, PURPOSES, ROLES, STRUCTURES

PARTNERSHIP = column(
    "partnership_id", description="Your own name for the partnership.", example="P01"
)

partnerships = table(
    "partnerships",
    title="Partnerships",
    description="One row a partnership.",
    key=("partnership_id",),
    checks=(in_order("start_date", "end_date"), in_order("start_date", "planned_end")),
    columns=(
        PARTNERSHIP,
        optional("name", description="Its name."),
        optional("structure", values=STRUCTURES, description="What kind it is."),
        optional("purpose", values=PURPOSES, description="Why it was formed."),
        urn("lead_urn", "URN of the school that leads it."),
        optional("start_date", "date", description="When work began."),
        optional("planned_end", "date", description="When it was meant to end."),
        optional("end_date", "date", description="When it ended; blank while it lasts."),
        optional("brokered_by", description="Who brought the schools together."),
        optional("funder", description="Who pays."),
        optional("country", values=COUNTRIES, description="E (England) or W (Wales)."),
        optional(
            "admin_fte",
            "float",
            low=0,
            unit="FTE",
            description="Administration that it has, in full-time posts.",
        ),
    ),
)

memberships = table(
    "memberships",
    title="Memberships",
    description=(
        "One row a school, partnership and role. A school may be in several partnerships, but not "
        "twice at once in the same role of one. Without a column `role` every school is a peer."
    ),
    key=("partnership_id", "urn", "school_key", "role", "joined"),
    checks=(
        names_school,
        in_order("joined", "left", "A school cannot leave before it joins. Are the two swapped?"),
        no_overlap(("partnership_id", "urn", "school_key", "role"), "joined", "left"),
    ),
    columns=(
        PARTNERSHIP,
        *school(),
        column("role", values=ROLES, description="Its part: gives help, gets it, or both."),
        optional("joined", "date", description="When it joined.", example="2019-09-01"),
        optional("left", "date", description="When it left; blank while it lasts."),
        optional("partnership_name", description="Name of the partnership."),
        optional("structure", values=STRUCTURES, description="What kind of partnership it is."),
        optional("group_type", description="Group type, as GIAS has it."),
    ),
)

interventions = table(
    "interventions",
    title="Interventions",
    description="One row a piece of help given to one school.",
    key=("intervention_id",),
    checks=(names_school, in_order("start", "end")),
    columns=(
        column("intervention_id", description="Your own name for it.", example="I001"),
        PARTNERSHIP,
        *school(),
        column("type", values=INTERVENTION_TYPES, description="What kind of help."),
        optional("subject", description="Subject of the curriculum."),
        optional("start", "date", description="First day."),
        optional("end", "date", description="Last day."),
        optional("dose_planned", "float", low=0, unit="dose_unit", description="How much planned."),
        optional("dose_delivered", "float", low=0, unit="dose_unit", description="How much given."),
        optional("dose_unit", values=DOSE_UNITS, description="Unit of both doses."),
        optional("cost_gbp", "float", low=0, unit="GBP", description="What it cost."),
        optional("price_year", "int", unit="academic year", description="Prices of which year."),
        optional("need_tag", description="The need that it answers."),
        optional("fidelity", "float", low=0, high=1, unit="share", description="Given as planned."),
    ),
)

activity = table(
    "activity",
    title="Joint activity of leaders and staff",
    description="One row an event: a meeting, a visit, a training day.",
    key=("activity_id",),
    checks=(at_least_one("schools"),),
    columns=(
        column("activity_id", description="Your own name for the event.", example="E001"),
        column("date", "date", description="The day.", example="2019-11-12"),
        optional("type", description="What kind of event."),
        optional("level", values=(*LEVELS, "governor"), description="Whom it was for."),
        optional("hours", "float", low=0, unit="hours", description="How long."),
        optional("practice_focused", "bool", description="Was it about practice in classrooms?"),
        optional("initiated_by", description="Who called it."),
        column(
            "schools",
            "list",
            description="URNs of the schools that took part.",
            example="100001; 100002",
        ),
        optional("partnership_id", description="The partnership, if it was one's."),
        optional("attendees", "int", low=0, unit="people", description="How many came."),
        optional("requested_on", "date", description="When it was asked for."),
        optional("scheduled_on", "date", description="When it was due, if it had a due date."),
    ),
)

agreements = table(
    "agreements",
    title="Agreements",
    description="What each partnership had settled, and since when there is evidence of it.",
    key=("partnership_id", "item", "coder"),
    columns=(
        PARTNERSHIP,
        column("item", values=AGREEMENT_ITEMS, description="What could be settled."),
        column("present", "bool", description="Was it?", example="yes"),
        optional("evidenced_on", "date", description="Date of the evidence."),
        optional("doc_ref", description="Where the evidence is."),
        optional("coder", description="Who judged it, if two did."),
    ),
)

evaluation_activity = table(
    "evaluation_activity",
    title="Evaluation activity",
    description="Evidence that a partnership evaluates itself, by criterion of rubric R1.",
    columns=(
        PARTNERSHIP,
        column("criterion", values=EVALUATION_CRITERIA, description="Criterion of rubric R1."),
        optional(
            "evidenced_on", "date", description="Date of the evidence; blank: planned, not done."
        ),
        optional("planned_on", "date", description="When it was planned for: a review's date."),
        optional("evidence_type", values=EVIDENCE_TYPES, description="Kind of evidence."),
        optional("levels", "list", description="Leadership levels that it covers."),
        optional("reported_to_governors", "bool", description="Were governors told?"),
        optional("decision_ref", description="The decision that came of it."),
        optional("evidence_ref", description="Where the evidence is."),
        optional("coder", description="Who judged it, if two did."),
    ),
)

TABLES = (partnerships, memberships, interventions, activity, agreements, evaluation_activity)
