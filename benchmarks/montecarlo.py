"""How often intervals at 95 % hold the truth, by simulation.

    python -m benchmarks.montecarlo few    [--simulations 1000] [--randomised 300]
    python -m benchmarks.montecarlo county [--simulations 2000]
    python -m benchmarks.montecarlo peers  [--simulations 300]

`few`: coverage by method, number and share of treated clusters. `county`: the synthetic authority,
with nothing planted and with an effect planted, and the test before treatment. `peers`: the same
panels given to other packages, in the Python that IMPACTKIT_PEERS_PYTHON names. Simulation k of a
row draws from the seed (row, k), so that any of them can be repeated. An interval that a method
refuses is counted apart, and not among those that hold or miss the truth.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from statistics import NormalDist

import numpy as np
import polars as pl
from benchmarks.montecarlo_panels import NAMES, partnerships

from impactkit.estimators import att_gt, event_study, wild_cluster_bootstrap
from impactkit.inference import randomisation_inference
from impactkit.results import Estimate

Method = Callable[[pl.DataFrame, int], "bool | None"]
NAMED = {name: NAMES[name] for name in ("unit", "cohort", "cluster")}


def holds(estimate: Estimate | None, truth: float = 0.0) -> bool | None:
    """Tell whether the interval holds the truth; None when there is none."""
    if estimate is None or estimate.ci_low is None or estimate.ci_high is None:
        return None
    return estimate.ci_low <= truth <= estimate.ci_high


def att(frame: pl.DataFrame, **options) -> Estimate:
    return att_gt(frame, **NAMES, **options).aggregate("simple").overall


def mean_of(panel: pl.DataFrame, vcov: str) -> Estimate | None:
    return event_study(panel, **NAMES, vcov=vcov).overall


def wild(panel: pl.DataFrame, seed: int) -> bool | None:
    p = wild_cluster_bootstrap(panel, **NAMES, draws=999, seed=seed).estimate.p_value
    return None if p is None else p >= 0.05


def randomised(assignment: str) -> Method:
    """Return the test of 19 assignments, whose size is 5 % exactly where the assignment is right.

    It holds the truth when it does not reject it: its interval is made so.
    """

    def test(panel: pl.DataFrame, seed: int) -> bool:
        made = randomisation_inference(
            panel, att, **NAMED, assignment=assignment, draws=19, seed=seed
        )
        p = made.estimate.p_value
        assert p is not None
        return p > 0.05

    return test


METHODS: dict[str, Method] = {
    "att_gt, analytic": lambda panel, _: holds(att(panel)),
    "att_gt, CR2": lambda panel, _: holds(att(panel, small_sample="cr2")),
    "TWFE, CRV1": lambda panel, _: holds(mean_of(panel, "CRV1")),
    "TWFE, CRV3": lambda panel, _: holds(mean_of(panel, "CRV3")),
    "TWFE, wild": wild,
    "att_gt, randomised": randomised("clusters"),
}
SHARES = {"a tenth": 9, "half": 1}
TREATED = (4, 8, 12, 40)


def within(share: float, n: int) -> str:
    """Return a share in percent with its Monte Carlo error, half a 95 % interval."""
    half = NormalDist().inv_cdf(0.975) * float(np.sqrt(share * (1 - share) / n))
    return f"{100 * share:.1f} ± {100 * half:.1f}"


def told(answers: list[bool | None]) -> str:
    """Return coverage in percent, and how many had no interval."""
    given = [a for a in answers if a is not None]
    if not given:
        return "no interval"
    none = len(answers) - len(given)
    return f"{100 * np.mean(given):.1f}" + (f" ({none} without)" if none else "")


def designs() -> list[tuple[str, dict[str, object]]]:
    """Return the rows of the table of few treated clusters."""
    alike = [
        (f"{n} | {name} of partnerships", {"treated": n, "others": n * odds})
        for name, odds in SHARES.items()
        for n in TREATED
    ]
    alone = [
        (f"{n} | beside {20 * n} lone schools", {"treated": n, "others": 20 * n, "alone": True})
        for n in TREATED
    ]
    differ = [
        (f"{n} | a tenth; effects differ", {"treated": n, "others": 9 * n, "spread": 0.75})
        for n in TREATED
    ]
    return [*alike, *alone, *differ]


def each(one: Callable, seeds: Iterable[int], processes: int) -> list:
    """Return what `one` gives for each seed, in order."""
    with ProcessPoolExecutor(processes) as pool:
        return list(pool.map(one, seeds, chunksize=5))


def few_once(row: int, randomised: int, k: int) -> dict[str, bool | None]:
    """Draw a panel and tell which methods' intervals hold the truth."""
    panel = partnerships(np.random.default_rng((row, k)), **designs()[row][1])
    return {
        method: test(panel, k)
        for method, test in METHODS.items()
        if not method.endswith("randomised") or k < randomised
    }


def few(options: argparse.Namespace) -> None:
    """Print coverage by number and share of treated clusters and by method."""
    print("| treated clusters | share, others | " + " | ".join(METHODS) + " |")
    print("|---:|---|" + "---:|" * len(METHODS))
    for row, (name, _) in list(enumerate(designs()))[options.first_row :]:
        once = partial(few_once, row, options.randomised)
        found = each(once, range(options.simulations), options.processes)
        cells = [told([f[method] for f in found if method in f]) for method in METHODS]
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


