"""Live peers: other packages, run in an interpreter of their own, on frames handed over as CSV."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import polars as pl
import pytest


@pytest.fixture
def peer(tmp_path: Path) -> Callable[..., Any]:
    """Return ``peer(script, frames, argument)``, which runs a script and returns its JSON.

    The script finds the argument parsed in `argument` and the frames as pandas frames in
    `frames`; what it passes to ``answer(...)`` comes back. Without IMPACTKIT_PEERS_PYTHON, the
    path of a Python that has the peers, tests are skipped, or fail if IMPACTKIT_REQUIRE_PEERS=1.
    """
    python = os.environ.get("IMPACTKIT_PEERS_PYTHON", "")
    if not python:
        reason = "IMPACTKIT_PEERS_PYTHON does not name a Python that has the peers"
        if os.environ.get("IMPACTKIT_REQUIRE_PEERS") == "1":
            pytest.fail(reason)
        pytest.skip(reason)

    def run(script: str, frames: Mapping[str, pl.DataFrame], argument: Any = None) -> Any:
        for name, frame in frames.items():
            frame.write_csv(tmp_path / f"{name}.csv")
        before = (
            "import json, sys, warnings\n"
            "import pandas as pd\n"
            "warnings.simplefilter('ignore')\n"
            "argument = json.loads(sys.argv[2])\n"
            "frames = {n: pd.read_csv(f'{sys.argv[1]}/{n}.csv') for n in json.loads(sys.argv[3])}\n"
            "def answer(value):\n"
            "    print('ANSWER' + json.dumps(value))\n"
        )
        given = [str(tmp_path), json.dumps(argument), json.dumps(list(frames))]
        done = subprocess.run(
            [python, "-c", before + script, *given],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-2000:]
        answers = [line for line in done.stdout.splitlines() if line.startswith("ANSWER")]
        return json.loads(answers[-1].removeprefix("ANSWER"))

    return run
