"""A developer's way: frames in memory, a registry of one's own, and errors that can be caught."""

from __future__ import annotations

import json
from types import SimpleNamespace

import attrs
import polars as pl
import pytest

from impactkit import Design, Estimate, InputError, Note, Study, Table, evaluate
from impactkit.declarations import Estimator, Reader
from impactkit.metrics import estimating_metric, outcome_metric
from impactkit.pipeline import check_out, default_registry, plan, run, write
from impactkit.pipeline.contexts import seed_of
from impactkit.results import Evaluation

YEARS = range(2014, 2020)
JOINED = 2017


def outcomes(effect: float = -1.0) -> pl.DataFrame:
    """Return forty schools over six years; those with odd numbers change in 2017."""
    return pl.DataFrame(
        [
            {
                "urn": urn,
                "year": year,
                "measure": "overall_absence",
                "value": 5 + urn * year % 7 / 10 + effect * (urn % 2 and year >= JOINED),
            }
            for urn in range(100_001, 100_041)
            for year in YEARS
        ]
    )


def memberships() -> pl.DataFrame:
    """Return the odd-numbered schools in ten partnerships of two."""
    return pl.DataFrame(
        [
            {"partnership_id": f"p{urn % 20}", "urn": urn, "joined": "2016-09-01"}
            for urn in range(100_001, 100_041, 2)
        ]
    )


TABLES = {"outcomes": outcomes(), "memberships": memberships()}
STUDY = Study(
    title="Forty schools",
    design=Design(outcome="overall_absence", bootstrap=0, randomisation=0),
    metrics={"did.effect": {}},
)


@pytest.fixture
def registry():
    """Return the installed plugins, to be added to."""
    return default_registry()


def test_frames_in_memory_need_no_file(tmp_path, monkeypatch):
    """Nothing is read from, or written to, the folder that one happens to be in."""
    monkeypatch.chdir(tmp_path)
    found = evaluate(STUDY, TABLES)
    estimate = found["did.effect"].estimates[0]
    assert estimate.ci_low < -1 < estimate.ci_high
    assert found.exclusions["schools"] == {"overall_absence": 40}
    assert found.exclusions["ever_treated"] == {"overall_absence": 20}
    assert list(tmp_path.iterdir()) == []


def test_the_effect_is_a_difference_of_differences():
    """Worked out by hand from four means, since all join in the same year."""
    frame = TABLES["outcomes"].with_columns(
        treated=pl.col("urn") % 2 == 1, after=pl.col("year") == JOINED
    )
    frame = frame.filter(pl.col("year").is_in([JOINED - 1, JOINED]))
    means = {(t, a): v for t, a, v in frame.group_by("treated", "after").agg(
        pl.col("value").mean()).iter_rows()}  # fmt: skip
    by_hand = (means[True, True] - means[True, False]) - (means[False, True] - means[False, False])
    result = evaluate(STUDY, TABLES)["did.effect"]
    (event,) = [e for e in result.estimates if e.term == "0" and "event" in e.estimand.lower()]
    assert event.value == pytest.approx(by_hand)


def test_reading_from_files_and_from_frames_gives_the_same_results(tmp_path):
    """The library and the command line go through the same plan and run."""
    for name, frame in TABLES.items():
        frame.write_csv(tmp_path / f"{name}.csv")
    text = (
        '[study]\ntitle = "Forty schools"\n[tables]\noutcomes = "outcomes.csv"\n'
        'memberships = "memberships.csv"\n[design]\noutcome = "overall_absence"\nbootstrap = 0\n'
        '[metrics."did.effect"]\n'
    )
    (tmp_path / "study.toml").write_text(text, encoding="utf-8")
    assert evaluate(tmp_path).results == evaluate(STUDY, TABLES).results


