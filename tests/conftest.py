"""What tests of several rooms share: the real files, a small county on disk, the command line."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import attrs
import pytest
from hypothesis import settings

# Speed is measured in benchmarks; a busy machine must not fail a property that holds.
settings.register_profile("impactkit", deadline=None)
settings.load_profile("impactkit")

SHARED = Path(__file__).resolve().parents[1] / ".." / "shared"

STUDY = """\
[study]
title = "A county that does not exist"
seed = 7

[tables]
outcomes = [
  { reader = "dfe.workforce", path = "data/dfe_performance_tables/*/england_swf.csv" },
  { reader = "dfe.absence", path = "data/dfe_performance_tables/*/england_abs.csv" },
  { path = "data/outcomes.csv" },
]
measures = { path = "data/measures.csv" }
school_links = { reader = "gias.links", path = "data/gias/*/links_edubasealldata.csv" }
partnerships = { path = "data/partnerships.csv" }
memberships = { path = "data/memberships.csv" }
interventions = { path = "data/interventions.csv" }

[design]
treated = "role in ['client', 'peer']"
outcome = ["attainment", "pupil_teacher_ratio"]
years = [2012, 2019]
bootstrap = 0
randomisation = 0
"""


@attrs.frozen
class Finished:
    """What a command left behind: its exit code, and both of its streams."""

    code: int
    out: str
    err: str


@pytest.fixture(scope="session")
def shared() -> Path:
    """Return the folder with the Department's own files, which is no part of this repository."""
    if not (SHARED / "data" / "england").is_dir():
        pytest.skip("the real files are not here (../shared/data)")
    return SHARED.resolve()


@pytest.fixture(scope="session")
def county_original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write one county of sixty schools, with a study beside it; never to be changed."""
    from impactkit.synthetic import county

    folder = tmp_path_factory.mktemp("county")
    county(seed=7, n_schools=60, effect=2.0, selection="random").write(folder / "data")
    (folder / "study.toml").write_text(STUDY, encoding="utf-8")
    return folder


@pytest.fixture
def county_folder(county_original: Path, tmp_path: Path) -> Path:
    """Return a copy of the county that a test may spoil."""
    # Without the record of who has read the outcomes: nobody has, of this copy.
    record = shutil.ignore_patterns(".impactkit")
    return Path(shutil.copytree(county_original, tmp_path / "county", ignore=record))


@pytest.fixture
def impactkit(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Callable[..., Finished]:
    """Return the command line: called with its arguments, in this process.

    What a user allowed or set on this machine plays no part in it.
    """
    from impactkit.cli import main

    monkeypatch.setenv("IMPACTKIT_CONFIG", str(tmp_path / "config"))
    for name in ("IMPACTKIT_DEBUG", "IMPACTKIT_PLUGINS", "SOURCE_DATE_EPOCH"):
        monkeypatch.delenv(name, raising=False)

    def call(*arguments: object) -> Finished:
        monkeypatch.setattr(sys, "argv", ["impactkit", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as stopped:
            main()
        streams = capsys.readouterr()
        return Finished(int(stopped.value.code or 0), streams.out, streams.err)

    return call
