"""What protection does to tables, estimates, notes and plugins' text."""

from __future__ import annotations

import attrs
import pytest

from impactkit.declarations import DisclosureProfile
from impactkit.disclosure import audit, check_stricter, core_profiles, protect
from impactkit.disclosure.notes import word_note
from impactkit.disclosure.text import MASK
from impactkit.errors import DisclosureError, PluginError, Problem
from impactkit.results import (
    Chart,
    Column,
    Diagnostic,
    Estimate,
    Evaluation,
    Exclusion,
    MetricResult,
    Note,
    RenderedSection,
    Table,
)

DFE, SRS, WALES = core_profiles()
LEVEL = Column(name="level", kind="dimension")
N = Column(name="n", kind="count", of="people")


def table(rows, columns=(LEVEL, N), **more) -> Table:
    """Return a table of levels."""
    return Table(**{"id": "t", "title": "t", "columns": columns, "rows": rows, **more})


def core(**parts) -> Evaluation:
    """Return an evaluation with one result of core's own."""
    return Evaluation(title="x", results=[MetricResult(metric="did.x", plugin="did", **parts)])


def released(evaluation: Evaluation, profile: DisclosureProfile = DFE) -> MetricResult:
    """Return the protected result."""
    return protect(evaluation, profile, first_party={"did"}).results[0]


def values(result: MetricResult, column: int = 1, at: int = 0) -> list:
    """Return a column of a table."""
    return [row[column] for row in result.tables[at].rows]


def test_a_small_count_takes_the_next_smallest_with_it() -> None:
    """The total and the other parts stay, and the marks say which went; a nought hides nothing."""
    rows = [["head", 3], ["deputy", 40], ["middle", 0], ["all", 43]]
    result = released(core(tables=[table(rows, totals={"level": "all"})]))
    assert values(result) == [None, None, 0, 43]
    assert result.tables[0].marks == {(i, "n"): "c" for i in range(2)}


def test_two_small_counts_take_a_third_where_they_are_few_together() -> None:
    """2 and 3 are five people, whom the rest of the total would give; equals go together."""
    rows = [["head", 2], ["deputy", 3], ["middle", 40], ["sbm", 40], ["senior", 50], ["all", 135]]
    result = released(core(tables=[table(rows, totals={"level": "all"})]))
    assert values(result) == [None, None, None, None, 50, 135]


def test_one_small_row_of_a_table_with_shares_costs_two_rows() -> None:
    """The shares of the others stay, and so does the total with its share."""
    columns = (
        LEVEL,
        N,
        attrs.evolve(N, name="stayed"),
        Column(name="rate", kind="share", unit="percent", numerator="stayed", denominator="n"),
    )
    rows = [
        ["head", 4, 3, 75.0],
        ["deputy", 20, 10, 50.0],
        ["middle", 40, 20, 50.0],
        ["senior", 60, 30, 50.0],
        ["all", 124, 63, 50.8],
    ]
    result = released(core(tables=[table(rows, columns, totals={"level": "all"})]))
    assert result.tables[0].rows == (
        ("head", None, None, None),
        ("deputy", None, None, None),
        ("middle", 40, 20, 50.0),
        ("senior", 60, 30, 50.0),
        ("all", 124, 63, 50.8),
    )


@pytest.mark.parametrize("word", ["all", "Total", "overall"])
def test_an_undeclared_total_is_noticed(word: str) -> None:
    """Forgetting `totals` gives nothing away."""
    result = released(core(tables=[table([["head", 3], ["deputy", 40], [word, 43]])]))
    assert values(result) == [None, None, 43]


def test_a_total_of_any_name_is_noticed() -> None:
    """A row that is the sum of the others is a total, whatever it is called."""
    result = released(core(tables=[table([["head", 3], ["deputy", 40], ["Surrey", 43]])]))
    assert values(result) == [None, None, 43]


def test_undeclared_sums_of_columns_are_noticed() -> None:
    """Forgetting `sums` gives nothing away."""
    columns = [LEVEL, *(attrs.evolve(N, name=n) for n in ("staff", "stayed", "left"))]
    rows = [["head", 20, 17, 3], ["deputy", 30, 20, 10]]
    result = released(core(tables=[table(rows, columns)]))
    assert values(result, 1) == [20, 30]
    assert values(result, 2)[0] is None
    assert values(result, 3)[0] is None


