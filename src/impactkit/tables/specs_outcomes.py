"""Tables of outcomes and of what they measure."""

from __future__ import annotations

from impactkit.tables.columns import column, optional, school, table, years
from impactkit.tables.rules import at_most, names_school, value_or_reason, years_listed
from impactkit.tables.vocabulary import PHASES
from impactkit.types import DIRECTIONS, STATUSES, SUBGROUPS, UNITS

outcomes = table(
    "outcomes",
    title="Outcomes",
    description=(
        "One row a school, year, measure and subgroup. `value` may be a number or a suppression "
        "symbol; the symbol becomes the `status`, and the value is then null."
    ),
    supplied_by="the Department for Education's performance tables, or the local authority",
    key=("year", "measure", "subgroup", "urn", "school_key"),
    checks=(names_school, value_or_reason, at_most("numerator", "denominator")),
    columns=(
        *school(),
        years(),
        column("measure", description="Id of the measure registry.", example="overall_absence"),
        column("subgroup", values=SUBGROUPS, description="Of which pupils; `all` if blank."),
        column(
            "value",
            "float",
            nullable=True,
            unit="measured",
            description="In the unit of the measure, or a symbol.",
            example="20.9",
        ),
        optional("status", values=STATUSES, description="ok, or why there is no value."),
        optional("numerator", "int", low=0, unit="people", description="People who count."),
        optional("denominator", "int", low=0, unit="people", description="People in all."),
        optional("la_code", pattern=r"^\d{3}$", example="936", description="Local authority."),
        optional("phase", values=PHASES, description="Phase of the school."),
        optional("se", "float", low=0, description="Standard error, if published."),
        optional("se_method", description="How it was worked out."),
    ),
)

_DAY = (
    r"^((0[13578]|1[02])-(0[1-9]|[12]\d|3[01])|(0[469]|11)-(0[1-9]|[12]\d|30)|02-(0[1-9]|[12]\d))$"
)

measures = table(
    "measures",
    title="Measures",
    description="Local measures: what a number means, and over which years it means that.",
    key=("measure",),
    checks=(
        at_most("low", "high"),
        at_most("first_year", "last_year"),
        years_listed("break_years", "soft_break_years", "gap_years"),
    ),
    columns=(
        column(
            "measure",
            pattern=r"^[a-z][a-z0-9_]*$",
            description="Id of the measure.",
            example="late_arrivals",
        ),
        column("label", description="In words.", example="Late arrivals"),
        column("unit", values=UNITS, description="Unit of the figures."),
        optional("direction", values=DIRECTIONS, description="Which way is better."),
        optional("low", "float", description="Smallest value that can be true."),
        optional("high", "float", description="Largest value that can be true."),
        optional("first_year", "int", unit="academic year", description="First year."),
        optional("last_year", "int", unit="academic year", description="Last year."),
        optional(
            "break_years", "list", example="2016; 2023", description="First years of a new meaning."
        ),
        optional(
            "soft_break_years",
            "list",
            example="2018",
            description="Years of a change that needs caution.",
        ),
        optional(
            "gap_years",
            "list",
            example="2020; 2021",
            description="Years of which no value was published.",
        ),
        optional(
            "exposed_by",
            pattern=_DAY,
            example="01-01",
            description="Last day of joining, as month and day, that counts for the same year.",
        ),
        optional("publisher", description="Who publishes it."),
    ),
)

pupils = table(
    "pupils",
    title="Pupils",
    description=(
        "One row a pupil, year and measure; never needed. Keep it in a secure place: what leaves "
        "it is counted and protected like everything else."
    ),
    key=("pupil_key", "year", "measure"),
    checks=(names_school,),
    columns=(
        column("pupil_key", personal=True, description="Pseudonym of the pupil.", example="p01"),
        *school(),
        years(),
        column("measure", description="Id of the measure.", example="attainment"),
        optional("score", "float", description="What the pupil scored."),
        optional("pretest", "float", description="What the pupil scored before."),
        optional("fsm6", "bool", personal=True, description="Free meals in the last six years?"),
        optional("sen", "bool", personal=True, description="Special educational needs?"),
        optional("eal", "bool", personal=True, description="English as an additional language?"),
        optional("sex", values=("boys", "girls"), personal=True, description="Sex."),
        optional("stayed", "bool", description="In the school from pretest to test?"),
    ),
)

TABLES = (outcomes, measures, pupils)
