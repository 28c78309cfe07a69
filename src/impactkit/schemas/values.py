"""The schema of ``evaluation.json``, from the attrs classes that it is written from."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Mapping
from typing import Any

import attrs

from impactkit.results import Evaluation, Table
from impactkit.results.plain import UNTOLD
from impactkit.schemas.keys import DRAFT

_PLAIN: dict[Any, dict[str, Any]] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    type(None): {"type": "null"},
    Any: {},
}
_MARKS = {
    "type": "array",
    "items": {
        "type": "array",
        "prefixItems": [{"type": "integer"}, {"type": "string"}, {"type": "string"}],
        "minItems": 3,
        "maxItems": 3,
    },
}
"""JSON has no keys of two parts: `to_plain` writes each mark as [row, column, mark]."""


def evaluation_schema() -> dict[str, Any]:
    """Return the JSON Schema of ``evaluation.json``; every field of ours is always there.

    Fields may be added without a new `schema_version`, so others are allowed.
    """
    found: dict[str, dict[str, Any]] = {}
    top = _object(Evaluation, found)
    return {
        "$schema": DRAFT,
        "$id": "impactkit/evaluation.schema.json",
        "title": "An impactkit evaluation",
        **top,
        "$defs": dict(sorted(found.items())),
    }


def _object(cls: type, found: dict[str, dict[str, Any]]) -> dict[str, Any]:
    hints = typing.get_type_hints(cls)
    fields = [f.name for f in attrs.fields(cls) if f.name not in UNTOLD]
    properties = {name: _of(hints[name], found) for name in fields}
    if cls is Table:
        properties["marks"] = _MARKS
    if cls is Evaluation:
        version = next(f.default for f in attrs.fields(cls) if f.name == "schema_version")
        properties["schema_version"] = {"const": version}
    doc = " ".join((inspect.getdoc(cls) or "").partition("\n\n")[0].split())
    return {"description": doc, "type": "object", "properties": properties, "required": fields}


def _of(kind: Any, found: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Return the schema of a type as `to_plain` writes it."""
    if kind in _PLAIN:
        return dict(_PLAIN[kind])
    if attrs.has(kind):
        if kind.__name__ not in found:
            found[kind.__name__] = {}
            found[kind.__name__].update(_object(kind, found))
        return {"$ref": f"#/$defs/{kind.__name__}"}
    origin, inside = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Literal:
        return {"enum": list(inside)}
    if origin in (typing.Union, types.UnionType):
        return {"anyOf": [_of(k, found) for k in inside]}
    if origin is tuple and inside[-1] is Ellipsis:
        return {"type": "array", "items": _of(inside[0], found)}
    if origin is tuple:
        parts = [_of(k, found) for k in inside]
        size = len(parts)
        return {"type": "array", "prefixItems": parts, "minItems": size, "maxItems": size}
    if origin is Mapping:
        return {"type": "object", "additionalProperties": _of(inside[1], found)}
    raise TypeError(f"{kind} has no place in evaluation.json; teach impactkit.schemas.values of it")
