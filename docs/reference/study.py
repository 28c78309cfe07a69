"""Write `study.md`, the page of all keys of a study file, from the code that reads one.

Usage: python docs/reference/study.py.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from impactkit.schemas.keys import study_schema

HERE = Path(__file__).resolve().parent

INTRO = """\
# The study file

<!-- Made by docs/reference/study.py; change the docstrings that it takes the words from. -->

A study file is TOML. Most keys can be left out; what then holds stands under *default*. An unknown
key, a wrong type or a number beyond its limits is an error that names the key, its line and what to
write instead, all of them at once: `impactkit check study.toml`. Everything here can be said in
Python too, with `Study(...)` and `Design(...)`.

Editors that know JSON Schema (Even Better TOML, for one) complete and check the file as you type.
The schema ships with impactkit (see [schemas](schemas.md)).
"""

LEADS = {
    "study": "",
    "tables": """\
One entry a table, by the table's name (`impactkit show tables`): a path; a table with the keys
below; or a list of either, whose rows are put together. Further keys of an entry go to its reader
(`impactkit show readers ID` lists them) or its engine.
""",
    "design": """\
`treated` and the condition of a trigger are written in a closed grammar. They are parsed, never run
as code, and a comparison with a missing value is false.

```
condition  := comparison | condition and condition | condition or condition | not condition
comparison := column (== | != | < | <= | > | >=) value
            | column (in | not in) [value, ...]
value      := 'text' | number | true | false          'yyyy-mm-dd' is a date
```
""",
    "metrics": """\
Without this table every metric is worked out whose needs are met. With it, only those that it
names: one table a metric, `[metrics."leadership.retention"]`, with the metric's own parameters
(`impactkit show metrics ID` lists them).
""",
    "theory": """\
Drawn in the report, with the grade of the evidence on each arrow. Its strength, T0 to T3, stands
beside the grade of the effect, and neither raises the other. Write one `[[theory.links]]` an arrow:

```toml
[[theory.links]]
from = "Coaching of middle leaders"
to = "More lessons observed"
evidence = "observation records of 2022/23"
grade = 2
```
""",
    "plugins": "",
    "disclosure": "",
    "report": "",
}
"""The tables in their order, and what is to be said before their keys."""


def text() -> str:
    """Return the page."""
    schema = study_schema()
    known = schema["properties"]
    missing = sorted(set(known) ^ set(LEADS))
    if missing:
        raise LookupError(f"say in LEADS where the table {', '.join(missing)} belongs")
    parts = [INTRO]
    for name, lead in LEADS.items():
        inside = known[name] if name != "tables" else schema["$defs"]["source"]
        parts += [f"## `[{name}]`\n", lead, *_table(name, inside)]
    return "\n".join(part for part in parts if part)


def _table(name: str, table: Mapping[str, Any]) -> Iterator[str]:
    """Yield the keys of a table, then the tables below it."""
    properties = table.get("properties", {})
    keys = {key: told for key, told in properties.items() if told.get("type") != "object"}
    required = table.get("required", [])
    if keys:
        rows = [
            f"| `{key}` | {_words(told['description'])} | {_allowed(told)} "
            f"| {_default(told, key in required)} |"
            for key, told in keys.items()
        ]
        yield "\n".join(["| key | meaning | may be | default |", "|---|---|---|---|", *rows, ""])
    for key, told in properties.items():
        path = f"{name}.{key}"
        if key not in keys:
            yield f"### `[{path}]`\n"
            yield _words(told["description"]) + "\n"
            yield from _table(path, told)
        elif _of_tables(told):
            yield f"### `[[{path}]]`\n"
            yield from _table(path, told["items"])


def _of_tables(told: Mapping[str, Any]) -> bool:
    return bool(told.get("items", {}).get("type") == "object")


def _words(text: str) -> str:
    return text.replace("``", "`").replace("|", "\\|").replace("Left out (None)", "Left out")


def _default(told: Mapping[str, Any], required: bool) -> str:
    if required:
        return "*required*"
    return f"`{json.dumps(told['default'])}`" if "default" in told else "none"


def _allowed(told: Mapping[str, Any]) -> str:
    if "anyOf" in told:
        return " or ".join(_allowed(one) for one in told["anyOf"])
    if "enum" in told:
        return ", ".join(f"`{word}`" for word in told["enum"])
    if told["type"] == "array":
        items = told["items"]
        if _of_tables(told):
            return "list of tables, below"
        return "list of them" if "enum" in items else f"list of {_allowed(items)}s"
    words = {
        "string": "a day, `2024-03-29`" if told.get("format") == "date" else "text",
        "integer": "whole number",
        "number": "number",
        "boolean": "`true`, `false`",
    }[told["type"]]
    low, high = told.get("minimum"), told.get("maximum")
    if high is not None:
        return f"{words}, {low:g} to {high:,g}" if high < 1e6 else f"{words}, {low:g} to {high:,}"
    return f"{words} from {low:g}" if low is not None else words


if __name__ == "__main__":
    (HERE / "study.md").write_text(text(), encoding="utf-8")
