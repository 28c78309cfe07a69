"""Study templates: each has the shape that it says, and runs as it stands."""

from __future__ import annotations

import json
from functools import cache

import polars as pl
import pytest

from impactkit.cli.new import TEMPLATES as NAMES
from impactkit.cli.study_templates import EFFECT, TEMPLATES, write_template
from impactkit.results import Evaluation

SHAPES = {
    # partnerships, schools by role, schools in a partnership (least, most)
    "support-schools": (20, {"client": 20, "supporter": 24}, (2, 3)),
    "clusters": (13, {"peer": 67}, (4, 7)),
    "chains": (48, {"client": 84, "supporter": 48}, (2, 4)),
    "federations": (122, {"peer": 264}, (2, 3)),
    "peer-review": (85, {"peer": 437}, (5, 6)),
}


def test_the_page_of_help_names_what_there_is():
    """The list that --help shows without importing anything is the list of templates."""
    assert tuple(TEMPLATES) == NAMES
    assert set(SHAPES) == set(NAMES)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Return the folder of a template, written once; never to be changed."""

    @cache
    def write(name):
        folder = tmp_path_factory.mktemp("template") / name
        write_template(name, folder)
        return folder

    return write


@pytest.fixture(params=NAMES)
def made(request, written):
    """Return each template's name and folder in turn."""
    return request.param, written(request.param)


def test_a_template_has_the_shape_that_it_names(made):
    """Partnerships, schools of each part and sizes are those that were published or registered."""
    name, folder = made
    members = pl.read_csv(folder / "data/memberships.csv")
    n, roles, (least, most) = SHAPES[name]
    assert members["partnership_id"].n_unique() == n
    counted = members.group_by("role").agg(pl.col("urn").n_unique())
    assert dict(counted.iter_rows()) == roles
    sizes = members.group_by("partnership_id").agg(pl.col("urn").n_unique())["urn"]
    assert (sizes.min(), sizes.max()) == (least, most)


def test_clusters_are_rural_and_last_eighteen_months(written):
    """As Maximising Progress was."""
    folder = written("clusters")
    members = pl.read_csv(folder / "data/memberships.csv", try_parse_dates=True)
    schools = pl.read_csv(folder / "data/schools.csv", infer_schema_length=None)
    inside = schools.join(members, on="urn", how="semi")
    assert inside["urban_rural"].unique().to_list() == ["Rural"]
    assert inside["phase"].unique().to_list() == ["Primary"]
    days = (members["left"] - members["joined"]).dt.total_days()
    assert 17 * 30 <= days.min() <= days.max() <= 18 * 31


def test_peer_review_has_one_matched_school_for_each(written):
    """As many comparison schools as treated ones with three years, and near them in their mean."""
    folder = written("peer-review")
    outcomes = pl.read_csv(folder / "data/outcomes.csv", infer_schema_length=None)
    members = pl.read_csv(folder / "data/memberships.csv")["urn"].to_list()
    before = (
        outcomes.filter(pl.col("year").is_between(2014, 2016))
        .group_by("urn")
        .agg(pl.col("value").mean(), n=pl.col("value").count())
        .filter(pl.col("n") == 3)
        .with_columns(treated=pl.col("urn").is_in(members))
    )
    counts = before["treated"].value_counts(sort=True)["count"].to_list()
    assert counts[0] == counts[1] > 400
    means = dict(before.group_by("treated").agg(pl.col("value").mean()).iter_rows())
    assert abs(means[True] - means[False]) < 0.3


def test_a_template_is_evaluated_as_it_stands(made, impactkit, tmp_path):
    """No error, no metric failed or skipped, and the planted effect lies in the interval."""
    _, folder = made
    done = impactkit("evaluate", folder, "-o", tmp_path / "out", "--strict")
    assert done.code == 0, done.err + done.out
    found = Evaluation.load(tmp_path / "out")["did.effect"].estimates[0]
    assert found.status == "ok"
    low, high = found.ci_low, found.ci_high
    wide = 0.5 * (high - low)
    assert low - wide < EFFECT < high + wide  # twice the 95 % interval: a miss is a fault, not luck


def test_a_diagnosis_says_what_a_template_could_detect(made, impactkit):
    """The smallest detectable effect shrinks with the study, as it must."""
    name, folder = made
    found = impactkit("plan", folder, "--diagnose", "--json")
    assert found.code == 0, found.err
    row = next(r for r in json.loads(found.out)["estimators"] if r["estimator"].endswith(":cr2"))
    assert SHAPES[name][0] - 2 <= row["n_treated_clusters"] <= SHAPES[name][0]
    least, most = {"support-schools": (1, 5), "clusters": (0.8, 3)}.get(name, (0.2, 2))
    assert least < row["detectable"] < most


def test_a_template_and_an_earlier_round_do_not_go_together(impactkit, tmp_path):
    """Nor is a study overwritten."""
    both = impactkit("new", "study", tmp_path / "x", "--template", "chains", "--from", tmp_path)
    assert both.code == 2
    (tmp_path / "study.toml").write_text("", encoding="utf-8")
    taken = impactkit("new", "study", tmp_path, "--template", "chains")
    assert taken.code == 2
    assert "already" in taken.err
