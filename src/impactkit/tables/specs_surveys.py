"""Tables of what people answered and what was observed.

Keys of people are pseudonyms that the supplier makes. Answers are numbers on the instrument's
scale, before any reversing: the metric reverses, from what `instruments` says.
"""

from __future__ import annotations

from impactkit.tables.columns import column, optional, school, table, urn
from impactkit.tables.rules import at_most, names_school
from impactkit.tables.vocabulary import RESPONDENTS

instruments = table(
    "instruments",
    title="Instruments",
    description="One row an item of a questionnaire, diary, audit or rubric.",
    key=("instrument_id", "item"),
    checks=(at_most("scale_low", "scale_high"),),
    columns=(
        column("instrument_id", description="Your name for it.", example="confidence"),
        column("item", description="Your name for the item.", example="c1"),
        optional("wording", description="The item as it was asked."),
        optional("scale", description="Part of the instrument that the item belongs to."),
        optional("reverse", "bool", description="Does a high answer mean less?"),
        column("scale_low", "float", description="Lowest answer that there is.", example="1"),
        column("scale_high", "float", description="Highest answer that there is.", example="5"),
        optional("unit", description="What the number is of; blank: points of the scale."),
        optional("alpha_source", description="Where its reliability is published."),
        optional("licence", description="Who may use it, and how."),
    ),
)

survey_responses = table(
    "survey_responses",
    title="Survey responses",
    description="One row an answer of one person to one item in one wave.",
    key=("instrument_id", "item", "wave", "respondent_key", "retro_pre"),
    checks=(names_school,),
    columns=(
        column("instrument_id", description="The instrument.", example="confidence"),
        column("item", description="The item.", example="c1"),
        column(
            "wave",
            "int",
            low=1,
            high=100,
            description="Which round of asking, from 1.",
            example="1",
        ),
        optional("answered_on", "date", description="The day."),
        column("respondent_key", personal=True, description="Pseudonym.", example="r01"),
        *school(),
        optional("level", values=RESPONDENTS, description="Who answered."),
        optional("value", "float", description="The answer; blank if there is none."),
        optional(
            "retro_pre",
            "bool",
            description="Was the question how it had been before, asked afterwards?",
        ),
        optional(
            "invited",
            "int",
            low=0,
            unit="people",
            description="How many of that school and level were asked in that wave.",
        ),
    ),
)

observations = table(
    "observations",
    title="Observations",
    description=(
        "One row a score of one rater for one domain of a rubric: of a lesson, or of a meeting "
        "whose minutes were read."
    ),
    key=("lesson_id", "rubric", "domain", "rater_key"),
    checks=(names_school,),
    columns=(
        column("lesson_id", description="Your name for lesson or meeting.", example="N001"),
        *school(),
        column("rubric", description="The rubric.", example="lesson"),
        column("domain", description="Domain of the rubric.", example="questioning"),
        column("rater_key", personal=True, description="Pseudonym of the rater.", example="t1"),
        urn("rater_urn", "URN of the rater's own school."),
        column("score", "float", description="The score.", example="3"),
        column("observed_on", "date", description="The day.", example="2019-11-12"),
    ),
)

TABLES = (instruments, survey_responses, observations)
