from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import pytest

from impactkit.errors import Problem
from impactkit.results import (
    Chart,
    Column,
    Diagnostic,
    Disclosure,
    Estimate,
    Evaluation,
    Exclusion,
    MetricResult,
    Note,
    Provenance,
    RenderedSection,
    SourceFile,
    Table,
    Withheld,
)

MEASURE = "pupil_teacher_ratio"


def effect(estimand: str = "ATT overall (dynamic)", **fields: Any) -> Estimate:
    """Make an estimate of the main outcome; its counts are made up."""
    return Estimate(
        **{
            "metric": "did.effect",
            "estimand": estimand,
            "measure": MEASURE,
            "unit": "points of the ratio",
            "n_schools": 45,
            "n_partnerships": 17,
            "n_comparison": 434,
            "n_clusters": 451,
            "n_treated_clusters": 17,
            "method": "Callaway & Sant'Anna (2021), doubly robust",
            "variance": "analytic influence function, clustered on partnership",
            **fields,
        }
    )


def event_study() -> list[Estimate]:
    """Ten years about the year of joining; -1 is the reference, without an interval."""
    out = []
    for t in range(-4, 6):
        value = 0.02 * t * t - 0.05
        term = {"estimand": "ATT by event time", "term": str(t), "n_schools": 45 - abs(t)}
        if t == -1:
            out.append(effect(**term, value=0.0, reason="the base period, zero by construction"))
            continue
        out.append(
            effect(
                **term,
                value=value,
                std_error=0.3,
                ci_low=value - 0.588,
                ci_high=value + 0.588,
                band_low=value - 0.84,
                band_high=value + 0.84,
                p_value=0.5,
            )
        )
    return out


def did_result(*overall: Estimate, **fields: Any) -> MetricResult:
    """Make the result of a staggered difference-in-differences, group-time cells included."""
    cells = [
        effect(
            f"ATT({g}, {t})", value=0.1, std_error=0.4, ci_low=-0.684, ci_high=0.884, p_value=0.8
        )
        for g in (2013, 2015)
        for t in (2016, 2017)
    ]
    return MetricResult(
        **{
            "metric": "did.effect",
            "title": "Change after joining",
            "question": "Did the ratio move differently in schools that joined a partnership?",
            "unit": "ratio",
            "direction": "lower",
            "estimates": (*overall, *event_study(), *cells),
            "charts": (
                Chart(
                    id="event_study",
                    kind="event_study",
                    title="Pupil teacher ratio, before and after joining",
                    where={"measure": MEASURE, "estimand": "ATT by event time"},
                    x="term",
                    y="value",
                    low="ci_low",
                    high="ci_high",
                    x_title="Years since joining (0: the first year)",
                    y_title="Difference, points of the ratio",
                    reference=0.0,
                ),
            ),
            "notes": (Note(text="The panel has {n} school-years.", values={"n": 6012}),),
            "diagnostics": (
                Diagnostic(
                    name="pre-trend test",
                    value=3.21,
                    p_value=0.36,
                    passed=True,
                    measure=MEASURE,
                    text="A test that finds nothing does not prove that nothing was there.",
                ),
            ),
            "exclusions": (
                Exclusion(
                    reason="already_treated",
                    text="joined before the first year of data",
                    n_schools=12,
                    measure=MEASURE,
                    stage="estimate",
                    treated=12,
                ),
            ),
            "card": {
                "definition": "Average change among schools that joined.",
                "source": "Callaway & Sant'Anna (2021)",
                "caveats": ["The class size of a school is not its ratio."],
            },
            "params": {"control": "notyettreated", "base": None},
            "plugin": "impactkit-did",
            "plugin_version": "0.1.0",
            **fields,
        }
    )


def retention_result(**fields: Any) -> MetricResult:
    """Make a metric that reports shares of people, one of them withheld."""
    levels = ("Head", "Senior deputy", "Senior assistant")
    table = Table(
        id="destinations",
        title="Where leaders were three years later",
        columns=[
            Column(name="level", label="Level", kind="dimension"),
            Column(name="n", label="Leaders", kind="count", of="people"),
            Column(name="stayed", label="Stayed", kind="count", of="people"),
            Column(name="rate", label="Retention", kind="share", unit="percent", digits=1),
        ],
        rows=[["Head", 40, 31, 77.5], ["Senior deputy", 36, 27, 75.0], ["Other", None, None, None]],
        marks={(2, "n"): "c", (2, "stayed"): "c", (2, "rate"): "c"},
        note="Leaders new to post in 2016.",
        source="The authority's own register",
    )
    return MetricResult(
        **{
            "metric": "leadership.retention",
            "title": "Leaders still in post after three years",
            "unit": "percent",
            "estimates": [
                Estimate(
                    metric="leadership.retention",
                    estimand="Retention",
                    term=level,
                    value=77.5,
                    ci_low=62.5,
                    ci_high=87.7,
                    unit="percent",
                    n_people=40,
                    n_schools=38,
                )
                for level in levels[:2]
            ]
            + [
                Estimate(
                    metric="leadership.retention",
                    estimand="Retention",
                    term=levels[2],
                    unit="percent",
                    status="withheld",
                    reason="protects people: the count is below the threshold of dfe-school",
                )
            ],
            "tables": (table,),
            "charts": (
                Chart(
                    id="retention",
                    kind="interval",
                    title="Retention by level",
                    x="term",
                    y_title="Per cent",
                ),
                Chart(
                    id="destinations",
                    kind="bar",
                    title="Leaders who stayed",
                    data="destinations",
                    x="level",
                    y="rate",
                ),
            ),
            "plugin": "impactkit-leadership",
            "plugin_version": "0.1.0",
            **fields,
        }
    )


