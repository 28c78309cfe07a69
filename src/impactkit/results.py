"""What comes out: estimates, tables and notes of each metric, and the whole evaluation.

Everything here is plain data. An `Evaluation` can be saved, loaded, rendered again or shared
without the data it was made from, and everything in it has passed disclosure control.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import attrs

from impactkit.errors import Problem

if TYPE_CHECKING:
    import polars as pl

SCHEMA_VERSION = 1
"""Of ``evaluation.json``; raised when a field is removed or changes its meaning."""

EstimateStatus = Literal["ok", "not_estimable", "withheld"]
MetricStatus = Literal["ok", "failed", "skipped"]
ColumnKind = Literal["dimension", "count", "share", "number", "text"]

Cell = str | int | float | bool | None


@attrs.frozen(kw_only=True)
class Estimate:
    """One number with everything that is needed to judge it.

    `value`, `std_error` and the intervals are in `unit`. `ci_low` and `ci_high` are pointwise at
    `level`; `band_low` and `band_high` are simultaneous over the estimates of one family. Counts
    are of units that the estimate rests on; `n_clusters` of the clusters that the variance allows
    for, `n_treated_clusters` of those that were treated. Never treated is no cluster of anyone's:
    a school in no partnership is a cluster of its own.

    `term` places the estimate within its family: an event time, a cohort, a level. An estimate
    without an interval says why in `reason`.
    """

    metric: str = ""
    estimand: str = ""
    measure: str = ""
    subgroup: str = "all"
    term: str = ""
    value: float | None = None
    std_error: float | None = None
    ci_low: float | None = None
    ci_high: float | None = None
    band_low: float | None = None
    band_high: float | None = None
    level: float = 0.95
    p_value: float | None = None
    p_adjusted: float | None = None
    unit: str = ""
    n_schools: int | None = None
    n_partnerships: int | None = None
    n_comparison: int | None = None
    n_people: int | None = None
    n_clusters: int | None = None
    n_treated_clusters: int | None = None
    method: str = ""
    variance: str = ""
    grade: int | None = None
    planned: bool | None = None
    status: EstimateStatus = "ok"
    reason: str = ""
    warnings: tuple[str, ...] = attrs.field(default=(), converter=tuple[str, ...])

    def __str__(self) -> str:
        name = " ".join(p for p in (self.estimand or self.metric, self.measure, self.term) if p)
        if self.status != "ok":
            return f"{name}: {self.status.replace('_', ' ')} ({self.reason})"
        interval = (
            f" [{self.ci_low:.4g}, {self.ci_high:.4g}]"
            if self.ci_low is not None and self.ci_high is not None
            else f" (no interval: {self.reason})"
        )
        value = "none" if self.value is None else f"{self.value:.4g}"
        return f"{name}: {value}{interval} {self.unit}".rstrip()


def estimates_to_frame(estimates: Iterable[Estimate]) -> pl.DataFrame:
    """Return one row an estimate, columns in the order of the `Estimate` fields.

    Examples
    --------
    >>> estimates_to_frame([Estimate(metric="did.effect", value=0.5)]).shape
    (1, 28)
    """
    import polars as pl

    schema: dict[str, Any] = {}
    for field in attrs.fields(Estimate):
        kind = str(field.type)
        schema[field.name] = (
            pl.List(pl.String)
            if "tuple" in kind
            else pl.Float64
            if "float" in kind
            else pl.Int64
            if "int" in kind
            else pl.Boolean
            if "bool" in kind
            else pl.String
        )
    rows = [
        {k: list(v) if isinstance(v, tuple) else v for k, v in attrs.asdict(e).items()}
        for e in estimates
    ]
    return pl.DataFrame(rows, schema=schema)


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

    `kind` is one of ``event_study``, ``line``, ``bar``, ``interval`` (points with intervals) and
    ``step``. `data` is the id of a table in the same result, or ``estimates``. `where` keeps the
    estimates whose fields equal the given values. `alt` says in words what the chart shows; core
    writes one when it is empty.
    """

    id: str
    kind: Literal["event_study", "line", "bar", "interval", "step"]
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


@attrs.frozen(kw_only=True)
class Diagnostic:
    """A check that a metric made on itself: a pre-trend test, an overlap, a balance."""

    name: str
    value: float | int | str | None = None
    p_value: float | None = None
    passed: bool | None = None
    text: str = ""
    measure: str = ""