def test_rows_in_another_order_give_the_same_results():
    """The order of a file means nothing."""
    shuffled = {
        name: frame.sample(fraction=1, shuffle=True, seed=1) for name, frame in TABLES.items()
    }
    one, two = evaluate(STUDY, TABLES), evaluate(STUDY, shuffled)
    assert [str(e) for e in one.estimates] == [str(e) for e in two.estimates]
    assert one.exclusions == two.exclusions


def test_progress_is_told():
    """Stage, done and total; done never passes total."""
    calls = []
    evaluate(STUDY, TABLES, progress=lambda *told: calls.append(told))
    assert any("did.effect" in stage for stage, _, _ in calls)
    assert all(0 <= done <= total for _, done, total in calls)


def test_faults_of_a_frame_name_the_frame(registry):
    """There is no file to name."""
    bad = TABLES["memberships"].with_columns(joined=pl.lit("2016-13-01"))
    with pytest.raises(InputError, match=r"the frame 'memberships': `joined` is '2016-13-01'"):
        evaluate(STUDY, {**TABLES, "memberships": bad}, registry=registry)


def test_a_fault_in_one_row_of_a_frame_names_row_column_and_value(registry):
    """The first row is row 2, as in a sheet with a header."""
    third = pl.int_range(pl.len()) == 2
    joined = pl.when(third).then(pl.lit("soon")).otherwise("joined")
    bad = TABLES["memberships"].with_columns(joined=joined)
    with pytest.raises(InputError) as caught:
        evaluate(STUDY, {**TABLES, "memberships": bad}, registry=registry)
    (problem,) = caught.value.problems
    told = (problem.file, problem.row, problem.column, problem.value)
    assert told == ("the frame 'memberships'", 4, "joined", "soon")
    assert problem.remedy


def test_all_faults_of_a_call_come_at_once(registry):
    """Names and frames together."""
    study = attrs.evolve(
        STUDY,
        design=attrs.evolve(STUDY.design, estimator="at_gt"),
        metrics={"did.efect": {}},
        disclosure="none",
    )
    bad = TABLES["memberships"].with_columns(joined=pl.lit("soon"))
    with pytest.raises(InputError) as raised:
        evaluate(study, {"outcoms": TABLES["outcomes"], "memberships": bad}, registry=registry)
    codes = {problem.code for problem in raised.value.problems}
    assert codes >= {
        "study.unknown_table",
        "study.unknown_estimator",
        "study.unknown_profile",
        "study.unknown_metric",
    }
    assert any(problem.value == "soon" for problem in raised.value.problems)


def test_a_plan_with_faults_raises_nothing(registry):
    """`plan` tells, `run` refuses."""
    study = attrs.evolve(STUDY, metrics={"did.efect": {}})
    planned = plan(study, tables=TABLES, registry=registry)
    assert [p.code for p in planned.errors] == ["study.unknown_metric"]
    with pytest.raises(InputError, match=r"Did you mean 'did\.effect'"):
        run(planned)


# --- metrics of one's own -------------------------------------------------------------------------


@outcome_metric(
    id="kent.over_five",
    title="More than five per cent of sessions missed",
    unit="percent",
    needs={"outcomes": ["school_key", "year", "value"]},
)
def over_five(context):
    """Whether a school missed more than five per cent of sessions."""
    return context.table("outcomes").with_columns(value=(pl.col("value") > 5.3) * 100.0)


def found_with(registry, metric, **changes) -> Evaluation:
    """Evaluate one metric of a test."""
    registry.add(metric)
    study = attrs.evolve(STUDY, metrics={metric.id: {}}, **changes)
    return evaluate(study, TABLES, registry=registry)


def test_an_outcome_metric_gets_the_studys_design(registry):
    """Its effect is in percentage points, and its chart bears its title."""
    result = found_with(registry, over_five)["kent.over_five"]
    assert result.estimates[0].unit == "percentage points"
    assert result.estimates[0].n_schools == 20
    assert result.charts[0].title.startswith("More than five per cent of sessions missed")
    assert result.plugin == "in memory"