def test_what_a_total_has_beyond_its_parts_is_protected() -> None:
    """20 in post and 17 stayed tells of 3 who aren't listed."""
    columns = [LEVEL, *(attrs.evolve(N, name=n) for n in ("staff", "stayed", "moved"))]
    rows = [["head", 30, 17, 10]]
    sums = [("staff", ("stayed", "moved"))]
    result = released(core(tables=[table(rows, columns, sums=sums)]))
    assert result.tables[0].rows == (("head", 30, 17, None),)


def test_counts_of_schools_and_zero_are_public() -> None:
    """Two schools is a fact about schools; nobody is nobody."""
    schools = attrs.evolve(N, name="schools", of="schools")
    result = released(
        core(tables=[table([["head", 0, 2], ["deputy", 12, 1]], (LEVEL, N, schools))])
    )
    assert result.tables[0].rows == (("head", 0, 2), ("deputy", 12, 1))


@pytest.mark.parametrize(
    ("part", "whole", "kept"), [(18, 20, False), (12, 20, True), (3, 20, False)]
)
def test_a_share_gives_away_numerator_and_complement(part: int, whole: int, kept: bool) -> None:
    """90 % of 20 is two people who aren't in it, also where the numerator isn't shown."""
    share = Column(name="rate", kind="share", denominator="n", unit="percent")
    result = released(
        core(tables=[table([["head", whole, 100 * part / whole]], (LEVEL, N, share))])
    )
    assert (values(result, 2)[0] is not None) == kept
    assert values(result, 1) == [whole]


@pytest.mark.parametrize(("whole", "kept"), [(10, False), (11, True)])
@pytest.mark.parametrize("none", [True, False])
def test_all_or_none_of_a_small_group_is_protected(whole: int, kept: bool, none: bool) -> None:
    """0 % and 100 % speak of everybody in the group."""
    share = Column(name="rate", kind="share", numerator="k", denominator="n", unit="percent")
    part, rate = (0, 0.0) if none else (whole, 100.0)
    columns = (LEVEL, N, attrs.evolve(N, name="k"), share)
    result = released(core(tables=[table([["head", whole, part, rate]], columns)]))
    assert result.tables[0].rows[0][2:] == ((part, rate) if kept else (None, None))
    estimate = Estimate(metric="did.x", value=rate, unit="percent", n_people=whole)
    assert (released(core(estimates=[estimate])).estimates[0].status == "ok") == kept


def test_a_share_that_rests_on_nothing_is_withheld() -> None:
    """A share of people without its count can't be judged, so it isn't shown."""
    share = Column(name="rate", kind="share", unit="percent")
    open_share = attrs.evolve(share, name="coverage", of="partnerships")
    result = released(core(tables=[table([["head", 50.0, 55.0]], (LEVEL, share, open_share))]))
    assert result.tables[0].rows == (("head", None, 55.0),)


def test_a_mean_needs_enough_people() -> None:
    """A mean goes with its count, and below `min_people`."""
    mean = Column(name="years", denominator="n")
    rows = [["head", 9, 4.5], ["deputy", 10, 3.5]]
    assert values(released(core(tables=[table(rows, (LEVEL, N, mean))]), DFE), 2) == [4.5, 3.5]
    lax = DisclosureProfile(id="x", title="x", threshold=5, min_people=10)
    assert values(released(core(tables=[table(rows, (LEVEL, N, mean))]), lax), 2) == [None, 3.5]


@pytest.mark.parametrize(
    ("n", "value", "unit", "status"),
    [
        (5, None, "points", "withheld"),
        (6, 0.4, "points", "ok"),
        (20, 90.0, "percent", "withheld"),
        (20, 0.9, "share", "withheld"),
        (20, 60.0, "percent", "ok"),
        (20, 18, "count", "withheld"),
        (None, 3.0, "points", "ok"),
    ],
)
def test_estimates_that_rest_on_people(n, value, unit, status) -> None:
    """An estimate goes when its people, numerator or complement are few; nothing of it is left."""
    estimate = Estimate(
        metric="did.x", value=value, std_error=1.0, ci_low=0.0, unit=unit, n_people=n, n_schools=2
    )
    new = released(core(estimates=[estimate])).estimates[0]
    assert new.status == status
    if status == "withheld":
        gone = (new.value, new.std_error, new.ci_low, new.p_value, new.n_people)
        assert gone == (None,) * 5
        assert new.n_schools == 2
        assert new.reason.startswith("protects people: ")


