"""The strength of the evidence in the report: its line, the theory, dashed lines, guarded words."""

from __future__ import annotations

import attrs
import pytest

from impactkit.report import render_html, summary_sentences
from impactkit.report.chart_frame import NARROW, WIDE
from impactkit.report.charts import draw, spec
from impactkit.report.figures import figures_of
from impactkit.report.pictures import pictures, with_breaks
from impactkit.report.strength import chains
from impactkit.results import (
    Chart,
    Column,
    Diagnostic,
    Estimate,
    Evaluation,
    MetricResult,
    Table,
)

YEARS = Table(
    id="years_ks2",
    title="Year by year",
    columns=(
        Column(name="group", kind="dimension"),
        Column(name="year", kind="dimension"),
        Column(name="value", unit="percent"),
    ),
    rows=[(g, str(y), 50.0 + y % 7) for g in ("Joined", "Comparison") for y in range(2013, 2020)],
)
LINE = Chart(
    id="years_ks2",
    kind="line",
    title="Year by year",
    data="years_ks2",
    where={"measure": "ks2"},
    x="year",
    y="value",
    series="group",
)
KS2 = {
    "id": "ks2",
    "breaks": [
        {"year": 2018, "text": "Another framework for writing"},
        {"year": 2016, "text": "A new curriculum"},
        {"year": 2013, "text": "In the first year, so nothing is on its other side"},
        {"year": 2023, "text": "After the last year"},
    ],
}


def result(grade: int | None, **fields: object) -> MetricResult:
    """Return a metric whose title makes too much of it."""
    given = {"value": 2.0, "ci_low": 1.0, "ci_high": 3.0, "unit": "points", **fields}
    estimate = Estimate(estimand="ATT", measure="ks2", grade=grade, **given)
    return MetricResult(metric="did.effect", title="Effect", estimates=(estimate,))


def evaluation(grade: int | None, *diagnostics: Diagnostic, **study: object) -> Evaluation:
    """Return an evaluation of a measure whose name has the word in it."""
    done = attrs.evolve(result(grade), diagnostics=diagnostics)
    measures = ({"id": "ks2", "label": "Impact at KS2"},)
    return Evaluation(title="Impact", results=(done,), measures=measures, study=study)


@pytest.mark.parametrize("grade", [None, 0, 1])
def test_weak_evidence_is_not_called_impact_in_the_summary(grade: int | None) -> None:
    """The word goes, also from names that users gave; what was measured is still named."""
    said = " ".join(summary_sentences(evaluation(grade)))
    assert "impact" not in said.lower()
    assert "Change at KS2: being in a partnership is associated with" in said


def test_stronger_evidence_may_be_and_so_may_weak_if_the_study_says_why() -> None:
    """The reason is printed in the summary, so that it is read with the word."""
    assert "Impact at KS2" in " ".join(summary_sentences(evaluation(2)))
    said = summary_sentences(evaluation(0, report_allow_impact="the county calls it so"))
    assert any(s.startswith("Impact at KS2") for s in said)
    assert any("gives as its reason: the county calls it so." in s for s in said)


@pytest.mark.parametrize(
    ("grade", "verb"),
    [
        (0, "is associated with"),
        (1, "is associated with"),
        (2, "coincided with"),
        (3, "consistent with an effect"),
        (4, "the estimated effect"),
        (5, "the estimated effect"),
    ],
)
def test_the_verb_is_no_stronger_than_the_grade(grade: int, verb: str) -> None:
    """As the scheme has it."""
    assert verb in " ".join(summary_sentences(evaluation(grade)))


@pytest.mark.parametrize("grade", [0, 4])
def test_no_effect_is_told_as_such_whatever_the_grade(grade: int) -> None:
    """A precise null may well be graded 4."""
    null = attrs.evolve(
        evaluation(grade), results=(result(grade, value=0.1, ci_low=-0.4, ci_high=0.6),)
    )
    assert "no effect was found" in " ".join(summary_sentences(null))


