"""Next year's round: what comes along, and what an evaluation says of the plan."""

from __future__ import annotations

import json

import pytest

from impactkit.results import Evaluation


@pytest.fixture
def first(county_folder, impactkit):
    """Return a study to 2018 that was planned and evaluated; the county goes on to 2019."""
    study = county_folder / "study.toml"
    text = study.read_text("utf-8").replace("[2012, 2019]", "[2012, 2018]")
    study.write_text(text + '\n[metrics."did.effect"]\n', encoding="utf-8")
    assert impactkit("plan", county_folder).code == 0
    assert impactkit("evaluate", county_folder).code == 0
    return county_folder


def test_the_next_round_runs_and_carries_the_plan_on(first, impactkit, tmp_path):
    """Plan, registers and releases come along; one more year does not make results exploratory."""
    new = tmp_path / "next"
    made = impactkit("new", "study", new, "--from", first / "evaluation")
    assert made.code == 0, made.err
    assert "The last year is 2019 now, not 2018" in made.out
    assert (new / "plan.json").read_bytes() == (first / "plan.json").read_bytes()
    assert (new / "data/memberships.csv").read_bytes() == (
        first / "data/memberships.csv"
    ).read_bytes()
    release = "earlier/2012-2018"
    assert (new / release / "evaluation.json").read_bytes() == (
        first / "evaluation/release/evaluation.json"
    ).read_bytes()
    assert not list(new.rglob("private"))
    done = impactkit("evaluate", new)
    assert done.code == 0, done.err
    found = Evaluation.load(new / "evaluation")
    assert found.study["design"]["years"] == [2012, 2019]
    assert {e.planned for e in found.estimates} == {True}
    [table] = [t for t in found.tables if t.id == "plan"]
    assert dict(row[:2] for row in table.rows)["design.years"] == "carried on"
    assert "Results of the earlier years were known" in table.note


def test_a_third_round_has_the_releases_of_both(first, impactkit, tmp_path):
    """Releases add up, and none takes the place of another."""
    impactkit("new", "study", tmp_path / "two", "--from", first / "evaluation")
    impactkit("evaluate", tmp_path / "two")
    impactkit("new", "study", tmp_path / "three", "--from", tmp_path / "two/evaluation")
    kept = sorted(p.name for p in (tmp_path / "three/earlier").iterdir())
    assert kept == ["2012-2018", "2012-2019"]


def test_without_a_plan_the_look_comes_along_and_a_late_plan_is_labelled(
    county_folder, impactkit, tmp_path
):
    """What was seen cannot be unseen by moving to another folder."""
    impactkit("evaluate", county_folder, "-o", tmp_path / "out")
    made = impactkit("new", "study", tmp_path / "next", "--from", tmp_path / "out",
                     "--study", county_folder)  # fmt: skip
    assert made.code == 0, made.err
    assert "No plan was locked" in made.out
    assert "had been read before" in impactkit("plan", tmp_path / "next").out
    assert json.loads((tmp_path / "next/.impactkit/outcomes-read.json").read_text("utf-8"))


def test_what_is_missing_or_in_the_way_is_said_and_nothing_is_left(first, impactkit, tmp_path):
    """No evaluation, no study, a folder with something in it: exit code 2, and no half a folder."""
    nothing = impactkit("new", "study", tmp_path / "a", "--from", tmp_path / "no")
    assert (nothing.code, "evaluation" in nothing.err) == (2, True)
    lost = impactkit("evaluate", first, "-o", tmp_path / "deep/out")
    assert lost.code == 0
    alone = impactkit("new", "study", tmp_path / "b", "--from", tmp_path / "deep/out")
    assert (alone.code, "study" in alone.err) == (2, True)
    (tmp_path / "c").mkdir()
    (tmp_path / "c/mine.txt").write_text("mine", encoding="utf-8")
    full = impactkit("new", "study", tmp_path / "c", "--from", first / "evaluation")
    assert (full.code, "not empty" in full.err) == (2, True)
    assert not (tmp_path / "a").exists()
    assert not (tmp_path / "b").exists()
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(".")]


def test_files_that_lie_elsewhere_stay_there_and_are_named(first, impactkit, tmp_path):
    """A path out of the folder is the user's own; it is not copied in silence."""
    outside = tmp_path / "schools.csv"
    outside.write_bytes((first / "data/schools.csv").read_bytes())
    study = first / "study.toml"
    text = study.read_text("utf-8").replace(
        "[design]", f'schools = {{ path = "{outside.as_posix()}" }}\n\n[design]', 1
    )
    study.write_text(text, encoding="utf-8")
    made = impactkit("new", "study", tmp_path / "next", "--from", first / "evaluation")
    assert made.code == 0, made.err
    assert f"schools: {outside.as_posix()}" in made.out
    assert "changed after that evaluation" in made.out
