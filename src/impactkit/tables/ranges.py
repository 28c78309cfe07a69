"""Whether a figure can be true: the range of its measure."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from impactkit.errors import Problem
from impactkit.types import Measure


def outside(measures: Iterable[Measure]) -> pl.Expr:
    """Return an expression that is true where `value` cannot be one of its `measure`.

    A measure that is not among `measures`, or has no limit, excludes nothing.

    Examples
    --------
    >>> ratio = Measure(id="ratio", label="Pupils a teacher", unit="ratio", low=0)
    >>> rows = [("ratio", -1.0), ("ratio", 20.9), ("other", -1.0)]
    >>> figures = pl.DataFrame(rows, schema=["measure", "value"], orient="row")
    >>> figures.select(outside([ratio]).alias("outside")).to_series().to_list()
    [True, False, False]
    """
    limits = {measure.id: (measure.low, measure.high) for measure in measures}
    low, high = (
        pl.col("measure").replace_strict(
            {name: pair[end] for name, pair in limits.items()},
            default=None,
            return_dtype=pl.Float64,
        )
        for end in (0, 1)
    )
    return ((pl.col("value") < low) | (pl.col("value") > high)).fill_null(False)


def range_problems(frame: pl.DataFrame, measures: Iterable[Measure]) -> list[Problem]:
    """Return a problem for every row of outcomes whose value cannot be true."""
    known = {measure.id: measure for measure in measures}
    if not known or not {"measure", "value"} <= set(frame.columns):
        return []
    bad = frame.filter(outside(known.values())).select("source_row", "measure", "value")
    return [
        Problem(
            code="value.range",
            row=row,
            column="value",
            value=f"{value:g}",
            rule=f"{name} cannot have this value; expected {_limits(known[name])}",
            remedy="Is it in another unit, or a figure of another column?",
        )
        for row, name, value in bad.iter_rows()
    ]


def _limits(measure: Measure) -> str:
    if measure.low is None:
        return f"at most {measure.high:g}"
    return (
        f"{measure.low:g} or more"
        if measure.high is None
        else f"{measure.low:g} to {measure.high:g}"
    )
