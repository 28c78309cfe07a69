"""What a plugin's table must be, and how its columns join a table that is there already."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import attrs

from impactkit.declarations import DTYPES, TableSpec
from impactkit.errors import did_you_mean

_NAMESPACED = re.compile(r"[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*")


def spec_faults(spec: TableSpec) -> Iterable[str]:
    """Yield what is wrong with a table, in its author's terms.

    Examples
    --------
    >>> from impactkit.declarations import ColumnSpec
    >>> spec = TableSpec(name="buses", columns=[ColumnSpec(name="stop", dtype="text")])
    >>> list(spec_faults(spec))
    ["table 'buses': column 'stop' has the type 'text'. There are: bool, date, ..."]
    """
    about = f"table {spec.name!r}"
    names = [column.name for column in spec.columns]
    for name in sorted({n for n in names if names.count(n) > 1}):
        yield f"{about}: two columns are called {name!r}"
    for column in spec.columns:
        if column.dtype not in DTYPES:
            hint = did_you_mean(column.dtype, DTYPES)
            yield f"{about}: column {column.name!r} has the type {column.dtype!r}. {hint}"
        try:
            re.compile(column.pattern)
        except re.error as error:
            yield f"{about}: the pattern of column {column.name!r} is none: {error}"
    for name in spec.key if not spec.extends else ():
        if name not in names:
            yield f"{about}: the key column {name!r} is not there. {did_you_mean(name, names)}"


def extension_faults(spec: TableSpec, tables: Mapping[str, TableSpec]) -> Iterable[str]:
    """Yield why a spec may not add its columns to the table that it extends."""
    about = f"table {spec.name!r} extends {spec.extends!r}"
    base = tables.get(spec.extends)
    if base is None:
        yield f"{about}, which is not there. {did_you_mean(spec.extends, tables)}"
        return
    if spec.key:
        yield f"{about} and may not give it another key"
    known = {column.name for column in base.columns}
    for column in spec.columns:
        if not _NAMESPACED.fullmatch(column.name):
            yield f"{about}: call its column 'namespace.{column.name}', with your plugin's name"
        elif column.required:
            yield f"{about}: its column {column.name!r} must have required=False"
        elif column.name in known:
            yield f"{about}: the column {column.name!r} is there already"


def extended(base: TableSpec, spec: TableSpec) -> TableSpec:
    """Return a table with the columns and the checks that an extension adds."""
    return attrs.evolve(
        base, columns=(*base.columns, *spec.columns), checks=(*base.checks, *spec.checks)
    )
