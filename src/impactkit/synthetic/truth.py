"""What is true of the county, because it was put there: the answers for every oracle test."""

from __future__ import annotations

from collections.abc import Mapping

import attrs
import polars as pl

from impactkit.errors import Problem, UsageError


@attrs.frozen(kw_only=True, eq=False)
class Truth:
    """The planted quantities.

    Attributes
    ----------
    potential
        One row a school, year and measure: `school_key`, `urn`, `phase`, `la_code`, `cohort` (null:
        never treated), `year`, `event_time`, `measure`, `n_pupils`, `untreated` and `effect` and
        their sum, `value`; unrounded, in the unit of the measure. Published files round to one
        decimal and leave values out; the truth is about these.
    pretrend
        Extra slope a year of schools that will be treated, by measure: parallel trends fail by it.
    n_clipped
        Values that publication pulled back into the range of the measure (0 with usual settings).
    exit_hazard
        Share who leave leadership in a year, by (`partnership` or `other`, level).
    appointment_shares
        Chance of each source of an appointment, by `partnership` and `other`.
    governor_rate, leader_rate
        Joint events that one governing board (one school's leaders) takes part in, in a year of its
        partnership. Every joint event is of exactly two, so there are half as many events.
    governor_ratio
        `governor_rate` over `leader_rate`.
    board_years, school_years
        The exposure behind those rates, in years of 365.25 days; a shared board counts once.
    systematic
        Ids of the partnerships whose evaluation meets the rubric R1.
    planted
        Of a full county: what each part of it planted, by ``part.name`` (see
        `impactkit.synthetic.further`).
    """

    potential: pl.DataFrame
    pretrend: Mapping[str, float]
    n_clipped: int
    exit_hazard: Mapping[tuple[str, str], float]
    appointment_shares: Mapping[str, Mapping[str, float]]
    governor_rate: float
    leader_rate: float
    board_years: float
    school_years: float
    systematic: tuple[str, ...]
    planted: Mapping[str, float] = attrs.field(factory=dict)

    @property
    def governor_ratio(self) -> float:
        """Joint activity of governors over that of leaders, both per year."""
        return self.governor_rate / self.leader_rate

    def effects(self, measure: str = "attainment") -> pl.DataFrame:
        """Return the true effect by `cohort`, `year` and `event_time`, with `n_schools`.

        From the first exposed year on, and before it where anticipation was planted.

        Raises
        ------
        UsageError
            When the county has no such measure.
        """
        known = self.potential["measure"].unique().sort().to_list()
        if measure not in known:
            raise UsageError(
                Problem(
                    code="synthetic.measure",
                    column="measure",
                    value=measure,
                    rule="the county has no such measure",
                    remedy=f"It has {', '.join(known)}.",
                )
            )
        return (
            self.potential.filter(
                (pl.col("measure") == measure)
                & pl.col("cohort").is_not_null()
                & ((pl.col("event_time") >= 0) | (pl.col("effect") != 0))
            )
            .group_by("cohort", "year", "event_time")
            .agg(pl.col("effect").mean(), pl.len().alias("n_schools"))
            .sort("cohort", "year")
        )

    def att(self, measure: str = "attainment", *, by: str | None = None) -> float | pl.DataFrame:
        """Return the true average effect on the treated, from the first exposed year on.

        Without `by`, one number: the mean over treated school-years, which is what
        ``att_gt(...).aggregate("simple")`` estimates when nothing is missing. With `by` one of
        ``event_time``, ``cohort`` and ``year``, a frame of that column, `effect` and `n_schools`
        (school-years).

        Examples
        --------
        >>> from impactkit.synthetic import county
        >>> truth = county(n_schools=80, effect={0: 1.0, 1: 2.0}).truth
        >>> truth.att(by="event_time").head(3)["effect"].to_list()
        [1.0, 2.0, 0.0]
        """
        cells = self.effects(measure).filter(pl.col("event_time") >= 0)
        weighted = (pl.col("effect") * pl.col("n_schools")).sum() / pl.col("n_schools").sum()
        if by is None:
            return float(cells.select(weighted).item())
        return (
            cells.group_by(by)
            .agg(weighted.alias("effect"), pl.col("n_schools").sum().alias("schools"))
            .rename({"schools": "n_schools"})
            .sort(by)
        )

    def retention(self, level: str, after: int, *, partnership: bool) -> float:
        """Return the chance to be in leadership, at this level or higher, `after` years on.

        Nobody steps down, and moves stay among schools alike, so it is the survival of a constant
        yearly hazard. It holds for schools in a partnership at the appointment, and for schools
        that never are in one; those that join later lie between.

        Examples
        --------
        >>> from impactkit.synthetic import county
        >>> truth = county(n_schools=80, exit_hazard={"head": 0.1}).truth
        >>> round(truth.retention("head", 3, partnership=False), 6)
        0.729
        """
        hazard = self.exit_hazard["partnership" if partnership else "other", level]
        return float((1 - hazard) ** after)
