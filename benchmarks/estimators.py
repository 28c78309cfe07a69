"""What the estimators cost, in CPU seconds, in times the floor, and in peak memory.

    python -m benchmarks.estimators [--units 200000] [--peers] [--growth growth.svg]

The floor is polars reading three columns of the panel from parquet and grouping them once by cohort
and period. Each job has a process of its own (`benchmarks.child` says what is measured). With
--peers the same jobs are given to other packages, in the Python that IMPACTKIT_PEERS_PYTHON names;
one that takes more than --seconds or --gigabytes is stopped, and said to be. The estimate of each
job, at event time 0 or over event times, is printed, so that one can see that all did the same.

This process imports nothing large: a child's peak memory begins at that of its parent.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.child import MARK
from benchmarks.picture import growth_picture

GOALS = {
    "att_gt": "7x",
    "att_gt, 999 draws": "10x",
    "TWFE event study": "2x",
    "Sun-Abraham": "4x",
    "imputation": "6x",
    "two-stage": "6x",
    "wild bootstrap": "0.3 s",
}
PEERS = {
    "att_gt": ("csdid", "diff-diff", "moderndid"),
    "att_gt, 999 draws": ("csdid", "diff-diff", "moderndid"),
    "TWFE event study": ("pyfixest", "linearmodels"),
    "Sun-Abraham": ("pyfixest", "diff-diff"),
    "imputation": ("diff-diff",),
    "two-stage": ("diff-diff",),
    "wild bootstrap": ("pyfixest",),
}
SMALL, GROWTH = 500, (1_000, 10_000, 100_000, 1_000_000)
HERE = Path(__file__).parent


def measure(command: Sequence[str], seconds: float, gigabytes: float) -> dict[str, object] | str:
    """Run a job in a process of its own; return what it cost, or why there is no telling."""
    space = int(gigabytes * 2**30)
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            timeout=seconds,
            cwd=HERE.parent,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_DATA, (space, space)),
        )
    except subprocess.TimeoutExpired:
        return f"stopped after {seconds:.0f} s"
    for line in done.stdout.splitlines():
        if line.startswith(MARK):
            return json.loads(line.removeprefix(MARK))
    last = (done.stderr.strip().splitlines() or ["no output"])[-1]
    memory = "MemoryError" in done.stderr or "allocate" in done.stderr or done.returncode < 0
    return f"needs more than {gigabytes:g} GB" if memory else f"failed: {last[:80]}"


def panel(folder: Path, n_units: int) -> str:
    """Write the panels of so many units; return their folder."""
    made = folder / str(n_units)
    made.mkdir()
    subprocess.run(
        [sys.executable, "-m", "benchmarks.panel", made, str(n_units)], check=True, cwd=HERE.parent
    )
    return str(made)


def row(job: str, package: str, cost: dict[str, object] | str, floor: float) -> str:
    """Return a line of the table."""
    goal = GOALS.get(job, "") if package == "impactkit" else ""
    if isinstance(cost, str):
        return f"| {job} | {package} | {cost} | | | {goal} | |"
    value, error = cost["found"]
    what = f"{value:.7f}" + ("" if error is None else f" ({error:.7f})")
    ratio = f"{cost['cpu'] / floor:,.1f}x"
    return (
        f"| {job} | {package} | {cost['cpu']:.3f} | {ratio} | {cost['peak'] / 1e6:,.0f} | {goal} "
        f"| {what} |"
    )


def machine() -> str:
    """Describe the machine: processor, cores, memory, system, versions that matter."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    names = [
        line.split(":", 1)[1].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ] or [platform.processor()]
    return (
        f"{names[0]}, {os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()}, "
        f"Python {platform.python_version()}"
    )


def ours(job: str, folders: Sequence[str], options: argparse.Namespace) -> dict | str:
    command = [sys.executable, "-m", "benchmarks.jobs", job, *folders]
    return measure(command, options.seconds, options.gigabytes)


def theirs(package: str, job: str, folders: Sequence[str], options: argparse.Namespace):
    python = os.environ["IMPACTKIT_PEERS_PYTHON"]
    command = [python, str(HERE / "peer_jobs.py"), package, job, *folders]
    return measure(command, options.seconds, options.gigabytes)


def table(folder: Path, small: str, options: argparse.Namespace) -> None:
    """Print the table of every job, ours and with --peers theirs."""
    folders = panel(folder, options.units), small
    base = ours("floor", folders, options)
    assert isinstance(base, dict), base
    print(f"\n{options.units:,} units x 10 years, 6 cohorts; {machine()}\n")
    print("| job | package | CPU s | times the floor | peak MB | goal | estimate (std. error) |")
    print("|---|---|---:|---:|---:|---|---|")
    print(row("floor", "polars", base, base["cpu"]), flush=True)
    for job in GOALS:
        print(row(job, "impactkit", ours(job, folders, options), base["cpu"]), flush=True)
        for package in PEERS[job] if options.peers else ():
            print(
                row(job, package, theirs(package, job, folders, options), base["cpu"]), flush=True
            )
    print(
        "\nThe wild bootstrap's second figure is its p-value. Jobs under a second: least of five."
    )


def growth(folder: Path, small: str, options: argparse.Namespace) -> None:
    """Print CPU and memory from a thousand units to a million, and write them as a picture."""
    costs: dict[str, list[tuple[int, float]]] = {}
    print(f"\n{machine()}\n\n| units | job | CPU s | times the floor | peak MB |")
    print("|---:|---|---:|---:|---:|")
    for n in GROWTH:
        folders = panel(folder, n), small
        base = 0.0
        for job in ("floor", *GOALS):
            cost = ours(job, folders, options)
            assert isinstance(cost, dict), cost
            base = base or cost["cpu"]
            costs.setdefault(job, []).append((n, cost["cpu"]))
            print(
                f"| {n:,} | {job} | {cost['cpu']:.3f} | {cost['cpu'] / base:,.1f}x "
                f"| {cost['peak'] / 1e6:,.0f} |",
                flush=True,
            )
    options.growth.write_text(growth_picture(costs), encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.estimators")
    parser.add_argument("--units", type=int, default=200_000)
    parser.add_argument("--peers", action="store_true")
    parser.add_argument("--growth", type=Path, help="measure 1k to 1M units instead; write an SVG")
    parser.add_argument("--seconds", type=float, default=600, help="stop a job after so many")
    parser.add_argument("--gigabytes", type=float, default=12, help="memory a job may take")
    options = parser.parse_args()
    if options.peers and not os.environ.get("IMPACTKIT_PEERS_PYTHON"):
        parser.error("--peers: IMPACTKIT_PEERS_PYTHON does not name a Python that has the peers")
    with tempfile.TemporaryDirectory() as name:
        small = panel(Path(name), SMALL)
        (growth if options.growth else table)(Path(name), small, options)
    return 0


if __name__ == "__main__":
    sys.exit(main())
