"""Typed values out of a TOML table, every fault noted with its key path, line and remedy.

`cattrs` would coerce in silence (1.9 to 1) and knows no lines; a study file deserves better.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping
from typing import Any

from impactkit.errors import Problem, did_you_mean


def texts(value: str | Iterable[str]) -> tuple[str, ...]:
    """Return one text, or several, as a tuple."""
    return (value,) if isinstance(value, str) else tuple(value)


class Keys:
    """Takes typed values out of one TOML table and notes every fault with its key and line."""

    def __init__(
        self,
        values: Mapping[str, Any],
        where: str,
        file: str,
        text: str,
        problems: list[Problem] | None = None,
    ) -> None:
        self.values = dict(values)
        self.where, self.file, self.text_of_file = where, file, text
        self.problems: list[Problem] = [] if problems is None else problems
        self.known: list[str] = []
        self.tables: list[Keys] = []
        self.open = False

    def fault(
        self, key: str, value: Any, rule: str, remedy: str, code: str = "study.value"
    ) -> None:
        """Note a fault of one key."""
        path = ".".join(part for part in (self.where, key) if part)
        self.problems.append(
            Problem(
                code=code,
                file=self.file,
                row=line_of(self.text_of_file, path),
                column=path,
                value=None if value is None else str(value),
                rule=rule,
                remedy=remedy,
            )
        )

    def _take(self, key: str, default: Any, kinds: tuple[type, ...], words: str) -> Any:
        self.known.append(key)
        if key not in self.values:
            return default
        value = self.values[key]
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            self.fault(key, value, f"expected {words}", f"Write {words} here.")
            return default
        return value

    def text(self, key: str, default: str = "", *, required: bool = False) -> str:
        """Take text in quotes."""
        value: str = self._take(key, default, (str,), "text in quotes")
        if required and not str(self.values.get(key, "")).strip():
            self._missing(key)
        return value

    def choice(self, key: str, default: str, allowed: tuple[str, ...]) -> str:
        """Take one of a closed list of words."""
        value = self.text(key, default)
        if value not in allowed:
            self.fault(
                key, value, f"expected one of {', '.join(allowed)}", did_you_mean(value, allowed)
            )
            return default
        return value

    def whole(self, key: str, default: int, *, low: int, high: int | None = None) -> int:
        """Take a whole number within limits."""
        value: int = self._take(key, default, (int,), "a whole number")
        return value if self._within(key, value, low, high) else default

    def number(self, key: str, default: float, *, low: float, high: float) -> float:
        """Take a number within limits."""
        value: float = self._take(key, default, (int, float), "a number")
        return float(value) if self._within(key, value, low, high) else default

    def _within(self, key: str, value: float, low: float, high: float | None) -> bool:
        if value >= low and (high is None or value <= high):
            return True
        limits = f"from {low} to {high}" if high is not None else f"of at least {low}"
        self.fault(key, value, f"expected a number {limits}", "Change it to lie within.")
        return False

    def day(self, key: str) -> dt.date | None:
        """Take a day, as TOML writes it: without quotes."""
        value: dt.date | None = self._take(key, None, (dt.date,), "a day such as 2024-03-29")
        return value.date() if isinstance(value, dt.datetime) else value

    def texts(self, key: str, *, required: bool = False) -> tuple[str, ...]:
        """Take a text or a list of texts."""
        value = self._take(key, (), (str, list), "text, or a list of texts")
        values = texts(value)
        if not all(isinstance(v, str) for v in values):
            self.fault(key, value, "expected a list of texts", 'Write ["one", "two"].')
            return ()
        if required and self.values.get(key, "") in ("", []):
            self._missing(key)
        return values

    def choices(self, key: str, allowed: tuple[str, ...]) -> tuple[str, ...]:
        """Take some of a closed list of words, or one of them."""
        values = self.texts(key)
        for value in values:
            if value not in allowed:
                rule = f"expected some of {', '.join(allowed)}"
                self.fault(key, value, rule, did_you_mean(value, allowed))
        return tuple(value for value in values if value in allowed)

    def _missing(self, key: str) -> None:
        rule, remedy = "it is required and is missing", f'Add {key} = "…".'
        self.fault(key, None, rule, remedy, "study.missing_key")

    def wholes(self, key: str) -> tuple[int, ...]:
        """Take a list of whole numbers."""
        value = self._take(key, (), (list,), "a list of whole numbers")
        if not all(isinstance(v, int) and not isinstance(v, bool) for v in value):
            self.fault(key, value, "expected a list of whole numbers", "Write [2011, 2019].")
            return ()
        return tuple(value)

    def table(self, key: str, *, required: bool = False) -> Keys:
        """Take a table below this one."""
        value = self._take(key, {}, (dict,), f"a table, [{key}]")
        if required and key not in self.values:
            self.fault(
                key,
                None,
                "this table is required and is missing",
                f"Add [{key}].",
                "study.missing_key",
            )
        where = ".".join(part for part in (self.where, key) if part)
        keys = Keys(value, where, self.file, self.text_of_file, self.problems)
        self.tables.append(keys)
        return keys

    def entries(self, key: str) -> tuple[Keys, ...]:
        """Take a list of tables below this one, each written ``[[key]]``."""
        value = self._take(key, [], (list,), "a list of tables")
        where = ".".join(part for part in (self.where, key) if part)
        if not all(isinstance(entry, Mapping) for entry in value):
            self.fault(key, value, "expected a list of tables", f"Write [[{where}]] for each.")
            return ()
        made = tuple(
            Keys(entry, f"{where}[{i}]", self.file, self.text_of_file, self.problems)
            for i, entry in enumerate(value)
        )
        self.tables.extend(made)
        return made

    def rest(self) -> dict[str, Any]:
        """Return what has not been asked for, and allow it."""
        self.open = True
        return {k: v for k, v in self.values.items() if k not in self.known}

    def close(self) -> None:
        """Note every key that nobody asked for, here and below."""
        for keys in self.tables:
            keys.close()
        if self.open:
            return
        for key in self.values:
            if key not in self.known:
                self.fault(
                    key,
                    None,
                    "there is no such key",
                    did_you_mean(key, self.known),
                    "study.unknown_key",
                )


def line_of(text: str, path: str) -> int | None:
    r"""Find the line on which a key stands, or else the table that should have it.

    Examples
    --------
    >>> line_of('[study]\ntitle = "One"\n[tables]\na = { reader = "x" }', "tables.a.reader")
    4
    """
    path = _bare(path)
    section, best, nearest = "", "", None
    for number, line in enumerate(text.splitlines(), start=1):
        header = re.match(r"\s*\[\[?([^\[\],]+)\]", line)
        if header:
            here = section = _bare(header[1])
        elif assigned := re.match(r"\s*([\w.\-\"' ]+?)\s*=", line):
            here = ".".join(part for part in (section, _bare(assigned[1])) if part)
        else:
            continue
        if here == path:
            return number
        if path.startswith(here + ".") and len(here) > len(best):
            best, nearest = here, number
    return nearest


def _bare(path: str) -> str:
    """Return a key path without quotation marks, positions in lists and space."""
    return re.sub(r"\[\d+\]|[\"'\s]", "", path)
