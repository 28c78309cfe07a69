"""Parameters and options from a study file into attrs classes, strictly: 1.9 never becomes 1."""

from __future__ import annotations

import datetime as dt
import types
import typing
from collections.abc import Mapping
from typing import Any

import attrs

from impactkit.errors import Problem, did_you_mean

_WORDS = {
    str: "text in quotes",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    dt.date: "a date without quotes, 2019-08-31",
}


def structure(
    cls: type | None, values: Mapping[str, Any], *, file: str, where: str
) -> tuple[Any, list[Problem]]:
    """Return an instance of `cls` made of `values`, and every problem with them.

    Examples
    --------
    >>> @attrs.frozen
    ... class Params:
    ...     horizon: int = 3
    >>> structure(Params, {"horizon": 1.9}, file="study.toml", where="metrics.x")[1][0].rule
    'expected a whole number'
    """
    if cls is None:
        unknown = sorted(values)
        fault = f"it takes no parameters, but {', '.join(unknown)} is given"
        problems = [_problem(file, where, None, fault, "Remove it.")] if unknown else []
        return None, problems
    fields = {field.name: field for field in attrs.fields(attrs.resolve_types(cls)) if field.init}
    problems = [
        _problem(file, f"{where}.{key}", None, "there is no such key", did_you_mean(key, fields))
        for key in values
        if key not in fields
    ]
    converter = _strict()
    given: dict[str, Any] = {}
    for name, field in fields.items():
        if name not in values:
            if field.default is attrs.NOTHING:
                problems.append(
                    _problem(
                        file, f"{where}.{name}", None, "it is required and is missing", "Add it."
                    )
                )
            continue
        try:
            if _text_for_list(field.type, values[name]):
                raise TypeError
            given[name] = converter.structure(values[name], field.type)
        except Exception:
            words = _WORDS.get(field.type, _describe(field.type))
            problems.append(
                _problem(
                    file,
                    f"{where}.{name}",
                    values[name],
                    f"expected {words}",
                    f"Write {words} here.",
                )
            )
    if problems:
        return None, problems
    try:
        return cls(**given), []
    except (ValueError, TypeError) as error:
        words = str(error.args[0] if error.args else error)
        return None, [_problem(file, where, None, words, "Change the value.")]


def _problem(file: str, column: str, value: Any, rule: str, remedy: str) -> Problem:
    shown = None if value is None else str(value)
    return Problem(
        code="study.params", file=file, column=column, value=shown, rule=rule, remedy=remedy
    )


def _text_for_list(kind: Any, value: Any) -> bool:
    """Tell whether a text stands where a list belongs: cattrs would make a list of its letters."""
    union = typing.get_origin(kind) in (typing.Union, types.UnionType)
    kinds = typing.get_args(kind) if union else (kind,)
    listed = any(typing.get_origin(k) in (tuple, list) for k in kinds)
    return isinstance(value, str) and listed and str not in kinds


def _describe(kind: Any) -> str:
    text = str(kind).replace("typing.", "")
    if "tuple" in text or "list" in text:
        return "a list of whole numbers" if "int" in text else "a list"
    if "Literal" in text:
        return f"one of {text.partition('[')[2].rstrip(']')}"
    return text


def _strict() -> Any:
    import cattrs

    converter = cattrs.Converter(detailed_validation=False)

    def exactly(*kinds: type) -> Any:
        def hook(value: Any, _: Any) -> Any:
            if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
                raise TypeError
            return value

        return hook

    converter.register_structure_hook(dt.date, exactly(dt.date))
    converter.register_structure_hook(str, exactly(str))
    converter.register_structure_hook(int, exactly(int))
    converter.register_structure_hook(bool, exactly(bool))
    converter.register_structure_hook(float, exactly(int, float))
    return converter
