"""The analysis plan: locked before outcomes are read, and held against every evaluation."""

from __future__ import annotations

import csv
import hashlib
import json
import shutil
import time

import pytest

from impactkit.results import Evaluation

EPOCH = "1262304000"


@pytest.fixture
def short(county_folder):
    """Return the county with a study of the effect alone."""
    study = county_folder / "study.toml"
    study.write_text(study.read_text("utf-8") + '\n[metrics."did.effect"]\n', encoding="utf-8")
    return county_folder


def changed(folder, old, new):
    """Change the study file."""
    study = folder / "study.toml"
    text = study.read_text("utf-8")
    assert old in text
    study.write_text(text.replace(old, new), encoding="utf-8")


def planned_by_measure(folder):
    """Return whether each outcome's estimates count as planned."""
    return {e.measure: e.planned for e in Evaluation.load(folder / "evaluation").estimates}


def table_of(folder):
    """Return the kinds of deviation by decision, and the note."""
    [table] = [t for t in Evaluation.load(folder / "evaluation").tables if t.id == "plan"]
    return {row[0]: row[1] for row in table.rows}, table.note


def test_a_kept_plan_makes_results_planned(short, impactkit):
    """Locked first and kept: every estimate is planned, and the report says so."""
    locked = impactkit("plan", short)
    assert locked.code == 0
    assert "primary outcome attainment" in locked.out
    assert "no proof" in locked.out
    done = impactkit("evaluate", short)
    assert done.code == 0, done.err
    assert planned_by_measure(short) == {"attainment": True, "pupil_teacher_ratio": True}
    kinds, note = table_of(short)
    assert set(kinds.values()) == {"as planned"}
    sha = json.loads((short / "plan.json").read_text("utf-8"))["sha256"]
    assert sha in note
    assert sha in done.out
    report = (short / "evaluation/release/report.html").read_text("utf-8")
    assert "What was planned, and what was done" in report
    assert "Exploratory:" not in report
    assert "Not as planned" not in report


def test_no_outcome_is_read_for_locking(short, impactkit):
    """Locking looks at headers: it takes outcome files whose values could not be read."""
    path = short / "data/outcomes.csv"
    head, *rows = path.read_text("utf-8").splitlines()
    column = head.split(",").index("value")
    spoilt = [",".join("?!" if i == column else c for i, c in enumerate(r.split(",")))
              for r in rows]  # fmt: skip
    path.write_text("\n".join([head, *spoilt]), encoding="utf-8")
    assert impactkit("plan", short).code == 0
    assert not (short / ".impactkit").exists()
    assert impactkit("evaluate", short).code == 2


def test_a_plan_may_be_locked_before_outcomes_are_there(short, impactkit):
    """The best of plans: no file of outcomes exists. Every other missing file is still a fault."""
    shutil.rmtree(short / "data/dfe_performance_tables")
    (short / "data/outcomes.csv").unlink()
    locked = impactkit("plan", short)
    assert locked.code == 0, locked.err
    assert "Outcome files are not there yet." in locked.out
    assert json.loads((short / "plan.json").read_text("utf-8"))["outcomes_there"] is False
    (short / "data/memberships.csv").unlink()
    again = impactkit("plan", short, "--replace")
    assert again.code == 2
    assert "memberships" in again.err
    assert "outcomes" not in again.err


def test_what_was_added_or_changed_is_exploratory(short, impactkit):
    """An outcome added leaves the planned ones planned; a design changed leaves none."""
    impactkit("plan", short)
    changed(short, '"pupil_teacher_ratio"]', '"pupil_teacher_ratio", "overall_absence"]')
    done = impactkit("evaluate", short)
    assert done.code == 0, done.err
    assert planned_by_measure(short) == {
        "attainment": True,
        "pupil_teacher_ratio": True,
        "overall_absence": False,
    }
    assert table_of(short)[0]["design.outcome.overall_absence"] == "added"
    report = (short / "evaluation/release/report.html").read_text("utf-8")
    assert "Exploratory:" in report
    assert "Not as planned" in report
    changed(short, "years = [2012, 2019]", "years = [2013, 2019]")
    impactkit("evaluate", short)
    assert set(planned_by_measure(short).values()) == {False}
    assert table_of(short)[0]["design.years"] == "changed"
    assert "design.years" not in [k for k, v in table_of(short)[0].items() if v == "as planned"]


def test_another_primary_outcome_shows(short, impactkit):
    """Putting the outcome that came out well first is a change, and shows as one."""
    impactkit("plan", short)
    changed(short, '["attainment", "pupil_teacher_ratio"]', '["pupil_teacher_ratio", "attainment"]')
    done = impactkit("evaluate", short)
    kinds, _ = table_of(short)
    assert kinds["primary_outcome"] == "changed"
    assert kinds["design.outcome.attainment"] == "changed"
    assert "3 changed (primary_outcome, " in done.out


def test_computing_more_draws_is_no_other_plan(short, impactkit):
    """How many draws, and the title, may change; they are listed as changed all the same."""
    impactkit("plan", short)
    changed(short, "bootstrap = 0", "bootstrap = 99")
    impactkit("evaluate", short)
    assert set(planned_by_measure(short).values()) == {True}
    assert table_of(short)[0]["design.bootstrap"] == "changed"


def test_a_plan_after_the_first_look_is_no_plan(short, impactkit):
    """Outcomes were read first: the plan says so itself, and no result counts as planned."""
    assert impactkit("evaluate", short).code == 0
    assert planned_by_measure(short) == {"attainment": None, "pupil_teacher_ratio": None}
    locked = impactkit("plan", short)
    assert "Outcomes had been read before" in locked.out
    impactkit("evaluate", short)
    assert set(planned_by_measure(short).values()) == {False}
    assert "read before the plan was locked" in table_of(short)[1]


