"""Tables as people read them: estimates as a table, cells as text, symbols for what is withheld."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import attrs

from impactkit.report.phrases import (
    SYMBOLS,
    clean,
    digits_for,
    event_time,
    humanise,
    level_words,
    number,
    p_words,
    sentence,
    unit_words,
    year_words,
)
from impactkit.results import Cell, Column, Estimate, Exclusion, Table

_NUMERIC = ("count", "share", "number")
_NO_MARK = {"ok": "z", "not_estimable": "x", "withheld": "c"}


@attrs.frozen(kw_only=True)
class Shown:
    """A cell as text, and how it is set: heading of its row, number, or words that may be blank."""

    text: str
    numeric: bool = False
    heading: bool = False
    blank: bool = False


def heading(column: Column) -> str:
    """Return a column's heading with its unit.

    Examples
    --------
    >>> heading(Column(name="rate", label="Absence", unit="percent"))
    'Absence (%)'
    """
    label = clean(column.label) or humanise(column.name)
    unit = unit_words(column.unit, contrast=False) if column.unit else ""
    return f"{label} ({unit})" if unit and unit.casefold() not in label.casefold() else label


def symbol(table: Table, row: int, column: Column) -> str:
    """Return the symbol for a cell that has no value; '' when it has one.

    A mark says why. Without one, a number is "not available" and a text "not applicable".
    """
    mark = table.marks.get((row, column.name), "")
    if mark:
        return clean(mark).strip("[]")
    value = table.rows[row][[c.name for c in table.columns].index(column.name)]
    if value is None or value == "" or (isinstance(value, float) and not math.isfinite(value)):
        return "x" if column.kind in _NUMERIC else "z"
    return ""


def digits_of(table: Table, index: int) -> int:
    """Return the decimals of a numeric column: as declared, else three significant figures."""
    column = table.columns[index]
    if column.digits is not None:
        return column.digits
    values = [row[index] for row in table.rows]
    finite = [abs(v) for v in values if isinstance(v, float) and math.isfinite(v)]
    if column.kind == "count" or all(v.is_integer() for v in finite):
        return 0
    return min(3, max(0, 2 - math.floor(math.log10(max(finite)))))


def shown(table: Table) -> list[list[Shown]]:
    """Return every cell of a table as text."""
    digits = [digits_of(table, i) for i in range(len(table.columns))]
    return [
        [
            _show(value, column, symbol(table, i, column), digits[j])
            for j, (value, column) in enumerate(zip(row, table.columns, strict=True))
        ]
        for i, row in enumerate(table.rows)
    ]


def _show(value: Cell, column: Column, mark: str, digits: int) -> Shown:
    numeric, lead = column.kind in _NUMERIC, column.kind == "dimension"
    if mark:
        text = f"[{mark}]"
    elif isinstance(value, bool):
        text = "Yes" if value else "No"
    elif numeric and isinstance(value, int | float):
        text = number(value, digits)
    else:
        text = clean(value)
    return Shown(text=text, numeric=numeric, heading=lead, blank=mark == "z" and not numeric)


def symbols_in(tables: Iterable[Table], *, blanks: bool = False) -> dict[str, str]:
    """Return the symbols that the tables use, with their meaning, in the standard order.

    `blanks` counts in words that do not apply, which a page leaves blank and a workbook does not.
    """
    used = {
        symbol(table, i, column)
        for table in tables
        for i in range(len(table.rows))
        for column in table.columns
        if blanks or column.kind in _NUMERIC
    } - {""}
    known = {s: meaning for s, meaning in SYMBOLS.items() if s in used}
    return known | dict.fromkeys(sorted(used - known.keys()), "see the notes of the table")


def without_empty_columns(table: Table) -> Table:
    """Drop the columns that have neither a value nor a mark in any row; dimensions stay."""
    keep = [
        j
        for j, column in enumerate(table.columns)
        if column.kind == "dimension"
        or not table.rows
        or any(
            row[j] not in (None, "") or (i, column.name) in table.marks
            for i, row in enumerate(table.rows)
        )
    ]
    return attrs.evolve(
        table,
        columns=[table.columns[j] for j in keep],
        rows=[[row[j] for j in keep] for row in table.rows],
    )


def what(estimate: Estimate) -> str:
    """Return in words what an estimate estimates.

    Examples
    --------
    >>> what(Estimate(estimand="ATT, event time 2", term="2"))
    '2 years after joining'
    >>> what(Estimate(estimand="ATT(2015, 2018)"))
    'Schools that joined in 2014/15, seen in 2017/18'
    >>> what(Estimate(estimand="ATT in chains less ATT in pairs"))
    'Effect in chains less effect in pairs'
    """
    name, term = clean(estimate.estimand), clean(estimate.term)
    for pattern, words in _EFFECTS:
        match = re.fullmatch(pattern, name)
        if match:
            return words.format(*(year_words(int(year)) for year in match.groups()))
    if term and "event time" in name:
        return event_time(term)
    name = re.sub(r"^ATT\b", "Effect", name)
    name = re.sub(r"\bATT\b", "effect", name)
    if not term or term in name:
        return name or "Estimate"
    return f"{name}: {term}" if name else humanise(term)


_EFFECTS = (
    (r"ATT", "Average over all school-years after joining"),
    (r"ATT, mean over cohorts|ATT overall \(group\)", "Average over the schools that joined"),
    (
        r"ATT, mean over event times|ATT overall \(dynamic\)",
        "Average over the years since joining",
    ),
    (r"ATT, mean over periods|ATT overall \(calendar\)", "Average over school years"),
    (r"ATT, cohort (\d{4})", "Schools that joined in {}"),
    (r"ATT, period (\d{4})", "School year {}"),
    (r"ATT\((\d{4}), (\d{4})\)", "Schools that joined in {}, seen in {}"),
)

_Getter = Callable[[Estimate], Any]


def estimate_table(
    id: str,  # noqa: A002 - the field of Table
    title: str,
    estimates: Sequence[Estimate],
) -> Table:
    """Return estimates of one measure in one unit (the title says it), with intervals and counts.

    Columns that would be empty are left out; a cell without a value has the symbol that says why:
    ``z`` not applicable, ``x`` not estimable, ``c`` withheld. Reasons and warnings in words are
    numbered, and told once, below: in a row they would make the table wider than a page. So is a
    p-value that one row of several has. The grade stands with the answer.
    """
    decimals = digits_for(estimates)
    remarks = list(dict.fromkeys(text for e in estimates for text in _remarks(e)))
    tested = [e for e in estimates if e.p_adjusted is not None]
    lone = tested if len(tested) == 1 < len(estimates) else []
    levels = {level_words(e.level) for e in estimates}
    interval = f"{levels.pop()} interval" if len(levels) == 1 else "Interval"
    columns: list[tuple[Column, _Getter]] = [
        (Column(name="what", label="Estimate of", kind="dimension"), what),
        (
            Column(name="subgroup", label="Group", kind="text"),
            lambda e: "All" if e.subgroup == "all" else humanise(e.subgroup),
        ),
        *(
            (Column(name=name, label=label, digits=decimals), _field(name))
            for name, label in (
                ("value", "Estimate"),
                ("ci_low", f"{interval}, from"),
                ("ci_high", f"{interval}, to"),
                ("band_low", "Band, from"),
                ("band_high", "Band, to"),
            )
        ),
        (
            Column(name="p_adjusted", label="Adjusted for the number of tests", kind="text"),
            lambda e: "" if e.p_adjusted is None or lone else p_words(e.p_adjusted),
        ),
        *(
            (Column(name=name, label=label, kind="count"), _field(name))
            for name, label in (
                ("n_people", "People"),
                ("n_schools", "Schools"),
                ("n_partnerships", "Partnerships"),
                ("n_comparison", "Comparison schools"),
            )
        ),
        (
            Column(name="remarks", label="Remarks", kind="text"),
            lambda e: ", ".join(str(remarks.index(text) + 1) for text in _remarks(e)),
        ),
    ]
    if len({e.subgroup for e in estimates}) == 1:
        columns = [pair for pair in columns if pair[0].name != "subgroup"]
    table = without_empty_columns(
        Table(
            id=id,
            title=title,
            columns=[column for column, _ in columns],
            rows=[[get(e) for _, get in columns] for e in estimates],
            note="\n".join(
                [
                    *(f"Remark {i}: {text}" for i, text in enumerate(remarks, start=1)),
                    *(
                        f"{what(e)}: {p_words(e.p_adjusted or 0.0)}, adjusted for the number of "
                        "tests."
                        for e in lone
                    ),
                ]
            ),
            marks={
                (i, name): _NO_MARK[e.status]
                for i, e in enumerate(estimates)
                for name in ("value", "ci_low", "ci_high")
                if getattr(e, name) is None
            },
        )
    )
    marks = {
        (i, column.name): _NO_MARK[e.status]
        for i, e in enumerate(estimates)
        for j, column in enumerate(table.columns)
        if table.rows[i][j] in (None, "") and column.kind in _NUMERIC
    }
    return attrs.evolve(table, marks=marks)


def _remarks(estimate: Estimate) -> list[str]:
    return [sentence(text) for text in (estimate.reason, *estimate.warnings) if text]


def _field(name: str) -> _Getter:
    return lambda estimate: getattr(estimate, name)


_STAGES = {
    "lineage": "Following schools through their numbers",
    "panel": "Putting the data together",
    "estimate": "Estimating",
}


def exclusion_table(
    id: str,  # noqa: A002 - the field of Table
    title: str,
    exclusions: Iterable[Exclusion],
    labels: Mapping[str, str],
) -> Table:
    """Return what was left out, by reason, with its counts."""
    exclusions = list(exclusions)
    stages = {e.stage for e in exclusions}
    return without_empty_columns(
        Table(
            id=id,
            title=title,
            columns=[
                Column(name="text", label="Left out because", kind="dimension"),
                Column(name="measure", label="Measure", kind="text"),
                Column(name="stage", label="Step", kind="text"),
                Column(name="n_schools", label="Schools", kind="count", of="schools"),
                Column(name="treated", label="Partnership schools among them", kind="count"),
                Column(name="n_rows", label="Rows", kind="count", of="events"),
            ],
            rows=[
                [
                    clean(e.text) or humanise(e.reason),
                    labels.get(e.measure, humanise(e.measure)) if e.measure else "",
                    _STAGES.get(e.stage, humanise(e.stage)) if len(stages) > 1 else "",
                    e.n_schools,
                    e.treated,
                    e.n_rows,
                ]
                for e in exclusions
            ],
        )
    )
