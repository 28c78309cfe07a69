"""What plugins hand over: frozen descriptions of tables, metrics, readers and the rest.

A plugin declares; core computes. Code appears here as a callable or as ``"module:attribute"``,
which is imported when it is first needed, so that listing a plugin costs nothing.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import attrs

from impactkit.errors import Problem
from impactkit.results import Chart, Note, Table

if TYPE_CHECKING:
    import polars as pl

Code = Callable[..., Any] | str
"""A callable, or ``"package.module:attribute"``."""

DIRECTIONS = ("higher", "lower", "none")
DTYPES = ("str", "int", "float", "date", "bool", "list")


def load_code(code: Code) -> Callable[..., Any]:
    """Return the callable that `code` names, importing its module if need be.

    Examples
    --------
    >>> load_code("math:sqrt")(9.0)
    3.0
    """
    if callable(code):
        return code
    module, _, attribute = code.partition(":")
    if not attribute:
        raise ValueError(f"{code!r} does not name code; write 'package.module:attribute'")
    found = getattr(importlib.import_module(module), attribute)
    if not callable(found):
        raise TypeError(f"{code!r} is not callable")
    return found  # type: ignore[no-any-return]


@attrs.frozen(kw_only=True)
class ColumnSpec:
    """One column of a table: name, type, unit, and what values it may hold.

    `dtype` is one of ``str int float date bool list`` (a list of text, written ``a; b`` in a flat
    file). `values` closes an enumeration; case and surrounding space are forgiven when reading.
    `unit` is words for people: ``percent``, ``days``, ``GBP``.
    """

    name: str
    dtype: Literal["str", "int", "float", "date", "bool", "list"] = "str"
    required: bool = True
    nullable: bool = False
    values: tuple[str, ...] = attrs.field(default=(), converter=tuple[str, ...])
    low: float | None = None
    high: float | None = None
    pattern: str = ""
    unit: str = ""
    description: str = ""
    example: str = ""
    personal: bool = False


@attrs.frozen(kw_only=True)
class TableSpec:
    """A table: its columns, its key, and checks over whole rows.

    `checks` are callables (or names of them) ``(frame, spec) -> Iterable[Problem]`` on a frame that
    has already passed structure. `register` marks a user's own register: any fault in it is an
    error, whereas bad rows of an official extract are set aside and counted. A spec whose `extends`
    names a core table adds optional columns named ``namespace.column``; it can loosen nothing.
    """

    name: str
    title: str = ""
    columns: tuple[ColumnSpec, ...] = attrs.field(converter=tuple[ColumnSpec, ...])
    key: tuple[str, ...] = attrs.field(default=(), converter=tuple[str, ...])
    checks: tuple[Code, ...] = attrs.field(default=(), converter=tuple[Code, ...])
    description: str = ""
    supplied_by: str = "the local authority, trust or consortium"
    register: bool = True
    extends: str = ""

    def column(self, name: str) -> ColumnSpec:
        """Return the column called `name`; KeyError when there is none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)


def _columns_by_table(needs: Mapping[str, Iterable[str]]) -> dict[str, tuple[str, ...]]:
    for table, columns in needs.items():
        if isinstance(columns, str):  # would be taken letter by letter
            raise TypeError(f"needs of {table}: write [{columns!r}], a list, not {columns!r}")
    return {table: tuple(columns) for table, columns in needs.items()}


@attrs.frozen(kw_only=True)
class Needs:
    """What a metric must have to run: columns by table, and measures.

    `optional` columns are handed over when they are there.
    """

    tables: Mapping[str, tuple[str, ...]] = attrs.field(factory=dict, converter=_columns_by_table)
    optional: Mapping[str, tuple[str, ...]] = attrs.field(factory=dict, converter=_columns_by_table)
    measures: tuple[str, ...] = attrs.field(default=(), converter=tuple[str, ...])
    panel: bool = False


