"""Balance: which schools an unbalanced panel keeps, and what each choice costs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import polars as pl

from impactkit.metrics import Panel
from impactkit.panel.ledger import Ledger
from impactkit.results import Column, Table
from impactkit.types import Period

__all__ = ["Balance", "balance_costs", "restrict", "years_before", "years_from"]

Balance = Literal["none", "complete", "window"]


def years_before() -> pl.Expr:
    """Count, on each row, the years in which its school has a value before it is exposed."""
    return (pl.col("year") < pl.col("cohort")).sum().over("school_key")


def years_from() -> pl.Expr:
    """Count, on each row, the years in which its school has a value once it is exposed."""
    return (pl.col("year") >= pl.col("cohort")).sum().over("school_key")


def restrict(
    ledger: Ledger, years: Sequence[int], balance: Balance, min_before: int, min_after: int
) -> None:
    """Set aside the schools that `balance` asks to leave out.

    `ledger.kept` has `school_key`, `year` and `cohort`, one row a school and year; `years` are the
    years of the panel, in order. A window is asked only of schools exposed by the last of them.
    """
    if balance == "complete":
        ledger.set_aside(pl.len().over("school_key") < len(years), "incomplete_years")
    if balance == "window" and years:
        exposed_at = pl.sum_horizontal(pl.lit(year) < pl.col("cohort") for year in years)
        at = pl.sum_horizontal(pl.lit(year) < pl.col("year") for year in years)
        inside = at.is_between(exposed_at - min_before, exposed_at + min_after - 1)
        lacking = inside.sum().over("school_key") < min_before + min_after
        ledger.set_aside((pl.col("cohort") <= years[-1]) & lacking, "incomplete_window")


def balance_costs(panel: Panel, *, min_before: int = 2, min_after: int = 2) -> Table:
    """Say how many schools, treated schools and school-years each choice of balance would keep.

    Give it a panel built with ``balance="none"``. Beside the choices of `build_panel` it shows what
    ``complete`` keeps when the year that costs most schools is left out of the window (2015 in the
    workforce files has primary schools only).

    Examples
    --------
    >>> frame = pl.DataFrame({"school_key": ["a", "a", "b"], "year": [2014, 2015, 2014],
    ...     "value": 1.0, "cohort": [2015, 2015, None]})
    >>> for row in balance_costs(Panel(frame=frame, measure="ratio")).rows:
    ...     print(row)
    ('none: every school and year', 2, 1, 1, 3)
    ('window: treated schools with each of 2 years before and 2 from joining', 1, 0, 0, 1)
    ('complete: schools with every year', 1, 1, 1, 2)
    ('complete, 2014/15 left out: schools with every other year', 2, 0, 0, 2)
    """
    frame = panel.frame.select("school_key", "year", "cohort")
    window = (
        f"window: treated schools with each of {min_before} years before and {min_after} from "
        "joining"
    )
    rows = [
        _cost("none: every school and year", frame, "none"),
        _cost(window, frame, "window", min_before, min_after),
        _cost("complete: schools with every year", frame, "complete"),
    ]
    costly = _costliest_year(frame)
    if costly is not None:
        name = f"complete, {Period(costly).label} left out: schools with every other year"
        rows.append(_cost(name, frame.filter(pl.col("year") != costly), "complete"))
    return Table(
        id=f"balance_{panel.measure}",
        title="What each choice of balance keeps",
        columns=(
            Column(name="choice", label="Choice", kind="dimension"),
            Column(name="schools", label="Schools", kind="count", of="schools"),
            Column(
                name="treated",
                label="Treated by the last year",
                kind="count",
                of="schools",
            ),
            Column(
                name="treated_with_both",
                label="Treated, with a year before and a year from joining",
                kind="count",
                of="schools",
            ),
            Column(name="school_years", label="School-years", kind="count", of="events"),
        ),
        rows=tuple(rows),
    )


def _cost(
    name: str, frame: pl.DataFrame, balance: Balance, min_before: int = 0, min_after: int = 0
) -> tuple[str, int, int, int, int]:
    ledger = Ledger(frame)
    years = frame["year"].unique().sort().to_list()
    restrict(ledger, years, balance, min_before, min_after)
    kept = ledger.kept
    last = years[-1] if years else 0
    treated = kept.filter(pl.col("cohort") <= last)
    both = treated.filter((years_before() > 0) & (years_from() > 0))
    return (
        name,
        kept["school_key"].n_unique(),
        treated["school_key"].n_unique(),
        both["school_key"].n_unique(),
        kept.height,
    )


def _costliest_year(frame: pl.DataFrame) -> int | None:
    """Return the year whose absence alone makes most schools incomplete; None if there is none."""
    n_years = frame["year"].n_unique()
    nearly = frame.filter(pl.len().over("school_key") == n_years - 1)
    if nearly.is_empty():
        return None
    present = nearly.group_by("year").agg(n=pl.len())
    lacking = frame.select("year").unique().join(present, on="year", how="left")
    return int(lacking.fill_null(0).sort("n", "year")["year"][0])
