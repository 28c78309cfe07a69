"""The ledger: rows are never dropped, they move from `kept` to `aside` with one reason each."""

from __future__ import annotations

import attrs
import polars as pl

from impactkit.results import Exclusion

__all__ = ["Ledger", "reason_text"]

_TEXTS = {
    "outside_years": "The year is outside the window of the study.",
    "year_left_out": "The study leaves this year out.",
    "no_school": "The row names no school, or no year.",
    "no_value": "The row has neither a number nor a code that says why.",
    "not_a_number": "The value is not a finite number.",
    "no_weight": "The row has no positive weight.",
    "repeated_row": "The same number again for the same school and year; one row was kept.",
    "conflicting_rows": "Different numbers for the same school and year, with nothing to say which "
    "is right; none was used.",
    "doubled_school_year": "Two URNs of one school both report in this year; the URN that goes on "
    "is kept, the one that closes is set aside.",
    "no_denominator": "The file does not say how many pupils the share is of, which its log odds "
    "need.",
    "few_to_standardise": "Fewer than ten schools of this year and phase have a value, too few to "
    "place one among them.",
    "no_spread": "All schools of this year and phase have the same value.",
    "date_unknown": "The school is in a partnership, but the date it joined is missing or a "
    "placeholder, so it is neither treated nor comparison.",
    "beside_treated": "The school shares a partnership with a treated school without being treated "
    "itself, so it is no fair comparison.",
    "incomplete_window": "The treated school lacks a year in the window around its first exposed "
    "year.",
    "incomplete_years": "The school lacks a value in at least one year of the panel.",
}
_CODES = {
    "c": "confidential",
    "z": "not applicable",
    "x": "not available",
    "low": "too low to show",
    "u": "too unreliable to show",
    "supp": "suppressed",
    "ne": "no entries",
    "na": "not available",
}


def reason_text(reason: str) -> str:
    """Return the reason in words a head teacher would use.

    Examples
    --------
    >>> reason_text("status_supp")
    'The source gives a code in place of a number: supp, suppressed.'
    """
    if reason.startswith("status_"):
        code = reason.removeprefix("status_")
        meaning = f", {_CODES[code]}" if code in _CODES else ""
        return f"The source gives a code in place of a number: {code}{meaning}."
    return _TEXTS[reason]


@attrs.define
class Ledger:
    """Rows still `kept`, and those set `aside`: together always the rows that came in."""

    kept: pl.DataFrame
    aside: list[pl.DataFrame] = attrs.field(factory=list)

    def set_aside(self, condition: pl.Expr, reason: str | pl.Expr) -> None:
        """Move the kept rows that meet `condition`; null is not met. Windows see kept rows only."""
        name = pl.lit(reason) if isinstance(reason, str) else reason
        out = self.kept.select(condition.fill_null(False)).to_series()
        if out.any():
            self.aside.append(self.kept.filter(out).with_columns(reason=name))
            self.kept = self.kept.filter(~out)

    def rows(self) -> pl.DataFrame:
        """Return every row that came in, with `reason`: null for those kept."""
        kept = self.kept.with_columns(reason=pl.lit(None, pl.String))
        return pl.concat([kept, *self.aside], how="diagonal").sort("_row").drop("_row")

    def exclusions(self, measure: str, cohorts: pl.DataFrame) -> tuple[Exclusion, ...]:
        """Count the rows set aside, in the order in which it was done.

        `n_schools` are the schools that lost a row, `treated` those of them in a partnership that
        the study counts as treatment, whatever the date.
        """
        exclusions = []
        for part in self.aside:
            judged = part.join(cohorts, on="school_key", how="left")
            for (reason,), rows in sorted(judged.group_by("reason"), key=lambda item: item[0]):
                member = pl.col("standing").is_in(["treated", "date_unknown"])
                exclusions.append(
                    Exclusion(
                        reason=str(reason),
                        text=reason_text(str(reason)),
                        n_schools=rows["school_key"].drop_nulls().n_unique(),
                        n_rows=rows.height,
                        measure=measure,
                        stage="panel",
                        treated=rows.filter(member)["school_key"].n_unique(),
                    )
                )
        return tuple(exclusions)
