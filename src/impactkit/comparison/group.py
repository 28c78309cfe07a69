"""A comparison group: treated and comparison schools, each with a weight, and who was left out."""

from __future__ import annotations

import attrs
import polars as pl

from impactkit.errors import DataError, Problem
from impactkit.results import Exclusion


@attrs.frozen(kw_only=True, eq=False, repr=False)
class ComparisonGroup:
    """Who is compared with whom, and how much each school counts.

    Attributes
    ----------
    method
        How the group was made, in words.
    frame
        One row a school that takes part, sorted: every column it came with, and `weight` (above 0;
        a treated school counts as 1, and comparison schools together as many as the treated).
    unit, treated
        Names of the columns of the school and of the treatment flag.
    pairs
        For matching: `unit`, its match `comparison`, their `distance`, and `rank` from 1.
    exclusions
        Schools left out, counted, with the reason.
    warnings
        What a reader must know.
    """

    method: str
    frame: pl.DataFrame
    unit: str
    treated: str
    pairs: pl.DataFrame | None = None
    exclusions: tuple[Exclusion, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def n_treated(self) -> int:
        """How many treated schools take part."""
        return int(self._flag.sum())

    @property
    def n_comparison(self) -> int:
        """How many comparison schools take part."""
        return self.frame.height - self.n_treated

    @property
    def effective_comparison(self) -> float:
        """How many equally weighted comparison schools would be as precise (Kish)."""
        weights = self.frame.filter(~self._flag)["weight"].to_numpy()
        return float(weights.sum() ** 2 / (weights @ weights)) if len(weights) else 0.0

    @property
    def weights(self) -> pl.DataFrame:
        """The weights alone: the school's column and `weight`."""
        return self.frame.select(self.unit, "weight")

    @property
    def _flag(self) -> pl.Series:
        return self.frame[self.treated].cast(pl.Boolean)

    def to_frame(self) -> pl.DataFrame:
        """Return one row a school that takes part."""
        return self.frame

    def attach(
        self, panel: pl.DataFrame, *, unit: str | None = None
    ) -> tuple[pl.DataFrame, tuple[Exclusion, ...]]:
        """Give a panel the weights, ready for ``att_gt(..., weights="weight")``.

        Parameters
        ----------
        panel
            Rows of schools and years.
        unit
            The panel's column of schools; default, that of the group.

        Returns
        -------
        tuple
            The rows of schools in the group, with `weight` (any column of that name is replaced),
            in the order they came in; and what was left out, counted.

        Raises
        ------
        DataError
            When the panel has no such column, or none of its schools is in the group.
        """
        unit = unit or self.unit
        if unit not in panel.columns:
            raise DataError(
                Problem(
                    code="column.missing",
                    file="the panel",
                    column=unit,
                    rule="there is no such column",
                    remedy=f"Give the column of schools; it has: {', '.join(panel.columns)}.",
                )
            )
        weights = self.weights.rename({self.unit: unit})
        rows = panel.drop("weight", strict=False).join(
            weights, on=unit, how="left", maintain_order="left"
        )
        kept = rows.filter(pl.col("weight").is_not_null())
        if kept.is_empty():
            raise DataError(
                Problem(
                    code="group.empty",
                    file="the panel",
                    column=unit,
                    rule=f"none of its {panel[unit].n_unique():,} schools is in the group",
                    remedy="Are both labelled in the same way?",
                )
            )
        lost = rows.filter(pl.col("weight").is_null())
        if lost.is_empty():
            return kept, ()
        exclusion = Exclusion(
            reason="not_in_group",
            text=f"not in the comparison group ({self.method})",
            n_rows=lost.height,
            n_schools=lost[unit].n_unique(),
            stage="comparison",
        )
        return kept, (exclusion,)

    def __str__(self) -> str:
        lines = [
            f"Comparison group: {self.method}",
            f"{self.n_treated:,} treated schools, {self.n_comparison:,} comparison schools "
            f"(worth {self.effective_comparison:.1f} equally weighted)",
        ]
        lines += [
            f"Left out: {e.n_schools:,} schools, {e.treated:,} of them treated ({e.text})"
            for e in self.exclusions
        ]
        return "\n".join([*lines, *(f"Note: {w}." for w in self.warnings)])

    __repr__ = __str__
