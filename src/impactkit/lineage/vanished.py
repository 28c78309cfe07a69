"""Who vanished: how many treated schools left the series after joining, beside how many others.

A panel holds the schools that lasted. If partnerships save schools from closing, or take in schools
that are about to close, those that are left are not those that joined, and their results differ
for that reason alone (survivorship; Brown, Goetzmann, Ibbotson & Ross 1992, Review of Financial
Studies 5, 553-580). The count cannot mend that. It says how far it could matter.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

import attrs
import polars as pl

from impactkit.inference.intervals import newcombe
from impactkit.results import Column, Diagnostic, Table

__all__ = ["FATES", "Vanished", "vanished"]

FATES: Mapping[str, str] = {
    "there": "Still there in the last year",
    "closed": "Closed, with no single successor",
    "absent": "In no row of the last year",
    "no_value": "In the last year without a value",
}
"""What can have become of a school, by the name of its column in `Vanished.fates`."""


@attrs.frozen(kw_only=True, eq=False)
class Vanished:
    """Schools that were there when a cohort joined, and what became of them by the last year.

    Attributes
    ----------
    measure
        Of which the panel is.
    last_year
        The last year of the panel, by its end.
    fates
        One row for ``treated`` and one for ``comparison``: `group`, `schools`, and one count a fate
        (see `FATES`). Each comparison school counts once.
    treated_share, comparison_share
        Share that had gone by the last year, from 0 to 1. The comparison schools are taken from the
        years in which the treated joined, in the same proportions, so that both had as long to
        vanish. None where there is nobody.
    low, high
        Newcombe's 95% interval of the difference of both shares; schools are taken as independent.
    """

    measure: str
    last_year: int
    fates: pl.DataFrame
    treated_share: float | None = None
    comparison_share: float | None = None
    low: float | None = None
    high: float | None = None

    @property
    def n_treated(self) -> int:
        """Treated schools that were there when they joined, before the last year."""
        return self._count("treated", "schools")

    @property
    def treated_gone(self) -> int:
        """Those of them that have no value in the last year."""
        return self.n_treated - self._count("treated", "there")

    @property
    def difference(self) -> float | None:
        """How many percentage points more of the treated had gone than of the comparison."""
        if self.treated_share is None or self.comparison_share is None:
            return None
        return 100 * (self.treated_share - self.comparison_share)

    @property
    def selective(self) -> bool:
        """Whether the treated vanished at another rate: the interval leaves out no difference."""
        return self.low is not None and self.high is not None and not self.low <= 0 <= self.high

    def _count(self, group: str, name: str) -> int:
        return int(self.fates.filter(pl.col("group") == group)[name].sum())

    def diagnostic(self) -> Diagnostic:
        """Return the difference as a check; it passes unless the rates clearly differ."""
        if self.difference is None or self.low is None or self.high is None:
            text = "Nobody joined before the last year, or nobody is left to compare with."
            return Diagnostic(name="vanished", text=text, measure=self.measure)
        text = (
            f"{self.treated_gone:,} of {self.n_treated:,} schools that joined had gone by the last "
            f"year ({100 * (self.treated_share or 0):.1f}%), and "
            f"{100 * (self.comparison_share or 0):.1f}% of comparison schools there at the same "
            f"time; difference {self.difference:+.1f} percentage points "
            f"({100 * self.low:+.1f} to {100 * self.high:+.1f})."
        )
        return Diagnostic(
            name="vanished",
            value=round(self.difference, 6),
            passed=not self.selective,
            text=text,
            measure=self.measure,
        )

    def table(self) -> Table:
        """Return the fates of treated and comparison schools, for the report."""
        shares = {"treated": self.treated_share, "comparison": self.comparison_share}
        names = {"treated": "Joined a partnership", "comparison": "Comparison"}
        rows = []
        for row in self.fates.to_dicts():
            share = shares[row["group"]]
            gone = None if share is None else 100 * share
            counts = (row["schools"], *(row[fate] for fate in FATES))
            rows.append((names[row["group"]], *counts, gone))
        return Table(
            id=f"vanished_{self.measure}",
            title="Schools that left the series",
            columns=(
                Column(name="group", label="Schools", kind="dimension"),
                Column(name="schools", label="There at the start", kind="count", of="schools"),
                *(
                    Column(name=fate, label=label, kind="count", of="schools")
                    for fate, label in FATES.items()
                ),
                Column(name="gone", label="Gone (%)", unit="percent", digits=1),
            ),
            rows=rows,
            sums=(("schools", tuple(FATES)),),
            note="The start is the year before joining or that of joining; for comparison schools, "
            "the same years, in the same proportions. Partnerships that ended are often missing "
            "from a register altogether, and so are not counted here.",
        )


def vanished(
    frame: pl.DataFrame,
    *,
    measure: str = "",
    seen: pl.DataFrame | None = None,
    schools: pl.DataFrame | None = None,
) -> Vanished:
    """Count the schools that left the series after joining, beside comparison schools.

    A school is at risk for a cohort when it has a value in the year before the cohort joined, or in
    the year of joining. It has gone when it has none in the last year of the panel. Schools that
    joined in the last year, or later, had no time to vanish and do not count.

    Parameters
    ----------
    frame
        A panel before it was balanced: `school_key`, `year`, `cohort` (null for comparison).
    measure
        Its measure, for the table.
    seen
        `school_key` and `year` of every row of the measure, with a value or without: parts schools
        without a published value from those that are in no row.
    schools
        The register, `school_key`, `chain_position` and `close_date`: parts schools whose last
        number closed from others that are in no row.

    Examples
    --------
    >>> frame = pl.DataFrame({"school_key": ["a", "a", "b", "c", "c", "d"],
    ...     "year": [2014, 2015, 2014, 2014, 2015, 2014], "value": 1.0,
    ...     "cohort": [2014, 2014, 2014, None, None, None]})
    >>> found = vanished(frame)
    >>> found.treated_gone, found.n_treated, found.difference
    (1, 2, 0.0)
    """
    last = frame["year"].max() if frame.height else 0
    assert isinstance(last, int)
    gone = _fates(frame, last, seen, schools)
    treated = frame.filter(pl.col("cohort") < last)
    # A school is there for a cohort if the year of a value is that of joining, or the one before.
    joining = [pl.col("cohort") == pl.col("year") + later for later in (0, 1)]
    mine = treated.filter(pl.any_horizontal(joining)).select("school_key", "cohort").unique()
    years = frame.filter(pl.col("cohort").is_null()).select("school_key", "year")
    other = (
        pl.concat([years, years.with_columns(pl.col("year") + 1)])
        .select("school_key", cohort="year")
        .unique()
        .join(mine.select("cohort").unique(), on="cohort", how="semi")
    )
    parts = {"treated": mine, "comparison": other}
    fates = pl.concat(_counted(group, part, gone) for group, part in parts.items())
    if not mine.height or not other.height:
        return Vanished(measure=measure, last_year=last, fates=fates)
    rate = (pl.col("fate") != "there").mean()
    by_cohort = (
        mine.group_by("cohort")
        .agg(weight=pl.len())
        .join(
            other.join(gone, on="school_key").group_by("cohort").agg(rate=rate, n=pl.len()),
            on="cohort",
        )
        .sort("cohort")  # the order in which weights are added up shows in the last digit
    )
    # A cohort that no comparison school was there for has nothing to be compared with.
    paired = mine.join(by_cohort, on="cohort", how="semi").join(gone, on="school_key")
    if paired.is_empty():
        return Vanished(measure=measure, last_year=last, fates=fates)
    weights = by_cohort["weight"] / by_cohort["weight"].sum()
    share = float(paired.select(rate).item())
    against = float((weights * by_cohort["rate"]).sum())
    low, high = newcombe(share, paired.height, against, float((weights * by_cohort["n"]).sum()))
    return Vanished(
        measure=measure,
        last_year=last,
        fates=fates,
        treated_share=share,
        comparison_share=against,
        low=low,
        high=high,
    )


def _fates(
    frame: pl.DataFrame, last: int, seen: pl.DataFrame | None, schools: pl.DataFrame | None
) -> pl.DataFrame:
    """Say of each school what became of it by the last year."""
    rows = frame.group_by("school_key").agg(there=(pl.col("year") == last).any())
    if seen is not None:
        in_last = seen.filter(pl.col("year") == last).select("school_key").unique()
        rows = rows.join(in_last.with_columns(row=True), on="school_key", how="left")
    if schools is not None and "close_date" in schools.columns:
        ended = (
            schools.drop_nulls("school_key")
            .sort("chain_position")
            .group_by("school_key", maintain_order=True)
            .agg(pl.col("close_date").last())
        )
        rows = rows.join(ended, on="school_key", how="left")
    closed = (
        pl.col("close_date") <= dt.date(last, 8, 31)
        if "close_date" in rows.columns
        else pl.lit(False)
    )
    silent = pl.col("row") if "row" in rows.columns else pl.lit(False)
    return rows.select(
        "school_key",
        fate=pl.when("there")
        .then(pl.lit("there"))
        .when(closed.fill_null(False))
        .then(pl.lit("closed"))
        .when(silent.fill_null(False))
        .then(pl.lit("no_value"))
        .otherwise(pl.lit("absent")),
    )


def _counted(group: str, part: pl.DataFrame, gone: pl.DataFrame) -> pl.DataFrame:
    of = part.select("school_key").unique().join(gone, on="school_key")
    return of.select(
        group=pl.lit(group),
        schools=pl.len(),
        **{fate: (pl.col("fate") == fate).sum() for fate in FATES},
    )
