"""One metric in a notebook: what it is given on real data, and the same result as a study's."""

from __future__ import annotations

import attrs
import polars as pl
import pytest
from polars.testing import assert_frame_equal

import impactkit
from impactkit import Design, DuplicateError, InputError, Study, evaluate, outcome_metric
from impactkit.synthetic import county

NEEDS = {"outcomes": ["school_key", "year", "measure", "value"]}
STUDY = Study(title="Practice", seed=3, design=Design(outcome="attainment", bootstrap=0))


@attrs.frozen
class Params:
    times: float = 1.0


def absence_as(name, needs=NEEDS):
    """Return an outcome metric of this id, whose parameter multiplies what it gives."""

    @outcome_metric(id=name, title="Absence", unit="percent", needs=needs, params=Params)
    def absence(context):
        """Half-days missed, of a hundred."""
        rows = context.table("outcomes").filter(pl.col("measure") == "overall_absence")
        return rows.select("school_key", "year", pl.col("value") * context.params.times)

    return absence


@pytest.fixture(scope="module")
def tables():
    """Return the tables of a county of forty schools, none of which converts or merges."""
    plain = {"conversions": 0.0, "closures": 0.0, "merges": 0, "doubled_reports": 0.0}
    return county(seed=3, n_schools=40, selection="random", **plain).tables


@pytest.fixture
def registry():
    """Return core and what is ours."""
    return impactkit.default_registry(allow=["core", "did"])


def test_a_context_gives_declared_columns_only(tables, registry):
    """As in an evaluation, so that what works here works there."""
    found = STUDY.context(absence_as("kent.absence"), tables=tables, registry=registry)
    assert set(found.tables) == {"outcomes"}
    assert found.table("outcomes").columns == NEEDS["outcomes"]
    with pytest.raises(KeyError, match="did not declare table 'memberships'"):
        found.table("memberships")


def test_the_panel_of_the_study_is_made_once_whoever_spells_it_out(tables, registry):
    """Settings that are the design's own make no panel of their own; others do."""
    found = STUDY.context(absence_as("kent.absence"), tables=tables, registry=registry)
    first = found.panel("attainment")
    assert found.panel("attainment", balance="none", min_before=STUDY.design.min_before) is first
    assert found.panel("attainment", balance="complete") is not first


def test_effect_and_panel_work_and_give_what_the_study_gives(tables, registry):
    """Step by step by hand, or at once: the same estimates, to the last bit."""
    metric = absence_as("kent.absence")
    found = STUDY.context(metric, tables=tables, registry=registry)
    frame = metric(found)
    panel = found.panel(frame)
    assert panel.frame["cohort"].drop_nulls().len() > 0
    whole = registry.copy()
    whole.add(metric)
    study = attrs.evolve(STUDY, metrics={"kent.absence": {}, "did.effect": {}})
    result = evaluate(study, tables, registry=whole)["kent.absence"]
    by_hand = found.estimate(panel)
    keep = ("value", "std_error", "ci_low", "ci_high", "n_schools", "n_treated_clusters")
    assert [[getattr(e, k) for k in keep] for e in by_hand] == [
        [getattr(e, k) for k in keep] for e in result.estimates
    ]


def test_one_metric_is_evaluated_as_a_study_of_it_alone(tables, registry):
    """By the same path, disclosure control and all: only who declared it differs."""
    metric = absence_as("kent.absence")
    found = impactkit.evaluate_metric(STUDY, metric, tables=tables, registry=registry)
    whole = registry.copy()
    whole.add(metric, plugin="notebook")
    study = attrs.evolve(STUDY, metrics={"kent.absence": {}})
    assert found == evaluate(study, tables, registry=whole)["kent.absence"]


