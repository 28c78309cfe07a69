"""Tables of how partnerships work: needs, barriers, enquiries, tracking and money."""

from __future__ import annotations

from impactkit.tables.columns import column, optional, school, table
from impactkit.tables.rules import in_order, names_school
from impactkit.tables.specs_partnerships import PARTNERSHIP
from impactkit.tables.vocabulary import (
    BARRIERS,
    ENQUIRY_RESULTS,
    FINANCE_BASES,
    FINANCE_EVIDENCE,
    FINANCE_KINDS,
    NEED_KINDS,
)

barriers = table(
    "barriers",
    title="Barriers",
    description="One row a barrier that a partnership met, and when it was out of the way.",
    key=("barrier_id",),
    checks=(in_order("raised_on", "resolved_on"),),
    columns=(
        column("barrier_id", description="Your own name for it.", example="B001"),
        PARTNERSHIP,
        column("kind", values=BARRIERS, description="What stood in the way.", example="time"),
        column("raised_on", "date", description="First written down.", example="2019-11-12"),
        optional("resolved_on", "date", description="Out of the way; blank if it is not."),
        optional("evidence_ref", description="Where the evidence is."),
    ),
)

enquiries = table(
    "enquiries",
    title="Enquiries",
    description="One row a question that schools tried to answer together, and what came of it.",
    key=("enquiry_id",),
    checks=(in_order("started", "ended"),),
    columns=(
        column("enquiry_id", description="Your own name for it.", example="Q001"),
        PARTNERSHIP,
        optional("hypothesis", description="What was expected, in a sentence."),
        optional("measure", description="By what it was to be judged."),
        optional("stop_rule", description="When it was to be given up, settled beforehand."),
        optional("started", "date", description="First day."),
        optional("ended", "date", description="Last day; blank while it lasts."),
        optional("result", values=ENQUIRY_RESULTS, description="What came of it."),
        optional("learning_ref", description="Where what was learnt is written down."),
    ),
)

data_drops = table(
    "data_drops",
    title="Data drops",
    description=(
        "One row a day on which pupils' progress was due to be collected, and who looked at it."
    ),
    key=("drop_id",),
    columns=(
        column("drop_id", description="Your own name for it.", example="D001"),
        PARTNERSHIP,
        column("scheduled_on", "date", description="When it was due.", example="2019-11-29"),
        optional("analysed_on", "date", description="When it was looked at; blank: it was not."),
        optional(
            "schools",
            "list",
            description="URNs of the schools that looked at it together.",
            example="100001; 100002",
        ),
        optional("evidence_ref", description="Where the evidence is."),
    ),
)

needs = table(
    "needs",
    title="Needs and strengths",
    description="One row a school and domain of work: how great its need, or its strength.",
    key=("urn", "school_key", "domain", "kind", "assessed_on", "assessor"),
    checks=(names_school,),
    columns=(
        *school(),
        column("domain", description="Domain of work, in your words.", example="mathematics"),
        column("kind", values=NEED_KINDS, description="A need, or a strength.", example="need"),
        column(
            "score",
            "float",
            low=0,
            high=4,
            unit="0 (none) to 4 (very great)",
            description="How great it is.",
            example="3",
        ),
        optional("assessed_on", "date", description="When it was judged."),
        optional("assessor", personal=True, description="Pseudonym of who judged it."),
    ),
)

finance = table(
    "finance",
    title="Costs, savings and grants",
    description=(
        "One row an amount. Fiscal and academic years are different years: `basis` says which."
    ),
    key=("entry_id",),
    columns=(
        column("entry_id", description="Your own name for the entry.", example="F001"),
        optional("partnership_id", description="The partnership, if it is one's."),
        *school(),
        column(
            "fiscal_year",
            "int",
            low=1990,
            high=2100,
            description="Accounting year, by its end: 2024 for April 2023 to March 2024.",
            example="2024",
        ),
        column("basis", values=FINANCE_BASES, description="When that year begins and ends."),
        column("line", description="What it is for.", example="energy contract"),
        column("amount_gbp", "float", unit="GBP", description="How much.", example="1250.00"),
        column("kind", values=FINANCE_KINDS, description="A cost, a saving or a grant."),
        optional("recurrent", "bool", description="Does it come again every year?"),
        optional("evidence", values=FINANCE_EVIDENCE, description="What shows it."),
        optional("evidence_ref", description="Where that is."),
        optional(
            "price_year",
            "int",
            low=1990,
            high=2100,
            description="Prices of which fiscal year; blank: of its own.",
        ),
    ),
)

TABLES = (needs, barriers, enquiries, data_drops, finance)
