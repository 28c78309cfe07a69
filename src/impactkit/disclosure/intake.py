"""First step: make every table say what it counts, and take loose numbers out of plugins' text.

Suppression and audit both start from what this step returns, so what counts people is decided
once. Doubt is settled for the people: a count that doesn't say what it counts, counts people.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import partial
from typing import Any

import attrs

from impactkit.declarations import DisclosureProfile
from impactkit.disclosure.text import (
    MASK,
    mask_id,
    mask_numbers,
    mask_template,
    rename_fields,
    speaks_of_people,
)
from impactkit.disclosure.values import as_number, evolve
from impactkit.results import (
    Cell,
    Chart,
    Column,
    Diagnostic,
    Estimate,
    Evaluation,
    Exclusion,
    MetricResult,
    Note,
    RenderedSection,
    Table,
    Withheld,
)
from impactkit.types import UNITS

_NOT_COUNTS = frozenset(UNITS) - {"count"} | {"schools", "partnerships", "events"}
_ID = re.compile(r"(?<![\w.])([a-z][a-z0-9]*(?:[._][a-z0-9]+)+)(?!\w)")
_TEXT_REASON = "numbers in a plugin's text that could be small counts of people"
_ROW_REASON = "a plugin's small counts of rows or people outside any table"


@attrs.define
class Masker:
    """Masks one plugin's text and counts what it masked.

    Text in `declared` is left alone, and so are ids in it where they stand in another text.

    Examples
    --------
    >>> masker = Masker(threshold=5, declared=["kent.over_five"])
    >>> masker.text("kent.over_five failed for five heads; see over_five")
    'kent.over_five failed for [withheld] heads; see over_[withheld]'
    """

    threshold: int
    declared: Collection[str]
    labels: dict[str, str] = attrs.field(factory=dict)
    texts: int = 0
    figures: int = 0

    def _apply(self, how: Callable[[str, int], str], text: str) -> str:
        if text in self.declared:
            return text
        # Every other part is an id: "kent.over_five" is a name, and not a count.
        parts = enumerate(_ID.split(text))
        masked = "".join(
            part if i % 2 and part in self.declared else how(part, self.threshold)
            for i, part in parts
        )
        self.texts += masked != text
        return masked

    def text(self, text: str) -> str:
        """Mask a plain text; of whom it speaks is judged across the ids in it."""
        return self._apply(partial(mask_numbers, whole=not speaks_of_people(text)), text)

    def label(self, text: str) -> str:
        """Mask what names a row or an estimate, where it is words about a number.

        ``2``, ``a2`` and ``2019/20`` are names; "two left" is a sentence. Those that become equal
        get a letter, or two rows would be taken for one.
        """
        if " " not in text.strip() or not any(char.isalpha() for char in text):
            return text
        if text not in self.labels:
            new = stem = self.text(text)
            letter = ord("b")
            while new != text and new in self.labels.values():
                new = f"{stem} ({chr(letter)})"
                letter += 1
            self.labels[text] = new
        return self.labels[text]

    def template(self, text: str) -> str:
        """Mask a text with ``{fields}``, beside which nobody can tell of whom the rest speaks."""
        if text in self.declared:
            return text
        typed = partial(mask_numbers, whole=False)
        return mask_template(text, lambda literal: self._apply(typed, literal))

    def ids(self, ids: Iterable[str]) -> dict[str, str]:
        """Return a safe name for each id; those that become equal get a letter."""
        out: dict[str, str] = {}
        for old in ids:
            new = stem = self._apply(mask_id, old)
            letter = ord("b")
            while new in out.values():
                new = f"{stem}_{chr(letter)}"
                letter += 1
            out.setdefault(old, new)
        return out

    def small(self, value: object) -> bool:
        """Tell whether `value` is a whole number that could be a small count."""
        number = as_number(value) if isinstance(value, int | float) else None
        return number is not None and number.is_integer() and 1 <= number <= self.threshold

    def value(self, value: Any) -> Any:
        """Mask a value of any plain type, through lists and mappings."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {k: self.value(v) for k, v in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return tuple(self.value(v) for v in value)
        if self.small(value):
            self.figures += 1
            return MASK
        return value

    def count(self, value: int | None) -> int | None:
        """Return a count, or None when it is small."""
        if self.small(value):
            self.figures += 1
            return None
        return value


