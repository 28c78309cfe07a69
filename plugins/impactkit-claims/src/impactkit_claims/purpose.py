"""M25, ``claims.purpose``: from schools in an Ofsted category to joint work of good ones."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import attrs

from impactkit import (
    Card,
    Diagnostic,
    Estimate,
    EstimationError,
    MetricContext,
    Needs,
    estimating_metric,
)
from impactkit_claims.common import (
    MEMBERSHIPS,
    OUTCOMES,
    TREND_ONLY,
    changes,
    in_several,
    joined_with,
    told,
)
from impactkit_claims.groups import (
    Grouped,
    difference,
    group_estimates,
    grouped,
    picture,
    unknown,
)

CONTRAST = "ATT for {one} less that for {other}"
BY_PURPOSE = "ATT by purpose"
BY_GRADE = "ATT by grade before joining"
GRADES = {"1": "outstanding", "2": "good", "3": "requires improvement", "4": "inadequate"}


@attrs.frozen(kw_only=True)
class Params:
    """What a study may say under ``[metrics."claims.purpose"]``.

    Attributes
    ----------
    within_grade
        Compare with schools of the same Ofsted grade in the year before joining, where grades are
        given: schools in a category recover of themselves.
    one, other
        The purposes that are set against each other.
    before, after
        Event years compared; 0 is the first year in a partnership.
    """

    within_grade: bool = True
    one: str = "category_support"
    other: str = "mutual_development"
    before: tuple[int, int] = (-1, -1)
    after: tuple[int, int] = (0, 30)


@estimating_metric(
    id="claims.purpose",
    title="Effect by purpose of the partnership",
    question="Does what came of a partnership differ with what it was for?",
    needs=Needs(
        tables={
            "outcomes": OUTCOMES,
            "memberships": MEMBERSHIPS,
            "partnerships": ("partnership_id", "purpose"),
        },
        optional={
            "memberships": ("role",),
            "school_years": ("school_key", "year", "ofsted_grade"),
        },
        panel=True,
    ),
    params=Params,
    card=Card(
        definition=(
            "The effect of joining by the purpose of the partnership and by the Ofsted grade of "
            "the school before it, compared with schools of the same grade where grades are given."
        ),
        formula="ATT(purpose); joint test that all are equal; Benjamini-Hochberg over purposes",
        source=(
            "Founding claim: Ofsted 090232 (2010), purposes from support of schools in a category "
            "to joint development. Multiplicity: Benjamini & Hochberg (1995)"
        ),
        caveats=(
            TREND_ONLY,
            "Schools in a category recover without a partnership too; without grades that recovery "
            "passes for an effect of the purpose.",
            "Ofsted's overall grade ended in September 2024.",
            "So far only the synthetic authority has filled the purposes.",
        ),
        founding="M25",
    ),
)
def purpose(context: MetricContext) -> Iterator[Any]:
    """Yield the effect by purpose and by grade, and a test that they are equal."""
    yield from context.each_outcome(lambda measure: _of(context, measure))


def _of(context: MetricContext, measure: str) -> Iterator[Any]:
    import polars as pl

    params = context.params or Params()
    panel = context.panel(measure)
    grades = _grades(context)
    strata = grades if params.within_grade else None
    found = changes(context, panel, before=params.before, after=params.after, strata=strata)
    say = told(context, panel, found)
    kinds = (
        context.table("partnerships")
        .select(pl.col("partnership_id").cast(pl.String), "purpose")
        .unique("partnership_id", keep="first", maintain_order=True)
    )
    of = joined_with(context)
    kind_of = of.join(kinds, on="partnership_id", how="left")
    placed = found.schools.join(kind_of, on="school_key", how="left", maintain_order="left")
    groups = placed["purpose"].to_list()
    got = grouped(found, groups)
    labels = {name: name.replace("_", " ") for name in (*got.names, *got.lost)}
    by = group_estimates(say, got, BY_PURPOSE, labels)
    yield _contrast(say, got, params)
    yield from by
    yield say.estimate(BY_PURPOSE, found.regress(), [1.0], term="all", p_value=None)
    yield from equal(got, measure, "effect equal for all purposes")
    yield from picture("purpose", say, by, "Effect by purpose", "Purpose")
    if grades is not None:
        yield from _by_grade(found, say, grades, measure)
    yield from (*found.exclusions, *unknown("the purpose", groups, measure))
    yield from in_several(of, found)


def _contrast(say: Any, got: Grouped, params: Params) -> Estimate:
    """Return the contrast that leads: how much more one purpose brought than the other."""
    one, other = (name.replace("_", " ") for name in (params.one, params.other))
    name = CONTRAST.format(one=one, other=other)
    try:
        return difference(say, got, params.one, params.other, name)
    except EstimationError as error:
        missing: Estimate = say.missing(name, str(error))
        return missing


def _grades(context: MetricContext) -> Any:
    """Return the grade in force by school and year, None where the study has none."""
    import polars as pl

    rows = context.tables.get("school_years")
    if rows is None or not {"school_key", "year", "ofsted_grade"} <= set(rows.columns):
        return None
    known = rows.select(
        pl.col("school_key").cast(pl.String), "year", stratum=pl.col("ofsted_grade").cast(pl.String)
    ).drop_nulls()
    known = known.sort("school_key", "year", "stratum").unique(
        ["school_key", "year"], keep="last", maintain_order=True
    )
    return None if known.is_empty() else known


def _by_grade(found: Any, say: Any, grades: Any, measure: str) -> Iterator[Any]:
    import polars as pl

    then = found.schools.with_columns(year=pl.col("cohort") - 1).join(
        grades, on=["school_key", "year"], how="left", maintain_order="left"
    )
    got = grouped(found, then["stratum"].to_list())
    by: list[Estimate] = group_estimates(say, got, BY_GRADE, GRADES)
    yield from by
    yield from equal(got, measure, "effect equal for all grades")
    yield from picture("grade", say, by, "Effect by grade before joining", "Grade")


def equal(got: Grouped, measure: str, name: str) -> Iterator[Diagnostic]:
    """Yield a joint test that the groups' effects are equal: Wald's, with F of few clusters."""
    import numpy as np
    from scipy.special import fdtrc

    k = len(got.names)
    if k < 2:
        return
    contrasts = np.eye(k)[1:] - np.eye(k)[0]
    values = contrasts @ got.fit.values
    covariance = contrasts @ got.fit.covariance @ contrasts.T
    below = int(got.fit.df.sum()) - (k - 2)
    if below < 1 or np.linalg.cond(covariance) > 1e12:
        return
    # Hotelling's: the covariance is estimated from as many clusters as there are, less the groups.
    statistic = float(values @ np.linalg.solve(covariance, values))
    f = statistic * below / ((k - 1) * (below + k - 2)) if k > 2 else statistic
    p = float(fdtrc(k - 1, below, f))
    yield Diagnostic(
        name=name,
        value=f,
        p_value=p,
        measure=measure,
        text="Whether the groups differ by more than chance (joint test, F).",
    )