def test_taking_the_evaluation_away_does_not_hide_the_look(short, impactkit):
    """The record lies beside the study; and without it, an evaluation in its place tells."""
    impactkit("evaluate", short)
    shutil.rmtree(short / "evaluation")
    assert "had been read before" in impactkit("plan", short).out
    impactkit("evaluate", short)
    shutil.rmtree(short / ".impactkit")
    assert "had been read before" in impactkit("plan", short, "--replace").out


def test_a_check_does_not_count_as_a_look(short, impactkit):
    """`check` and `--diagnose` see no outcome of a treated school from joining on."""
    assert impactkit("check", short).code == 0
    assert impactkit("plan", short, "--diagnose").code == 0
    assert not (short / "plan.json").exists()
    assert "had been read before" not in impactkit("plan", short).out


def test_a_plan_takes_the_doctor_s_doubt_away_and_a_late_one_does_not(short, impactkit):
    """E6 is found before the plan, not after it, and again when the plan was locked late."""
    assert "E6." in impactkit("check", short).out
    impactkit("plan", short)
    checked = impactkit("check", short).out
    assert "E6." not in checked
    assert "A plan was locked before outcomes were read." in checked
    impactkit("evaluate", short)
    impactkit("plan", short, "--replace")
    assert "E6." in impactkit("check", short).out


def test_an_edited_plan_is_found_out(short, impactkit):
    """A plan changed to fit the run no longer has its hash."""
    impactkit("plan", short)
    path = short / "plan.json"
    path.write_text(path.read_text("utf-8").replace("2012", "2013"), encoding="utf-8")
    changed(short, "years = [2012, 2019]", "years = [2013, 2019]")
    done = impactkit("evaluate", short)
    assert done.code == 0
    assert "not as it was locked" in done.out
    assert set(planned_by_measure(short).values()) == {False}


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"format": 9}', "\x00"])
def test_a_broken_plan_is_an_error_and_no_silence(content, short, impactkit):
    """A file that is no plan is not taken for none."""
    (short / "plan.json").write_text(content, encoding="utf-8")
    done = impactkit("evaluate", short)
    assert done.code == 2
    assert "plan.json" in done.err


def test_a_second_plan_needs_a_word_and_keeps_the_first_hash(short, impactkit):
    """Locking again is refused; with --replace the file names what it replaces."""
    impactkit("plan", short)
    first = json.loads((short / "plan.json").read_text("utf-8"))["sha256"]
    refused = impactkit("plan", short)
    assert refused.code == 2
    assert "--replace" in refused.err
    changed(short, "years = [2012, 2019]", "years = [2013, 2019]")
    impactkit("plan", short, "--replace")
    second = json.loads((short / "plan.json").read_text("utf-8"))
    assert second["replaces"] == [first]
    impactkit("evaluate", short)
    assert "replaces 1 earlier plan" in table_of(short)[1]
    assert set(planned_by_measure(short).values()) == {True}


def test_the_hash_is_of_the_whole_file_and_of_nothing_else(short, impactkit, monkeypatch):
    """Anybody can work the hash out: canonical JSON of all but the hash and the format."""
    monkeypatch.setenv("SOURCE_DATE_EPOCH", EPOCH)
    impactkit("plan", short)
    plain = json.loads((short / "plan.json").read_text("utf-8"))
    assert plain["created"] == "2010-01-01T00:00:00+00:00"
    told = plain.pop("sha256")
    del plain["format"]
    text = json.dumps(plain, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    assert hashlib.sha256(text.encode()).hexdigest() == told


def test_faults_of_the_study_come_all_at_once(county_folder, impactkit):
    """A plan is not locked over faults, nor without a primary outcome."""
    changed(county_folder, 'outcome = ["attainment", "pupil_teacher_ratio"]', "")
    changed(county_folder, "years = [2012, 2019]", 'years = [2012, 2019]\nestimator = "att_gr"')
    done = impactkit("plan", county_folder)
    assert done.code == 2
    assert "att_gr" in done.err
    assert "primary" in done.err
    assert not (county_folder / "plan.json").exists()


def test_a_diagnosis_says_what_could_be_detected_within_twenty_seconds(short, impactkit):
    """500 simulations of the study's own design, their seed and variances on record."""
    begun = time.process_time()
    found = impactkit("plan", short, "--diagnose")
    assert time.process_time() - begun < 20
    assert found.code == 0, found.err
    assert "500 simulations from seed 7; no treated outcome was read" in found.out
    assert "Nothing was locked." in found.out
    assert "With att_gt:simple:cr2, as `evaluate` has it, an effect of " in found.out
    plain = json.loads(impactkit("plan", short, "--diagnose", "--json").out)
    first = plain["estimators"][0]
    assert {"power", "bias", "coverage", "detectable"} <= set(first)
    assert first["n_treated_clusters"] == 6


def test_treated_outcomes_do_not_change_a_diagnosis(short, impactkit):
    """The effect in the files plays no part: with treated values raised it is the same."""
    before = json.loads(impactkit("plan", short, "--diagnose", "--json").out)
    with (short / "data/memberships.csv").open(encoding="utf-8") as file:
        joined = {r["urn"]: int(r["joined"][:4]) + 1 for r in csv.DictReader(file)
                  if r["role"] != "supporter"}  # fmt: skip
    path = short / "data/outcomes.csv"
    with path.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    raised = 0
    for row in rows:
        if int(row["year"]) > joined.get(row["urn"], 9999) and row["value"][:1].isdigit():
            row["value"] = str(float(row["value"]) + 5)
            raised += 1
    assert raised
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    assert json.loads(impactkit("plan", short, "--diagnose", "--json").out) == before
