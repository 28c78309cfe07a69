"""What whole commands cost: CPU seconds of the process and all it starts, and peak memory.

    python -m benchmarks.studies [--data ../shared/data/england]

Help is asked for ten times, what there is five times, and studies run twice; the least is given.
The first run compiles Python's modules, as installing does, and so does not count. A study whose
data is not there is skipped, and said to be. Peak memory is that of the largest process.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent
PROGRAM = [sys.executable, "-c", "from impactkit.cli import main; main()"]


def least(times: int, arguments: Sequence[str], out: str) -> tuple[float, float, int]:
    """Run impactkit so often; return the least CPU seconds, its peak megabytes and exit code.

    ``OUT`` among the arguments is a new folder for each run.
    """
    runs = [
        cost([f"{out}/run{n}" if part == "OUT" else part for part in arguments], f"{out}/compiled")
        for n in range(times)
    ]
    for n in range(times):
        shutil.rmtree(f"{out}/run{n}", ignore_errors=True)
    return max(runs, key=lambda run: (run[2] != 0, -run[0]))  # one that failed is told


def cost(arguments: Sequence[str], compiled: str) -> tuple[float, float, int]:
    """Run impactkit, its modules compiled in a folder; return CPU s, peak MB and exit code."""
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": compiled}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    child = subprocess.Popen(
        [*PROGRAM, *arguments],
        cwd=HERE,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    assert child.stderr is not None
    child.stderr.read()
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    unit = 1 if sys.platform == "darwin" else 1024
    return used.ru_utime + used.ru_stime, used.ru_maxrss * unit / 1e6, child.returncode


def show(name: str, cpu: float, peak: float, code: int) -> bool:
    """Print a line of the table; tell whether the command did its work."""
    print(
        f"| {name} | {cpu:.3f} | {peak:,.0f} |{'' if code == 0 else f' FAILED, exit code {code}'}"
    )
    return code == 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.studies")
    parser.add_argument("--data", type=Path, default=HERE.parent / "shared" / "data" / "england")
    data = parser.parse_args().data.resolve()
    print("| command | CPU s | peak MB |\n|---|---:|---:|")
    with tempfile.TemporaryDirectory() as out:
        good = show("impactkit --help", *least(10, ["--help"], out))
        good &= show("impactkit show metrics", *least(5, ["show", "metrics"], out))
        good &= show("impactkit demo", *least(2, ["demo", "OUT"], out))
        for title, file in (("two counties", "study.toml"), ("national", "national.toml")):
            if not data.is_dir():
                print(f"| evaluate, {title} | skipped: there is no data at {data.name} | |")
                continue
            study = Path(out) / file  # a copy: readings are recorded beside a study
            shutil.copyfile(HERE / "docs" / "tutorials" / "two-counties" / file, study)
            command = ["evaluate", str(study), "--data", str(data), "-o", "OUT"]
            good &= show(f"evaluate, {title}", *least(2, command, out))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
