"""Local metrics are code that came with a study: they run once their content has been allowed."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from impactkit.errors import UsageError
from impactkit.trust import allow, is_allowed

METRIC = '''
import polars as pl
from impactkit import outcome_metric

@outcome_metric(
    id="kent.small",
    title="Small classes",
    unit="percent",
    direction="higher",
    needs={"outcomes": ["school_key", "year", "measure", "value"]},
)
def small(context):
    """Whether a school had fewer than twenty pupils to a teacher."""
    rows = context.table("outcomes").filter(pl.col("measure") == "pupil_teacher_ratio")
    rows = rows.drop_nulls("value")
    return rows.select("school_key", "year", value=(pl.col("value") < 20).cast(pl.Float64) * 100)
'''

RAISES = '''
from impactkit import estimating_metric

@estimating_metric(id="kent.broken", title="Broken")
def broken(context):
    """Fail."""
    print("I was here")
    raise {what}
'''


@pytest.fixture
def local(county_folder):
    """Return a function that puts a file into the study's local_metrics."""
    folder = county_folder / "local_metrics"
    folder.mkdir()

    def put(source: str, name: str = "kent.py") -> Path:
        path = folder / name
        path.write_text(source, encoding="utf-8")
        return path

    return put


def result(folder: Path, name: str) -> dict:
    """Return one metric's result of the evaluation in a folder; empty when it has none."""
    plain = json.loads((folder / "evaluation" / "release" / "evaluation.json").read_text("utf-8"))
    return next((r for r in plain["results"] if r["metric"] == name), {})


def test_a_local_metric_does_not_run_until_it_is_allowed(county_folder, local, impactkit):
    """Without `--allow-local` not one line of it runs, and the message says what to do."""
    trace = county_folder / "trace"
    local(f"open({str(trace)!r}, 'w').close()")
    ended = impactkit("evaluate", county_folder)
    assert ended.code == 0
    assert not trace.exists()
    assert "local:kent" in ended.err
    assert "read it, then run with --allow-local" in ended.err
    assert impactkit("evaluate", county_folder, "--strict").code == 1


def test_check_and_show_say_that_it_waits_to_be_allowed(county_folder, local, impactkit):
    """Neither runs it; both name it."""
    local("raise RuntimeError")
    assert "local:kent: its content has not been allowed" in impactkit("check", county_folder).out
    shown = impactkit("show", "plugins", "--study", county_folder)
    assert "local:kent" in shown.out
    assert "not allowed" in shown.out


def test_an_allowed_local_metric_gets_the_whole_design(county_folder, local, impactkit):
    """Estimates with intervals and counts, from twelve lines; its content is on record."""
    local(METRIC)
    ended = impactkit("evaluate", county_folder, "--allow-local")
    assert ended.code == 0, ended.err
    found = result(county_folder, "kent.small")
    headline = found["estimates"][0]
    assert headline["status"] == "ok"
    assert headline["ci_low"] < headline["value"] < headline["ci_high"]
    assert headline["unit"] == "percentage points"
    assert headline["n_schools"] > 0
    assert found["local"] is True
    assert len(found["content_hash"]) == 64
    report = (county_folder / "evaluation" / "release" / "report.html").read_text("utf-8")
    assert "Small classes" in report


def test_what_was_allowed_is_remembered_by_content(county_folder, local, impactkit):
    """Allowed once, it runs; changed by one character, it must be allowed again."""
    path = local(METRIC)
    impactkit("evaluate", county_folder, "--allow-local")
    assert impactkit("evaluate", county_folder, "--strict", "--dry-run").code == 0
    assert impactkit("evaluate", county_folder).err == ""
    assert result(county_folder, "kent.small")["status"] == "ok"
    path.write_text(METRIC + "#", encoding="utf-8")
    ended = impactkit("evaluate", county_folder)
    assert "has not been allowed" in ended.err
    assert result(county_folder, "kent.small") == {}


def test_the_same_content_elsewhere_is_allowed_too(county_folder, local, impactkit):
    """It is the content that was read and allowed, not a path that anybody may write to."""
    path = local(METRIC)
    impactkit("evaluate", county_folder, "--allow-local", "--dry-run")
    path.rename(path.with_name("small.py"))
    assert impactkit("evaluate", county_folder).err == ""


def test_a_study_cannot_allow_itself(county_folder, local, impactkit):
    """No key of the study file lets its own code run."""
    local("raise RuntimeError('I ran')")
    study = county_folder / "study.toml"
    study.write_text(
        study.read_text("utf-8") + '[plugins]\nallow = ["local:kent", "kent"]\n', encoding="utf-8"
    )
    assert "has not been allowed" in impactkit("evaluate", county_folder).err


def test_a_local_metric_that_is_denied_is_left_out_even_when_allowed(
    county_folder, local, impactkit
):
    """`--no-plugin` wins."""
    local(METRIC)
    ended = impactkit("evaluate", county_folder, "--allow-local", "--no-plugin", "kent")
    assert ended.code == 0
    assert result(county_folder, "kent.small") == {}
    assert ended.err == ""


