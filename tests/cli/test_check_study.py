"""`impactkit check STUDY`: one page, everything in it for a program too, exit code 2 on errors."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

import pytest

_SPEC = importlib.util.spec_from_file_location(
    "doctor_studies_cli", Path(__file__).parents[1] / "unit" / "doctor" / "doctor_studies.py"
)
assert _SPEC is not None
assert _SPEC.loader is not None
STUDIES = importlib.util.module_from_spec(_SPEC)
sys.modules["doctor_studies_cli"] = STUDIES
_SPEC.loader.exec_module(STUDIES)


@pytest.fixture(scope="module")
def sound(tmp_path_factory) -> Path:
    """Return a folder with the sound study; never to be changed."""
    return STUDIES.clean().write(tmp_path_factory.mktemp("sound")).parent


@pytest.fixture(scope="module")
def spoilt(tmp_path_factory) -> Path:
    """Return a folder with the study that commits all ten mistakes; never to be changed."""
    return STUDIES.every_mistake().write(tmp_path_factory.mktemp("spoilt")).parent


def test_a_sound_study_ends_well_and_has_every_part_of_the_page(sound, impactkit):
    """Exit code 0; each part is there, whether or not something was found."""
    from impactkit.doctor import SECTIONS

    ended = impactkit("check", sound)
    assert ended.code == 0, ended
    assert ended.out.splitlines()[-1].startswith("0 errors, 0 warnings, ")
    parts = [line[:16].strip() for line in ended.out.splitlines()]
    in_order = [part for part in parts if part in SECTIONS]
    assert in_order == [section for section in SECTIONS if section != "Decisions"]
    assert "rests on 60 pupils (median): at 7" in ended.out
    assert "one pupil is worth 1.7 points" in ended.out
    assert not (sound / "evaluation").exists()


def test_a_study_with_all_ten_mistakes_ends_with_2_and_names_them(spoilt, impactkit):
    """An error of the doctor is an error of the command."""
    ended = impactkit("check", spoilt)
    assert ended.code == 2
    for mistake in range(1, 11):
        assert f" E{mistake}." in ended.out
    assert "Errors have to be mended" in ended.out.splitlines()[-1]


def test_what_the_doctor_tells_is_not_told_again_as_a_problem(spoilt, impactkit):
    """The filled year, the break and the zeros are in the findings, once."""
    seen = json.loads(impactkit("check", spoilt, "--json").out)
    assert seen["problems"] == []
    codes = [f["code"] for f in seen["findings"]]
    assert codes.count("E10.gap_filled") == codes.count("E3.break_crossed") == 1


def test_the_page_for_programs_has_everything_that_is_on_the_page(spoilt, impactkit):
    """`--json`: facts with their numbers, and findings with all their fields."""
    seen = json.loads(impactkit("check", spoilt, "--json").out)
    page = impactkit("check", spoilt).out
    assert {f["section"] for f in seen["facts"]} >= {"Files", "Power", "Balance", "Metrics"}
    for fact in seen["facts"]:
        assert fact["text"] in page
    for finding in seen["findings"]:
        assert set(finding) >= {
            *("code", "title", "severity", "evidence", "consequence", "remedy"),
            *("measure", "mistake", "numbers"),
        }
        assert finding["evidence"] in page
        assert finding["remedy"] in page


@pytest.mark.parametrize("width", [80, 100])
def test_no_line_is_wider_than_the_terminal(width, spoilt, impactkit, monkeypatch):
    """Wrapped where somebody watches; whole sentences where a program reads."""
    from impactkit.cli import check

    monkeypatch.setenv("IMPACTKIT_PLUGINS", "did,a_plugin_that_is_not_there")
    whole = impactkit("check", spoilt).out
    assert "a_plugin_that_is_not_there: " in whole
    assert max(map(len, whole.splitlines())) > 100
    monkeypatch.setattr(check, "_width", lambda: width)
    lines = impactkit("check", spoilt).out.splitlines()
    assert max(map(len, lines)) <= width
    assert " ".join(" ".join(lines).split()) == " ".join(whole.split())


def test_errors_that_stop_reading_come_alone(sound, impactkit, tmp_path):
    """Without its data a study has no page, only what is missing; nothing is guessed."""
    study = tmp_path / "study.toml"
    text = (sound / "study.toml").read_text("utf-8")
    study.write_text(text.replace("outcomes.csv", "nowhere.csv"), encoding="utf-8")
    ended = impactkit("check", study, "--data", sound)
    assert ended.code == 2
    assert "nowhere.csv" in ended.out
    assert "Power" not in ended.out


def test_memberships_that_meet_no_school_are_an_error(tmp_path, impactkit):
    """URNs of another county: nobody joins, and the page says what to look at."""
    drawn = STUDIES.clean()
    for row in drawn.tables["memberships"]:
        row["urn"] += 700_000
    drawn.tables.pop("interventions")
    ended = impactkit("check", drawn.write(tmp_path / "study").parent)
    assert ended.code == 2
    assert "panel.nobody_joins" in ended.out
    assert "the URNs of memberships and outcomes" in ended.out


def test_findings_are_in_the_evaluation_and_its_report(tmp_path, impactkit):
    """What was wrong before an estimate is told beside it; values of one school are not."""
    drawn = STUDIES.clean()
    STUDIES.began_early(drawn)
    for row in drawn.tables["outcomes"]:
        row |= {"measure": "pupil_teacher_ratio", "value": 15 + row["value"] / 14}
    drawn.tables["outcomes"][500]["value"] = 0.6
    drawn.design["outcome"] = '["pupil_teacher_ratio"]'
    folder = drawn.write(tmp_path / "study").parent
    ended = impactkit("evaluate", folder)
    assert ended.code == 0, ended.err
    release = folder / "evaluation" / "release"
    evaluation = json.loads((release / "evaluation.json").read_text("utf-8"))
    (table,) = [t for t in evaluation["tables"] if t["id"] == "doctor"]
    codes = [row[-1] for row in table["rows"]]
    assert {"E8.work_before_joining", "values.implausible"} <= set(codes)
    urn = str(drawn.tables["outcomes"][500]["urn"])
    assert urn in impactkit("check", folder).out
    assert not any(urn in text for text in [*evaluation["warnings"], json.dumps(table)])
    assert any("Work began before the date of joining" in w for w in evaluation["warnings"])
    assert "Work began before the date of joining" in (release / "report.html").read_text("utf-8")


def test_two_counties_as_a_sceptic_sees_them(shared, impactkit):
    """Real files: what is known of them is found, and nothing that is not so."""
    study = Path(__file__).parents[2] / "docs" / "tutorials" / "two-counties" / "study.toml"
    ended = impactkit("check", study, "--data", shared / "data" / "england", "--json")
    assert ended.code == 0, ended.err
    seen = json.loads(ended.out)
    assert seen["counts"]["pupil_teacher_ratio"]["treated_in_window"] == 45
    loud = {(f["code"], f["measure"]) for f in seen["findings"] if f["severity"] != "note"}
    assert loud == {
        ("E4.vanished", "pupil_teacher_ratio"),
        ("values.implausible", "pupil_teacher_ratio"),
        ("balance.not_comparable", "pupil_teacher_ratio"),
        ("power.weak", "overall_absence"),
    }
    power = {f["measure"]: f["numbers"]["sds"] for f in seen["facts"] if f["section"] == "Power"}
    assert 0.4 < power["pupil_teacher_ratio"] < 0.5 < power["overall_absence"] < 0.6
