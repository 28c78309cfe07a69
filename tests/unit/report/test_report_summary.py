from __future__ import annotations

from collections.abc import Callable

import pytest

from impactkit.report.flow import counts_by_measure, steps
from impactkit.report.sections import build
from impactkit.report.summary import compared, headlines, label_of
from impactkit.report.tables import estimate_table
from impactkit.results import Estimate, Evaluation, MetricResult

Maker = Callable[..., Evaluation]


def outcome(name: str, low: float, high: float) -> MetricResult:
    """Make a metric with one effect on one outcome."""
    estimate = Estimate(
        estimand="ATT overall", measure=name, value=(low + high) / 2, ci_low=low, ci_high=high
    )
    return MetricResult(metric=f"local.{name}", title=name, estimates=(estimate,))


def test_few_answers_are_given_one_by_one(make_evaluation: Maker) -> None:
    """Up to three, each with its interval."""
    results = (outcome("maths", 0.1, 2.1), outcome("reading", -1.0, 2.0))
    summary = build(make_evaluation(results=results)).summary
    assert any(s.startswith("Maths: being in a partnership is associated") for s in summary)
    assert any(s.startswith("Reading: no effect was found") for s in summary)


@pytest.mark.parametrize("n", [1, 2, 3, 4, 12])
def test_a_summary_has_three_to_six_sentences(make_evaluation: Maker, n: int) -> None:
    """However many metrics there are, and whatever failed."""
    extra = make_evaluation().results[2:]
    results = (*(outcome(f"outcome_{i}", -1.0, 1.0) for i in range(n)), *extra)
    assert 3 <= len(build(make_evaluation(results=results)).summary) <= 6


def test_many_answers_are_counted_and_the_clear_ones_named(make_evaluation: Maker) -> None:
    """The first outcome of the study in full; of the others nothing is left unsaid."""
    results = (
        outcome("spelling", 1.0, 2.0),
        outcome("pupil_teacher_ratio", -1.0, 2.0),
        outcome("maths", -2.0, -1.0),
        outcome("reading", -1.0, 1.0),
        outcome("writing", -1.0, 1.0),
    )
    summary = " ".join(build(make_evaluation(results=results)).summary)
    assert "Pupil-teacher ratio: no effect was found" in summary
    assert (
        "Of four other comparisons, two showed a clear difference. Spelling: higher; Maths: lower. "
        "The other two showed none." in summary
    )


def test_a_few_others_without_a_difference_are_named(make_evaluation: Maker) -> None:
    """That nothing was found is a result, so it is said of what."""
    names = ("pupil_teacher_ratio", "maths", "reading", "writing")
    results = [outcome(name, -1.0, 2.0) for name in names]
    summary = " ".join(build(make_evaluation(results=results)).summary)
    assert (
        "In three other comparisons no clear difference was found: Maths; Reading; Writing."
        in summary
    )


def test_a_long_list_of_clear_differences_is_cut_and_says_so(make_evaluation: Maker) -> None:
    """Five are named; the rest are counted."""
    results = [outcome("pupil_teacher_ratio", -1.0, 2.0)]
    results += [outcome(f"outcome {i}", 1.0, 2.0) for i in range(8)]
    summary = " ".join(build(make_evaluation(results=results)).summary)
    assert "Eight other comparisons showed a clear difference. Outcome 0: higher;" in summary
    assert "Outcome 4: higher; and three more under Results." in summary
    assert "Outcome 5" not in summary


def test_effects_of_other_metrics_on_the_same_measure_go_by_their_own_name(
    make_evaluation: Maker,
) -> None:
    """Three sentences that begin alike would be taken for one said three times."""
    main = outcome("pupil_teacher_ratio", -1.0, 2.0)
    sides = tuple(
        Estimate(
            estimand="ATT by side",
            measure="pupil_teacher_ratio",
            term=term,
            value=1.5,
            ci_low=1.0,
            ci_high=2.0,
        )
        for term in ("schools that help", "schools that are helped")
    )
    both = MetricResult(metric="did.two_sided", title="Both sides", estimates=sides)
    summary = build(make_evaluation(results=(main, both))).summary
    told = [s.partition(":")[0] for s in summary if ": " in s]
    assert told == [
        "Pupil-teacher ratio",
        "Both sides (schools that help)",
        "Both sides (schools that are helped)",
    ]