def _whole(cells: Iterable[Cell]) -> bool:
    present = [as_number(cell) for cell in cells if cell is not None]
    return bool(present) and all(n is not None and n.is_integer() for n in present)


def _column(column: Column, cells: list[Cell], trusted: bool) -> Column:
    """Return the column with `of` filled in, and with kind ``count`` where it counts people."""
    undeclared = column.of == "" and (
        column.kind == "count"
        or (not trusted and column.kind == "number" and not column.denominator and _whole(cells))
    )
    if undeclared:
        return evolve(column, kind="count", of="people")
    if column.kind == "number" and column.of == "people" and not column.denominator:
        return evolve(column, kind="count")
    return column


def _clean(value: Cell, column: Column) -> Cell:
    """Return a cell as a number where it must be one; None when it is none, NaN among them."""
    people = column.kind == "count" and column.of == "people"
    if not people and column.kind != "share":
        finite = not isinstance(value, float) or math.isfinite(value)
        return value if finite else None
    number = as_number(value)
    if number is None or (people and number < 0):
        return None
    return int(number) if people and number.is_integer() else number


def _declare_table(table: Table, trusted: bool) -> Table:
    cells = list(zip(*table.rows, strict=True)) if table.rows else [()] * len(table.columns)
    columns = tuple(
        _column(column, list(values), trusted)
        for column, values in zip(table.columns, cells, strict=True)
    )
    rows = [list(row) for row in table.rows]
    marks = dict(table.marks)
    for j, column in enumerate(columns):
        for i, row in enumerate(rows):
            value = _clean(row[j], column)
            if value is None and row[j] is not None:
                marks.setdefault((i, column.name), "x")  # not available, as published tables say
            row[j] = value
    # Only core and its own plugins can vouch that a figure is already public.
    return evolve(
        table, columns=columns, rows=rows, marks=marks, published=table.published and trusted
    )


def _mask_cell(cell: Cell, column: Column, masker: Masker) -> Cell:
    """Mask free text, and labels."""
    if column.kind == "text":
        return masker.value(cell)  # type: ignore[no-any-return]
    if column.kind == "dimension" and isinstance(cell, str):
        return masker.label(cell)
    return cell


def _mask_table(table: Table, names: Mapping[str, str], masker: Masker) -> Table:
    columns = [
        evolve(
            column,
            name=names[column.name],
            numerator=names.get(column.numerator, column.numerator),
            denominator=names.get(column.denominator, column.denominator),
            label=masker.text(column.label),
            unit=masker.text(column.unit),
        )
        for column in table.columns
    ]
    rows = [
        [_mask_cell(cell, column, masker) for cell, column in zip(row, table.columns, strict=True)]
        for row in table.rows
    ]
    return evolve(
        table,
        title=masker.text(table.title),
        note=masker.text(table.note),
        source=masker.text(table.source),
        columns=columns,
        rows=rows,
        totals={names.get(name, name): masker.label(v) for name, v in table.totals.items()},
        sums=[
            (names.get(total, total), [names.get(part, part) for part in parts])
            for total, parts in table.sums
        ],
        marks={
            (i, names.get(name, name)): masker.text(mark) for (i, name), mark in table.marks.items()
        },
    )


def _mask_chart(chart: Chart, names: Mapping[str, str], masker: Masker) -> Chart:
    words = {w: masker.text(getattr(chart, w)) for w in ("title", "x_title", "y_title", "alt")}
    columns = {w: getattr(chart, w) for w in ("x", "y", "low", "high", "series")}
    axes = {w: names.get(name, name) for w, name in columns.items()}
    where = {names.get(field, field): masker.label(v) for field, v in chart.where.items()}
    return evolve(chart, **words, **axes, where=where)