@attrs.frozen(kw_only=True)
class Exclusion:
    """Rows or schools set aside, counted, with the reason in words a head teacher would use."""

    reason: str
    text: str
    n_schools: int | None = None
    n_rows: int | None = None
    measure: str = ""
    stage: str = ""
    treated: int | None = None


@attrs.frozen(kw_only=True)
class MetricResult:
    """What one metric found, or why it could not."""

    metric: str
    title: str = ""
    question: str = ""
    status: MetricStatus = "ok"
    reason: str = ""
    unit: str = ""
    direction: str = "none"
    estimates: tuple[Estimate, ...] = attrs.field(default=(), converter=tuple[Estimate, ...])
    tables: tuple[Table, ...] = attrs.field(default=(), converter=tuple[Table, ...])
    charts: tuple[Chart, ...] = attrs.field(default=(), converter=tuple[Chart, ...])
    notes: tuple[Note, ...] = attrs.field(default=(), converter=tuple[Note, ...])
    diagnostics: tuple[Diagnostic, ...] = attrs.field(default=(), converter=tuple[Diagnostic, ...])
    exclusions: tuple[Exclusion, ...] = attrs.field(default=(), converter=tuple[Exclusion, ...])
    params: Mapping[str, Any] = attrs.field(factory=dict)
    card: Mapping[str, Any] = attrs.field(factory=dict)
    plugin: str = ""
    plugin_version: str = ""
    content_hash: str = ""
    local: bool = False
    cpu_seconds: float | None = attrs.field(default=None, eq=False)

    def to_frame(self) -> pl.DataFrame:
        """Return the estimates, one row each."""
        return estimates_to_frame(self.estimates)


@attrs.frozen(kw_only=True)
class SourceFile:
    """A file that was read: what it was taken for, its hash and how many rows were used."""

    path: str
    table: str
    reader: str
    sha256: str
    bytes: int
    year: int | None = None
    n_rows: int = 0
    n_used: int = 0
    set_aside: Mapping[str, int] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class Provenance:
    """What made the evaluation: versions, inputs and seed; no clock, no user and no machine."""

    impactkit: str
    python: str
    packages: Mapping[str, str] = attrs.field(factory=dict)
    plugins: tuple[Mapping[str, str], ...] = attrs.field(
        default=(), converter=tuple[Mapping[str, str], ...]
    )
    sources: tuple[SourceFile, ...] = attrs.field(default=(), converter=tuple[SourceFile, ...])
    study_sha256: str = ""
    seed: int = 0
    created: str | None = None


@attrs.frozen(kw_only=True)
class Withheld:
    """One line of the disclosure log, itself safe to publish: where and why, never what."""

    metric: str
    table: str
    cells: int
    reason: str


@attrs.frozen(kw_only=True)
class Disclosure:
    """What disclosure control did, under which profile, and what the audit said."""

    profile: str
    version: str = "1"
    threshold: int | None = None
    withheld: tuple[Withheld, ...] = attrs.field(default=(), converter=tuple[Withheld, ...])
    audit: str = ""
    n_protected: int = 0
    n_checked: int = 0


@attrs.frozen(kw_only=True)
class RenderedSection:
    """A report section contributed by a plugin, after disclosure control."""

    id: str
    title: str
    plugin: str
    after: str = ""
    notes: tuple[Note, ...] = attrs.field(default=(), converter=tuple[Note, ...])
    tables: tuple[Table, ...] = attrs.field(default=(), converter=tuple[Table, ...])
    charts: tuple[Chart, ...] = attrs.field(default=(), converter=tuple[Chart, ...])


