"""`impactkit match`: partners from a study's own files."""

from __future__ import annotations

import json

import pytest

from impactkit.synthetic import county

STUDY = """\
[study]
title = "Partners"
[tables]
outcomes = { path = "data/outcomes.csv" }
schools = { path = "data/schools.csv" }
memberships = { path = "data/memberships.csv" }
needs = { path = "data/needs.csv" }
"""


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    """Write a county with needs and strengths."""
    folder = tmp_path_factory.mktemp("match")
    county(seed=5, n_schools=120, full=True).write(folder / "data", formats="plain")
    (folder / "study.toml").write_text(STUDY, encoding="utf-8")
    return folder


def test_clients_get_the_supporters_that_fit_them(original, impactkit):
    """One supporter each, by their roles; better than the pairs that are there, and said why."""
    told = impactkit("match", original)
    assert told.code == 0, told.err
    assert "told apart by their roles in memberships" in told.out
    assert "strong where it is needed:" in told.out
    plain = json.loads(impactkit("match", original, "--json").out)["assignment"]
    taken = [pair["supporter"] for pair in plain["pairs"]]
    assert len(taken) == len(set(taken)) == plain["n_supporters"]
    assert len(plain["unmatched"]) == plain["n_clients"] - plain["n_supporters"]
    assert all("capacity" in why for why in plain["unmatched"].values())
    assert "raise the capacity" in told.out


def test_capacity_and_limits_are_kept(original, impactkit):
    """With room for all everybody is helped; no pair is farther apart than allowed."""
    plain = json.loads(impactkit("match", original, "--capacity", 5, "--json").out)["assignment"]
    assert not plain["unmatched"]
    near = json.loads(
        impactkit("match", original, "--capacity", 5, "--max-km", 10, "--json").out
    )["assignment"]  # fmt: skip
    assert near["pairs"]
    assert all(pair["km"] <= 10 for pair in near["pairs"])
    assert near["lost"]["the distance is above 10 km"] > 0


def test_no_outcome_is_read(original, impactkit):
    """Matching leaves the plan alone: there is no record that outcomes were looked at."""
    path = original / "data/outcomes.csv"
    content = path.read_bytes()
    path.write_bytes(b"not,a\ntable")
    try:
        assert impactkit("match", original).code == 0
    finally:
        path.write_bytes(content)
    assert not (original / ".impactkit").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--capacity", "many"], "no number of clients"),
        (["--capacity", "2", "--capacity", "3"], "not both"),
        (["--capacity", "900001x=1"], "900001x"),
        (["--max-km=-1"], "0 or more"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments, said, original, impactkit):
    """Exit code 2, with the words that were given."""
    done = impactkit("match", original, *arguments)
    assert done.code == 2
    assert said in done.err


def test_a_study_without_needs_is_told_how_to_get_them(county_folder, impactkit):
    """The table that is missing, and the workbook to fill in."""
    done = impactkit("match", county_folder)
    assert done.code == 2
    assert "impactkit new templates" in done.err
