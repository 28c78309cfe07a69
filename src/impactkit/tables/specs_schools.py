"""Tables of schools and of the links between them."""

from __future__ import annotations

from impactkit.tables.columns import column, optional, school, table, years
from impactkit.tables.rules import at_most, in_order, names_school
from impactkit.tables.vocabulary import (
    CLOSE_REASONS,
    LINK_TYPES,
    OPEN_REASONS,
    PHASES,
    SCHOOL_STATUSES,
)

REGISTER = "Get Information about Schools (GIAS)"

schools = table(
    "schools",
    title="Schools",
    description="One row a URN. A school that became an academy has two; lineage joins them.",
    supplied_by=REGISTER,
    register=False,
    key=("urn",),
    checks=(names_school, in_order("open_date", "close_date")),
    columns=(
        *school(),
        optional("name", description="Name of the school."),
        optional(
            "laestab",
            pattern=r"^\d{7}$",
            example="9362313",
            description="DfE number: local authority and establishment. Often kept on conversion.",
        ),
        optional("ukprn", pattern=r"^1\d{7}$", example="10000001", description="Provider number."),
        optional("la_code", pattern=r"^\d{3}$", example="936", description="Local authority."),
        optional("region", description="Region of England."),
        optional("phase", values=PHASES, description="Phase of education."),
        optional("type", description="Type of establishment, as GIAS has it."),
        optional("type_group", description="Group of types."),
        optional("status", values=SCHOOL_STATUSES, description="Whether it is open."),
        optional("open_date", "date", description="Opened."),
        optional("close_date", "date", description="Closed; not before it opened."),
        optional("open_reason", values=OPEN_REASONS, description="Why it opened."),
        optional("close_reason", values=CLOSE_REASONS, description="Why it closed."),
        optional("trust_uid", description="Group UID of its trust."),
        optional("religious_character", description="Religious character."),
        optional("easting", "int", low=0, high=700_000, unit="metres", description="Grid easting."),
        optional(
            "northing", "int", low=0, high=1_300_000, unit="metres", description="Grid northing."
        ),
        optional("urban_rural", description="Urban or rural, as GIAS has it."),
        optional("low_age", "int", low=0, high=25, unit="years", description="Youngest pupils."),
        optional("high_age", "int", low=0, high=99, unit="years", description="Oldest pupils."),
        optional("capacity", "int", low=0, unit="pupils", description="Places."),
        optional("pupils", "int", low=0, unit="pupils", description="Pupils on roll."),
        optional(
            "pct_fsm6",
            "float",
            low=0,
            high=100,
            unit="percent",
            description="Pupils eligible for free school meals in the last six years.",
        ),
        optional(
            "pct_eal",
            "float",
            low=0,
            high=100,
            unit="percent",
            description="Pupils with English as an additional language.",
        ),
        optional(
            "pct_sen",
            "float",
            low=0,
            high=100,
            unit="percent",
            description="Pupils with special educational needs.",
        ),
    ),
)

school_links = table(
    "school_links",
    title="Links between URNs",
    description="Which URN came before, after or out of which. GIAS writes most links both ways.",
    supplied_by=REGISTER,
    register=False,
    key=("urn", "link_urn", "link_type", "link_date"),
    columns=(
        column(
            "urn",
            "int",
            low=100_000,
            high=999_999,
            unit="URN",
            description="The school.",
            example="121294",
        ),
        column(
            "link_urn",
            "int",
            low=100_000,
            high=999_999,
            unit="URN",
            description="The school that it is linked with.",
            example="144678",
        ),
        column(
            "link_type",
            values=LINK_TYPES,
            description="What `link_urn` is to `urn`.",
            example="Successor",
        ),
        optional("link_date", "date", description="When the link was established."),
    ),
)

school_years = table(
    "school_years",
    title="Schools by year",
    description="What a school was like in a year, other than its results.",
    supplied_by="the school census and Ofsted's management information, or the local authority",
    register=False,
    key=("year", "urn", "school_key"),
    checks=(
        names_school,
        at_most("teachers_stayed", "teachers"),
        at_most("teachers_retired", "teachers"),
        at_most("teachers_moved_partner", "teachers"),
    ),
    columns=(
        *school(),
        years(),
        optional("pupils", "int", low=0, unit="people", description="Pupils on roll."),
        optional("cohort", "int", low=0, unit="people", description="Pupils in the tested year."),
        optional("teachers", "int", low=0, unit="people", description="Teachers (headcount)."),
        optional(
            "teachers_stayed",
            "int",
            low=0,
            unit="people",
            description="Of them, those who were at the school a year later too.",
        ),
        optional(
            "teachers_retired",
            "int",
            low=0,
            unit="people",
            description="Of them, those who had retired a year later.",
        ),
        optional(
            "teachers_moved_partner",
            "int",
            low=0,
            unit="people",
            description="Of them, those who were at a partner school a year later.",
        ),
        optional(
            "pct_fsm6",
            "float",
            low=0,
            high=100,
            unit="percent",
            description="Pupils eligible for free meals in the last six years.",
        ),
        optional(
            "ofsted_grade",
            "int",
            low=1,
            high=4,
            description="Overall grade in force on 1 September: 1 (best) to 4; none after 2024.",
        ),
        optional("ofsted_framework", description="Framework that the grade belongs to."),
    ),
)

TABLES = (schools, school_links, school_years)