def test_complementary_subgroups_are_protected_together() -> None:
    """All minus one group is the other, so one small group withholds both."""

    def estimate(subgroup: str, n: int) -> Estimate:
        return Estimate(metric="did.x", subgroup=subgroup, value=1.0, unit="points", n_people=n)

    three = [estimate("all", 30), estimate("fsm6", 27), estimate("non_fsm6", 3)]
    assert [e.status for e in released(core(estimates=three)).estimates] == [
        "ok",
        "withheld",
        "withheld",
    ]
    two = released(core(estimates=three[:2])).estimates
    assert [e.status for e in two] == ["ok", "withheld"]


def test_the_same_count_elsewhere_goes_too() -> None:
    """A cell withheld in one table isn't shown in another, nor as an estimate, nor in a note."""
    first = table([["head", 3], ["deputy", 40], ["all", 43]], totals={"level": "all"})
    second = table([["deputy", 40], ["sbm", 90]], id="u")
    estimate = Estimate(metric="did.x", term="deputy", value=1.0, unit="points", n_people=40)
    note = Note(text="{n:,} deputies", values={"n": 40}, of="people")
    result = released(core(tables=[first, second], estimates=[estimate], notes=[note]))
    assert values(result, at=1) == [None, 90]
    assert result.estimates[0].status == "withheld"
    assert str(result.notes[0]) == "some deputies"


def test_published_cells_are_public_but_differencing_them_is_refused() -> None:
    """What the Department has published stays; what subtraction from it would give stops all."""
    public = table([["head", 3], ["deputy", 40]], id="p", published=True)
    assert values(released(core(tables=[public]))) == [3, 40]
    total = table([["all", 43]], id="p", totals={"level": "all"}, published=True)
    deputies = table([["deputy", 40]], id="q", published=True)
    ours = table([["head", 3], ["deputy", 40]], id="ours")
    with pytest.raises(DisclosureError, match=r"column 'n' of table 'ours' of 'did\.x'"):
        released(core(tables=[total, deputies, ours]))


def test_a_gap_that_the_author_left_is_filled_by_nobody() -> None:
    """One cell blanked by hand in a margin is found and its margin withheld."""
    rows = [["head", None], ["deputy", 40], ["all", 43]]
    result = released(core(tables=[table(rows, totals={"level": "all"})]))
    assert values(result) == [None, None, 43]


@pytest.mark.parametrize(
    ("values_", "text"),
    [
        ({"n": 3, "m": 20}, "fewer than six of 20"),
        ({"n": 17, "m": 20}, "some of 20"),
        ({"n": 8, "m": 8}, "some of 8"),
        ({"n": 0, "m": 8}, "fewer than six of 8"),
        ({"n": 0, "m": 20}, "0 of 20"),
        ({"n": 12, "m": 20}, "12 of 20"),
    ],
)
def test_notes_put_small_counts_into_words(values_, text) -> None:
    """The number goes, the sentence stays true."""
    note = Note(text="{n:,} of {m:,}", values=values_, of="people")
    assert str(word_note(note, (), DFE)) == text


def test_a_note_hides_the_share_with_the_count() -> None:
    """A percentage would give the number back."""
    note = Note(text="{n} of {m} ({p} %)", values={"n": 17, "m": 20, "p": 85}, of="people")
    assert str(word_note(note, (), DFE)) == "some of 20 ([withheld] %)"
    note = Note(text="{n} of {m} ({p:.1f} %)", values={"n": 17, "m": 21, "p": 80.95}, of="people")
    assert str(word_note(note, (), DFE)) == "some of 21 ([withheld] %)"
    note = Note(text="{p} per cent of {m}", values={"m": 40, "p": 5}, of="people")
    assert str(word_note(note, (), DFE)) == "[withheld] per cent of 40"
    note = Note(text="{p} % of {m}", values={"m": 40, "p": 50}, of="people")
    assert str(word_note(note, (), DFE)) == "50 % of 40"
    note = Note(text="{a} and {b} of {m}", values={"a": 3, "b": 17, "m": 20}, of="people")
    assert str(word_note(note, (), DFE)) == "fewer than six and some of 20"
    schools = Note(text="{n} of {m}", values={"n": 2, "m": 3}, of="schools")
    assert word_note(schools, (), DFE) is schools