def test_a_lazy_frame_will_do(registry):
    """Polars users return either."""
    lazy = attrs.evolve(over_five, compute=lambda context: over_five(context).lazy())
    assert found_with(registry, lazy)["kent.over_five"].estimates[0].status == "ok"


def test_school_years_without_a_value_are_left_out_of_the_panel(registry):
    """Null is no number; the rest is estimated."""

    def compute(context):
        first = pl.col("year") == 2014
        return over_five(context).with_columns(value=pl.when(~first).then(pl.col("value")))

    result = found_with(registry, attrs.evolve(over_five, compute=compute))["kent.over_five"]
    assert result.estimates[0].status == "ok"
    assert not any(e.term == "-3" for e in result.estimates)


def test_nobody_treated_is_not_estimable_and_no_failure(registry):
    """The reason has the remedy, and the metric's status is ok."""
    design = attrs.evolve(STUDY.design, treated="role == 'hub'")
    result = found_with(registry, over_five, design=design)["kent.over_five"]
    assert result.status == "ok"
    (estimate,) = result.estimates
    assert estimate.status == "not_estimable"
    assert "check `treated`" in estimate.reason


@pytest.mark.parametrize(
    ("given", "kinds"),
    [
        (Estimate(value=1.0), {"estimates": 1}),
        ([Estimate(value=1.0), Note(text="Fine")], {"estimates": 1, "notes": 1}),
        (Table(id="t", title="T", columns=(), rows=()), {"tables": 1}),
        (None, {}),
        ((), {}),
    ],
)
def test_an_estimating_metric_gives_one_part_or_many(given, kinds, registry):
    """Each goes to its place, and estimates get the metric's id."""
    metric = estimating_metric(id="kent.own", title="Own", unit="points")(lambda context: given)
    result = found_with(registry, metric)["kent.own"]
    assert result.status == "ok"
    for kind in ("estimates", "tables", "notes", "charts", "diagnostics"):
        assert len(getattr(result, kind)) == kinds.get(kind, 0)
    for estimate in result.estimates:
        assert (estimate.metric, estimate.unit) == ("kent.own", "points")


def test_what_is_no_result_is_refused_by_its_name(registry):
    """A number without its interval is not an estimate."""
    metric = estimating_metric(id="kent.own", title="Own")(lambda context: [0.5])
    result = found_with(registry, metric)["kent.own"]
    assert result.status == "failed"
    assert "float" in result.reason
    assert "a metric gives Estimate" in result.reason


def test_a_metric_cannot_change_what_others_see(registry):
    """Frames are values: what one metric does to its table, the next does not meet."""
    seen = []

    def spoil(context):
        frame = context.table("outcomes")
        seen.append(frame["value"].sum())
        frame[0, "value"] = 1e9
        return ()

    for name in ("kent.a", "kent.b"):
        needs = {"outcomes": ["value"]}
        registry.add(estimating_metric(id=name, title="A", needs=needs)(spoil))
    study = attrs.evolve(STUDY, metrics={"kent.a": {}, "kent.b": {}})
    evaluate(study, TABLES, registry=registry)
    assert seen[0] == seen[1]


def test_the_draws_of_a_metric_do_not_depend_on_its_neighbours():
    """Each has a seed of its own, mixed from the study's and its id."""
    assert seed_of(1, "kent.a") == seed_of(1, "kent.a")
    assert len({seed_of(s, m) for s in (1, 2) for m in ("kent.a", "kent.b")}) == 4


def test_an_estimator_of_a_plugin_can_be_named(registry):
    """It is called with the panel and the design, and its estimates are reported."""
    calls = {}

    def fit(frame, *, unit, time, cohort, outcome, cluster, seed, level):
        calls.update(columns=set(frame.columns), level=level)
        found = Estimate(estimand="mean", value=float(frame[outcome].mean()))
        return SimpleNamespace(estimates=lambda **_: [found], to_frame=lambda: frame)

    registry.add(Estimator(id="mean", title="Mean", fit=fit))
    design = attrs.evolve(STUDY.design, estimator="mean", level=0.9)
    result = evaluate(attrs.evolve(STUDY, design=design), TABLES, registry=registry)["did.effect"]
    assert result.status == "ok", result.reason
    assert {"school_key", "year", "cohort", "value", "partnership"} <= calls["columns"]
    assert calls["level"] == 0.9
    assert any(e.estimand == "mean" for e in result.estimates)


