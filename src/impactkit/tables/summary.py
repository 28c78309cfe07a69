"""Many faults in few words, and the rows that they cost."""

from __future__ import annotations

from collections.abc import Iterable

import attrs
import polars as pl

from impactkit.engine.header import ROW
from impactkit.errors import Problem
from impactkit.tables.coerce import as_text

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


REJECTED = {"row": pl.Int64(), "reason": pl.String(), "detail": pl.String(), "values": pl.String()}
"""Columns of rows that are set aside."""


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
    rows = raw.filter(pl.col(ROW).is_in(list(first))).unique(ROW, keep="first", maintain_order=True)
    texts = pl.DataFrame([as_text(column) for column in rows.get_columns()])
    held = pl.struct(pl.exclude(ROW)).struct.json_encode() if texts.width > 1 else pl.lit("{}")
    values = texts.select(row=rows[ROW], values=held)
    reasons = pl.DataFrame(
        [(row, reason(problem), problem.remedy) for row, problem in sorted(first.items())],
        schema={"row": pl.Int64, "reason": pl.String, "detail": pl.String},
        orient="row",
    )
    return reasons.join(values, on="row", how="left", maintain_order="left")
