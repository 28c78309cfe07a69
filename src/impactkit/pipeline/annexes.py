"""What the evaluation says of the schools themselves: changed numbers, mergers, who vanished.

And what neighbours of treated schools do to the result. Schools are public facts; nothing here is
about people.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import attrs

from impactkit.errors import EstimationError
from impactkit.pipeline.ground import Ground
from impactkit.results import Column, Table

if TYPE_CHECKING:
    from impactkit.lineage import Vanished


def annexes(ground: Ground, outcomes: Iterable[str]) -> Iterator[Table]:
    """Yield the tables about schools, of the measures of the design that have a panel."""
    outcomes = tuple(outcomes)
    # A study of a plugin's own table has no panel of its own outcomes, and nothing to say of them.
    tables = [histories(ground, outcomes)] if outcomes else []
    if ground.reorganised is not None:
        tables.append(ground.reorganised.table())
    for measure in outcomes:
        known = ground.measures.get(measure)
        table = gone(ground, measure).table()
        title = f"{table.title}: {known.label if known else measure}"
        tables.append(attrs.evolve(table, title=title))
        if "near" in ground.plan.study.design.exclude:
            table = neighbours(ground, measure)
            title = f"{table.title}: {known.label if known else measure}"
            tables.append(attrs.evolve(table, title=title))
    yield from (table for table in tables if table.rows)


def neighbours(ground: Ground, measure: str) -> Table:
    """Return the estimate without schools near a treated one, as the study has it, and with them.

    If the effect spills over to neighbours, they are no fair comparison, and leaving them out makes
    it larger. Intervals are analytic, so those of the main result may differ a little.
    """
    from impactkit.pipeline.effects import fit

    plan = ground.plan
    design = plan.study.design
    near = attrs.evolve(design, exclude=tuple(word for word in design.exclude if word != "near"))
    together = attrs.evolve(plan, study=attrs.evolve(plan.study, design=near))
    choices = {
        f"Without schools within {design.exclude_km:g} km of one that joined": ground,
        "With them": attrs.evolve(ground, plan=together, panels={}),
    }
    rows = []
    assert plan.estimator is not None
    for words, choice in choices.items():
        panel = choice.panel(measure)
        try:
            found = fit(panel, design, plan.estimator, seed=plan.study.seed, bootstrap=0)
        except EstimationError:
            continue
        first = next(iter(found.estimates(metric="", measure=measure, unit=panel.unit)))
        counts = (panel.counts["panel_treated"], panel.counts["panel_never_treated"])
        rows.append((words, first.value, first.ci_low, first.ci_high, *counts))
    unit = ground.panel(measure).effect_unit
    return Table(
        id=f"neighbours_{measure}",
        title="With and without neighbours of treated schools",
        columns=(
            Column(name="choice", label="Comparison schools", kind="dimension"),
            Column(name="value", label="Difference", unit=unit, digits=2),
            Column(name="low", label="From", unit=unit, digits=2),
            Column(name="high", label="To", unit=unit, digits=2),
            Column(name="treated", label="Treated schools", kind="count", of="schools"),
            Column(name="never", label="Never treated", kind="count", of="schools"),
        ),
        rows=rows,
    )


def gone(ground: Ground, measure: str) -> Vanished:
    """Return how many schools left the series of a measure after joining, beside comparison."""
    import polars as pl

    from impactkit.lineage import vanished

    return vanished(
        ground.panel(measure, balance="none").frame,
        measure=measure,
        seen=ground.tables["outcomes"].filter(pl.col("measure") == measure),
        schools=ground.tables.get("schools"),
    )


def histories(ground: Ground, outcomes: Iterable[str]) -> Table:
    """Return the numbers of every treated school that changed it within the years, oldest first."""
    import polars as pl

    schema = {"school_key": pl.String, "treated": pl.Boolean}
    panels = [
        ground.panel(measure)
        .frame.group_by("school_key")
        .agg(treated=pl.col("cohort").is_not_null().any())
        for measure in outcomes
    ]
    schools = pl.concat([pl.DataFrame(schema=schema), *panels])
    used = ground.tables["outcomes"].filter(pl.col("year").is_in(ground.years))
    numbers = pl.col("urn").n_unique() if "urn" in used.columns else pl.lit(1)
    changed = used.group_by("school_key").agg(numbers=numbers).filter(pl.col("numbers") > 1)
    treated = schools.filter("treated").select("school_key").unique()
    other = schools.filter(~pl.col("treated")).select("school_key").unique()
    n_other = changed.join(other, on="school_key", how="semi")["school_key"].n_unique()
    those = changed.join(treated, on="school_key", how="semi")["school_key"]
    rows = ground.lineage.histories(those).select(
        "school_key", "urn", "name", "link_date", "close_reason"
    )
    return Table(
        id="histories",
        title="Schools in partnerships that changed their number",
        columns=(
            Column(name="school", label="School (first number)", kind="dimension"),
            Column(name="urn", label="Number (URN)", kind="dimension"),
            Column(name="name", label="Name", kind="text"),
            Column(name="since", label="Followed the one before on", kind="text"),
            Column(name="close_reason", label="Closed because", kind="text"),
        ),
        rows=[
            (key, str(urn), name or "", since.isoformat() if since else "", reason or "")
            for key, urn, name, since, reason in rows.iter_rows()
        ],
        note=f"Of the comparison schools {n_other:,} changed their number in the years studied. "
        "Numbers that follow one another, one to one, are one school.",
    )