def test_what_would_have_come_anyway_follows_the_result_that_it_takes_back() -> None:
    """Not the list of failed checks, where nobody would see what it means."""
    text = "Beyond what schools gain anyway, no effect was found: it leaves 0.2 (-1 to 1)."
    check = Diagnostic(name="recovery", passed=False, measure="ks2", text=text)
    said = summary_sentences(evaluation(0, check))
    at = next(i for i, s in enumerate(said) if "is associated with" in s)
    assert said[at + 1] == text
    assert "did not pass a check" not in " ".join(said)
    agreed = summary_sentences(evaluation(0, attrs.evolve(check, passed=True)))
    assert text not in agreed


def test_arrows_that_follow_one_another_are_one_chain() -> None:
    """An arrow that starts elsewhere begins another."""
    arrows = [("a", "b"), ("b", "c"), ("x", "c"), ("c", "d")]
    found = chains({"cause": cause, "effect": effect} for cause, effect in arrows)
    assert [[(arrow.cause, arrow.effect) for arrow in chain] for chain in found] == [
        [("a", "b"), ("b", "c")],
        [("x", "c"), ("c", "d")],
    ]


def test_hostile_words_of_a_theory_are_text() -> None:
    """Nothing of it is markup."""
    theory = {"links": [{"cause": "<b>a", "effect": "b</ol>", "grade": 2}], "story": "<script>"}
    page = render_html(Evaluation(title="T", study={"theory": theory}))
    assert "<script" not in page
    assert "&lt;b&gt;a" in page
    assert "b</ol>" not in page


def test_changes_of_what_is_measured_are_dashed_lines_between_years() -> None:
    """Before the year that they begin with, in order, each with its letter and its words."""
    [plain] = pictures(LINE, (), [YEARS])
    picture = with_breaks(plain, [KS2, {"id": "other", "breaks": [{"year": 2017}]}])
    assert [(b.letter, b.year) for b in picture.breaks] == [("A", 2016), ("B", 2018)]
    for width in (WIDE, NARROW):
        rules = [
            layer
            for layer in spec(picture, width)["layer"]
            if isinstance(layer["mark"], dict) and layer["mark"].get("strokeDash") == [5, 4]
        ]
        assert [v["x"] for v in rules[0]["data"]["values"]] == [2015.5, 2017.5]
        assert "stroke-dasharray" in draw(picture, width)
    [figure] = figures_of([LINE], (), [YEARS], "years", {}, [KS2])
    assert "A, 2015/16: A new curriculum." in figure.key
    assert "B, 2017/18: Another framework for writing." in figure.key


def test_pictures_of_anything_else_have_no_dashed_lines() -> None:
    """Bars, years since joining and measures without changes stay as they are."""
    bars = attrs.evolve(LINE, kind="bar")
    short = attrs.evolve(YEARS, rows=[("Joined", str(t), 1.0) for t in range(5)])
    for chart, table, known in ((bars, YEARS, KS2), (LINE, short, KS2), (LINE, YEARS, {})):
        [picture] = pictures(chart, (), [table])
        assert with_breaks(picture, [known]).breaks == ()


def test_the_summary_says_how_strong_the_evidence_is_and_what_weakens_it() -> None:
    """Flaws first, then the lowest cap; what a rule allows beyond the lowest weakens nothing."""
    rules = Table(
        id="grade_did_effect_ks2",
        title="Strength",
        columns=[Column(name=name) for name in ("rule", "found", "allows", "takes")],
        rows=[
            ("design", "", 3, None),
            ("precision", "", 2, None),
            ("balance", "", 5, None),
            ("plan", "", None, 1),
            ("influence", "", None, None),
        ],
    )
    found = result(1)
    found = attrs.evolve(
        found, estimates=[attrs.evolve(e, metric="did.effect") for e in found.estimates]
    )
    evaluation = Evaluation(title="T", results=[found], tables=[rules])
    assert (
        "The evidence for this is weak (1 of 5); what weakens it most: the lack of a plan made "
        "beforehand and a wide interval." in summary_sentences(evaluation)
    )
    assert not any("evidence for this" in s for s in summary_sentences(Evaluation(title="T")))