def _mask_note(note: Note, masker: Masker) -> Note:
    text = masker.template(note.text) if note.values else masker.text(note.text)
    names = masker.ids(note.values)
    values = {names[k]: masker.text(v) if isinstance(v, str) else v for k, v in note.values.items()}
    return Note(text=rename_fields(text, names), values=values, of=note.of or "people")


def _mask_words(estimate: Estimate, masker: Masker) -> Estimate:
    return evolve(
        estimate,
        **{
            w: masker.text(getattr(estimate, w)) for w in ("estimand", "method", "variance", "unit")
        },
        **{w: masker.label(getattr(estimate, w)) for w in ("measure", "subgroup", "term")},
        reason=masker.text(estimate.reason),
        warnings=[masker.text(w) for w in estimate.warnings],
    )


def _mask_estimate(estimate: Estimate, masker: Masker) -> Estimate:
    masked = _mask_words(estimate, masker)
    counted = estimate.n_people is None and estimate.unit not in _NOT_COUNTS
    if counted and masker.small(estimate.value):  # a bare count, and it doesn't say of what
        return evolve(masked, n_people=int(estimate.value or 0), unit="count")
    return masked


def _mask_diagnostic(diagnostic: Diagnostic, masker: Masker) -> Diagnostic:
    return evolve(
        diagnostic,
        name=masker.text(diagnostic.name),
        measure=masker.label(diagnostic.measure),
        text=masker.text(diagnostic.text),
        value=masker.value(diagnostic.value),
    )


def _mask_exclusion(exclusion: Exclusion, masker: Masker) -> Exclusion:
    return evolve(
        exclusion,
        reason=masker.text(exclusion.reason),
        text=masker.text(exclusion.text),
        stage=masker.text(exclusion.stage),
        measure=masker.label(exclusion.measure),
        n_rows=masker.count(exclusion.n_rows),
    )


def _mask_shown(owner: MetricResult | RenderedSection, masker: Masker) -> dict[str, Any]:
    """Return the masked tables, charts and notes; a chart keeps pointing at its table."""
    table_ids = masker.ids(t.id for t in owner.tables)
    chart_ids = masker.ids(c.id for c in owner.charts)
    names = {t.id: masker.ids(c.name for c in t.columns) for t in owner.tables}
    tables = [evolve(_mask_table(t, names[t.id], masker), id=table_ids[t.id]) for t in owner.tables]
    charts = [
        evolve(
            _mask_chart(c, names.get(c.data, {}), masker),
            id=chart_ids[c.id],
            data=table_ids.get(c.data, c.data),
        )
        for c in owner.charts
    ]
    return {
        "tables": tables,
        "charts": charts,
        "notes": [_mask_note(n, masker) for n in owner.notes],
    }


def _mask_result(result: MetricResult, masker: Masker, *, designed: bool) -> MetricResult:
    # Of a designed metric core wrote the estimates and checks; but the reason for having none may
    # be an error of the plugin's own code.
    estimates = [
        evolve(e, reason=masker.text(e.reason)) if designed else _mask_estimate(e, masker)
        for e in result.estimates
    ]
    diagnostics = result.diagnostics
    if not designed:
        diagnostics = tuple(_mask_diagnostic(d, masker) for d in result.diagnostics)
    return evolve(
        result,
        **{w: masker.text(getattr(result, w)) for w in ("title", "question", "reason", "unit")},
        **_mask_shown(result, masker),
        estimates=estimates,
        diagnostics=diagnostics,
        exclusions=[_mask_exclusion(e, masker) for e in result.exclusions],
        params=masker.value(result.params),
        card=masker.value(result.card),
    )


def _mask_section(section: RenderedSection, masker: Masker) -> RenderedSection:
    section_id = masker.ids([section.id])[section.id]
    title = masker.text(section.title)
    after = masker.ids([section.after])[section.after]
    return evolve(section, id=section_id, title=title, after=after, **_mask_shown(section, masker))


