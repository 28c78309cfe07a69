"""The design of a study without its outcomes: who is seen when, treated from when, with whom."""

from __future__ import annotations

from collections.abc import Mapping

import attrs
import polars as pl

from impactkit.errors import EstimationError
from impactkit.estimators.checks import tidy
from impactkit.estimators.options import check_options
from impactkit.results import Exclusion


@attrs.frozen(kw_only=True, eq=False)
class PanelDesign:
    """School-years, cohorts and clusters; there is no outcome in it.

    Attributes
    ----------
    frame
        One row a school and year observed, sorted: `unit`, `time` and `cohort` (whole numbers, null
        for never treated), `cluster` (text; a school in no partnership is its own).
    exclusions
        What was left out in making it.
    """

    frame: pl.DataFrame
    exclusions: tuple[Exclusion, ...] = ()

    @property
    def years(self) -> tuple[int, ...]:
        """The years seen, in order."""
        return tuple(self.frame["time"].unique().sort().to_list())

    @property
    def cohorts(self) -> dict[int | None, int]:
        """How many schools each cohort has; None for never treated."""
        sizes = self.frame.group_by("cohort").agg(pl.col("unit").n_unique())
        return dict(sizes.sort("cohort", nulls_last=True).iter_rows())

    @property
    def n_schools(self) -> int:
        """How many schools there are, treated or not."""
        return self.frame["unit"].n_unique()

    @property
    def n_treated_clusters(self) -> int:
        """How many clusters have a school whose treatment starts after the first year seen."""
        first, last = self.years[0], self.years[-1]
        starts = self.frame.filter((pl.col("cohort") > first) & (pl.col("cohort") <= last))
        return starts["cluster"].n_unique()

    def __str__(self) -> str:
        first, last = self.years[0], self.years[-1]
        cohorts = self.cohorts
        starts = {g: n for g, n in cohorts.items() if g is not None and first < g <= last}
        early = sum(n for g, n in cohorts.items() if g is not None and g <= first)
        parts = [f"{n:,} from {g}" for g, n in starts.items()]
        parts += [f"{self.n_schools - early - sum(starts.values()):,} not treated by {last}"]
        parts += [f"{early:,} treated from the first year or before"] if early else []
        gaps = self.n_schools * len(self.years) - self.frame.height
        return (
            f"{self.n_schools:,} schools ({', '.join(parts)}) in "
            f"{self.frame['cluster'].n_unique():,} clusters, {self.n_treated_clusters:,} of them "
            f"with a start; {first} to {last}, {gaps:,} school-years missing"
        )


def panel_design(
    frame: pl.DataFrame | pl.LazyFrame,
    *,
    unit: str,
    time: str,
    cohort: str,
    cluster: str | None = None,
    outcome: str | None = None,
) -> PanelDesign:
    """Take the design of a panel, gaps included.

    Parameters
    ----------
    frame
        One row a school and year, such as ``build_panel(...).frame``.
    unit, time, cohort, cluster
        Columns; `cohort` is the first treated year, null for never treated. Without `cluster` each
        school is its own.
    outcome
        Column whose gaps count as missing school-years. Its values are not read.

    Raises
    ------
    DataError
        With every fault of the frame.
    EstimationError
        When there is no row.

    Examples
    --------
    >>> frame = pl.DataFrame({"urn": [1, 1, 2, 2], "year": [2018, 2019] * 2,
    ...                       "first": [2019, 2019, None, None], "score": [1.0, 2.0, 1.0, None]})
    >>> print(panel_design(frame, unit="urn", time="year", cohort="first", outcome="score"))
    2 schools (1 from 2019, 1 not treated by 2019) in 2 clusters, 1 of them with a start; \
2018 to 2019, 1 school-years missing
    """
    lazy = frame.lazy()
    exclusions: tuple[Exclusion, ...] = ()
    if outcome is not None and outcome in lazy.collect_schema():
        value = pl.col(outcome)
        absent = value.is_null()
        if lazy.collect_schema()[outcome].is_float():
            absent |= value.is_nan()
        n = lazy.select(absent.sum()).collect().item()
        lazy = lazy.filter(~absent)
        if n:
            exclusions = (
                Exclusion(
                    reason="missing", text=f"no value of {outcome}", n_rows=n, stage="design"
                ),
            )
    # The year stands in for the outcome, so that a frame is checked as estimators check it.
    if tidy(
        lazy, unit=unit, time=time, cohort=cohort, outcome=time, cluster=cluster
    ).rows.is_empty():
        raise EstimationError("the frame has no school-year, so there is no design to look at")
    rows = lazy.select(
        pl.col(unit).alias("unit"),
        pl.col(time).cast(pl.Int64).alias("time"),
        pl.col(cohort).cast(pl.Float64).fill_nan(None).cast(pl.Int64).alias("cohort"),
        pl.col(cluster or unit).cast(pl.String).alias("cluster"),
    )
    return PanelDesign(frame=rows.sort("unit", "time").collect(), exclusions=exclusions)


def staggered_design(
    schools: Mapping[int | None, int],
    years: tuple[int, int],
    *,
    schools_per_partnership: int = 1,
) -> PanelDesign:
    """Lay out a design that is still to be: how many schools start when, seen in every year.

    Parameters
    ----------
    schools
        First treated year (None: never treated) to the number of schools.
    years
        First and last year of outcomes.
    schools_per_partnership
        Treated schools of one cohort are put in partnerships of this many, the last may have fewer.

    Raises
    ------
    UsageError
        With every argument that makes no sense.

    Examples
    --------
    >>> print(staggered_design({2015: 6, 2016: 6, None: 28}, (2012, 2019),
    ...                        schools_per_partnership=3))
    40 schools (6 from 2015, 6 from 2016, 28 not treated by 2019) in 32 clusters, 4 of them with \
a start; 2012 to 2019, 0 school-years missing
    """
    first, last = years
    check_options(
        [
            (not first < last, "years", years, "a first and a later last year"),
            (sum(schools.values()) < 2, "schools", dict(schools), "two schools or more"),
            (any(n < 0 for n in schools.values()), "schools", dict(schools), "no negative number"),
            (
                schools_per_partnership < 1,
                "schools_per_partnership",
                schools_per_partnership,
                "1 or more",
            ),
        ]
    )
    width = len(str(sum(schools.values())))
    rows: list[tuple[str, int | None, str]] = []
    for cohort, n in sorted(schools.items(), key=lambda item: (item[0] is None, item[0] or 0)):
        for i in range(n):
            unit = f"S{len(rows):0{width}d}"
            group = f"P{cohort}-{i // schools_per_partnership:0{width}d}"
            rows.append((unit, cohort, unit if cohort is None else group))
    kinds = {"unit": pl.String, "cohort": pl.Int64, "cluster": pl.String}
    units = pl.DataFrame(rows, schema=kinds, orient="row")
    times = pl.DataFrame({"time": range(first, last + 1)}, schema={"time": pl.Int64})
    return PanelDesign(
        frame=units.join(times, how="cross")
        .select("unit", "time", "cohort", "cluster")
        .sort("unit", "time")
    )