def test_a_careless_plugin_gets_no_small_count_into_the_release() -> None:
    """Note, table, figure, names, messages: the number 4 of four heads is nowhere left."""
    result = MetricResult(
        metric="kent.x",
        plugin="kent",
        status="failed",
        title="4 heads",
        question="Why did four leave?",
        reason="ValueError: only 4 heads",
        estimates=[
            Estimate(metric="kent.x", value=4, unit="heads", warnings=["4 heads"], reason="4")
        ],
        tables=[
            Table(
                id="left_4",
                title="4 left",
                columns=[LEVEL, Column(name="k"), Column(name="remark", kind="text")],
                rows=[["head", 4, "4 left"], ["deputy", "4", "four"], ["middle", 30, ""]],
                note="n = 4",
                published=True,
            )
        ],
        charts=[Chart(id="bar4", kind="bar", title="4 heads", data="left_4", alt="four bars")],
        notes=[
            Note(text="4 heads left"),
            Note(text="{n} left, four {m}", values={"n": 4, "m": "of 4"}),
        ],
        diagnostics=[Diagnostic(name="4", value=4, text="4"), Diagnostic(name="d", value="4")],
        exclusions=[Exclusion(reason="4 rows", text="4 heads", n_rows=4, n_schools=9)],
        params={"a": 4, "b": ["4 heads"], "c": {"d": 4.0}},
        card={"definition": "4 heads"},
    )
    section = RenderedSection(
        id="s4", title="4", plugin="kent", notes=[Note(text="4 left")], tables=result.tables
    )
    evaluation = Evaluation(
        title="x",
        results=[result],
        sections=[section],
        problems=[Problem(code="kent.odd", value="4", rule="4 heads are odd", remedy="four")],
        warnings=["kent: 4 heads"],
        plugins=[{"name": "kent", "version": "1", "reason": "4 heads"}],
    )
    safe = protect(evaluation, DFE, first_party={"did"})
    told = attrs.evolve(safe, disclosure=None)
    assert "4" not in told.to_json()
    assert "four" not in told.to_json().casefold()
    assert safe.results[0].charts[0].data == safe.results[0].tables[0].id
    assert safe.results[0].exclusions[0].n_schools == 9
    assert safe.disclosure is not None
    assert {"text", "figures", "left_withheld"} <= {w.table for w in safe.disclosure.withheld}


def test_declared_text_and_core_text_stay() -> None:
    """A title written before any data was read can't hold a count from it."""
    result = MetricResult(metric="kent.x", plugin="kent", title="Stay 3 years", question="Of 3?")
    safe = protect(Evaluation(title="x", results=[result]), DFE, declared={"Stay 3 years"}).results[
        0
    ]
    assert (safe.title, safe.question) == ("Stay 3 years", "Of [withheld]?")
    assert released(core(title="After 3 years", notes=[Note(text="Year 3")])).title == (
        "After 3 years"
    )


def test_ids_that_have_a_number_word_in_them_stay_in_other_text() -> None:
    """An id was written before any data was read; the count beside it is masked all the same."""
    words = "kent.over_five: five heads left kent.over_four, 3 of them to kent.over_five."
    result = MetricResult(metric="kent.over_five", plugin="kent", status="failed", reason=words)
    evaluation = Evaluation(title="x", results=[result])
    safe = protect(evaluation, DFE, declared={"kent.over_five"}).results[0]
    assert safe.metric == "kent.over_five"
    assert safe.reason == (
        f"kent.over_five: {MASK} heads left kent.over_{MASK}, {MASK} of them to kent.over_five."
    )


def test_a_local_metric_is_never_first_party() -> None:
    """Whatever name it gives itself."""
    result = MetricResult(metric="did.x", plugin="did", local=True, title="3 heads")
    safe = protect(Evaluation(title="x", results=[result]), DFE, first_party={"did"})
    assert safe.results[0].title == "[withheld] heads"


def test_words_of_the_design_stay_and_the_plugins_own_reason_does_not() -> None:
    """Of a metric that gave school-years, core wrote the estimates: nothing there is of people."""
    result = MetricResult(
        metric="kent.x",
        plugin="kent",
        title="4 heads",
        estimates=[
            Estimate(metric="kent.x", estimand="ATT, event time -2", value=1.5, unit="points"),
            Estimate(metric="kent.x", status="not_estimable", reason="only 4 heads"),
        ],
        diagnostics=[Diagnostic(name="pretest", value=3.0, text="F(3, 11.5) = 3.0")],
    )
    evaluation = Evaluation(title="x", results=[result])
    safe = protect(evaluation, DFE, designed={"kent.x"}).results[0]
    assert safe.estimates[0].estimand == "ATT, event time -2"
    assert safe.diagnostics == result.diagnostics
    assert (safe.title, safe.estimates[1].reason) == (f"{MASK} heads", f"only {MASK} heads")
    strange = protect(evaluation, DFE).results[0]
    assert strange.estimates[0].estimand == f"ATT, event time -{MASK}"


