"""The schema of the study file, recorded while the code that reads one asks for its keys.

Nothing is typed twice: what a key is called, what it may be and what it is by default come from
`impactkit.study` and `impactkit.design`, and its meaning from the docstring of the field it fills.
"""

from __future__ import annotations

import datetime as dt
import inspect
import re
import typing
from typing import Any

import attrs

from impactkit.study import Study, TableSource, source_of, study_of
from impactkit.tomlkeys import Keys

DRAFT = "https://json-schema.org/draft/2020-12/schema"

_TYPES: dict[type, dict[str, Any]] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    list: {"type": "array"},
    dict: {"type": "object"},
    dt.date: {"type": "string", "format": "date"},
}
_FIELDS = {"disclosure.profile": "disclosure", "plugins.timeout_seconds": "plugins_timeout"}
"""Keys that fill a field of `Study` of quite another name."""
_ALIASES = {"from": "cause", "to": "effect"}
"""Keys that Python does not allow as names of fields, or that read better in a file."""


class _Everything(dict[str, Any]):
    """A TOML table in which every key stands, as far as anybody asks."""

    def __contains__(self, key: object) -> bool:
        return True


class Recorder(Keys):
    """Stands in for the file: hands out defaults, and notes what it was asked for.

    Examples
    --------
    >>> recorder = Recorder("study")
    >>> recorder.whole("seed", 0, low=0)
    0
    >>> recorder.schema()["properties"]
    {'seed': {'type': 'integer', 'default': 0, 'minimum': 0}}
    """

    def __init__(self, where: str = "") -> None:
        super().__init__({}, where, "", "")
        self.values = _Everything()
        self.found: dict[str, dict[str, Any]] = {}
        self.below: dict[str, Recorder] = {}
        self.lists: dict[str, Recorder] = {}
        self.required: list[str] = []

    def fault(self, *_: Any, **__: Any) -> None:
        """There is no file in which anything could be wrong."""

    def _take(self, key: str, default: Any, kinds: tuple[type, ...], words: str) -> Any:
        wanted = [_TYPES[kind] for kind in kinds if not (kind is int and float in kinds)]
        told = dict(wanted[0]) if len(wanted) == 1 else {"anyOf": [dict(w) for w in wanted]}
        if default is not None:
            told["default"] = list(default) if isinstance(default, tuple) else default
        self.found[key] = told
        return default

    def _within(self, key: str, value: float, low: float, high: float | None) -> bool:
        self.found[key]["minimum"] = low
        if high is not None:
            self.found[key]["maximum"] = high
        return True

    def _must(self, key: str) -> None:
        self.required.append(key)
        del self.found[key]["default"]

    def text(self, key: str, default: str = "", *, required: bool = False) -> str:
        """Note text."""
        value = super().text(key, default)
        if required:
            self._must(key)
            self.found[key]["pattern"] = r"\S"
        return value

    def choice(self, key: str, default: str, allowed: tuple[str, ...]) -> str:
        """Note one of a closed list of words."""
        value = super().choice(key, default, allowed)
        self.found[key]["enum"] = list(allowed)
        return value

    def texts(self, key: str, *, required: bool = False) -> tuple[str, ...]:
        """Note a text or a list of them."""
        value = super().texts(key)
        one, several = self.found[key]["anyOf"]
        several["items"] = {"type": "string"}
        if required:
            self._must(key)
            one["minLength"] = several["minItems"] = 1
        return value

    def choices(self, key: str, allowed: tuple[str, ...]) -> tuple[str, ...]:
        """Note some of a closed list of words."""
        value = super().choices(key, allowed)
        one, several = self.found[key]["anyOf"]
        one["enum"] = several["items"]["enum"] = list(allowed)
        return value

    def wholes(self, key: str) -> tuple[int, ...]:
        """Note a list of whole numbers."""
        value = super().wholes(key)
        self.found[key]["items"] = {"type": "integer"}
        return value

    def table(self, key: str, *, required: bool = False) -> Recorder:
        """Note a table below, and record that too."""
        self.known.append(key)
        if required:
            self.required.append(key)
        self.below[key] = Recorder(".".join(part for part in (self.where, key) if part))
        return self.below[key]

    def entries(self, key: str) -> tuple[Recorder, ...]:
        """Note a list of tables, and record what one of them has."""
        self.known.append(key)
        self.lists[key] = Recorder(".".join(part for part in (self.where, key) if part))
        return (self.lists[key],)

    def rest(self) -> dict[str, Any]:
        """Note that any other key may stand here."""
        self.open = True
        return {}

    def schema(self) -> dict[str, Any]:
        """Return the schema of this table."""
        made: dict[str, Any] = {"type": "object"}
        properties = {**self.found, **{key: below.schema() for key, below in self.below.items()}}
        for key, entry in self.lists.items():
            properties[key] = {"type": "array", "items": entry.schema()}
        if properties:
            made["properties"] = properties
        if self.required:
            made["required"] = self.required
        if not self.open:
            made["additionalProperties"] = False
        return made


