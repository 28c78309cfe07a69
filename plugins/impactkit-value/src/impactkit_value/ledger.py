"""Amounts of money made comparable: counted once, in one kind of year, in prices of one year.

A school that the authority maintains accounts from April to March, an academy from September to
August. Seven of the months of academic year A lie in fiscal year A and five in the next, so an
amount is carried over by twelfths: evenly over its months, which is an assumption.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

import attrs

from impactkit import EstimationError

if TYPE_CHECKING:
    import polars as pl

    from impactkit import Exclusion

FISCAL, ACADEMIC = "april_to_march", "september_to_august"
Basis = Literal["april_to_march", "september_to_august"]
WORDS = {FISCAL: "April to March", ACADEMIC: "September to August"}
SHOWN = ("invoice", "contract", "accounts")
"""What counts as evidence of an amount; an estimate does not."""
COLUMNS = (
    *("entry_id", "partnership_id", "school_key", "fiscal_year", "basis"),
    *("line", "amount_gbp", "kind", "recurrent", "evidence", "evidence_ref", "price_year"),
)
REQUIRED = ("entry_id", "fiscal_year", "basis", "line", "amount_gbp", "kind")


@attrs.frozen(kw_only=True, eq=False)
class Ledger:
    """Amounts in one basis and in prices of one year, and how they came to be.

    `rows` has `partnership_id`, `school_key`, `year` (by its end), `line`, `kind`, `amount` (GBP),
    `recurrent` and `evidenced`; and `months` of the year that the amount is of, with the year in
    which it was entered, `of`, and the kind of that year, `entered`.
    """

    rows: pl.DataFrame
    basis: str
    prices: str
    converted: bool
    exclusions: tuple[Exclusion, ...]


def ledger(
    finance: pl.DataFrame,
    *,
    stage: str,
    basis: str = "",
    deflators: Mapping[str, float] | None = None,
    price_base: int = 0,
) -> Ledger:
    """Return the amounts of `finance` made comparable.

    Parameters
    ----------
    finance
        Rows of the table of that name.
    stage
        Of the exclusions: the metric.
    basis
        Kind of year that all amounts are to be in; empty: as they are, if they are all in one.
    deflators
        Price index by year, such as the GDP deflator; empty: amounts stay as they were entered.
    price_base
        In prices of which year, where there are deflators; 0: the last year with an amount.

    Raises
    ------
    EstimationError
        When kinds of years, or of prices, are mixed and nothing was said of how to convert them;
        when a deflator is lacking; when no amount is left.
    """
    rows, lost = _sound(finance, stage)
    rows, twice = _once(rows, stage)
    if rows.is_empty():
        raise EstimationError("there is no amount of money to add up; give rows in `finance`")
    rows, prices = _real(rows, deflators or {}, price_base)
    there = rows["basis"].unique().sort().to_list()
    if not basis and len(there) > 1:
        told = " and ".join(
            f"{(rows['basis'] == name).sum():,} amounts by the year {WORDS[name]}" for name in there
        )
        raise EstimationError(
            f"{told}: these are different years; set basis = '{FISCAL}' or '{ACADEMIC}' to carry "
            "all of them over, by twelfths"
        )
    wanted = basis or there[0]
    return Ledger(
        rows=_carried(rows, wanted),
        basis=wanted,
        prices=prices,
        converted=there != [wanted],
        exclusions=(*lost, *twice),
    )


def _sound(finance: pl.DataFrame, stage: str) -> tuple[pl.DataFrame, list[Exclusion]]:
    """Return rows that say how much, when and of what kind, in an order of their own."""
    import polars as pl

    from impactkit import set_aside, typed_columns

    types: dict[str, Any] = {
        **dict.fromkeys(COLUMNS, pl.String),
        **dict.fromkeys(("fiscal_year", "price_year"), pl.Int64),
        "amount_gbp": pl.Float64,
        "recurrent": pl.Boolean,
    }
    unstated = ~(
        pl.all_horizontal(pl.col("fiscal_year", "kind").is_not_null())
        & pl.col("basis").is_in(list(WORDS)).fill_null(value=False)
        & pl.col("amount_gbp").is_finite().fill_null(value=False)
    )
    words = "amounts without a sum, a year, a kind of year or a kind"
    rows = typed_columns(finance, types).sort(COLUMNS)
    return set_aside(rows, [("unstated", words, unstated)], stage)


def _once(rows: pl.DataFrame, stage: str) -> tuple[pl.DataFrame, list[Exclusion]]:
    """Keep amounts once that several schools or partnerships entered from the same paper.

    Equal amounts that one of them entered are instalments, and stay.
    """
    import polars as pl

    from impactkit import set_aside

    paper = pl.col("evidence_ref").fill_null("").str.strip_chars()
    who = pl.struct("partnership_id", "school_key")
    same = ["_paper", "fiscal_year", "kind", "amount_gbp"]
    rows = rows.with_columns(_paper=paper, _who=who)
    first = pl.col("_who") == pl.col("_who").first().over(same)
    words = "amounts that another school or partnership had entered from the same paper"
    kept, lost = set_aside(rows, [("twice", words, (pl.col("_paper") != "") & ~first)], stage)
    return kept.drop("_paper", "_who"), lost


def _real(
    rows: pl.DataFrame, deflators: Mapping[str, float], base: int
) -> tuple[pl.DataFrame, str]:
    """Return amounts in prices of one year where there are deflators, and what the prices are."""
    import polars as pl

    of = pl.coalesce("price_year", "fiscal_year")
    rows = rows.with_columns(prices=of)
    if not deflators:
        restated = rows.filter(pl.col("prices") != pl.col("fiscal_year"))
        if restated.is_empty():
            return rows, "prices of their own years (not adjusted for inflation)"
        years = rows["prices"].unique().sort().to_list()
        if len(years) == 1:
            return rows, f"prices of {years[0]}"
        raise EstimationError(
            f"amounts are in prices of {len(years)} years, some restated and some not; give "
            "`deflators` (an index by year), or all amounts in prices of the same year"
        )
    base = base or int(rows["fiscal_year"].max())  # type: ignore[arg-type]
    index = {int(year): float(level) for year, level in deflators.items()}
    lacking = sorted({*rows["prices"].to_list(), base} - {y for y, x in index.items() if x > 0})
    if lacking:
        raise EstimationError(f"there is no deflator of {', '.join(map(str, lacking))}")
    level = pl.col("prices").replace_strict(index, return_dtype=pl.Float64)
    return rows.with_columns(amount_gbp=pl.col("amount_gbp") * index[base] / level), (
        f"prices of {base}, by the study's deflators"
    )


def _carried(rows: pl.DataFrame, basis: str) -> pl.DataFrame:
    """Return amounts by the years of one basis, those of the other carried over by twelfths."""
    import polars as pl

    shown = pl.col("evidence").is_in(list(SHOWN)).fill_null(value=False)
    rows = rows.with_columns(
        amount=pl.col("amount_gbp"),
        year=pl.col("fiscal_year"),
        evidenced=shown,
        of="fiscal_year",
        entered="basis",
        months=pl.lit(12),
    )
    keep = ("partnership_id", "school_key", "year", "line", "kind", "amount", "recurrent")
    own = rows.filter(pl.col("basis") == basis)
    other = rows.filter(pl.col("basis") != basis)
    # A fiscal year begins five months before the academic year that its other months belong to.
    first, second = ((-1, 5), (0, 7)) if basis == ACADEMIC else ((0, 7), (1, 5))
    parts = [own] + [
        other.with_columns(
            year=pl.col("year") + shift,
            amount=pl.col("amount") * months / 12,
            months=pl.lit(months),
        )
        for shift, months in (first, second)
    ]
    return pl.concat(parts).select(*keep, "evidenced", "of", "entered", "months")


def covered(rows: pl.DataFrame) -> pl.DataFrame:
    """Return `partnership_id`, `year` and `share`: the part of the year that amounts are of.

    An amount that was carried over lies in parts of two years, which are one year and not two.
    """
    import polars as pl

    key = ["partnership_id", "year"]
    return (
        rows.select(*key, "of", "entered", "months")
        .unique()
        .group_by(*key, "entered")
        .agg(pl.col("months").sum())
        .group_by(key)
        .agg(share=pl.col("months").max() / 12)
        .sort(key)
    )


def placed(rows: pl.DataFrame, memberships: pl.DataFrame | None) -> pl.DataFrame:
    """Return rows with their partnership: the one they name, or the only one of their school."""
    import polars as pl

    if memberships is None:
        return rows
    only = (
        memberships.select(pl.col("school_key", "partnership_id").cast(pl.String))
        .drop_nulls()
        .unique()
        .filter(pl.len().over("school_key") == 1)
        .rename({"partnership_id": "_theirs"})
    )
    joined = rows.join(only, on="school_key", how="left", maintain_order="left")
    return joined.with_columns(partnership_id=pl.coalesce("partnership_id", "_theirs")).drop(
        "_theirs"
    )
