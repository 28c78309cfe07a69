"""Many faults in few words, and the rows that they cost."""

from __future__ import annotations

from collections.abc import Iterable

import attrs
import polars as pl

from impactkit.errors import Problem
from impactkit.tables.structure import ROW

SHOWN = 20
"""How many different values of one fault are shown one by one."""


def summarise(problems: Iterable[Problem]) -> list[Problem]:
    """Return one problem for each different fault, with the number of rows that have it.

    Of many different values only the first `SHOWN` of each kind are told one by one; the last of
    them counts the rest too.
    """
    groups: dict[tuple[str, str, str | None, str], list[Problem]] = {}
    for problem in problems:
        key = (problem.code, problem.column, problem.value, problem.rule)
        groups.setdefault(key, []).append(problem)
    kinds: dict[tuple[str, str], list[Problem]] = {}
    for same in groups.values():
        kind = kinds.setdefault((same[0].code, same[0].column), [])
        if len(kind) < SHOWN:
            kind.append(attrs.evolve(same[0], count=sum(p.count for p in same)))
        else:
            kind[-1] = attrs.evolve(kind[-1], count=kind[-1].count + len(same))
    summary = [problem for kind in kinds.values() for problem in kind]
    return sorted(summary, key=lambda problem: (problem.row is not None, problem.row or 0))


def reason(problem: Problem) -> str:
    """Return why a row was set aside, in words that hold no value."""
    return f"`{problem.column}`: {problem.rule}" if problem.column else problem.rule


def rejected_rows(problems: Iterable[Problem], raw: pl.DataFrame) -> pl.DataFrame:
    """Return one row for each row of the file that is set aside, with the first of its reasons.

    `values` holds the row as it was read, for the private part of the output only.
    """
    first: dict[int, Problem] = {}
    for problem in problems:
        if problem.row is not None:
            first.setdefault(problem.row, problem)
    texts = raw.filter(pl.col(ROW).is_in(list(first))).select(
        ROW, values=pl.struct(pl.all()).struct.json_encode()
    )
    texts = texts.unique(ROW, keep="first", maintain_order=True)
    table = pl.DataFrame(
        [(row, reason(p), p.remedy, p.value) for row, p in sorted(first.items())],
        schema={"row": pl.Int64, "reason": pl.String, "detail": pl.String, "value": pl.String},
        orient="row",
    )
    joined = table.join(texts.rename({ROW: "row"}), on="row", how="left")
    return joined.select("row", "reason", "detail", pl.coalesce("values", "value").alias("values"))
