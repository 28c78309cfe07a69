"""What whole commands cost: CPU seconds of the process and all it starts, and peak memory.

    python -m benchmarks.studies [--data ../shared/data/england]

Help is asked for ten times and the least is given; studies run once. A study whose data is not
there is skipped, and said to be. Peak memory is that of the largest process.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent
PROGRAM = [sys.executable, "-c", "from impactkit.cli import main; main()"]


def cost(arguments: Sequence[str]) -> tuple[float, float, int]:
    """Run impactkit; return CPU seconds, peak megabytes and its exit code."""
    child = subprocess.Popen(
        [*PROGRAM, *arguments], cwd=HERE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
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
    data = parser.parse_args().data
    print("| command | CPU s | peak MB |\n|---|---:|---:|")
    good = show("impactkit --help", *min(cost(["--help"]) for _ in range(10)))
    with tempfile.TemporaryDirectory() as out:
        good &= show("impactkit demo", *cost(["demo", f"{out}/demo"]))
        for title, file in (("two counties", "study.toml"), ("national", "national.toml")):
            if not data.is_dir():
                print(f"| evaluate, {title} | skipped: there is no data at {data.name} | |")
                continue
            study = HERE / "docs" / "tutorials" / "two-counties" / file
            command = ["evaluate", str(study), "--data", str(data), "-o", f"{out}/{file}"]
            good &= show(f"evaluate, {title}", *cost(command))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