@attrs.frozen(kw_only=True)
class Card:
    """What a reader must know of a metric: definition, formula, source and caveats.

    `founding` names the founding claim the metric tests (``M05``); `ours` is true where the
    definition is this project's own proposal and not an official one.
    """

    definition: str
    formula: str = ""
    source: str = ""
    caveats: tuple[str, ...] = attrs.field(default=(), converter=tuple[str, ...])
    founding: str = ""
    ours: bool = False


def _is_id(_: Any, attribute: attrs.Attribute[str], given: str) -> None:
    if not isinstance(given, str) or not re.fullmatch(r"[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*", given):
        rule = "write LA.NAME, small letters, digits and _, as in 'kent.late_arrivals'"
        raise ValueError(f"{attribute.name}={given!r}: {rule}")


def _is_direction(_: Any, attribute: attrs.Attribute[str], given: str) -> None:
    if given not in DIRECTIONS:
        rule = "write 'higher' or 'lower', whichever is better, or 'none'"
        raise ValueError(f"{attribute.name}={given!r}: {rule}")


@attrs.frozen(kw_only=True)
class Metric:
    """A metric, in one of two shapes.

    ``outcome``: `compute(context)` returns one frame (`school_key`, `year`, `value`, and optionally
    `weight`); core applies the study's design to it. ``estimating``: `compute(context)` returns a
    `MetricResult`, or an iterable of `Estimate`, `Table`, `Chart`, `Note` and `Diagnostic`.
    `params` is an attrs class whose fields the study file may set under ``[metrics."id"]``.
    """

    id: str = attrs.field(validator=_is_id)
    title: str
    question: str = ""
    unit: str = ""
    direction: str = attrs.field(default="none", validator=_is_direction)
    shape: Literal["outcome", "estimating"] = "estimating"
    needs: Needs = attrs.field(factory=Needs)
    params: type | None = None
    card: Card | None = None
    compute: Code = attrs.field(eq=False)
    version: str = "1"
    charts: tuple[Chart, ...] = attrs.field(default=(), converter=tuple[Chart, ...])

    @property
    def plugin(self) -> str:
        """The first half of the id."""
        return self.id.partition(".")[0]

    def __call__(self, context: Any) -> Any:
        """Run the metric on a context, as a notebook would."""
        return load_code(self.compute)(context)


@attrs.frozen(kw_only=True)
class Recognised:
    """What a reader says of a file after a look at its head: what it is, and for which year.

    `columns_read` are the columns of the file that it takes, `unread` those that it leaves.
    """

    confidence: float
    what: str
    year: int | None = None
    notes: tuple[str, ...] = attrs.field(default=(), converter=tuple[str, ...])
    columns_read: tuple[str, ...] = attrs.field(default=(), converter=tuple[str, ...])
    unread: tuple[str, ...] = attrs.field(default=(), converter=tuple[str, ...])


@attrs.frozen(kw_only=True, eq=False)
class ReadResult:
    """What a reader made of one file.

    `frame` has the columns of the reader's table; `set_aside` the rows that are none of its
    business or could not be used (columns `row`, `reason`, `detail` and, privately, `values`);
    `national` the published aggregate figures; `problems` what was wrong. `n_rejected` are the rows
    set aside that should have been usable: they count towards `max_rejected` of the study.
    """

    frame: pl.DataFrame
    table: str
    year: int | None = None
    set_aside: pl.DataFrame | None = None
    national: pl.DataFrame | None = None
    problems: tuple[Problem, ...] = attrs.field(default=(), converter=tuple[Problem, ...])
    n_rows: int = 0
    n_rejected: int = 0


@attrs.frozen(kw_only=True)
class Reader:
    """A reader of one published form of file.

    ``recognise(path, head) -> Recognised | None`` looks at the header and first rows;
    ``read(path, options) -> ReadResult`` reads it all. `table` is the table it fills, `options` an
    attrs class for what a study file may say beside `path`. With `events` a file tells of events of
    many years, such as inspections, and several files may tell of the same ones.
    """

    id: str = attrs.field(validator=_is_id)
    title: str
    table: str
    recognise: Code = attrs.field(eq=False)
    read: Code = attrs.field(eq=False)
    options: type | None = None
    years: tuple[int, ...] = attrs.field(default=(), converter=tuple[int, ...])
    measures: tuple[str, ...] = attrs.field(default=(), converter=tuple[str, ...])
    source: str = ""
    met_real_file: bool = True
    notes: str = ""
    events: bool = False