def study_schema() -> dict[str, Any]:
    """Return the JSON Schema of a study file, read as TOML with days as ``yyyy-mm-dd``."""
    top, entry = Recorder(), Recorder("tables.*")
    study_of(top)
    source_of(entry)
    made = top.schema()
    properties = made["properties"]
    source = _described(entry.schema(), TableSource)
    any_path = {"type": "string", "minLength": 1}
    one = {"anyOf": [any_path, {"$ref": "#/$defs/source"}]}
    properties["tables"]["additionalProperties"] = {
        "anyOf": [*one["anyOf"], {"type": "array", "items": one}]
    }
    properties["metrics"]["additionalProperties"] = {"type": "object"}
    for name, table in properties.items():
        field = next((f for f in attrs.fields(Study) if f.name == name), None)
        if field is not None:
            table["description"] = _meaning(Study, name)
            if attrs.has(kept := _class_of(Study, name)):
                _described(table, kept)
                continue
        for key, told in table.get("properties", {}).items():
            inside = {"study": key}.get(name, f"{name}_{key}")
            told["description"] = _meaning(Study, _FIELDS.get(f"{name}.{key}", inside))
    return {
        "$schema": DRAFT,
        "$id": "impactkit/study.schema.json",
        "title": "An impactkit study",
        "description": "What is to be evaluated: study.toml.",
        **made,
        "$defs": {"source": source},
    }


def _described(table: dict[str, Any], cls: type) -> dict[str, Any]:
    """Give each key the meaning of the field that it fills, in tables below too."""
    for key, told in table.get("properties", {}).items():
        told["description"] = _meaning(cls, _ALIASES.get(key, key))
        inside = told.get("items", told)
        if inside.get("type") == "object" and "properties" in inside:
            _described(inside, _class_of(cls, key))
    return table


def _class_of(cls: type, field: str) -> type:
    """Return the attrs class that a field holds, also where it may be None."""
    kind = typing.get_type_hints(cls, localns={"Path": object})[field]
    kinds = (kind, *typing.get_args(kind))
    return next((k for k in kinds if isinstance(k, type) and attrs.has(k)), type(None))


def _meaning(cls: type, field: str) -> str:
    try:
        return meanings(cls)[field]
    except KeyError:
        words = f"say under `Attributes` in the docstring of {cls.__name__} what {field} means"
        raise LookupError(words) from None


def meanings(cls: type) -> dict[str, str]:
    """Return what the docstring of a class says of its fields, under ``Attributes``.

    Examples
    --------
    >>> meanings(TableSource)["reader"]
    'The reader that takes the files; `impactkit show readers` lists them.'
    """
    doc = inspect.getdoc(cls) or ""
    body = re.split(r"^Attributes\n-+\n", doc, flags=re.M)[-1]
    body = re.split(r"^\w+\n-+$", body, flags=re.M)[0]
    found = re.findall(r"^(\w+)\n((?:    .*\n?|\n)+)", body, flags=re.M)
    return {name: " ".join(text.split()) for name, text in found}
