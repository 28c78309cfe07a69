"""`impactkit demo --full`: every metric made with impactkit, on a county that has everything."""

from __future__ import annotations

import tomllib

import pytest

from impactkit.cli.demo import RIPPLE
from impactkit.pipeline import default_registry
from impactkit.results import Evaluation


@pytest.fixture(scope="module")
def ours():
    """Return the metrics of the distributions made with impactkit that are installed."""
    registry = default_registry()
    names = {name for name in registry.metrics if registry.owner("metrics", name).first_party}
    if not names:
        pytest.skip("no distribution made with impactkit is installed")
    return names


@pytest.fixture
def full(impactkit, tmp_path):
    """Evaluate the full county strictly."""
    done = impactkit("demo", tmp_path / "full", "--full", "--strict")
    return done, tmp_path / "full"


def test_every_metric_of_ours_gives_a_result_on_the_full_county(full, ours):
    """None failed, none skipped, and each has an answer: exit code 0 with --strict."""
    done, folder = full
    assert done.code == 0, done.err + done.out
    evaluation = Evaluation.load(folder / "evaluation")
    assert {result.metric for result in evaluation.results} == ours
    assert {result.metric: result.reason for result in evaluation.results
            if result.status != "ok"} == {}  # fmt: skip
    without = {
        result.metric: [e.reason for e in result.estimates][:1]
        for result in evaluation.results
        if not any(e.status == "ok" for e in result.estimates)
    }
    assert without == {}
    leading = {result.metric: result.estimates[0].reason for result in evaluation.results
               if result.estimates[0].status == "not_estimable"}  # fmt: skip
    assert leading == {}
    # The county's effect fades where partnerships end, so that less than all of it is left.
    effect = evaluation["did.effect"].estimates[0]
    assert 0 < effect.ci_low < effect.value < 2.0
    # A specialist's effect ripples, and what that would mean was settled before anybody looked.
    [ripple] = [e for e in evaluation["pupils.ripple"].estimates if e.estimand.startswith("Ripple")]
    assert ripple.ci_low < RIPPLE < ripple.ci_high
    assert ripple.ci_low > 0
    # The study says what was done: each table that was drawn, each metric by name.
    study = tomllib.loads((folder / "study.toml").read_text("utf-8"))
    assert set(study["metrics"]) == ours
    drawn = {path.stem for path in (folder / "data").glob("*.csv")}
    assert drawn <= {*study["tables"]}