def test_the_main_result_leads_the_results(make_evaluation: Maker) -> None:
    """A reader of the summary finds it where results begin; the others keep their order."""
    main = Estimate(measure="pupil_teacher_ratio", value=1.0, grade=2)
    named = [
        MetricResult(metric=f"kent.{name}", title=name, estimates=(estimate,))
        for name, estimate in (
            ("buses", Estimate(value=1.0)),
            ("effect", main),
            ("abbots", Estimate(value=1.0)),
        )
    ]
    parts = build(make_evaluation(results=named)).parts
    results = next(part for part in parts if part.id == "results")
    assert [part.title for part in results.parts] == ["effect", "buses", "abbots"]


def test_estimates_in_a_table_have_remarks_below_it(make_evaluation: Maker) -> None:
    """In a row they made the table wider than a page; a lone p-value is told below as well."""
    estimates = [
        Estimate(estimand="ATT", value=1.0, ci_low=0.0, ci_high=2.0, p_adjusted=0.04, grade=2),
        Estimate(estimand="ATT, event time -1", term="-1", value=0.0, reason="the base period"),
    ]
    table = estimate_table("t", "T", estimates)
    assert [c.name for c in table.columns] == ["what", "value", "ci_low", "ci_high", "remarks"]
    assert [row[-1] for row in table.rows] == ["", "1"]
    assert table.note.splitlines() == [
        "Remark 1: The base period.",
        "Average over all school-years after joining: p = 0.04, adjusted for the number of tests.",
    ]


def test_the_comparison_names_who_whom_and_when(make_evaluation: Maker) -> None:
    """Counts, the comparison group in words, the years, the condition read aloud."""
    said = " ".join(compared(make_evaluation()))
    assert "45 schools in 17 partnerships with 434 schools" in said
    assert "had not yet joined a partnership, or never joined one" in said
    assert "2010/11 to 2018/19" in said
    assert "A membership counts when its role is client or peer." in said


def test_the_whole_answers_and_the_parts_do_not() -> None:
    """An overall estimate is the headline, the first if several; else each if few, or the first."""
    whole = [Estimate(measure="a", value=1.0), Estimate(measure="a", value=2.0)]
    part = Estimate(measure="a", term="head", value=3.0)
    assert headlines(MetricResult(metric="x.y", estimates=(part, *whole))) == [whole[0]]
    assert headlines(MetricResult(metric="x.y", estimates=(part,))) == [part]
    assert headlines(MetricResult(metric="x.y", estimates=(part,) * 7)) == [part]


def test_counts_are_turned_round_whatever_their_order() -> None:
    """Known counts come first in their own order, unknown ones after, by name."""
    counts = {"zebra": {"m": 1}, "schools": {"m": 777}, "urns": {"m": 1016}, "ant": {"m": 2}}
    assert list(counts_by_measure(counts)["m"]) == ["urns", "schools", "ant", "zebra"]


def test_measures_come_in_the_order_of_the_registry_then_by_name(make_evaluation: Maker) -> None:
    """Neither the order of a file's keys nor that of hashing decides what comes first."""
    names = ["pupil_teacher_ratio", "e", "c", "a", "d", "b", "f"]
    report = build(make_evaluation(exclusions={"urns": dict.fromkeys(names, 9)}))
    part = next(p for p in report.parts if p.id == "left-out")
    found = [p.id for p in part.parts if p.flow]
    assert found == [f"flow-{n}" for n in ("pupil-teacher-ratio", *"abcdef")]


def test_steps_are_measured_against_the_largest() -> None:
    """The first bar is full; without an estimate there is no last step."""
    found = steps({"urns": 1000, "schools": 250}, None)
    assert [(s.n, s.share) for s in found] == [(1000, 100.0), (250, 25.0)]
    used = Estimate(n_schools=100, n_comparison=1)
    last = steps({"urns": 1000}, used)[-1]
    assert (last.n, last.words) == (100, "are in the main estimate, beside one comparison school")
    assert steps({}, used) == []


def test_every_estimate_is_in_some_table(make_evaluation: Maker) -> None:
    """What the page folds away is still there: group-time effects have their own table."""
    report = build(make_evaluation())
    rows = {t.id: len(t.rows) for t in report.tables}
    assert rows["did-effect-pupil-teacher-ratio-estimates"] == 1 + 10
    assert rows["did-effect-pupil-teacher-ratio-further"] == 4
    assert rows["leadership-retention--estimates"] == 3


def test_a_figure_of_a_group_names_the_group() -> None:
    """Three shares of three groups began alike, and nobody could tell whose was whose."""
    shares = [
        Estimate(estimand="Appointed from within", subgroup=group, value=40.0, unit="percent")
        for group in ("all", "in a partnership", "in no partnership")
    ]
    result = MetricResult(metric="x.y", estimates=shares)
    assert [label_of(e, result, {}) for e in shares] == [
        "Appointed from within",
        "Appointed from within (in a partnership)",
        "Appointed from within (in no partnership)",
    ]
