"""Installing from a folder: a wheel has all that it needs, and the page takes all of ours."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "howto" / "offline.md").read_text("utf-8")

LOOK = """
import pathlib, sys
import impactkit
from impactkit import schemas
home = pathlib.Path(impactkit.__file__).parent
assert str(home).startswith(sys.argv[1]), home
assert (home / "py.typed").is_file()
assert schemas.load("study")["title"] and schemas.load("evaluation")["$defs"]
assert (home / "cli" / "study_template.toml").is_file()
assert list((home / "cli" / "templates").iterdir())
print("all there")
"""


def test_the_page_takes_every_distribution_of_ours():
    """Whatever lies in `plugins` is built on the one side, and installed on the other."""
    built = re.findall(r"pip wheel --no-deps -w wheels \. (\S+)", PAGE)
    assert built == ["./plugins/*", "./plugins/*"]
    assert all((path / "pyproject.toml").is_file() for path in ROOT.glob(built[0]))
    (install,) = re.findall(r"pip install (.*whl)", PAGE)
    assert install == "--no-deps wheels/*.whl"


def test_a_wheel_can_be_installed_from_a_folder_alone(tmp_path):
    """With pip kept from looking anywhere else; what is no Python is in it too."""
    if importlib.util.find_spec("hatchling") is None:
        pytest.skip("hatchling is not installed, so no wheel can be built without a network")
    environment = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INDEX": "1"}

    def pip(*arguments):
        command = [sys.executable, "-m", "pip", *map(str, arguments)]
        ended = subprocess.run(
            command, capture_output=True, text=True, check=False, env=environment
        )
        assert ended.returncode == 0, ended.stderr

    wheels, there = tmp_path / "wheels", tmp_path / "there"
    pip("wheel", "--no-deps", "--no-build-isolation", "-q", "-w", wheels, ROOT)
    pip("install", "-q", "--no-deps", "--target", there, *wheels.glob("*.whl"))
    environment["PYTHONPATH"] = str(there)
    ended = subprocess.run(
        [sys.executable, "-c", LOOK, str(there)],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
        cwd=tmp_path,
    )
    assert ended.stdout.strip() == "all there", ended.stderr