def county_panel(seed: int, **settings) -> tuple[pl.DataFrame, float]:
    """Return the attainment panel of a county whose schools stay as they are, and its truth."""
    from impactkit.lineage import build_lineage
    from impactkit.panel import build_panel
    from impactkit.synthetic import county

    made = county(
        seed=seed, selection="random", conversions=0.0, closures=0.0, merges=0,
        doubled_reports=0.0, **settings,
    )  # fmt: skip
    tables = made.tables
    panel = build_panel(
        tables["outcomes"],
        tables["memberships"],
        build_lineage(tables["school_links"], [tables["outcomes"]["urn"]]),
        measure="attainment",
        years=made.years,
        treated=pl.col("role").is_in(["client", "peer"]),
    )
    return panel.frame, made.truth.att("attainment")


def county_once(settings: dict[str, object], seed: int) -> dict[str, bool | float | None]:
    """Draw a county and estimate: do the intervals hold the truth, what do pre-tests say?"""
    panel, truth = county_panel(seed, **settings)
    names = {"unit": "school_key", "time": "year", "cohort": "cohort", "outcome": "value"}
    found: dict[str, bool | float | None] = {}
    for small_sample in ("none", "cr2"):
        fit = att_gt(panel, **names, cluster="cluster", small_sample=small_sample)
        found[small_sample] = holds(fit.aggregate("simple").overall, truth)
    for reference in ("chi2", "F"):
        found[reference] = fit.pretest(reference).p_value
    return found


def authority(options: argparse.Namespace) -> None:
    """Print coverage and the size of the pre-test on the synthetic authority."""
    print("| county | without correction | CR2 | pre-test, chi2, rejects | F, rejects |")
    print("|---|---:|---:|---:|---:|")
    for title, share, settings in (
        ("240 schools, 24 partnerships, nothing planted", 1.0, {"n_schools": 240}),
        ("400 schools, 40 partnerships, effect of 2", 0.5, {"n_schools": 400, "effect": 2.0}),
    ):
        seeds = range(round(options.simulations * share))
        found = each(partial(county_once, settings), seeds, options.processes)
        cells = []
        for name in ("none", "cr2", "chi2", "F"):
            given = [f[name] for f in found if f[name] is not None]
            rate = np.mean(given) if name in ("none", "cr2") else np.mean(np.array(given) < 0.05)
            cells.append(f"{within(float(rate), len(given))} of {len(given):,}")
        print(f"| {title} | " + " | ".join(cells) + " |", flush=True)


UNLIKE = {
    "24 partnerships of 240, all rows, no weights": {},
    "the same, weighted by pupils": {"weights": "w"},
    "the same, a seventh of rows missing": {"missing": 1 / 7},
    "the same, both": {"missing": 1 / 7, "weights": "w"},
    "8 partnerships of 80, both": {"treated": 8, "missing": 1 / 7, "weights": "w"},
}


def peers(options: argparse.Namespace) -> None:
    """Print coverage beside other packages' on the same panels, clusters above the unit."""
    python = os.environ["IMPACTKIT_PEERS_PYTHON"]
    script = str(Path(__file__).with_name("montecarlo_peers.py"))
    packages = ("csdid", "diff-diff", "moderndid")
    print("| panels | impactkit, analytic | impactkit, CR2 | " + " | ".join(packages) + " |")
    print("|---|---:|---:|" + "---:|" * len(packages))
    for row, (name, shape) in enumerate(UNLIKE.items()):
        design = {k: v for k, v in shape.items() if k != "weights"}
        design = {"treated": 24, "missing": 0.0, **design}
        design["others"] = 9 * design["treated"]
        weights = shape.get("weights")
        with tempfile.TemporaryDirectory() as folder:
            ours: dict[str, list[bool | None]] = {"none": [], "cr2": []}
            for k in range(options.simulations):
                panel = partnerships(np.random.default_rng((100 + row, k)), **design)
                columns = panel.with_columns(pl.col("cohort").fill_null(0)).to_dict(as_series=False)
                np.savez(Path(folder) / f"{k}.npz", **columns)
                for small_sample, answers in ours.items():
                    found = att(panel, weights=weights, small_sample=small_sample)
                    answers.append(holds(found))
            cells = [told(answers) for answers in ours.values()]
            for package in packages:
                done = subprocess.run(
                    [python, script, package, folder, weights or ""],
                    capture_output=True,
                    text=True,
                    check=False,
                )
                lines = [line for line in done.stdout.splitlines() if line.startswith("HOLDS")]
                error = (done.stderr.strip().splitlines() or ["no output"])[-1]
                cells.append(told(json.loads(lines[-1][5:])) if lines else f"failed: {error[:60]}")
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.montecarlo")
    parser.add_argument("what", choices=("few", "county", "peers"))
    parser.add_argument("--simulations", type=int)
    parser.add_argument("--randomised", type=int, default=300, help="of them, for randomisation")
    parser.add_argument("--first-row", type=int, default=0, help="of the table, to go on from")
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    default, run = {"few": (1_000, few), "county": (2_000, authority), "peers": (300, peers)}[
        options.what
    ]
    options.simulations = options.simulations or default
    print(f"{options.what}: {options.simulations:,} simulations\n")
    run(options)
    return 0


if __name__ == "__main__":
    sys.exit(main())
