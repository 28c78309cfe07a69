"""Suppression codes: what stands where a number should be, and why.

A symbol becomes a value of null and a status, never a number and never a silent null. The symbol as
published and the reason that it gives are in `SYMBOLS`; a token that is not there is an error.

Sources: Explore Education Statistics symbols, and the older ``:`` and ``~``, from the analysts'
guide of the Department for Education (August 2026). ``SUPP`` is explained on the performance
tables' own pages. The other tokens were met in published files, or are general knowledge; their
meaning was not checked against a metadata file, and is marked so.
"""

from __future__ import annotations

import attrs
import polars as pl


@attrs.frozen
class Symbol:
    """A token, the status that it stands for, what it means, and whether that was checked."""

    token: str
    status: str
    meaning: str
    verified: bool = True


SYMBOLS = (
    Symbol("c", "c", "confidential: suppressed to protect people"),
    Symbol("z", "z", "not applicable"),
    Symbol("x", "x", "not available"),
    Symbol("low", "low", "rounds to 0, but is not 0"),
    Symbol("k", "k", "rounds to 0, but is not 0"),
    Symbol("u", "u", "of low reliability"),
    Symbol(":", "x", "not available (older publications)"),
    Symbol("~", "low", "rounds to 0, but is not 0 (older publications)"),
    Symbol("SUPP", "supp", "suppressed because it rests on few people"),
    Symbol("SUPPMAT", "supp", "suppressed in trusts' tables of key stage 2", verified=False),
    Symbol("SUPPM", "supp", "suppressed in trusts' tables of 16 to 18", verified=False),
    Symbol("SP", "supp", "suppressed in the destination tables", verified=False),
    Symbol("SN", "supp", "suppressed because numbers are small", verified=False),
    Symbol("D", "supp", "suppressed so that another figure cannot be worked out", verified=False),
    Symbol("NE", "ne", "no entries, or no eligible pupils", verified=False),
    Symbol("NA", "na", "not applicable or not available", verified=False),
    Symbol("NEW", "na", "a new school, without earlier results", verified=False),
    Symbol("NOTREQ", "na", "the school did not have to report it", verified=False),
    Symbol("NP", "x", "not published", verified=False),
    Symbol("DNS", "x", "the school did not submit it", verified=False),
    Symbol("UNAVAIL", "x", "not available", verified=False),
    Symbol("LOWCOV", "x", "withheld because it covers too few of the pupils", verified=False),
    Symbol("", "x", "left blank", verified=False),
)
"""Every symbol that is understood. Case is forgiven."""

STATUS_OF = {symbol.token.casefold(): symbol.status for symbol in SYMBOLS}

NUMBER = r"^[+-]?(\d{1,3}(,\d{3})+|\d+)?(\.\d+)?([eE][+-]?\d{1,3})?$"
"""A number as published: with thousands separators or without, no letters but an exponent."""


def to_float(text: pl.Expr, marks: str = "") -> pl.Expr:
    """Return an expression for numbers in text, null where it is none.

    `marks` are signs that may stand beside the figure: ``£`` before it, ``%`` after it.

    Examples
    --------
    >>> frame = pl.DataFrame({"v": ["£34,547", "84%", "1,2", "nan", "1e400", "-0.50"]})
    >>> frame.select(to_float(pl.col("v"), "£%")).to_series().to_list()
    [34547.0, 84.0, None, None, None, -0.5]
    """
    if "£" in marks:
        text = text.str.replace(r"^([+-]?)£", "$1")
    if "%" in marks:
        text = text.str.replace(r"\s?%$", "")
    is_number = text.str.contains(NUMBER) & text.str.contains(r"\d")
    digits = pl.when(is_number).then(text.str.replace_all(",", "", literal=True))
    number = digits.cast(pl.Float64, strict=False)
    return pl.when(number.is_finite()).then(number)


def split_symbols(text: pl.Expr) -> tuple[pl.Expr, pl.Expr]:
    """Return expressions for the value and the status of published figures.

    Where the text is neither a number nor a known symbol both are null: that is an error, for the
    caller to report.

    Examples
    --------
    >>> value, status = split_symbols(pl.col("v"))
    >>> pl.DataFrame({"v": ["20.9", "SUPP", "£34,547", " ", "n/a"]}).select(
    ...     value.alias("value"), status.alias("status")
    ... ).rows()
    [(20.9, 'ok'), (None, 'supp'), (34547.0, 'ok'), (None, 'x'), (None, None)]
    """
    text = text.fill_null("").str.strip_chars()
    value = to_float(text, marks="£%")
    status = text.str.to_lowercase().replace_strict(STATUS_OF, default=None, return_dtype=pl.String)
    return value, pl.when(value.is_not_null()).then(pl.lit("ok")).otherwise(status)
