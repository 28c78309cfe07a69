"""The files of a release. Only what has passed disclosure control is written, and no clock."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import attrs

from impactkit.errors import Problem
from impactkit.report.html import render_html
from impactkit.report.phrases import clean
from impactkit.report.workbook import render_workbook
from impactkit.results import Estimate, Evaluation

_FORMULA = ("=", "+", "-", "@")
_NUMBER = re.compile(r"[-+]?\d+(\.\d+)?")
_SYMBOL = {"ok": "z", "not_estimable": "x", "withheld": "c"}
_PROBLEM = ("code", "severity", "file", "row", "column", "rule", "remedy", "count")


def write_release(evaluation: Evaluation, folder: str | Path) -> list[Path]:
    """Write an evaluation's release into a folder, and return the paths.

    Parameters
    ----------
    evaluation
        A finished evaluation, after disclosure control.
    folder
        Where to write; it is made when it isn't there. The caller makes the step atomic.

    Returns
    -------
    list of Path
        ``evaluation.json``, ``estimates.parquet``, ``estimates.csv``, ``problems.csv`` (without
        values), ``provenance.json``, ``report.html`` and ``workbook.xlsx``.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     [path.name for path in write_release(Evaluation(title="Two counties"), folder)]
    ['evaluation.json', 'estimates.parquet', 'estimates.csv', 'problems.csv', 'provenance.json', \
'report.html', 'workbook.xlsx']
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    plain = evaluation.to_json()
    provenance = json.loads(plain)["provenance"]
    parquet = io.BytesIO()
    evaluation.to_frame().write_parquet(parquet)
    content = {
        "evaluation.json": _encoded(plain + "\n"),
        "estimates.parquet": parquet.getvalue(),
        "estimates.csv": _encoded(estimates_csv(evaluation.estimates)),
        "problems.csv": _encoded(problems_csv(evaluation.problems)),
        "provenance.json": _encoded(
            json.dumps(provenance, ensure_ascii=False, sort_keys=True, indent=1) + "\n"
        ),
        "report.html": _encoded(render_html(evaluation)),
        "workbook.xlsx": render_workbook(evaluation),
    }
    paths = []
    for name, data in content.items():
        path = folder / name
        path.write_bytes(data)
        paths.append(path)
    return paths


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "replace")  # a file name may hold bytes that are no UTF-8


def estimates_csv(estimates: Iterable[Estimate]) -> str:
    """Return the estimates as CSV, with symbols for numbers that aren't there.

    ``c`` withheld, ``x`` not estimable, ``z`` not applicable (such as the interval of the base
    period). Text that a spreadsheet would run as a formula gets an apostrophe in front.

    Examples
    --------
    >>> text = estimates_csv([Estimate(metric="a.b", status="withheld", reason="=1+1")])
    >>> text.splitlines()[1].split(",")[5], "'=1+1" in text
    ('c', True)
    """
    fields = attrs.fields(Estimate)
    rows = []
    for e in estimates:
        row = []
        for field in fields:
            value = getattr(e, field.name)
            numeric = "float" in str(field.type) or "int" in str(field.type)
            if isinstance(value, tuple):
                row.append(_text("; ".join(map(str, value))))
            elif value is None:
                row.append(_SYMBOL[e.status])
            elif isinstance(value, bool):
                row.append("true" if value else "false")
            else:
                row.append(repr(value) if numeric else _text(value))
        rows.append(row)
    return _csv([f.name for f in fields], rows)


def problems_csv(problems: Iterable[Problem]) -> str:
    """Return the problems as CSV, without the values, which may be personal."""
    rows = [
        ["" if v is None else _text(v) for v in (getattr(p, name) for name in _PROBLEM)]
        for p in problems
    ]
    return _csv(_PROBLEM, rows)


def _text(value: object) -> str:
    text = clean(value)
    runs = text.lstrip().startswith(_FORMULA) and not _NUMBER.fullmatch(text)
    return f"'{text}" if runs else text


def _csv(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return buffer.getvalue()
