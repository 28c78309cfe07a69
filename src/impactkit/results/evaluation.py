"""The whole evaluation: saved, loaded, rendered again or shared without its data."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from impactkit.errors import InputError, Problem
from impactkit.results.estimate import Estimate, estimates_to_frame
from impactkit.results.metric import Exclusion, MetricResult
from impactkit.results.plain import to_plain
from impactkit.results.provenance import Disclosure, Provenance
from impactkit.results.tables import Cell, Chart, Column, Note, Table

if TYPE_CHECKING:
    import polars as pl

SCHEMA_VERSION = 1
"""Of ``evaluation.json``; raised when a field is removed or changes its meaning."""


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
            to_plain(self), ensure_ascii=False, sort_keys=True, indent=1, allow_nan=False
        )

    @classmethod
    def load(cls, path: str | Path) -> Evaluation:
        """Read an evaluation back from ``OUT``, ``OUT/release`` or ``evaluation.json`` itself.

        Raises
        ------
        InputError
            When there is no such file, or it was written by a newer version.
        """
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
