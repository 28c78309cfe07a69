"""Answers to a questionnaire made ready: reversed, held to the scale, each set-aside row counted.

`survey_responses` has answers as they were given; `instruments` says which items run the other way
and how far the scale reaches. Every metric of a questionnaire needs the same, so it is here.
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import polars as pl

from impactkit.results import Exclusion

RESPONSES = {
    "instrument_id": pl.String,
    "item": pl.String,
    "wave": pl.Int64,
    "respondent_key": pl.String,
    "school_key": pl.String,
    "level": pl.String,
    "value": pl.Float64,
    "retro_pre": pl.Boolean,
    "invited": pl.Int64,
    "answered_on": pl.Date,
}
INSTRUMENTS = {
    "instrument_id": pl.String,
    "item": pl.String,
    "reverse": pl.Boolean,
    "scale_low": pl.Float64,
    "scale_high": pl.Float64,
    "unit": pl.String,
    "scale": pl.String,
}
ONE = ["item", "wave", "respondent_key", "retro_pre"]


@attrs.frozen(kw_only=True, eq=False)
class Answers:
    """The answers to one instrument, on a scale on which more is more.

    `frame` has a row an answer: `respondent_key`, `school_key`, `level`, `wave`, `item`, `value`,
    `retro_pre` (asked afterwards how it had been before), `invited` and `answered_on`. `items` are
    those that were asked, `reversed_items` those of them that were turned round; `low` and `high`
    are the ends of the scale where all items have the same.
    """

    frame: pl.DataFrame
    items: tuple[str, ...]
    reversed_items: tuple[str, ...]
    low: float | None
    high: float | None
    exclusions: tuple[Exclusion, ...]

    def means(self, items: Sequence[str] | None = None, *, most: float = 0.5) -> pl.DataFrame:
        """Return `respondent_key`, `school_key`, `level`, `wave`, `retro_pre` and mean `value`.

        Somebody counts who answered at least the share `most` of the items.
        """
        chosen = self.items if items is None else tuple(items)
        return (
            self.frame.filter(pl.col("item").is_in(chosen))
            .group_by("respondent_key", "wave", "retro_pre")
            .agg(
                pl.col("school_key", "level").drop_nulls().sort().first(),
                pl.col("value").sort_by("item").mean(),
                answered=pl.len(),
            )
            .filter(pl.col("answered") >= most * len(chosen))
            .drop("answered")
            .sort("respondent_key", "wave", "retro_pre")
        )

    def wide(self, wave: int) -> pl.DataFrame:
        """Return people by items in one wave, of those who answered every item."""
        rows = self.frame.filter((pl.col("wave") == wave) & ~pl.col("retro_pre"))
        table = rows.sort("respondent_key", "item").pivot(
            on="item", index="respondent_key", values="value", aggregate_function="first"
        )
        if not {*self.items} <= {*table.columns}:
            return pl.DataFrame(schema=dict.fromkeys(self.items, pl.Float64))
        return table.select(self.items).drop_nulls()

    def asked(self, wave: int) -> int | None:
        """Return how many were asked in a wave; None where `invited` does not say.

        `invited` is of a school and level and stands with its answers, so schools from which nobody
        answered are not in it. Somebody who answered was asked, whatever the register says.
        """
        part = self.frame.filter((pl.col("wave") == wave) & ~pl.col("retro_pre"))
        known = part.group_by("school_key", "level").agg(pl.col("invited").max())["invited"]
        if part.is_empty() or known.null_count():
            return None
        return max(int(known.sum()), part["respondent_key"].n_unique())

    def contrary(self, wave: int) -> tuple[str, ...]:
        """Return items that go against the sum of the others: likely reversed, or not reversed."""
        table = self.wide(wave)
        found = []
        for item in self.items:
            rest = pl.sum_horizontal(pl.col(other) for other in self.items if other != item)
            r = table.select(pl.corr(pl.col(item), rest)).item() if table.height > 2 else None
            if r is not None and r < 0:
                found.append(item)
        return tuple(found)


def scored_answers(
    responses: pl.DataFrame, instruments: pl.DataFrame, instrument_id: str
) -> Answers:
    """Return the answers to an instrument, reversed where it says so.

    Set aside and counted: answers to items that `instruments` does not have, blanks, answers off
    the scale, and whatever says again what the same person answered to the same item in the same
    wave. A blank `reverse` means that an item is not reversed.

    Examples
    --------
    >>> instruments = pl.DataFrame({
    ...     "instrument_id": ["c"] * 2, "item": ["c1", "c2"], "reverse": [False, True],
    ...     "scale_low": [1.0, 1.0], "scale_high": [5.0, 5.0],
    ... })
    >>> responses = pl.DataFrame({
    ...     "instrument_id": ["c"] * 3, "item": ["c1", "c2", "c1"], "wave": [1, 1, 2],
    ...     "respondent_key": ["r"] * 3, "value": [4.0, 1.0, 7.0],
    ... })
    >>> found = scored_answers(responses, instruments, "c")
    >>> found.frame["value"].to_list(), [(e.reason, e.n_rows) for e in found.exclusions]
    ([4.0, 5.0], [('answers.off_scale', 1)])
    """
    about = (
        _typed(instruments, INSTRUMENTS)
        .filter((pl.col("instrument_id") == instrument_id) & pl.col("item").is_not_null())
        .with_columns(pl.col("reverse").fill_null(False))
        .sort("item", "reverse", "scale_low", "scale_high")
        .unique("item", keep="first", maintain_order=True)
    )
    rows = _typed(responses, RESPONSES).filter(pl.col("instrument_id") == instrument_id)
    rows = rows.with_columns(pl.col("retro_pre").fill_null(False)).join(
        about.drop("instrument_id"), on="item", how="left"
    )
    rows = rows.sort(*ONE, "value", "school_key", "level", nulls_last=True)
    lost = []
    for reason, text, fault in (
        (
            "unknown_item",
            "answers to an item that the table of instruments does not have",
            pl.col("scale_high").is_null() | pl.col("scale_low").is_null(),
        ),
        (
            "nobody",
            "answers without a person or a wave",
            pl.col("respondent_key").is_null() | pl.col("wave").is_null(),
        ),
        ("blank", "questions that were not answered", pl.col("value").is_null()),
        (
            "off_scale",
            "answers that are not on the scale of their item",
            ~pl.col("value").is_between(pl.col("scale_low"), pl.col("scale_high")),
        ),
        (
            "repeated",
            "further answers of the same person to the same item in the same wave",
            ~pl.struct(ONE).is_first_distinct(),
        ),
    ):
        kept = rows.filter(~fault.fill_null(False))
        if kept.height < rows.height:
            n = rows.height - kept.height
            lost.append(Exclusion(reason=f"answers.{reason}", text=text, n_rows=n))
        rows = kept
    turned = pl.col("scale_low") + pl.col("scale_high") - pl.col("value")
    asked = about.filter(pl.col("item").is_in(rows["item"].unique().implode()))
    ends = asked.select("scale_low", "scale_high").unique().rows()
    low, high = ends[0] if len(ends) == 1 else (None, None)
    return Answers(
        frame=rows.with_columns(value=pl.when("reverse").then(turned).otherwise("value")).select(
            name for name in RESPONSES if name != "instrument_id"
        ),
        items=tuple(asked["item"]),
        reversed_items=tuple(asked.filter("reverse")["item"]),
        low=low,
        high=high,
        exclusions=tuple(lost),
    )


def _typed(frame: pl.DataFrame, columns: dict[str, type[pl.DataType]]) -> pl.DataFrame:
    return frame.select(
        (pl.col(name) if name in frame.columns else pl.lit(None)).cast(dtype).alias(name)
        for name, dtype in columns.items()
    )