@attrs.frozen(kw_only=True)
class Evaluation:
    """A finished evaluation. `report`, `check` and other people's tools need nothing else.

    `exclusions` holds counts by outcome under ``schools``, ``ever_treated``,
    ``treated_in_window`` and more (see ``docs/reference``); `excluded` the reasons, one line each.
    """

    title: str
    study: Mapping[str, Any] = attrs.field(factory=dict)
    results: tuple[MetricResult, ...] = attrs.field(default=(), converter=tuple[MetricResult, ...])
    exclusions: Mapping[str, Any] = attrs.field(factory=dict)
    excluded: tuple[Exclusion, ...] = attrs.field(default=(), converter=tuple[Exclusion, ...])
    measures: tuple[Mapping[str, Any], ...] = attrs.field(
        default=(), converter=tuple[Mapping[str, Any], ...]
    )
    tables: tuple[Table, ...] = attrs.field(default=(), converter=tuple[Table, ...])
    sections: tuple[RenderedSection, ...] = attrs.field(
        default=(), converter=tuple[RenderedSection, ...]
    )
    problems: tuple[Problem, ...] = attrs.field(default=(), converter=tuple[Problem, ...])
    warnings: tuple[str, ...] = attrs.field(default=(), converter=tuple[str, ...])
    plugins: tuple[Mapping[str, str], ...] = attrs.field(
        default=(), converter=tuple[Mapping[str, str], ...]
    )
    provenance: Provenance | None = None
    disclosure: Disclosure | None = None
    schema_version: int = SCHEMA_VERSION

    def __getitem__(self, metric: str) -> MetricResult:
        """Return the result of one metric: ``evaluation["did.effect"]``."""
        for result in self.results:
            if result.metric == metric:
                return result
        known = ", ".join(sorted(r.metric for r in self.results)) or "none"
        raise KeyError(f"no metric {metric!r} in this evaluation; it has {known}")

    @property
    def estimates(self) -> tuple[Estimate, ...]:
        """Every estimate of every metric, in order."""
        return tuple(e for result in self.results for e in result.estimates)

    def to_frame(self) -> pl.DataFrame:
        """Return every estimate, one row each."""
        return estimates_to_frame(self.estimates)

    def to_json(self) -> str:
        """Return ``evaluation.json``: keys sorted, so the same evaluation gives the same bytes."""
        return json.dumps(
            _plain(self), ensure_ascii=False, sort_keys=True, indent=1, allow_nan=False
        )

    @classmethod
    def load(cls, path: str | Path) -> Evaluation:
        """Read an evaluation back from ``OUT``, ``OUT/release`` or ``evaluation.json`` itself.

        Raises
        ------
        InputError
            When there is no such file, or it was written by a newer version.
        """
        from impactkit.errors import InputError

        path = Path(path)
        tried = [path, path / "evaluation.json", path / "release" / "evaluation.json"]
        found = next((p for p in tried if p.is_file()), None)
        if found is None:
            raise InputError(
                Problem(
                    code="evaluation.missing",
                    file=str(path),
                    rule="there is no evaluation.json here",
                    remedy="Give the folder that `impactkit evaluate -o` wrote.",
                )
            )
        try:
            raw = json.loads(found.read_text(encoding="utf-8"))
            version = raw.get("schema_version", 0)
            if version > SCHEMA_VERSION:
                raise InputError(
                    Problem(
                        code="evaluation.newer",
                        file=str(found),
                        rule=f"it has schema version {version}, newer than this impactkit",
                        remedy="Upgrade impactkit.",
                    )
                )
            return _from_plain(raw)
        except InputError:
            raise
        except Exception as error:  # whatever a file that is not ours makes the parsers raise
            raise InputError(
                Problem(
                    code="evaluation.broken",
                    file=str(found),
                    rule=f"it is not a complete evaluation ({type(error).__name__})",
                    remedy="Evaluate the study again.",
                )
            ) from error


def _plain(value: Any) -> Any:
    """Turn attrs objects into JSON values; only fields that differ from their default are kept."""
    if attrs.has(type(value)):
        out = {}
        for field in attrs.fields(type(value)):
            item = getattr(value, field.name)
            if field.name == "cpu_seconds":  # would differ between two runs of the same inputs
                continue
            if isinstance(value, Table) and field.name == "marks":
                item = [[row, column, mark] for (row, column), mark in sorted(item.items())]
            out[field.name] = _plain(item)
        return out
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, str) or value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if value == value and abs(value) != float("inf") else None
    if isinstance(value, Sequence | set | frozenset):
        return [_plain(v) for v in (sorted(value) if isinstance(value, set | frozenset) else value)]
    return str(value)


def _from_plain(raw: Mapping[str, Any]) -> Evaluation:
    import cattrs

    converter = cattrs.Converter(forbid_extra_keys=False)
    converter.register_structure_hook(Cell, lambda v, _: v)
    converter.register_structure_hook(float | int | str | None, lambda v, _: v)
    converter.register_structure_hook(float | int | str, lambda v, _: v)

    def table(raw: Mapping[str, Any], _: Any) -> Table:
        plain = dict(raw)
        marks = {(int(r), str(c)): str(m) for r, c, m in plain.pop("marks", [])}
        columns = tuple(converter.structure(c, Column) for c in plain.pop("columns"))
        return Table(columns=columns, marks=marks, **plain)

    converter.register_structure_hook(Table, table)
    return converter.structure(raw, Evaluation)