def test_an_id_with_the_studys_parameters_from_files(tmp_path, tables, registry):
    """A study file gives the parameters; those of the call come before them."""
    for name in ("outcomes", "memberships"):
        tables[name].write_csv(tmp_path / f"{name}.csv")
    (tmp_path / "study.toml").write_text(
        '[study]\ntitle = "One"\n[tables]\noutcomes = "outcomes.csv"\n'
        'memberships = "memberships.csv"\n[design]\noutcome = "attainment"\nbootstrap = 0\n'
        '[metrics."kent.absence"]\ntimes = 10.0\n',
        encoding="utf-8",
    )
    registry.add(absence_as("kent.absence"))
    ten = impactkit.evaluate_metric(tmp_path, "kent.absence", registry=registry)
    one = impactkit.evaluate_metric(tmp_path, "kent.absence", registry=registry, params={})
    assert (ten.status, ten.reason) == ("ok", "")
    assert ten.params == {"times": 10.0}
    assert ten.estimates[0].value == pytest.approx(10 * one.estimates[0].value)
    assert Study.load(tmp_path).context("kent.absence", registry=registry).params.times == 10.0


def test_a_metric_of_a_cell_can_be_run_again_and_again(tables, registry):
    """The registry that was handed over stays as it is; a name that is taken is still refused."""
    for _ in range(2):
        STUDY.context(absence_as("kent.absence"), tables=tables, registry=registry)
    assert "kent.absence" not in registry.metrics
    with pytest.raises(DuplicateError, match="declared twice"):
        STUDY.context(absence_as("did.effect"), tables=tables, registry=registry)


def test_the_same_rows_stand_in_the_context_as_in_the_frames(tables, registry):
    """Nothing is lost on the way to a metric."""
    found = STUDY.context(absence_as("kent.absence"), tables=tables, registry=registry)
    rows = tables["outcomes"].filter(pl.col("value").is_not_null())
    given = found.table("outcomes").drop_nulls("value")
    keys = ["year", "measure", "value"]
    assert_frame_equal(rows.select(keys).sort(keys), given.select(keys).sort(keys))


def test_an_unknown_metric_gets_a_suggestion(tables, registry):
    """As in a study file."""
    for call in (impactkit.context, impactkit.evaluate_metric):
        with pytest.raises(InputError, match=r"Did you mean 'did\.effect'"):
            call(STUDY, "did.efect", tables=tables, registry=registry)


def test_what_a_metric_lacks_is_said(tables, registry):
    """Before it would fail on it; evaluating it skips it, as a study does."""
    metric = absence_as("kent.absence", {**NEEDS, "finance": ["urn"]})
    with pytest.raises(InputError, match=r"kent\.absence cannot run: the study lacks the table"):
        STUDY.context(metric, tables=tables, registry=registry)
    found = impactkit.evaluate_metric(STUDY, metric, tables=tables, registry=registry)
    assert found.status == "skipped"
    assert "finance" in found.reason


def test_every_fault_of_the_data_is_told_at_once(tables, registry):
    """Named by frame, row and column, as of a file."""
    spoilt = tables["outcomes"].with_columns(
        value=pl.when(pl.int_range(pl.len()) == 4).then(pl.lit(None)).otherwise(pl.col("value")),
        status=pl.when(pl.int_range(pl.len()) == 4).then(pl.lit("tuesday")).otherwise(pl.lit("ok")),
    )
    given = {**tables, "outcomes": spoilt, "membership": tables["memberships"]}
    with pytest.raises(InputError) as caught:
        STUDY.context("did.effect", tables=given, registry=registry)
    told = str(caught.value)
    assert "the frame 'outcomes'" in told
    assert "status" in told
    assert "tuesday" in told
    assert "Did you mean 'memberships'" in told


def test_two_lists_of_plugins_with_nothing_in_common_leave_core(monkeypatch):
    """An empty intersection is not the same as no list at all."""
    monkeypatch.setenv("IMPACTKIT_PLUGINS", "did")
    registry = impactkit.default_registry(allow=["leadership"])
    assert {info.name for info in registry.plugins if info.status == "loaded"} == {"core"}