def evaluation(**fields: Any) -> Evaluation:
    """Make a whole evaluation; keyword arguments replace its fields."""
    overall = effect(value=-0.12, std_error=0.3, ci_low=-0.708, ci_high=0.468, p_value=0.69)
    whole = Evaluation(
        title="Federations in two counties",
        study={
            "title": "Federations in two counties",
            "design": {
                "treated": "role in ['client', 'peer']",
                "comparison": "not_yet_or_never",
                "outcome": [MEASURE],
                "estimator": "att_gt",
                "years": [2011, 2019],
                "level": 0.95,
            },
        },
        results=(
            did_result(overall),
            retention_result(),
            MetricResult(
                metric="governance.joint_activity",
                title="Governors working together",
                status="skipped",
                reason="needs the table governor_activity (date, boards), which the study lacks",
            ),
            MetricResult(
                metric="kent.late_arrivals",
                title="Late arrivals",
                status="failed",
                reason="KeyError in late_arrivals.py, line 12",
                local=True,
            ),
        ),
        exclusions={
            "urns": {MEASURE: 1016},
            "schools": {MEASURE: 777},
            "ever_treated": {MEASURE: 57},
            "treated_in_window": {MEASURE: 45},
            "two_before_two_after": {MEASURE: 24},
            "never_treated": {MEASURE: 434},
            "school_years": {MEASURE: 6012},
            "a_new_count": {MEASURE: 3},
        },
        excluded=(
            Exclusion(
                reason="status_supp",
                text="The Department suppressed the value",
                n_schools=31,
                n_rows=88,
                measure=MEASURE,
                stage="panel",
                treated=2,
            ),
            Exclusion(
                reason="placeholder",
                text="The date of joining is a placeholder",
                n_schools=4,
                measure=MEASURE,
                stage="panel",
                treated=4,
            ),
        ),
        measures=(
            {"id": MEASURE, "label": "Pupil-teacher ratio", "unit": "ratio", "direction": "lower"},
        ),
        sections=(
            RenderedSection(
                id="partnership.map",
                title="Partnerships and their size",
                plugin="impactkit-partnership",
                notes=(Note(text="Most federations are pairs."),),
                tables=(
                    Table(
                        id="sizes",
                        title="Partnerships by size",
                        columns=[
                            Column(name="size", label="Schools", kind="dimension"),
                            Column(name="n", label="Partnerships", kind="count"),
                        ],
                        rows=[["Two", 9], ["Three", 5], ["Four or more", 3]],
                    ),
                ),
            ),
        ),
        problems=(
            Problem(
                code="urn.format",
                file="memberships.csv",
                row=214,
                column="urn",
                rule="expected six digits",
                remedy="Was a digit cut off, or is this a DfE number (LAESTAB)?",
                severity="warning",
            ),
        ),
        warnings=("2015 has primary schools only, so the panel is unbalanced.",),
        plugins=(
            {
                "name": "impactkit-did",
                "version": "0.1.0",
                "source": "entry point",
                "status": "loaded",
                "reason": "",
                "content_hash": "ab" * 32,
                "local": "",
            },
            {
                "name": "kent",
                "version": "",
                "source": "local_metrics/kent.py",
                "status": "failed",
                "reason": "ModuleNotFoundError: no module named 'kentlib'",
                "content_hash": "cd" * 32,
                "local": "yes",
            },
        ),
        provenance=Provenance(
            impactkit="0.1.0",
            python="3.11.7",
            packages={"polars": "2.1.0", "numpy": "2.4.6"},
            sources=(
                SourceFile(
                    path="gias/group_links.csv",
                    table="memberships",
                    reader="gias.group_links",
                    sha256="0123456789abcdef" * 4,
                    bytes=123456,
                    n_rows=900,
                    n_used=812,
                    set_aside={"not_a_federation": 80, "closed": 8},
                ),
                SourceFile(
                    path="2018-2019/england_swf.csv",
                    table="outcomes",
                    reader="dfe.workforce",
                    sha256="fedcba9876543210" * 4,
                    bytes=654321,
                    year=2019,
                    n_rows=800,
                    n_used=800,
                ),
            ),
            study_sha256="00ff" * 16,
            seed=2010,
        ),
        disclosure=Disclosure(
            profile="dfe-school",
            threshold=5,
            withheld=(
                Withheld(
                    metric="leadership.retention",
                    table="destinations",
                    cells=3,
                    reason="a count of people from 1 to 5, and what it could be worked out from",
                ),
            ),
            audit="no protected figure can be worked out",
            n_protected=3,
            n_checked=3,
        ),
    )
    return attrs.evolve(whole, **fields)


@pytest.fixture
def make_evaluation() -> Callable[..., Evaluation]:
    """Return a maker of evaluations; keyword arguments replace fields of the standard one."""
    return evaluation