def test_ids_that_become_equal_stay_apart() -> None:
    """A chart still finds its own table."""
    tables = [table([["head", 40]], id=f"left_{k}") for k in (1, 2)]
    charts = [Chart(id=f"c{k}", kind="bar", title="", data=f"left_{k}") for k in (1, 2)]
    result = MetricResult(metric="kent.x", plugin="kent", tables=tables, charts=charts)
    safe = protect(Evaluation(title="x", results=[result]), DFE).results[0]
    ids = [t.id for t in safe.tables]
    assert len(set(ids)) == 2
    assert [c.data for c in safe.charts] == ids


def test_the_log_is_safe_and_complete() -> None:
    """It says where and how many, alike for the small count and for what went with it."""
    rows = [["head", 3], ["deputy", 40], ["all", 43]]
    evaluation = core(tables=[table(rows, totals={"level": "all"})])
    disclosure = protect(evaluation, DFE, first_party={"did"}).disclosure
    assert disclosure is not None
    (line,) = disclosure.withheld
    assert (line.metric, line.table, line.cells) == ("did.x", "t", 2)
    assert (disclosure.profile, disclosure.threshold) == ("dfe-school", 5)
    assert disclosure.n_protected == 2
    assert disclosure.n_checked == 3
    assert disclosure.audit.startswith("passed")


def test_rounding_follows_the_audit() -> None:
    """A profile that rounds does so to people only, halves up."""
    profile = DisclosureProfile(id="r", title="r", round_to=5)
    schools = attrs.evolve(N, name="schools", of="schools")
    rows = [["head", 12, 7], ["deputy", 43, 8]]
    estimate = Estimate(metric="did.x", value=1.0, unit="points", n_people=58)
    result = released(
        core(tables=[table(rows, (LEVEL, N, schools))], estimates=[estimate]), profile
    )
    assert result.tables[0].rows == (("head", 10, 7), ("deputy", 45, 8))
    assert result.estimates[0].n_people == 60


def test_nothing_that_is_no_count_is_shown_as_one() -> None:
    """NaN, infinity, negatives and words in a count column become "not available"."""
    rows = [["a", float("nan")], ["b", float("inf")], ["c", -3], ["d", "few"], ["e", 40]]
    result = released(core(tables=[table(rows)]))
    assert values(result) == [None, None, None, None, 40]
    assert set(result.tables[0].marks.values()) == {"x"}


def test_the_audit_sees_what_protection_forgot() -> None:
    """Given an unprotected release, every kind of leak is named."""
    share = Column(name="rate", kind="share", denominator="n", unit="percent")
    evaluation = core(
        tables=[
            table([["head", 3], ["deputy", 40]]),
            table([["head", 20, 90.0]], (LEVEL, N, share), id="u"),
        ],
        estimates=[Estimate(metric="did.x", value=90.0, unit="percent", n_people=20)],
        notes=[Note(text="{n}", values={"n": 2}, of="people")],
    )
    found = audit(evaluation, evaluation, DFE)
    assert not found.passed
    names = " / ".join(e.name for e in found.exposed)
    for word in ("table 't'", "table 'u'", "estimate 1", "note 1"):
        assert word in names


def test_profiles_may_only_be_stricter() -> None:
    """Every loosening is named at once."""
    check_stricter(SRS, DFE)
    loose = DisclosureProfile(
        id="lax", title="Lax", threshold=3, min_people=2, extreme_shares_below=1
    )
    with pytest.raises(PluginError) as caught:
        check_stricter(loose, DFE)
    for name in ("lax", "threshold", "min_people", "extreme_shares_below"):
        assert name in str(caught.value)
    with pytest.raises(PluginError, match="round_to"):
        check_stricter(attrs.evolve(DFE, round_to=3), attrs.evolve(DFE, round_to=5))


def test_the_bounds_of_a_withheld_share_go_with_it() -> None:
    """A Wilson bound and the number of people give the share back, so neither bound stays."""
    columns = (
        LEVEL,
        N,
        Column(name="share", kind="share", unit="percent", denominator="n"),
        Column(name="low", kind="number", unit="percent", denominator="n"),
        Column(name="high", kind="number", unit="percent", denominator="n"),
    )
    rows = [["head", 20, 90.0, 69.9, 97.2], ["deputy", 40, 50.0, 35.2, 64.8]]
    result = released(core(tables=[table(rows, columns)]))
    head, deputy = result.tables[0].rows
    assert head[2:] == (None, None, None)
    assert deputy[2:] == (50.0, 35.2, 64.8)