@pytest.mark.parametrize(
    ("takes", "told"),
    [((), r"takes no cluster"), (("cluster",), r"takes no weights")],
)
def test_an_estimator_that_would_ignore_the_design_is_refused(takes, told, registry):
    """Clusters and weights left out in silence would give another answer."""
    source = f"def fit(frame, *, unit, time, cohort, outcome, {', '.join(takes)}): return None"
    given: dict = {}
    exec(source.replace(", )", ")"), given)
    registry.add(Estimator(id="plain", title="Plain", fit=given["fit"]))
    weighted = attrs.evolve(
        over_five, compute=lambda context: over_five(context).with_columns(weight=pl.lit(1.0))
    )
    design = attrs.evolve(STUDY.design, estimator="plain")
    (estimate,) = found_with(registry, weighted, design=design)["kent.over_five"].estimates
    assert estimate.status == "not_estimable"
    assert told in estimate.reason


def test_a_reader_of_a_plugin_can_be_named(registry, tmp_path):
    """Its table is read with it, and its rows are judged as those of a published file."""
    from impactkit.declarations import ReadResult

    def read(path, options, *, shown="", spec=None):
        return ReadResult(frame=outcomes(), table="outcomes", n_rows=240)

    (tmp_path / "export.mis").write_text("a,b\n1,2\n", encoding="utf-8")
    registry.add(
        Reader(id="kent.mis", title="MIS", table="outcomes", recognise=lambda *_: None, read=read)
    )
    from impactkit.study import TableSource

    sources = (TableSource(path="export.mis", reader="kent.mis"),)
    study = attrs.evolve(STUDY, tables={"outcomes": sources}, folder=tmp_path)
    tables = {"memberships": memberships()}
    found = evaluate(study, tables, registry=registry)
    assert found["did.effect"].estimates[0].status == "ok"
    assert found.provenance.sources[0].n_rows == 240


# --- writing --------------------------------------------------------------------------------------


def test_what_was_written_can_be_loaded(tmp_path, registry):
    """The evaluation on the disk is the one in memory."""
    finished = run(plan(STUDY, tables=TABLES, registry=registry))
    out = write(finished, tmp_path / "out")
    assert Evaluation.load(out).to_json() == finished.evaluation.to_json()
    frame = pl.read_parquet(out / "release" / "estimates.parquet")
    assert frame.height == len(finished.evaluation.estimates)
    assert pl.read_parquet(out / "private" / "panel_overall_absence.parquet").height == 240


def test_a_new_folder_is_made_with_those_above_it(tmp_path):
    """And nothing is made by asking."""
    out = tmp_path / "a" / "b" / "c"
    assert check_out(out) == out
    assert not (tmp_path / "a").exists()


def test_an_empty_folder_is_as_good_as_none(tmp_path, registry):
    """The user may have made it beforehand."""
    finished = run(plan(STUDY, tables=TABLES, registry=registry))
    (tmp_path / "out").mkdir()
    assert (write(finished, tmp_path / "out") / "release" / "report.html").is_file()
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_provenance_says_what_was_read_and_with_what(registry):
    """Versions of the libraries, and the plugins with their state."""
    provenance = json.loads(evaluate(STUDY, TABLES, registry=registry).to_json())["provenance"]
    assert set(provenance["packages"]) >= {"polars", "numpy", "scipy"}
    assert {p["name"] for p in provenance["plugins"]} >= {"core", "did"}
    assert provenance["created"] is None
