"""M38, ``pupils.ripple``: whether help in one subject shows in others as well.

The same result in English means opposite things: a ripple, where it was expected, or doubt about
the whole comparison, where English was to be a subject that nothing touches. Which of the two has
to be said before anybody looks, so without it neither ratio nor difference is worked out.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import attrs

from impactkit import (
    Card,
    Chart,
    Column,
    Diagnostic,
    Estimate,
    EstimationError,
    Exclusion,
    MetricContext,
    Needs,
    Table,
    estimating_metric,
)
from impactkit_pupils.common import ALIKE, Joint, Window, effect_unit, estimate, joint, missing

if TYPE_CHECKING:
    import polars as pl

TARGET = "Effect on the subject that was helped"
OTHER = "Effect on another subject"
RATIO = "Ripple: gain in the other subject for each point gained in the subject helped"
TRIPLE = "Effect on the subject helped beyond that on the other (triple difference)"
ROLES = ("", "spillover", "placebo")
UNDECLARED = (
    "nobody said beforehand what an effect there would mean; set others_are = 'spillover' where it "
    "is expected to ripple, or 'placebo' where nothing should happen"
)


@attrs.frozen(kw_only=True)
class Params:
    """What a study may say under ``[metrics."pupils.ripple"]``.

    Attributes
    ----------
    target, others
        Measures: of the subject that was helped, and of others.
    subject
        How `interventions` name the subject that was helped; empty: as `target`.
    others_are
        What an effect on the others means, settled beforehand: ``spillover``, where one is
        expected, or ``placebo``, where none should be. Empty: not settled.
    before, after
        Event years compared; 0 is the first year in a partnership.
    draws
        Of the tests' joint distribution, for the adjusted p-values.
    """

    target: str = "mathematics"
    others: tuple[str, ...] = ("english",)
    subject: str = ""
    others_are: str = attrs.field(default="", validator=attrs.validators.in_(ROLES))
    before: Window = (-1, -1)
    after: Window = (0, 30)
    draws: int = attrs.field(default=9999, validator=attrs.validators.ge(99))


@attrs.frozen(kw_only=True, eq=False)
class Subjects:
    """Panels of subjects by measure, schools that were not helped left out of all of them."""

    frames: dict[str, pl.DataFrame]
    units: dict[str, str]
    exclusions: tuple[Exclusion, ...]
    warnings: tuple[str, ...]


@estimating_metric(
    id="pupils.ripple",
    title="Ripple into other subjects",
    question="Did help in one subject show in other subjects too?",
    direction="higher",
    needs=Needs(
        tables={
            "outcomes": ("school_key", "year", "measure", "value"),
            "memberships": ("school_key", "partnership_id", "joined"),
        },
        optional={"interventions": ("school_key", "subject")},
        panel=True,
    ),
    params=Params,
    card=Card(
        definition=(
            "The mean change of schools that had help in one subject, beyond that elsewhere, in "
            "that subject and in others; the one over the other where a ripple was foretold; and "
            "their difference. All have one covariance, clustered by partnership."
        ),
        formula="ripple = ATT(other) / ATT(target); triple difference = ATT(target) - ATT(other)",
        source=(
            "Founding claim: Maximising Progress, a teacher of mathematics whose effect ripples "
            "into English and science. Ratio: Fieller (1954). Several tests: Romano & Wolf (2005)"
        ),
        caveats=(
            ALIKE,
            "Whether another subject is a ripple or a placebo must be settled beforehand.",
            "A better year group lifts all subjects. The triple difference takes that out, and a "
            "real ripple with it; it is the effect on the subject only if nothing ripples.",
            "Help counts from the year in which its school joined.",
            "Primary schools in England have had no national science test since 2009: there is "
            "teacher assessment, which is another thing, and samples.",
        ),
        founding="M38",
        ours=True,
    ),
)
def ripple(context: MetricContext) -> Iterator[Any]:
    """Yield the effect on each subject, the ripple ratio and the triple difference."""
    params = context.params or Params()
    subjects, absent = _subjects(context, params)
    yield from subjects.exclusions
    found = joint(subjects.frames, context, before=params.before, after=params.after)
    yield from found.exclusions
    effects = _effects(context, params, subjects, found)
    yield from effects
    for name in subjects.frames:
        if name != params.target:
            yield from _beside(context, params, subjects, found, name)
    for name in absent:
        yield missing(context, OTHER, "no row of the outcomes has this measure", measure=name)
    yield from _picture(params, effects, adjusted_p(context, found, params.draws))


def _subjects(context: MetricContext, params: Params) -> tuple[Subjects, list[str]]:
    """Return the panels of subjects that there are, and the names of others that there are not."""
    import polars as pl

    there = set(context.table("outcomes")["measure"].drop_nulls().unique())
    if params.target not in there:
        raise EstimationError(
            f"no row of the outcomes has the measure {params.target!r}; set `target` and `others` "
            "to measures of subjects"
        )
    others = [name for name in dict.fromkeys(params.others) if name != params.target]
    names = [params.target, *(name for name in others if name in there)]
    panels = {name: context.panel(name) for name in names}
    helped = _helped(context, params)
    warnings: tuple[str, ...] = ()
    frames = {name: panel.frame for name, panel in panels.items()}
    lost: tuple[Exclusion, ...] = ()
    if helped is None:
        warnings = (
            "no help was named by subject: every school that joined counts as helped in it",
        )
    else:
        spare = pl.col("cohort").is_not_null() & ~pl.col("school_key").is_in(helped.implode())
        joined = frames[params.target].filter(spare)["school_key"].n_unique()
        frames = {name: frame.filter(~spare) for name, frame in frames.items()}
        if joined:
            lost = (
                Exclusion(
                    reason="pupils.not_helped",
                    text="schools that joined, and had no help in the subject",
                    n_schools=joined,
                    treated=joined,
                    measure=params.target,
                    stage="help",
                ),
            )
    units = {name: effect_unit(panel.unit) for name, panel in panels.items()}
    subjects = Subjects(frames=frames, units=units, exclusions=lost, warnings=warnings)
    return subjects, [name for name in others if name not in there]


def _helped(context: MetricContext, params: Params) -> pl.Series | None:
    """Return schools that had help in the subject; None where no help is named by subject."""
    import polars as pl

    rows = context.tables.get("interventions")
    if rows is None or "subject" not in rows.columns or rows["subject"].drop_nulls().is_empty():
        return None
    plain = pl.col("subject").str.strip_chars().str.to_lowercase()
    wanted = (params.subject or params.target).strip().lower()
    return rows.filter(plain == wanted)["school_key"].drop_nulls().cast(pl.String).unique().sort()


def _effects(
    context: MetricContext, params: Params, subjects: Subjects, found: Joint
) -> list[Estimate]:
    """Return the effect on each subject."""
    role = {"spillover": (), "placebo": ("declared a placebo: no effect is expected here",)}
    return [
        estimate(
            context,
            TARGET if name == params.target else OTHER,
            found,
            found.weights(**{name: 1.0}),
            measure=name,
            unit=subjects.units[name],
            warnings=(
                *subjects.warnings,
                *(() if name == params.target else role.get(params.others_are, (UNDECLARED,))),
            ),
        )
        for name in found.names
    ]


def adjusted_p(context: MetricContext, found: Joint, draws: int) -> list[float | None]:
    """Return Romano and Wolf's p-values: draws of the joint t distribution of the effects.

    Effects on subjects of the same schools rise and fall together, so fewer independent tests were
    made than there are subjects.
    """
    import numpy as np

    from impactkit import romano_wolf

    covariance = found.fit.covariance
    errors = np.sqrt(np.diag(covariance))
    if not (errors > 0).all():
        return [None] * len(found.names)
    correlation = covariance / np.outer(errors, errors)
    # Correlations of 1 leave rounding errors below zero among the eigenvalues.
    values, vectors = np.linalg.eigh(correlation)
    root = vectors * np.sqrt(np.maximum(values, 0))
    rng, df = context.rng(), int(found.fit.df.min())
    normal = rng.standard_normal((draws, len(errors))) @ root.T
    scale = np.sqrt(rng.chisquare(df, draws) / df)[:, None]
    return romano_wolf((found.fit.values / errors).tolist(), normal / scale)


def _beside(
    context: MetricContext, params: Params, subjects: Subjects, found: Joint, name: str
) -> Iterator[Any]:
    """Yield what another subject is to the one that was helped, as was settled beforehand."""
    about: dict[str, Any] = {"measure": params.target, "subgroup": name}
    unlike = subjects.units[name] != subjects.units[params.target]
    why = (
        UNDECLARED
        if not params.others_are
        else "the two subjects are measured in different units; standardise them in [design]"
        if unlike
        else ""
    )
    unit = subjects.units[params.target]
    if why:
        yield missing(context, TRIPLE, why, unit=unit, **about)
        yield missing(context, RATIO, why, unit="times", **about)
        return
    contrast = found.weights(**{params.target: 1.0, name: -1.0})
    triple = estimate(context, TRIPLE, found, contrast, unit=unit, **about)
    if params.others_are == "placebo":
        yield triple
        yield _placebo(context, found, name)
        reason = "declared a placebo: an effect there would be no ripple, but a doubt"
        yield missing(context, RATIO, reason, unit="times", **about)
    else:
        # Where a ripple was foretold it leads: the difference takes it out, and tests nothing then.
        yield _ratio(context, params, found, name, about)
        yield attrs.evolve(triple, p_value=None)


def _placebo(context: MetricContext, found: Joint, name: str) -> Diagnostic:
    e = estimate(context, OTHER, found, found.weights(**{name: 1.0}))
    assert e.ci_low is not None
    assert e.ci_high is not None
    return Diagnostic(
        name="placebo subject",
        value=e.value,
        p_value=e.p_value,
        passed=e.ci_low <= 0 <= e.ci_high,
        measure=name,
        text="A subject that nothing should have touched. An effect there casts doubt on the "
        "comparison; none is no proof that it is sound.",
    )


def _ratio(
    context: MetricContext, params: Params, found: Joint, name: str, about: dict[str, Any]
) -> Estimate:
    """Return the ripple ratio with Fieller's interval, or why there is none."""
    from impactkit import fieller

    t, o = found.names.index(params.target), found.names.index(name)
    values, covariance = found.fit.values, found.fit.covariance
    df = int(min(found.fit.df[t], found.fit.df[o]))
    bounds = fieller(
        float(values[o]),
        float(values[t]),
        float(covariance[o, o]),
        float(covariance[t, t]),
        float(covariance[o, t]),
        level=context.design.level,
        df=df,
    )
    if bounds is None:
        return missing(
            context,
            RATIO,
            "the effect on the subject helped may be zero, and there is nothing that could ripple; "
            "read the two effects",
            unit="times",
            **about,
        )
    whole = estimate(context, RATIO, found, found.weights(**{params.target: 1.0, name: 1.0}))
    return attrs.evolve(
        whole,
        value=float(values[o] / values[t]),
        std_error=None,
        p_value=None,
        ci_low=bounds[0],
        ci_high=bounds[1],
        df=float(df),
        unit="times",
        variance=f"Fieller's interval, one covariance clustered by partnership; t with {df} "
        "degrees of freedom",
        **about,
    )


