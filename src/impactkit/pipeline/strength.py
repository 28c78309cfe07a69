"""The line that stands over an evaluation: the evidence, the theory, and what was given.

Three axes that do not stand in for one another: a strong theory does not make weak evidence strong,
and help given as planned does not make it effective.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from impactkit.evidence import Theory, headline
from impactkit.pipeline.ground import Ground
from impactkit.results import Column, Estimate, MetricResult, Table

if TYPE_CHECKING:
    import polars as pl

STRENGTH = "strength"
"""Id of the table of an evaluation whose title is the line."""


def strength_table(ground: Ground, results: Iterable[MetricResult]) -> Table | None:
    """Return the three axes; None where there is nothing to say of any of them."""
    study = ground.plan.study
    main = primary(results, study.design.outcome)
    shares = given_as_planned(ground.tables.get("interventions"))
    if main is None and study.theory is None and not shares:
        return None
    grade = main.grade if main is not None else None
    theory = study.theory or Theory()
    judged = (
        "no headline effect could be graded"
        if grade is None
        else "the first outcome of the study; the rules are shown below"
    )
    rows = [
        ("Evidence of effect", "not graded" if grade is None else f"{grade}/5", judged),
        ("Theory of change", f"T{theory.strength}", str(theory).partition(": ")[2]),
    ]
    if shares:
        of = f"mean over {len(shares):,} pieces of help with a planned and a delivered dose"
        rows.append(("Given as planned", f"{100 * sum(shares) / len(shares):.0f}%", of))
    return Table(
        id=STRENGTH,
        title=headline(grade, theory, shares),
        columns=(
            Column(name="axis", label="What is judged", kind="dimension"),
            Column(name="value", label="How it stands", kind="text"),
            Column(name="why", label="What that means", kind="text"),
        ),
        rows=rows,
        note="The three do not stand in for one another. The scheme is this project's own.",
    )


def primary(results: Iterable[MetricResult], outcomes: Iterable[str]) -> Estimate | None:
    """Return the graded headline of the study's first outcome, or else the first that is graded."""
    found = [e for result in results for e in result.estimates if e.grade is not None]
    first = next(iter(outcomes), None)
    return next((e for e in found if e.measure == first), found[0] if found else None)


def given_as_planned(interventions: pl.DataFrame | None) -> list[float]:
    """Return the share of its planned dose that each piece of help was given, 1 at most.

    Examples
    --------
    >>> import polars as pl
    >>> given_as_planned(pl.DataFrame({"dose_planned": [10.0, 4.0, None],
    ...                                "dose_delivered": [5.0, 6.0, 3.0]}))
    [0.5, 1.0]
    """
    import polars as pl

    wanted = {"dose_planned", "dose_delivered"}
    if interventions is None or not wanted <= set(interventions.columns):
        return []
    share = (pl.col("dose_delivered") / pl.col("dose_planned")).clip(0.0, 1.0)
    return (
        interventions.filter(pl.col("dose_planned") > 0)
        .select(share)
        .to_series()
        .drop_nulls()
        .to_list()
    )
