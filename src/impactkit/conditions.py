"""The closed grammar of ``treated = "role in ['client', 'peer'] and joined >= '2012-09-01'"``.

::

    condition  := comparison | condition and condition | condition or condition | not condition
    comparison := column (== | != | < | <= | > | >=) value
                | column (in | not in) [value, ...]
    value      := 'text' | number | true | false          'yyyy-mm-dd' is a date

It is parsed and turned into a polars expression; it is never evaluated as Python, so a study file
cannot run code. Comparisons with a missing value are false.
"""

from __future__ import annotations

import ast
import datetime as dt
import re
from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    import polars as pl

_OPERATORS: dict[type[ast.cmpop], str] = {
    ast.Eq: "eq",
    ast.NotEq: "ne",
    ast.Lt: "lt",
    ast.LtE: "le",
    ast.Gt: "gt",
    ast.GtE: "ge",
    ast.In: "in",
    ast.NotIn: "not in",
}
_CONSTANTS = {"true": True, "false": False}
_LONGEST = 2_000
Value = str | int | float | bool | dt.date


@attrs.frozen
class Condition:
    """A parsed condition: the text, what it compares and, on request, its expression.

    `comparisons` has each column with the values that it is compared with, in order.
    """

    text: str
    comparisons: tuple[tuple[str, tuple[Value, ...]], ...] = attrs.field(repr=False)
    _tree: ast.expr = attrs.field(repr=False, eq=False)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that it names, once each."""
        return tuple(dict.fromkeys(column for column, _ in self.comparisons))

    def expr(self) -> pl.Expr:
        """Return the condition as a polars expression that is never null."""
        return _expression(self._tree).fill_null(value=False)


def parse_condition(text: str) -> Condition:
    """Parse a condition.

    Raises
    ------
    ValueError
        When the text is outside the grammar; the message says what was met and what is allowed.

    Examples
    --------
    >>> parse_condition("role in ['client', 'peer'] and joined >= '2012-09-01'").columns
    ('role', 'joined')
    >>> parse_condition("__import__('os').system('ls')")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ValueError: a function call is not part of the grammar; compare columns with values, ...
    """
    if len(text) > _LONGEST:
        raise ValueError(f"the condition is longer than {_LONGEST:,} characters")
    try:
        tree = ast.parse(text.strip(), mode="eval").body
        comparisons = tuple(_comparisons(tree))
    except (SyntaxError, MemoryError, RecursionError) as error:
        raise ValueError(f"{text!r} cannot be read; write, say, role == 'client'") from error
    return Condition(text=text, comparisons=comparisons, tree=tree)


def _refuse(what: str) -> ValueError:
    return ValueError(
        f"{what} is not part of the grammar; "
        "compare columns with values, as in role in ['client', 'peer']"
    )


def _comparisons(node: ast.expr) -> list[tuple[str, tuple[Value, ...]]]:
    """Walk the whole tree, refusing whatever the grammar does not have."""
    if isinstance(node, ast.BoolOp):
        return [found for value in node.values for found in _comparisons(value)]
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return _comparisons(node.operand)
    if isinstance(node, ast.Compare):
        if len(node.ops) != 1:
            raise _refuse("a chained comparison")
        operator = _OPERATORS.get(type(node.ops[0]))
        if operator is None:
            raise _refuse("'is'")
        if not isinstance(node.left, ast.Name):
            raise _refuse("a comparison that does not begin with a column")
        values = _values(node.comparators[0], several=operator in ("in", "not in"))
        return [(node.left.id, tuple(values))]
    if isinstance(node, ast.Call):
        raise _refuse("a function call")
    raise _refuse(f"{ast.unparse(node)!r}")


def _values(node: ast.expr, *, several: bool) -> list[Value]:
    if several:
        if not isinstance(node, ast.List | ast.Tuple) or not node.elts:
            raise _refuse("'in' without a list of values")
        return [_value(element) for element in node.elts]
    return [_value(node)]


def _value(node: ast.expr) -> Value:
    if isinstance(node, ast.Name) and node.id in _CONSTANTS:
        return _CONSTANTS[node.id]
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        number = _value(node.operand)
        if isinstance(number, int | float) and not isinstance(number, bool):
            return -number
    if isinstance(node, ast.Constant) and isinstance(node.value, str | int | float | bool):
        if isinstance(node.value, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}", node.value):
            return _date(node.value)
        return node.value
    raise _refuse(f"{ast.unparse(node)!r} as a value")


def _date(text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"{text!r} is a day that no calendar has") from error


def _expression(node: ast.expr) -> pl.Expr:
    import polars as pl

    if isinstance(node, ast.BoolOp):
        parts = [_expression(value).fill_null(value=False) for value in node.values]
        combine = pl.all_horizontal if isinstance(node.op, ast.And) else pl.any_horizontal
        return combine(parts)
    if isinstance(node, ast.UnaryOp):
        return ~_expression(node.operand).fill_null(value=False)
    assert isinstance(node, ast.Compare)
    assert isinstance(node.left, ast.Name)
    operator = _OPERATORS[type(node.ops[0])]
    values = _values(node.comparators[0], several=operator in ("in", "not in"))
    column = pl.col(node.left.id)
    if operator == "in":
        return pl.any_horizontal([column == pl.lit(value) for value in values])
    if operator == "not in":
        return pl.all_horizontal([column != pl.lit(value) for value in values])
    result: pl.Expr = getattr(column, operator)(pl.lit(values[0]))
    return result
