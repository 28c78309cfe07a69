"""M15, ``governance.joint_activity``: how often governing boards of a partnership work together.

Ofsted found joint work of governors "not as frequent or systematic" as that of other leaders
(Ofsted 090232, 2010, summary). So: how often, how regularly, and how often beside the leaders of
the same partnerships.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import attrs

from impactkit import (
    Card,
    Estimate,
    Exclusion,
    MetricContext,
    MetricResult,
    Needs,
    estimating_metric,
)

if TYPE_CHECKING:
    import polars as pl

    from impactkit_governance.events import Entry
    from impactkit_governance.exposure import Member, Span

ID = "governance.joint_activity"
TITLE = "Joint work of governing boards"
QUESTION = "How often do the governing boards of a partnership work together?"
UNIT = "events per board per year"


@attrs.frozen(kw_only=True)
class JointActivityParams:
    """What a study may set under ``[metrics."governance.joint_activity"]``.

    `first_year` and `last_year` are the academic years (2024 for 2023/24) over which the logs were
    kept; unless set, from the first to the last year with an entry in either log.
    """

    first_year: int | None = None
    last_year: int | None = None

    def __attrs_post_init__(self) -> None:
        if self.first_year and self.last_year and self.last_year < self.first_year:
            raise ValueError(f"last_year is {self.last_year}, before first_year, {self.first_year}")


CARD = Card(
    definition=(
        "Joint events that a governing board takes part in, per year of its membership. An event "
        "is joint when two or more boards of one partnership take part. Beside it stand the "
        "leaders' joint activity in the same partnerships, the days between events, and the boards "
        "that met jointly in every term."
    ),
    formula=(
        "(sum over joint events of the boards that took part) / (board-years in a partnership with "
        "another board); ratio = governors' rate / leaders' rate"
    ),
    source=(
        "Founding claim: Ofsted 090232 (2010), joint work of governors less frequent and "
        "systematic than that of other leaders. The measure is this project's. Intervals: Garwood "
        "(1936), Fay & Feuer (1997), Przyborowski & Wilenski (1940)"
    ),
    caveats=(
        "Attendance is not influence: the metric counts meetings, not what came of them.",
        "It knows what was logged. A log kept better by governors than by leaders, or the other "
        "way, shifts the ratio.",
        "A board that serves several schools is one board and is counted once.",
        "The intervals hold for events that come independently; where some partnerships are far "
        "more active than others, a warning says that they are too narrow.",
        "Terms are September to December, January to March and April to August.",
        "So far only the synthetic authority has filled the tables of governors' and leaders' "
        "activity.",
    ),
    founding="M15",
    ours=True,
)


@estimating_metric(
    id=ID,
    title=TITLE,
    question=QUESTION,
    unit=UNIT,
    direction="higher",
    needs=Needs(
        tables={
            "governor_activity": ("activity_id", "date", "boards"),
            "governor_spells": ("board_id", "school_key"),
            "memberships": ("partnership_id", "school_key"),
        },
        optional={
            "memberships": ("joined", "left"),
            "governor_activity": ("type", "attendees"),
            "activity": ("activity_id", "date", "schools", "type"),
            "schools": ("school_key", "urn"),
        },
    ),
    params=JointActivityParams,
    card=CARD,
)
def joint_activity(context: MetricContext) -> MetricResult:
    """Estimate how often boards work together, and how that compares with leaders."""
    from impactkit_governance import events, exposure, frames, pictures, summary

    params = context.params or JointActivityParams()
    members = frames.members(context.table("memberships"))
    boards = _boards_by_school(context.table("governor_spells"))
    governors_log = events.entries(context.table("governor_activity"), "boards")
    leaders_log = events.entries(context.tables.get("activity"), "schools")
    years = _years([*governors_log, *leaders_log], params, context.years)
    if years is None:
        return _result(
            estimates=(
                Estimate(
                    metric=ID,
                    estimand=summary.RATE,
                    unit=UNIT,
                    status="not_estimable",
                    reason="no log has an entry with a date; if none was held, set `first_year` "
                    "and `last_year` to the years over which the logs were kept",
                ),
            )
        )
    window: Span = (exposure.year_span(years[0])[0], exposure.year_span(years[-1])[1])
    board_time = exposure.expose(members, boards, window)
    # The leaders of the same partnerships: those whose boards could have worked together.
    same = [member for member in members if member.partnership in board_time.segments]
    school_time = exposure.expose(same, {m.school: (m.school,) for m in same}, window)
    governors, left_out = events.joint_events(governors_log, board_time, window, {}, of="governors")
    leaders, left_out_too = events.joint_events(
        leaders_log, school_time, window, _keys_by_urn(context.tables.get("schools")), of="leaders"
    )
    governed = {
        school for school, of in boards.items() if any(board in board_time.spans for board in of)
    }
    sides = summary.Sides(
        boards=summary.Side(events=governors, exposure=board_time),
        schools=summary.Side(events=leaders, exposure=school_time) if leaders_log else None,
        years=years,
        n_schools=len(governed & {m.school for m in same}),
    )
    return _result(
        estimates=tuple(summary.estimates(sides)),
        tables=tuple(pictures.tables(sides)),
        charts=tuple(pictures.charts()),
        notes=tuple(summary.notes(sides)),
        diagnostics=tuple(summary.diagnostics(sides)),
        exclusions=(*_without_board(members, boards), *left_out, *left_out_too),
    )


def _result(**found: Any) -> MetricResult:
    return MetricResult(
        metric=ID, title=TITLE, question=QUESTION, unit=UNIT, direction="higher", **found
    )


def _without_board(
    members: list[Member], boards: Mapping[str, tuple[str, ...]]
) -> tuple[Exclusion, ...]:
    missing = {member.school for member in members} - boards.keys()
    if not missing:
        return ()
    return (
        Exclusion(
            reason="governance.no_board",
            text="Schools in a partnership whose board is not in the register of governors",
            n_schools=len(missing),
            stage=ID,
        ),
    )


def _boards_by_school(spells: pl.DataFrame) -> dict[str, tuple[str, ...]]:
    import polars as pl

    pairs = spells.select(pl.col("school_key", "board_id").cast(pl.String)).drop_nulls().unique()
    found: dict[str, list[str]] = defaultdict(list)
    for school, board in sorted(pairs.iter_rows()):
        found[school].append(board)
    return {school: tuple(boards) for school, boards in found.items()}


def _keys_by_urn(schools: pl.DataFrame | None) -> dict[str, str]:
    import polars as pl

    if schools is None or not {"urn", "school_key"} <= set(schools.columns):
        return {}
    pairs = schools.select(pl.col("urn", "school_key").cast(pl.String)).drop_nulls()
    keys = set(pairs["school_key"])
    return {urn: key for urn, key in pairs.iter_rows() if urn not in keys}


def _years(
    log: list[Entry], params: JointActivityParams, study: tuple[int, ...]
) -> tuple[int, ...] | None:
    """Return the academic years to count: as set, else those of the logs, else the study's."""
    from impactkit import Period

    logged = [Period.of(entry.day).year for entry in log if entry.day] or list(study)
    first = params.first_year or min(logged, default=None)
    last = params.last_year or max(logged, default=None)
    if first is None or last is None or last < first:
        return None
    return tuple(range(first, last + 1))
