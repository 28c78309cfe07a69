"""A suppression symbol becomes a reason, never a number and never a silent null."""

from __future__ import annotations

import polars as pl
import pytest

from impactkit.tables.symbols import SYMBOLS, split_symbols
from impactkit.types import STATUSES


def split(*texts: str | None) -> list[tuple]:
    """Return value and status of each text."""
    value, status = split_symbols(pl.col("text"))
    frame = pl.DataFrame({"text": texts}, schema={"text": pl.String})
    return frame.select(value.alias("value"), status.alias("status")).rows()


@pytest.mark.parametrize(
    ("token", "status"),
    [
        ("SUPP", "supp"),
        ("SUPPMAT", "supp"),
        ("SUPPM", "supp"),
        ("SP", "supp"),
        ("SN", "supp"),
        ("D", "supp"),
        ("NE", "ne"),
        ("NA", "na"),
        ("NEW", "na"),
        ("NOTREQ", "na"),
        ("NP", "x"),
        ("DNS", "x"),
        ("UNAVAIL", "x"),
        ("LOWCOV", "x"),
        ("c", "c"),
        ("z", "z"),
        ("x", "x"),
        ("low", "low"),
        ("k", "k"),
        ("u", "u"),
        (":", "x"),
        ("~", "low"),
        ("", "x"),
        (" ", "x"),
        (None, "x"),
        (" supp ", "supp"),
    ],
)
def test_every_published_symbol_becomes_its_status(token: str | None, status: str) -> None:
    """The list is that of the published files and of Explore Education Statistics."""
    assert split(token) == [(None, status)]


def test_every_status_is_one_that_the_contract_knows_and_every_symbol_is_explained() -> None:
    """What a symbol means is declared beside it."""
    assert {symbol.status for symbol in SYMBOLS} <= set(STATUSES) - {"ok"}
    assert all(symbol.meaning for symbol in SYMBOLS)
    assert len({symbol.token.casefold() for symbol in SYMBOLS}) == len(SYMBOLS)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("20.9", 20.9),
        ("0", 0.0),
        ("-1.6", -1.6),
        ("84%", 84.0),
        ("£43,710", 43710.0),
        ("221,076.1", 221076.1),
        (".5", 0.5),
        ("1e-05", 1e-05),
        ("20.5000361713263", 20.5000361713263),
    ],
)
def test_numbers_are_read_as_they_are_published(text: str, number: float) -> None:
    """Pound signs, per cent signs and thousands separators are no obstacle."""
    assert split(text) == [(number, "ok")]


@pytest.mark.parametrize(
    "text",
    ["n/a", "NULL", "nan", "inf", "1e999", "1,2", "12,34", "1.2.3", "..", "-", "£", "%", "e5"],
)
def test_anything_else_is_neither_a_number_nor_a_symbol(text: str) -> None:
    """It is left for an error; nothing is guessed."""
    assert split(text) == [(None, None)]
