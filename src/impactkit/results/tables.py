"""What a metric shows beside its estimates: tables, charts and sentences, all of it data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Literal

import attrs

if TYPE_CHECKING:
    import polars as pl

ColumnKind = Literal["dimension", "count", "share", "number", "text"]
Cell = str | int | float | bool | None


@attrs.frozen(kw_only=True)
class Column:
    """One column of a `Table`, and what disclosure control and the reader need to know of it.

    `kind` is ``dimension`` (what the row is about), ``count``, ``share`` (of people; given by
    `numerator` and `denominator`, names of count columns in the same table), ``number`` (estimates,
    means) or ``text``. `of` says what a count counts: ``people`` are protected, ``schools``,
    ``partnerships`` and ``events`` are public facts. A ``number`` that rests on few people names
    their count column in `denominator`.
    """

    name: str
    label: str = ""
    kind: ColumnKind = "number"
    of: Literal["", "people", "schools", "partnerships", "events"] = ""
    numerator: str = ""
    denominator: str = ""
    unit: str = ""
    digits: int | None = None


def _rows(rows: Iterable[Iterable[Cell]]) -> tuple[tuple[Cell, ...], ...]:
    return tuple(tuple(row) for row in rows)


def _sums(
    sums: Iterable[tuple[str, Iterable[str]]],
) -> tuple[tuple[str, tuple[str, ...]], ...]:
    return tuple((total, tuple(parts)) for total, parts in sums)


@attrs.frozen(kw_only=True)
class Table:
    """A small table for people to read: in the report, in the workbook, behind a chart.

    `totals` maps a dimension to the value that stands for all the others together (``{"level":
    "all"}``), so that disclosure control knows the margins. `sums` says which count columns add up:
    ``(("in_post", ("stayed", "left")),)``. `marks` gives the symbol shown in place of a withheld
    cell, by (row, column name).
    """

    id: str
    title: str
    columns: tuple[Column, ...] = attrs.field(converter=tuple[Column, ...])
    rows: tuple[tuple[Cell, ...], ...] = attrs.field(converter=_rows)
    totals: Mapping[str, str] = attrs.field(factory=dict)
    sums: tuple[tuple[str, tuple[str, ...]], ...] = attrs.field(default=(), converter=_sums)
    note: str = ""
    source: str = ""
    published: bool = False
    marks: Mapping[tuple[int, str], str] = attrs.field(factory=dict)

    def __attrs_post_init__(self) -> None:
        width = len(self.columns)
        names = [column.name for column in self.columns]
        if len(set(names)) < width:
            raise ValueError(f"table {self.id}: two columns have one name, among {names}")
        for i, row in enumerate(self.rows):
            if len(row) != width:
                raise ValueError(f"table {self.id}: row {i} has {len(row)} cells, not {width}")

    def to_frame(self) -> pl.DataFrame:
        """Return the rows as a polars frame; withheld cells are null."""
        import polars as pl

        names = [column.name for column in self.columns]
        return pl.DataFrame(
            [dict(zip(names, row, strict=True)) for row in self.rows],
            schema=names if not self.rows else None,
            infer_schema_length=None,
        )


@attrs.frozen(kw_only=True)
class Chart:
    """A picture of a table or of a metric's estimates, as data: core draws it, after disclosure.

    `kind` is one of ``event_study``, ``line``, ``bar``, ``interval`` (points with intervals),
    ``step``, ``scatter``, ``waterfall`` (`x`: steps; `series` ``total``: those that stand on zero),
    ``stacked`` (`x`: bars, `series`: their parts), ``heatmap`` (`x`: columns, `series`: rows) and
    ``flow`` (from `x` to `series`). Where one of the last three has no `series`, or a heatmap no
    `x`, the columns stand for it that add up to `y` by the table's `sums` (as bars, in per cent of
    it); without `y`, all that hold numbers. `data` is the id of a table in the same result, or
    ``estimates``. `where` keeps the estimates whose fields, or the rows whose cells, equal the
    given values. `alt` says in words what the chart shows; core writes one when it is empty.
    """

    id: str
    kind: Literal[
        "event_study",
        "line",
        "bar",
        "interval",
        "step",
        "scatter",
        "waterfall",
        "stacked",
        "heatmap",
        "flow",
    ]
    title: str
    data: str = "estimates"
    x: str = ""
    y: str = ""
    low: str = ""
    high: str = ""
    series: str = ""
    where: Mapping[str, str] = attrs.field(factory=dict)
    x_title: str = ""
    y_title: str = ""
    reference: float | None = None
    alt: str = ""


@attrs.frozen
class Note:
    """A sentence from a metric or a section. Numbers go in `values`, never in the text itself.

    ``Note("{n} of {m} heads stayed", values={"n": 14, "m": 20}, of="people")`` lets disclosure
    control see the counts; digits typed into the text of a plugin are withheld when they could be
    a small count of people.
    """

    text: str
    values: Mapping[str, float | int | str] = attrs.field(factory=dict, kw_only=True)
    of: Literal["", "people", "schools", "partnerships", "events"] = attrs.field(
        default="", kw_only=True
    )

    def __str__(self) -> str:
        return self.text.format_map(dict(self.values)) if self.values else self.text
