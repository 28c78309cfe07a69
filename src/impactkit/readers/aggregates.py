"""Rows about England, regions or authorities, told from those about schools."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from impactkit.readers.forms import NO_URN, Form, set_aside

PHASE_CODES = {"PRI": "Primary", "SEC": "Secondary", "SPE": "Special"}
"""What stands in place of the establishment, the authority or the URN in rows about England."""

CODED = ("estab", "la", "laestab", "urn")
"""Columns in which one of `PHASE_CODES` may stand."""

Split = Callable[[pl.DataFrame, Form], tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]]
"""Parts rows into those of the table, aggregates (with `level`), and rows set aside."""


def split_schools(
    frame: pl.DataFrame, form: Form
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Part schools from aggregates, and from rows that are about neither."""
    level, phase, reason = (pl.lit(None, dtype=pl.String) for _ in range(3))
    for rule in form.aggregates:
        if rule.column not in frame.columns:
            continue
        hit = pl.col(rule.column).str.contains(f"(?i)^(?:{rule.pattern})$")
        level = pl.when(hit).then(pl.lit(rule.level)).otherwise(level)
        phase = pl.when(hit).then(pl.lit(rule.phase)).otherwise(phase)
        reason = pl.when(hit).then(pl.lit(rule.reason)).otherwise(reason)
    no_urn = pl.col("urn") == ""
    estab, la = (pl.col(name) if name in frame.columns else pl.lit("") for name in ("estab", "la"))
    whole_la = no_urn & estab.str.to_uppercase().is_in(["", *PHASE_CODES])
    whole_la &= la.str.contains(r"^\d{3}$")
    if "laestab" in frame.columns and "la" not in frame.columns:
        la = pl.col("laestab").str.extract(r"^(\d{3})\d{4}$", 1).fill_null("")
    frame = frame.with_columns(
        level=pl.coalesce(level, pl.when(whole_la).then(pl.lit("la"))),
        reason=pl.when(reason != "").then(reason),
        la_code=pl.when(la.str.contains(r"^\d{1,3}$")).then(la.str.zfill(3)),
    )
    coded = [
        pl.col(name).str.to_uppercase().replace_strict(PHASE_CODES, default=None)
        for name in CODED
        if name in frame.columns
    ]
    other = frame.filter(pl.col("reason").is_not_null())
    frame = frame.filter(pl.col("reason").is_null()).drop("reason")
    aggregates = frame.filter(pl.col("level").is_not_null()).with_columns(
        phase=pl.coalesce(*coded, phase, pl.lit("All"))
    )
    rest = frame.filter(pl.col("level").is_null())
    aside = [
        *(set_aside(part, str(key[0])) for key, part in other.group_by("reason")),
        set_aside(rest.filter(no_urn), NO_URN),
    ]
    return rest.filter(~no_urn).drop("level"), aggregates, pl.concat(aside)