@attrs.frozen(kw_only=True)
class Estimator:
    """An estimator that a study can name: ``fit(panel_frame, **options)`` -> a result.

    The result has `.estimates(metric=..., measure=..., unit=...)`, an iterable of `Estimate` of
    which the first is the headline, and `.to_frame()`. Where it has `.aggregate(kind)` too,
    `.estimates` also takes `kinds`; `.cells`, `.exclusions` and `.pretest()` are used when there.
    """

    id: str
    title: str
    fit: Code = attrs.field(eq=False)
    source: str = ""
    staggered: bool = True


@attrs.frozen(kw_only=True)
class DataCheck:
    """A check that the doctor runs before any estimate: ``check(context) -> Iterable[Problem]``."""

    id: str
    title: str
    check: Code = attrs.field(eq=False)
    needs: Needs = attrs.field(factory=Needs)


@attrs.frozen(kw_only=True)
class DisclosureProfile:
    """The rules of disclosure for one kind of release; a plugin's may only be stricter than core's.

    Counts of people from 1 up to and including `threshold` are protected, and shares or means that
    rest on fewer than `min_people`. `round_to` rounds released counts of people (1: not at all).
    `min_people` and a zero count of a sensitive kind are only for profiles that say so.
    """

    id: str
    title: str
    threshold: int = attrs.field(default=5, validator=attrs.validators.ge(1))
    min_people: int = attrs.field(default=6, validator=attrs.validators.ge(1))
    round_to: int = attrs.field(default=1, validator=attrs.validators.ge(1))
    extreme_shares_below: int = 11
    source: str = ""
    version: str = "1"


@attrs.frozen(kw_only=True)
class Section:
    """A section of the report: notes, tables and charts as data, drawn after disclosure control.

    `after` is the id of the section that it follows, or of a metric.
    """

    id: str
    title: str
    notes: tuple[Note, ...] = attrs.field(default=(), converter=tuple[Note, ...])
    tables: tuple[Table, ...] = attrs.field(default=(), converter=tuple[Table, ...])
    charts: tuple[Chart, ...] = attrs.field(default=(), converter=tuple[Chart, ...])
    after: str = ""


@attrs.frozen(kw_only=True)
class Source:
    """An engine beyond core's own, ``polars``: ``open(path, options)`` returns a table's rows.

    A study names it with ``engine = "scheme"``. `path` and `options` are as the study has them; the
    rows are a polars frame, lazy or not, or anything that speaks Arrow's C stream, as results of
    DuckDB and tables of PyArrow do. They are validated as a file of the user's own would be.
    """

    scheme: str = attrs.field(
        validator=[
            attrs.validators.matches_re(r"^[a-z][a-z0-9_]*$"),
            attrs.validators.not_(attrs.validators.in_(["polars"]), msg="`polars` is core's own"),
        ]
    )
    title: str
    open: Code = attrs.field(eq=False)


@attrs.frozen(kw_only=True, eq=False)
class Head:
    """The top of a file as text: what a reader's `recognise` looks at.

    `columns` is the header (trimmed, in order), `rows` up to fifty records, `n_columns` the number
    of fields in most of them.
    """

    path: Path
    columns: tuple[str, ...] = attrs.field(converter=tuple[str, ...])
    rows: tuple[tuple[str, ...], ...] = attrs.field(
        default=(), converter=tuple[tuple[str, ...], ...]
    )
    encoding: str = "utf-8"
    delimiter: str = ","
    kind: str = "csv"

    def has(self, *names: str) -> bool:
        """Tell whether every name is a column, whatever the case."""
        present = {column.casefold() for column in self.columns}
        return all(name.casefold() in present for name in names)


def problems_of(results: Iterable[ReadResult]) -> list[Problem]:
    """Collect the problems of several reads, in order."""
    return [problem for result in results for problem in result.problems]
