"""What the metrics of heads' diaries share and what listing them may import: needs and params."""

from __future__ import annotations

import attrs

from impactkit import Needs

NEEDS = Needs(
    tables={
        "survey_responses": (
            "instrument_id",
            "item",
            "wave",
            "respondent_key",
            "school_key",
            "value",
            "answered_on",
        ),
        "instruments": ("instrument_id", "item", "reverse", "scale_low", "scale_high"),
    },
    optional={
        "interventions": ("school_key", "type", "start"),
        "memberships": ("partnership_id", "school_key", "joined", "left"),
    },
)
DIARY_CAVEATS = (
    "A diary is work, and is kept in other weeks than usual ones; who keeps it may change what "
    "they do.",
    "What is remembered at the end of a week is not what a clock would show.",
    "Heads before and after, with nobody to compare them with, show a change and no effect.",
    "So far only the synthetic authority has filled diaries.",
)
BEFORE_AND_AFTER = ("The same heads before and after, with nobody to compare them with.",)


@attrs.frozen(kw_only=True)
class DiaryParams:
    """What a study may set of diaries.

    `instrument` names the diary, `uses` its items that are asked for, `types` the help whose first
    day parts before from after. A week of more than `most_hours` hours is set aside. A figure rests
    on `min_people` heads of as many schools.
    """

    instrument: str = "head_diary"
    uses: tuple[str, ...] = attrs.field(default=("teaching_and_learning",), converter=tuple)
    types: tuple[str, ...] = attrs.field(default=("sbm_share",), converter=tuple)
    most_hours: float = attrs.field(default=100.0, validator=attrs.validators.gt(0))
    min_people: int = attrs.field(default=6, validator=attrs.validators.ge(2))


@attrs.frozen(kw_only=True)
class ReleaseParams(DiaryParams):
    """As `DiaryParams`, for hours of strategy."""

    uses: tuple[str, ...] = attrs.field(default=("strategy",), converter=tuple)
