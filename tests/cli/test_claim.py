"""`impactkit claim`: figures and a sentence, a simulation, and refusals with a remedy."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from impactkit.synthetic import county

PAGE = Path(__file__).resolve().parents[2] / "docs" / "explanation" / "regression-to-the-mean.md"
STUDY = """
[study]
title = "A county that does not exist"
[tables]
outcomes = { path = "data/outcomes.csv" }
measures = { path = "data/measures.csv" }
memberships = { path = "data/memberships.csv" }
school_links = { path = "data/school_links.csv" }
schools = { path = "data/schools.csv" }
[design]
treated = "role in ['client', 'peer']"
outcome = "attainment"
"""


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Write a county without any effect, its worst schools chosen, and a study of it."""
    folder = tmp_path_factory.mktemp("claim")
    county(seed=1, n_schools=160, effect=0.0, selection="worst").write(
        folder / "data", formats="plain"
    )
    (folder / "study.toml").write_text(STUDY, encoding="utf-8")
    return folder


def claim(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own."""
    code = "from impactkit.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-c", code, "claim", *map(str, arguments)],
        env={**os.environ, "POLARS_MAX_THREADS": "2"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )


def test_raw_trend_and_recovery_adjusted_figures_stand_together(study):
    """And a sentence that says what may be nothing."""
    run = claim("improved three to four times faster", "--study", study)
    assert run.returncode == 0, run.stderr
    for line in ("(raw)", "(trend)", "(trend-adjusted)", "recovery that would have come anyway"):
        assert line in run.stdout
    assert "(recovery-adjusted)" in run.stdout
    [quoted] = [line for line in run.stdout.splitlines() if line.startswith("To quote:")]
    assert "“3 to 4 times”" in quoted
    assert "Read as: a change 3 to 4 times the change elsewhere" in run.stdout.splitlines()


def test_a_program_reads_the_same_as_json(study):
    """Numbers as numbers, the claim as it was read."""
    run = claim("nonsense", "--ratio", "3:4", "--study", study, "--json")
    found = json.loads(run.stdout)
    assert (found["claim"]["low"], found["claim"]["high"]) == (3.0, 4.0)
    parts = found["recovery"]
    whole = sum(parts[name]["value"] for name in ("trend", "recovery", "excess"))
    assert whole == pytest.approx(parts["raw"]["value"])


# Section 0 of the notes on the domain: zero effect, chosen for one year's results.
SIMULATED = (
    ("cohort=30,sd=11,shock=4,trend=2,worst=0.2", 5.3),
    ("cohort=60,sd=11,shock=4,trend=2,worst=0.2", 3.9),
    ("cohort=15,sd=11,shock=4,trend=2,worst=0.1", 9.7),
    ("cohort=180,sd=15,shock=4,trend=3,worst=0.1,mean=55", 2.0),
)


@pytest.mark.parametrize(("settings", "ratio"), SIMULATED)
def test_the_published_ratio_needs_no_effect(settings, ratio):
    """Ratios of two to ten, from choosing the worst alone."""
    run = claim("--simulate", settings, "--json")
    found = json.loads(run.stdout)
    assert found["Ratio with no effect at all"] == pytest.approx(ratio, rel=0.1)


def test_three_years_instead_of_one_take_most_of_it_away():
    """Ratios of 1.1 to 3.2, chosen and measured by a mean of three years."""
    for settings, _ in SIMULATED:
        run = claim("--simulate", f"{settings},years=3", "--json")
        assert 1.1 <= json.loads(run.stdout)["Ratio with no effect at all"] <= 3.2


def test_the_page_on_recovery_shows_what_its_commands_give():
    """Each row of its table: change of all, of the chosen, and both ratios, as printed."""
    text = PAGE.read_text(encoding="utf-8")
    rows = re.findall(r"^\| \d+ pupils.*$", text, flags=re.M)
    commands = re.findall(r"^impactkit claim (.*)$", text, flags=re.M)
    assert len(rows) == 4
    for row, command in zip(rows, commands, strict=False):
        shown = [cell.strip(" *") for cell in row.split("|")[3:-1]]
        one, three = (
            json.loads(claim(*shlex.split(f"{command}{more}"), "--json").stdout)
            for more in ("", ",years=3")
        )
        found = [*one.values(), three["Ratio with no effect at all"]]
        assert [f"{value:.1f}" for value in found] == shown


def test_a_claim_beside_a_simulation_is_told_whether_it_needs_an_effect():
    """Three to four times do not, where the worst fifth of small schools are chosen."""
    settings = SIMULATED[0][0]
    assert "needs no effect" in claim("three to four times", "--simulate", settings).stdout
    assert "not under these" in claim("ten times faster", "--simulate", settings).stdout


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["8 per cent more pupils", "--study", "."], "two meanings"),
        (["improved a lot", "--study", "."], "--ratio LOW[:HIGH]"),
        (["twice as fast"], "--study is missing"),
        ([], "a claim is missing"),
        (["twice as fast", "--study", "nowhere"], "nowhere"),
        (["--simulate", "cohort=x,sdd=3"], "Did you mean"),
        (["--simulate", "cohort=30"], "it lacks sd, shock, trend, worst"),
        (["--simulate", "cohort=30,sd=11,shock=4,trend=2,worst=3"], "share"),
    ],
)
def test_what_cannot_be_checked_ends_with_2_and_a_remedy(arguments, part):
    """No traceback, no guess."""
    run = claim(*arguments)
    assert run.returncode == 2
    assert part in run.stderr
    assert "Traceback" not in run.stderr


def test_an_unknown_measure_names_those_that_there_are(study):
    """With the one that was meant."""
    run = claim("twice as fast", "--study", study, "--measure", "attainmant")
    assert run.returncode == 2
    assert "attainment" in run.stderr


def test_help_imports_nothing_heavy():
    """It answers at once."""
    code = (
        "import atexit, sys\n"
        "sys.argv = ['impactkit', 'claim', '--help']\n"
        "atexit.register(lambda: print([m for m in ('polars', 'numpy') if m in sys.modules]))\n"
        "from impactkit.cli import main; main()"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.stdout.splitlines()[-1] == "[]"