def _log(name: str, masker: Masker) -> list[Withheld]:
    lines = ((masker.texts, "text", _TEXT_REASON), (masker.figures, "figures", _ROW_REASON))
    return [Withheld(metric=name, table=t, cells=n, reason=why) for n, t, why in lines if n]


def declare_people(
    evaluation: Evaluation,
    profile: DisclosureProfile,
    first_party: Collection[str],
    declared: Collection[str],
    designed: Collection[str] = (),
    *,
    own_estimator: bool = True,
) -> tuple[Evaluation, list[Withheld]]:
    """Return the evaluation with every count of people declared and plugins' free text masked.

    Parameters
    ----------
    evaluation
        As the metrics and sections left it.
    profile
        Its `threshold` bounds the numbers that are masked.
    first_party
        Names of the plugins whose text is trusted; a local metric's never is.
    declared
        Texts that were written before any data was read, exempt from masking.
    designed
        Metrics that gave school-years, of which core made the estimates and the words with them.
    own_estimator
        Whether the study's estimator is core's: another's words stand with everybody's estimates.

    Returns
    -------
    Evaluation
        Columns that count people have kind ``count`` and `of` ``people``; no problem has a value.
    list of Withheld
        What was masked, by metric, without saying what it was.
    """
    log: list[Withheld] = []
    strangers: set[str] = set()
    labels: dict[str, str] = {}  # one for all, or one row would have two names in two tables
    results, sections = [], []
    for result in evaluation.results:
        trusted = result.plugin in first_party and not result.local
        if not trusted:
            strangers.add(result.plugin)
            masker = Masker(profile.threshold, declared, labels)
            result = _mask_result(result, masker, designed=result.metric in designed)
            log += _log(result.metric, masker)
        elif not own_estimator:
            masker = Masker(profile.threshold, declared, labels)
            result = evolve(
                result,
                estimates=[_mask_words(e, masker) for e in result.estimates],
                diagnostics=[_mask_diagnostic(d, masker) for d in result.diagnostics],
                exclusions=[_mask_exclusion(e, masker) for e in result.exclusions],
            )
            log += _log(result.metric, masker)
        tables = [_declare_table(t, trusted) for t in result.tables]
        results.append(evolve(result, tables=tables))
    for section in evaluation.sections:
        trusted = section.plugin in first_party
        if not trusted:
            strangers.add(section.plugin)
            masker = Masker(profile.threshold, declared, labels)
            section = _mask_section(section, masker)
            log += _log(section.id, masker)
        tables = [_declare_table(t, trusted) for t in section.tables]
        sections.append(evolve(section, tables=tables))
    strangers |= {p.get("name", "") for p in evaluation.plugins} - set(first_party)
    masker = Masker(profile.threshold, declared)
    clean = evolve(
        evaluation,
        results=results,
        sections=sections,
        tables=[_declare_table(t, True) for t in evaluation.tables],
        **_mask_messages(evaluation, strangers - {""}, masker),
    )
    return clean, log + _log("", masker)


def _mask_messages(
    evaluation: Evaluation, strangers: Collection[str], masker: Masker
) -> dict[str, Any]:
    """Mask the messages that carry a plugin's name: in its code, or at its beginning."""

    def theirs(text: str) -> bool:
        return any(name in text for name in strangers)

    problems = [
        evolve(
            p,
            code=masker.text(p.code),
            rule=masker.text(p.rule),
            remedy=masker.text(p.remedy),
            count=masker.count(p.count) or 1,
            row=None,
            value=None,
        )
        if theirs(p.code)
        else p.without_value()
        for p in evaluation.problems
    ]
    identity = ("name", "version", "content_hash", "status", "source")
    plugins = [
        {k: v if k in identity else masker.text(v) for k, v in p.items()}
        if p.get("name", "") in strangers
        else p
        for p in evaluation.plugins
    ]
    warnings = [masker.text(w) if theirs(w) else w for w in evaluation.warnings]
    return {"problems": problems, "plugins": plugins, "warnings": warnings}