def _picture(
    params: Params, effects: list[Estimate], adjusted: list[float | None]
) -> Iterator[Any]:
    """Yield the effects on all subjects, with p-values for reading them together."""
    rows = [
        (e.measure.replace("_", " "), e.value, e.ci_low, e.ci_high, e.unit, p, e.n_schools)
        for e, p in zip(effects, adjusted, strict=True)
    ]
    yield Table(
        id="subjects",
        title="Effect on each subject",
        columns=(
            Column(name="subject", label="Subject", kind="dimension"),
            Column(name="effect", label="Effect", digits=2),
            Column(name="low", label="From", digits=2),
            Column(name="high", label="To", digits=2),
            Column(name="unit", label="In", kind="text"),
            Column(name="p", label="p, subjects read together", digits=3),
            Column(name="schools", label="Schools", kind="count", of="schools"),
        ),
        rows=rows,
        note="p-values are Romano and Wolf's, over the subjects of this table.",
    )
    yield Chart(
        id="subjects",
        kind="interval",
        title=f"Help in {params.target.replace('_', ' ')}: change beyond that elsewhere",
        data="subjects",
        x="subject",
        y="effect",
        low="low",
        high="high",
        x_title="Subject",
        y_title=f"Effect, {effects[0].unit}",
        reference=0.0,
    )
