"""M40, ``pupils.subgroup_gap``: whether the gap between groups of pupils narrowed.

One question with one test: the interaction, which is the change of the gap. That the one group
gained "significantly" and the other did not says nothing of the gap.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import attrs

from impactkit import (
    Card,
    Chart,
    Column,
    EstimationError,
    MetricContext,
    Needs,
    Table,
    estimating_metric,
)
from impactkit_pupils.common import ALIKE, Joint, Window, estimate, joint, missing
from impactkit_pupils.standing import Placed, measures_of, placed

if TYPE_CHECKING:
    import polars as pl

GAP = "Change of the gap beyond that elsewhere"
RAW = "Change of the gap beyond that elsewhere, as published"
WORDS = {"fsm6": "free meals", "non_fsm6": "others"}
OF_GROUP = "Change of the group beyond that elsewhere"


@attrs.frozen(kw_only=True)
class Params:
    """What a study may say under ``[metrics."pupils.subgroup_gap"]``.

    Attributes
    ----------
    group, others
        The two subgroups; the gap is the first less the second.
    measures
        Measures compared; empty: every one that both groups have.
    before, after
        Event years compared; 0 is the first year in a partnership.
    min_pupils
        Pupils that each group must have, in the schools that joined, for anything to be told.
    """

    group: str = "fsm6"
    others: str = "non_fsm6"
    measures: tuple[str, ...] = ()
    before: Window = (-1, -1)
    after: Window = (0, 30)
    min_pupils: int = 11


@estimating_metric(
    id="pupils.subgroup_gap",
    title="Gap between groups of pupils",
    question="Did the gap between groups of pupils narrow in schools that joined?",
    direction="higher",
    needs=Needs(
        tables={
            "outcomes": ("school_key", "year", "measure", "subgroup", "value"),
            "memberships": ("school_key", "partnership_id", "joined"),
        },
        optional={
            "outcomes": ("denominator",),
            "pupils": ("pupil_key", "school_key", "year", "measure", "score", "fsm6", "sex"),
        },
        panel=True,
    ),
    params=Params,
    card=Card(
        definition=(
            "The result of pupils with free school meals in the last six years less that of other "
            "pupils of the same school and year, in standard deviations: its change in schools "
            "that joined, beyond its change in schools elsewhere. Above zero the gap narrowed."
        ),
        formula="change of (z_fsm6 - z_other), joined less elsewhere: the interaction, one test",
        source=(
            "Founding claim: Maximising Progress, work for groups that achieve less. Design: "
            "triple difference, Olden & Moen (2022), The Econometrics Journal 25(3)"
        ),
        caveats=(
            ALIKE,
            "Without pupils' records the standard deviation is that of schools, which is smaller "
            "than that of pupils: such a figure is no effect size.",
            "A gap that narrows because the other group fell is no success; the change of each "
            "group stands beside it.",
            "Who counts changes: pupils gain and lose the status, and since 2018 protections keep "
            "pupils on free meals who would have lost them.",
            "Schools with few pupils of a group are suppressed in published results, and are not "
            "in it; the result is about the others.",
        ),
        founding="M40",
        ours=True,
    ),
)
def subgroup_gap(context: MetricContext) -> Iterator[Any]:
    """Yield the change of the gap, that of each group, and the gap before and after."""
    params = context.params or Params()
    measures = params.measures or measures_of(context, params.group, params.others)
    if not measures:
        raise EstimationError(
            f"no measure has results of both {params.group} and {params.others}; give rows of "
            "these subgroups in `outcomes`"
        )
    for measure in measures:
        try:
            yield from tuple(_of(context, measure, params))
        except EstimationError as error:
            yield missing(context, GAP, str(error), measure=measure)


def _of(context: MetricContext, measure: str, params: Params) -> Iterator[Any]:
    import polars as pl

    source = placed(context, measure, params.group, params.others)
    yield from source.exclusions
    names = (params.group, params.others)
    membership = context.panel(
        source.frame.select("school_key", "year", value=pl.col("z_group"))
    ).frame.select("school_key", "year", "cohort", "cluster")
    rows = membership.join(source.frame, on=["school_key", "year"])

    def compared(scale: str) -> Joint:
        columns = (f"{scale}_group", f"{scale}_others")
        frames = {
            name: rows.with_columns(value=pl.col(column))
            for name, column in zip(names, columns, strict=True)
        }
        return joint(frames, context, before=params.before, after=params.after)

    standard = compared("z")
    subgroup = f"{params.group} less {params.others}"
    least = _pupils(rows, standard)
    if least is not None and least < params.min_pupils:
        raise EstimationError(
            f"a group has fewer than the {params.min_pupils} pupils, in schools that joined, that "
            "are needed to tell anything of it"
        )
    weights = standard.weights(**{params.group: 1.0, params.others: -1.0})
    about: dict[str, Any] = {"measure": measure, "n_people": least}
    scale = {**about, "unit": source.scale, "warnings": source.warnings}
    yield estimate(context, GAP, standard, weights, subgroup=subgroup, **scale)
    yield estimate(
        context, RAW, compared("raw"), weights, subgroup=subgroup, unit=source.unit, **about
    )
    for name in names:
        # No p-value, and a part of the whole: that one differs from zero and the other does not is
        # no test of the gap, and a summary must not read it out as one.
        alone = standard.weights(**{name: 1.0})
        part: dict[str, Any] = {**scale, "subgroup": name, "term": name, "p_value": None}
        yield estimate(context, OF_GROUP, standard, alone, **part)
    lost = standard.each[params.group].exclusions
    yield from (attrs.evolve(one, measure=measure) for one in lost)
    yield from _picture(context, measure, standard, source, names)


def _pupils(rows: pl.DataFrame, of: Joint) -> int | None:
    """Return pupils of the smaller group in schools that joined; None where nobody says."""
    import polars as pl

    joined = next(iter(of.each.values())).schools["school_key"]
    mine = rows.filter(pl.col("school_key").is_in(joined.implode()))
    if mine["n_group"].null_count() or mine["n_others"].null_count():
        return None
    return min(int(mine["n_group"].sum()), int(mine["n_others"].sum()))


def _picture(
    context: MetricContext, measure: str, of: Joint, source: Placed, names: tuple[str, str]
) -> Iterator[Any]:
    """Yield where each group stood before and after, and where it would have stood."""
    rows = []
    for name in names:
        schools, shown = of.each[name].schools, WORDS.get(name, name.replace("_", " "))
        before = float(schools["before"].mean())  # type: ignore[arg-type]
        for series, more in ((shown, "change"), (f"{shown}, expected", "expected")):
            gained = float(schools[more].mean())  # type: ignore[arg-type]
            rows.append(("before", series, before, schools.height))
            rows.append(("after", series, before + gained, schools.height))
    words = context.label(measure)
    yield Table(
        id=f"gap_{measure}",
        title=f"{words}: both groups in schools that joined, in {source.scale}",
        columns=(
            Column(name="when", label="When", kind="dimension"),
            Column(name="group", label="Pupils", kind="dimension"),
            Column(name="place", label="Mean place", unit=source.scale, digits=2),
            Column(name="schools", label="Schools", kind="count", of="schools"),
        ),
        rows=rows,
        note=(
            "'Expected' is where the group would stand had it changed as in schools elsewhere. "
            "0 is the mean of the year."
        ),
    )
    yield Chart(
        id=f"gap_{measure}",
        kind="line",
        title=f"{words}: the gap before and after joining",
        data=f"gap_{measure}",
        x="when",
        y="place",
        series="group",
        x_title="Joining a partnership",
        y_title=f"Mean place, {source.scale}",
    )