@pytest.mark.parametrize(
    ("what", "told"),
    [
        ("ValueError('no such year')", "ValueError: no such year (kent.py, line 8)"),
        ("SystemExit('enough')", "SystemExit: enough (kent.py, line 8)"),
        ("BaseException('a panic')", "BaseException: a panic (kent.py, line 8)"),
    ],
)
def test_a_metric_that_raises_costs_itself_only(what, told, county_folder, local, impactkit):
    """Exit code 1, one line with file and line, the whole report, and nothing on stdout of it."""
    local(RAISES.format(what=what))
    ended = impactkit("evaluate", county_folder, "--allow-local")
    assert ended.code == 1
    assert f"kent.broken failed: {told}" in ended.err
    assert "Traceback" not in ended.err
    assert "I was here" not in ended.out
    assert result(county_folder, "kent.broken")["status"] == "failed"
    assert result(county_folder, "did.effect")["status"] == "ok"
    assert (county_folder / "evaluation" / "release" / "report.html").is_file()


@pytest.mark.parametrize(
    ("returned", "told"),
    [
        ("[1, 2]", "returns a polars frame, not a list"),
        ("rows.select('year')", "no column school_key, value; it has year"),
        ("pl.concat([rows, rows])", "appear more than once"),
        ("rows.with_columns(value=pl.lit(float('nan')))", "no number (NaN or infinite)"),
        (
            "rows.with_columns(value=pl.lit('many'))",
            "the column value is String; it must hold numbers",
        ),
    ],
)
def test_a_frame_that_is_not_tidy_is_refused_in_the_authors_terms(
    returned, told, county_folder, local, impactkit
):
    """What an outcome metric returns is checked before it is estimated from."""
    source = METRIC.split("    rows = rows.drop_nulls")[0]
    local(
        source + f"    rows = rows.select('school_key', 'year', 'value')\n    return {returned}\n"
    )
    ended = impactkit("evaluate", county_folder, "--allow-local")
    assert ended.code == 1
    (line,) = [x for x in ended.err.splitlines() if x.startswith("kent.small failed")]
    assert told in line


def test_a_metric_without_its_tables_is_skipped_and_says_which_columns(
    county_folder, local, impactkit
):
    """Skipped is neither failed nor silent."""
    needs = '{"talent_pool": ["staff_key", "level"], "memberships": ["urn", "colour"]}'
    local(METRIC.replace('{"outcomes": ["school_key", "year", "measure", "value"]}', needs))
    ended = impactkit("evaluate", county_folder, "--allow-local")
    assert ended.code == 0
    found = result(county_folder, "kent.small")
    assert found["status"] == "skipped"
    assert "colour in the table memberships" in found["reason"]
    assert "talent_pool (columns staff_key, level)" in found["reason"]


def test_a_metric_sees_the_columns_that_it_declared_and_no_others(county_folder, local, impactkit):
    """`role` was not asked for, so it is not there to be used by accident."""
    local(METRIC.replace("return rows", "context.table('memberships')\n    return rows"))
    ended = impactkit("evaluate", county_folder, "--allow-local")
    assert "did not declare table 'memberships' in its needs (declared: outcomes)" in ended.err


def test_files_that_are_no_metrics_are_passed_over(county_folder, local, impactkit):
    """Tests, helpers and folders beside the metrics are not loaded."""
    for name in ("_helper.py", "test_kent.py", "conftest.py", "notes.txt"):
        local("raise RuntimeError", name)
    (county_folder / "local_metrics" / "folder.py").mkdir()
    ended = impactkit("evaluate", county_folder, "--allow-local", "--strict", "--dry-run")
    assert ended.code == 0, ended.err


def test_a_broken_local_file_costs_itself_and_gives_a_line(county_folder, local, impactkit):
    """A syntax error in somebody's first metric still leaves a full report."""
    local("def impactkit_metrics(:\n")
    local(METRIC, "other.py")
    ended = impactkit("evaluate", county_folder, "--allow-local")
    assert "local:kent: importing it raised SyntaxError" in ended.err
    assert result(county_folder, "kent.small")["status"] == "ok"


# --- the store ------------------------------------------------------------------------------------


@pytest.fixture
def config(monkeypatch, tmp_path):
    """Keep what is allowed in a folder of this test."""
    folder = tmp_path / "config"
    monkeypatch.setenv("IMPACTKIT_CONFIG", str(folder))
    return folder


def test_nothing_is_allowed_at_first(config):
    """Without a store the answer is no, and asking makes no store."""
    assert not is_allowed("ab")
    assert not config.exists()


def test_allowing_one_keeps_the_others(config):
    """The store grows."""
    allow("ab", "one.py")
    allow("cd", "two.py")
    allow("ab", "again.py")
    assert is_allowed("ab")
    assert is_allowed("cd")
    assert not is_allowed("ef")
    assert json.loads((config / "allowed.json").read_text()) == {"ab": "one.py", "cd": "two.py"}
    assert [p.name for p in config.iterdir()] == ["allowed.json"]


@pytest.mark.parametrize("content", ["", "[]", "no json", '"ab"', "\udcff"])
def test_a_damaged_store_allows_nothing(config, content):
    """What cannot be read says no, and can be written again."""
    config.mkdir()
    (config / "allowed.json").write_bytes(content.encode("utf-8", "surrogateescape"))
    assert not is_allowed("ab")
    allow("ab", "one.py")
    assert is_allowed("ab")


def test_a_store_that_cannot_be_written_is_told(config):
    """The user hears where, instead of being asked again each time without knowing why."""
    config.write_text("a file, not a folder", encoding="utf-8")
    with pytest.raises(UsageError, match=r"allowed\.json.*cannot be written"):
        allow("ab", "one.py")


def test_the_store_is_its_owners(config):
    """Nobody else may allow code in the user's name."""
    allow("ab", "one.py")
    mode = (config / "allowed.json").stat().st_mode
    assert not mode & (stat.S_IWGRP | stat.S_IWOTH)
