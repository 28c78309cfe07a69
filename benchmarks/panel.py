"""The staggered panel that every benchmark runs on; the same seed gives the same rows."""

from __future__ import annotations

from pathlib import Path

import numpy as np

PERIODS = 10
COHORTS = (3, 4, 5, 6, 7, 8)
REGIONS = 50


def columns(n_units: int, seed: int = 1) -> dict[str, np.ndarray]:
    """Return columns of a balanced panel: six cohorts of a tenth each, the rest never treated (0).

    Units are in 50 regions. Untreated outcomes grow with the covariate x, which differs between
    cohorts; the effect grows by a tenth a period from 1.
    """
    rng = np.random.default_rng(seed)
    start = rng.choice([*COHORTS, 0], n_units, p=[0.1] * 6 + [0.4])
    x = rng.normal(size=n_units) + 0.2 * (start > 0)
    level = rng.normal(size=n_units)
    unit, time = np.repeat(np.arange(n_units), PERIODS), np.tile(np.arange(1, PERIODS + 1), n_units)
    cohort = start[unit]
    effect = np.where((cohort > 0) & (time >= cohort), 1 + 0.1 * (time - cohort), 0.0)
    y = level[unit] + 0.1 * time * (1 + x[unit]) + effect + rng.normal(size=unit.size)
    region = unit % REGIONS
    return {"unit": unit, "time": time, "cohort": cohort, "x": x[unit], "y": y, "region": region}


def regional(n_units: int, seed: int = 1) -> dict[str, np.ndarray]:
    """Return a panel in which whole regions are treated, half of them, all in period 6."""
    made = columns(n_units, seed)
    rng = np.random.default_rng(seed)
    shock = rng.normal(size=(REGIONS, PERIODS))
    treated = made["region"] % 2 == 0
    made["cohort"] = np.where(treated, 6, 0)
    made["y"] = made["y"] + shock[made["region"], made["time"] - 1]
    return made


def write(folder: Path, n_units: int) -> None:
    """Write ``panel`` and ``regional``, as parquet for us and as npz for peers without pyarrow.

    In the parquet files never treated is null, in the npz files 0, as each side wants it.
    """
    import polars as pl

    for name, made in (("panel", columns(n_units)), ("regional", regional(n_units))):
        np.savez(folder / f"{name}.npz", **made)
        null = pl.when(pl.col("cohort") == 0).then(None).otherwise("cohort")
        pl.DataFrame(made).with_columns(cohort=null).write_parquet(folder / f"{name}.parquet")


if __name__ == "__main__":
    import sys

    write(Path(sys.argv[1]), int(sys.argv[2]))
