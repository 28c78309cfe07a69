"""M16, ``governance.strength``: vacancies, turnover, chairs, training and skills of boards."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import attrs

from impactkit import (
    Card,
    Exclusion,
    MetricContext,
    Needs,
    Note,
    estimating_metric,
)

if TYPE_CHECKING:
    from impactkit_governance.board_people import Boards

ID = "governance.strength"


def _day(value: Any) -> dt.date | None:
    if value is None or isinstance(value, dt.date):
        return value
    try:
        return dt.date.fromisoformat(value)
    except (TypeError, ValueError):
        raise ValueError(f"{value!r} is no date; write one like 2024-08-31") from None


@attrs.frozen(kw_only=True)
class StrengthParams:
    """What a study may set under ``[metrics."governance.strength"]``.

    `on` is the day of the register; otherwise the latest appointment in it. Somebody appointed
    again within `rejoined_within` days has not left. Training is due `training_due` days after the
    appointment. `audit` is the instrument of the skills audit: where fewer than `enough_response`
    (a share) of those asked took it twice a warning goes with its gain, below `least_response`
    there is none. `min_people` and `min_boards` are what a share must rest on, `min_clusters` what
    it takes before an interval allows for clusters.
    """

    on: dt.date | None = attrs.field(default=None, converter=_day)
    rejoined_within: int = attrs.field(default=31, validator=attrs.validators.ge(0))
    training_due: int = attrs.field(default=365, validator=attrs.validators.ge(0))
    audit: str = "skills_audit"
    enough_response: float = attrs.field(
        default=0.6, validator=[attrs.validators.ge(0), attrs.validators.le(1)]
    )
    least_response: float = attrs.field(
        default=0.25, validator=[attrs.validators.ge(0), attrs.validators.le(1)]
    )
    min_people: int = attrs.field(default=5, validator=attrs.validators.ge(1))
    min_boards: int = attrs.field(default=5, validator=attrs.validators.ge(1))
    min_clusters: int = attrs.field(default=10, validator=attrs.validators.ge(2))


CARD = Card(
    definition=(
        "Five figures of governing boards: turnover in the last twelve months as the Department's "
        "Financial Insights and Analysis Tool works it out, the share of seats that are vacant, "
        "how long chairs have been in the chair, the share of governors who finished the training "
        "for new governors, and how much governors' own marks in a skills audit rose."
    ),
    formula=(
        "turnover = 100 x (appointments + departures in 12 months) / governors now; vacancy = 100 "
        "x (seats - governors now) / seats; skills gain = Hedges g_av of the same governors"
    ),
    source=(
        "Founding claims: governor development (Ofsted 090232, 2010), strengthening governance "
        "(Maximising Progress). Turnover: Department for Education, FIAT. The other four are this "
        "project's. Intervals: Wilson (1927), Newcombe (1998), Lakens (2013)"
    ),
    caveats=(
        "The best turnover is not none: a board that never changes hears nothing new.",
        "A chair who is listed as a governor or trustee too is counted once. Without a key for "
        "people that cannot be seen.",
        "Governors mark themselves in a skills audit; what rises may be confidence, or the wish to "
        "please.",
        "Governors who took the audit twice may be the keener ones; those who did not may think "
        "otherwise.",
        "Boards of partnerships may differ from others in ways that nothing here adjusts for.",
        "Seats, training and skills are in no public register; so far only the synthetic "
        "authority has filled them.",
    ),
    founding="M16",
    ours=True,
)


@estimating_metric(
    id=ID,
    title="Strength of governing boards",
    question="Are boards full, settled, trained and skilled?",
    unit="percent",
    needs=Needs(
        tables={"governor_spells": ("board_id", "school_key", "role", "appointed", "term_end")},
        optional={
            "governor_spells": ("person_key", "board_seats", "trained_on"),
            "memberships": ("partnership_id", "school_key", "joined", "left"),
            "instruments": ("instrument_id", "item", "reverse", "scale_low", "scale_high"),
            "survey_responses": (
                "instrument_id",
                "item",
                "wave",
                "respondent_key",
                "school_key",
                "level",
                "value",
                "retro_pre",
                "invited",
            ),
        },
    ),
    params=StrengthParams,
    card=CARD,
)
def strength(context: MetricContext) -> Iterator[Any]:
    """Yield turnover, vacancies, training, chairs' tenure and the skills audit."""
    from impactkit_governance import board_people, skills, strength_figures

    params = context.params or StrengthParams()
    spells = context.table("governor_spells")
    boards = board_people.boards_of(spells, rejoined_within=params.rejoined_within)
    yield from boards.exclusions
    day = params.on or max(
        (s.start for s in boards.seats if s.start > board_people.EVER), default=None
    )
    groups, labels = _groups(context, boards, day)
    yield from strength_figures.figures(context, params, boards, groups, labels, day)
    by_school = {school: labels[b] for b, some in boards.schools.items() for school in some}
    yield from skills.gains(context, params, by_school)
    if boards.n_again:
        yield Note(
            "{n} rows name somebody who is on the board already, such as a chair listed as a "
            "governor too; each person counts once.",
            values={"n": boards.n_again},
        )
        yield Exclusion(
            reason="governance.named_again",
            text="Rows that name somebody again who is on the board at that time, as a chair "
            "listed as governor or trustee too",
            n_rows=boards.n_again,
            stage=ID,
        )


def _groups(
    context: MetricContext, boards: Boards, day: dt.date | None
) -> tuple[dict[str, bool] | None, dict[str, str]]:
    """Return whether each board was in a partnership on the day, and the cluster of each board.

    There are no groups without memberships. Boards of one partnership hang together.
    """
    from impactkit_governance import exposure, frames

    table = context.tables.get("memberships")
    members = frames.members(table) if table is not None else []
    by_school: dict[str, tuple[str, ...]] = {}
    for board, schools in boards.schools.items():
        for school in schools:
            by_school[school] = (*by_school.get(school, ()), board)
    always = (0, dt.date.max.toordinal())
    hang = exposure.clusters(exposure.expose(members, by_school, always))
    labels = {board: hang.get(board, f"board {board}") for board in boards.schools}
    if table is None or day is None:
        return None, labels
    inside = {
        member.school
        for member in members
        if (member.joined is None or member.joined <= day)
        and (member.left is None or member.left >= day)
    }
    groups = {board: not inside.isdisjoint(some) for board, some in boards.schools.items()}
    return groups, labels
