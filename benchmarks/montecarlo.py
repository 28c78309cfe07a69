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

from impactkit.estimators import att_gt, event_study, imputation, wild_cluster_bootstrap
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


def imputed(frame: pl.DataFrame, **options) -> Estimate:
    return imputation(frame, **NAMES, **options).aggregate("simple").overall


def mean_of(panel: pl.DataFrame, vcov: str) -> Estimate | None:
    return event_study(panel, **NAMES, vcov=vcov).overall


def wild(panel: pl.DataFrame, seed: int) -> bool | None:
    p = wild_cluster_bootstrap(panel, **NAMES, draws=999, seed=seed).estimate.p_value
    return None if p is None else p >= 0.05


def randomised(assignment: str, statistic: Callable[[pl.DataFrame], Estimate] = att) -> Method:
    """Return the test of 19 assignments, whose size is 5 % exactly where the assignment is right.

    It holds the truth when it does not reject it: its interval is made so.
    """

    def test(panel: pl.DataFrame, seed: int) -> bool:
        made = randomisation_inference(
            panel, statistic, **NAMED, assignment=assignment, draws=19, seed=seed
        )
        p = made.estimate.p_value
        assert p is not None
        return p > 0.05

    return test


METHODS: dict[str, Method] = {
    "att_gt, analytic": lambda panel, _: holds(att(panel)),
    "att_gt, CR2": lambda panel, _: holds(att(panel, small_sample="cr2")),
    "imputation": lambda panel, _: holds(imputed(panel)),
    "imputation, CR2": lambda panel, _: holds(imputed(panel, small_sample="cr2")),
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


COUNTIES: tuple[tuple[str, float, dict[str, object]], ...] = (
    ("240 schools, 24 partnerships, nothing planted", 1.0, {"n_schools": 240}),
    ("400 schools, 40 partnerships, effect of 2", 0.5, {"n_schools": 400, "effect": 2.0}),
)
"""Title, share of the simulations that are made of it, and settings."""


def authority(options: argparse.Namespace) -> None:
    """Print coverage and the size of the pre-test on the synthetic authority."""
    print("| county | without correction | CR2 | pre-test, chi2, rejects | F, rejects |")
    print("|---|---:|---:|---:|---:|")
    for title, share, settings in COUNTIES[options.first_row :]:
        seeds = range(round(options.simulations * share))
        found = each(partial(county_once, settings), seeds, options.processes)
        cells = []
        for name in ("none", "cr2", "chi2", "F"):
            given = [f[name] for f in found if f[name] is not None]
            rate = np.mean(given) if name in ("none", "cr2") else np.mean(np.array(given) < 0.05)
            cells.append(f"{within(float(rate), len(given))} of {len(given):,}")
        print(f"| {title} | " + " | ".join(cells) + " |", flush=True)


FEW = {"treated": 4, "others": 36}
UNLIKE: dict[str, dict[str, object]] = {
    "clusters above the unit": {},
    "weighted by pupils": {"weights": "w"},
    "gaps at random": {"missing": 1 / 7},
    "gaps by level": {"missing": 1 / 7, "gaps": "level"},
    "8 treated": {"treated": 8, "others": 72},
    "4 treated": FEW,
    "8 treated, weighted, gaps at random": {
        "treated": 8, "others": 72, "weights": "w", "missing": 1 / 7,
    },
    "4 treated, weighted, gaps at random": {**FEW, "weights": "w", "missing": 1 / 7},
}  # fmt: skip
PACKAGES = ("csdid", "diff-diff", "moderndid")
Found = list[float | None]


def ours(panel: pl.DataFrame, weights: str | None) -> dict[str, Found]:
    """Return estimate, low and high by method."""
    found = {
        "att_gt": att(panel, weights=weights),
        "att_gt, CR2": att(panel, weights=weights, small_sample="cr2"),
        "pairs, CR2": att(panel, weights=weights, small_sample="cr2", gaps="pairs"),
        "imputation": imputed(panel, weights=weights),
        "imputation, CR2": imputed(panel, weights=weights, small_sample="cr2"),
    }
    return {name: [e.value, e.ci_low, e.ci_high] for name, e in found.items()}


def theirs(folder: str, package: str, weights: str | None) -> list[Found]:
    """Return estimate, low and high of each panel in a folder, by another package.

    Raises
    ------
    RuntimeError
        When the package stops.
    """
    done = subprocess.run(
        [
            os.environ["IMPACTKIT_PEERS_PYTHON"],
            str(Path(__file__).with_name("montecarlo_peers.py")),
            package,
            folder,
            weights or "",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith("FOUND")]
    if not lines:
        raise RuntimeError((done.stderr.strip().splitlines() or ["no output"])[-1])
    answers: list[Found] = json.loads(lines[-1].removeprefix("FOUND"))
    return answers


def coverage(found: list[Found]) -> str:
    """Return how often intervals held the truth, zero."""
    return told(
        [None if low is None or high is None else low <= 0 <= high for _, low, high in found]
    )


def accuracy(found: list[Found]) -> str:
    """Return mean and root mean square of the estimates of zero."""
    values = np.array([value for value, _, _ in found if value is not None])
    return f"{values.mean():+.3f}; {np.sqrt((values**2).mean()):.3f}"


def peers(options: argparse.Namespace) -> None:
    """Print coverage, and mean and RMSE, beside other packages' on the same panels."""
    rows: dict[str, dict[str, list[Found]]] = {}
    tests: dict[str, str] = {}
    for row, (name, shape) in list(enumerate(UNLIKE.items()))[options.first_row :]:
        design = {"treated": 24, "others": 216, **shape}
        weights = design.pop("weights", None)
        test = randomised("clusters", partial(att, weights=weights, gaps="pairs"))
        found: dict[str, list[Found]] = {}
        held: list[bool | None] = []
        with tempfile.TemporaryDirectory() as folder:
            for k in range(options.simulations):
                panel = partnerships(np.random.default_rng((100 + row, k)), **design)
                columns = panel.with_columns(pl.col("cohort").fill_null(0)).to_dict(as_series=False)
                np.savez(Path(folder) / f"{k}.npz", **columns)
                for method, answer in ours(panel, weights).items():
                    found.setdefault(method, []).append(answer)
                if k < options.randomised:
                    held.append(test(panel, k))
            for package in PACKAGES:
                found[package] = theirs(folder, package, weights)
        rows[name], tests[name] = found, told(held)
        print(f"{name}: done", file=sys.stderr, flush=True)
    methods = list(next(iter(rows.values())))
    print(f"| coverage | {' | '.join(methods)} | pairs, randomised |")
    print("|---|" + "---:|" * (len(methods) + 1))
    for name, found in rows.items():
        print(f"| {name} | {' | '.join(map(coverage, found.values()))} | {tests[name]} |")
    shown = [method for method in methods if method not in ("att_gt, CR2", "imputation, CR2")]
    print(f"\n| mean; RMSE | {' | '.join(shown)} |")
    print("|---|" + "---:|" * len(shown))
    for name, found in rows.items():
        print(f"| {name} | {' | '.join(accuracy(found[method]) for method in shown)} |")


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
