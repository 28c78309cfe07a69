"""What the doctor may look at, and what of it no detector sees.

Outcomes of treated schools from joining on are blanked in the panels here, at the door: what no
detector can reach cannot leak into a decision about the design. Only questions about values as such
are asked of all outcomes, without regard to who is treated: is it possible, is it the same every
year, is a zero a symbol in disguise (`values`).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

import attrs
import polars as pl

from impactkit.design import Design
from impactkit.doctor.thresholds import Thresholds
from impactkit.metrics import Panel
from impactkit.panel.breaks import continued
from impactkit.results import SourceFile
from impactkit.types import Measure

__all__ = ["Case"]


def _blanked(panels: Mapping[str, Panel]) -> dict[str, Panel]:
    """Return panels without the outcomes of exposed school-years; the rows stay."""
    seen = pl.col("cohort").is_null() | (pl.col("year") < pl.col("cohort"))
    return {
        measure: attrs.evolve(
            panel, frame=panel.frame.with_columns(value=pl.when(seen).then("value"))
        )
        for measure, panel in panels.items()
    }


@attrs.frozen(kw_only=True, eq=False)
class Case:
    """A study that was read and linked, with nothing estimated.

    Attributes
    ----------
    design
        The study's `Design`.
    tables
        Linked tables by name: those with a `urn` have `school_key` and `chain_position`.
    measures
        The registry, by id.
    panels
        The study's panel of each outcome of its design; values from joining on are blanked.
    links
        Counts of the lineage: ``link_rows``, ``chained_pairs``, ``chains``.
    sources
        The files.
    metrics
        By id, what each metric lacks; empty: it can run.
    asked
        Ids of the metrics that the study names.
    planned
        Whether a plan was locked before outcomes were first read, and is as it was locked.
    limits
        Where lines are drawn.
    """

    design: Design
    tables: Mapping[str, pl.DataFrame] = attrs.field(factory=dict)
    measures: Mapping[str, Measure] = attrs.field(factory=dict)
    panels: Mapping[str, Panel] = attrs.field(factory=dict, converter=_blanked)
    links: Mapping[str, int] = attrs.field(factory=dict)
    sources: tuple[SourceFile, ...] = ()
    metrics: Mapping[str, tuple[str, ...]] = attrs.field(factory=dict)
    asked: tuple[str, ...] = ()
    planned: bool = False
    limits: Thresholds = attrs.field(factory=Thresholds)

    @cached_property
    def untreated(self) -> dict[str, pl.DataFrame]:
        """By measure, the school-years before joining, with `treated`, `phase` and `z`.

        `treated` marks schools that join within the years of the panel. `z` is the distance from
        the mean of all untreated schools of the year and phase, in their standard deviation.
        """
        return {measure: self._untreated(panel) for measure, panel in self.panels.items()}

    def schools(self, measure: str) -> pl.DataFrame:
        """Return one row a school of a panel: `school_key`, `cohort`, `cluster`, `treated`.

        Treated are schools that join after the first year and by the last; comparison schools join
        later, or never. Schools that had joined by the first year are neither, and are not here.
        """
        return (
            marked(self.panels[measure].frame)
            .select("school_key", "cohort", "cluster", "treated")
            .unique("school_key")
            .sort("school_key")
        )

    def label(self, measure: str) -> str:
        """Return the measure in words."""
        known = self.measures.get(measure)
        return known.label if known else measure

    def rows(self, measure: str) -> pl.DataFrame:
        """Return the outcome rows behind a panel, all pupils, as they were published."""
        rows = self.tables["outcomes"]
        if self.panels[measure].scale:
            rows = continued(rows, measure, self.measures)
        else:
            rows = rows.filter(pl.col("measure") == measure)
        if "subgroup" in rows.columns:
            rows = rows.filter(pl.col("subgroup") == "all")
        years = self.panels[measure].years
        return rows.filter(pl.col("year").is_in(years))

    @cached_property
    def phases(self) -> pl.DataFrame:
        """The phase of each school, as far as outcomes or the register of schools say it."""
        parts = [
            self.tables[name].select("school_key", "phase").drop_nulls()
            for name in ("outcomes", "schools")
            if name in self.tables and "phase" in self.tables[name].columns
        ]
        if not parts:
            return pl.DataFrame(schema={"school_key": pl.String, "phase": pl.String})
        return pl.concat(parts).unique("school_key", keep="first", maintain_order=True)

    @cached_property
    def register(self) -> pl.DataFrame:
        """One row a school of the register of schools, the latest URN's; empty without one."""
        if "schools" not in self.tables:
            return pl.DataFrame(schema={"school_key": pl.String})
        rows = self.tables["schools"]
        order = [c for c in ("chain_position",) if c in rows.columns]
        return rows.sort("school_key", *order).unique("school_key", keep="last")

    def _untreated(self, panel: Panel) -> pl.DataFrame:
        start = pl.col("cohort") - self.design.anticipation
        rows = marked(panel.frame).filter(pl.col("cohort").is_null() | (pl.col("year") < start))
        rows = rows.join(self.phases, on="school_key", how="left", maintain_order="left")
        group = ["year", "phase"]
        spread = pl.col("value").std().over(group)
        return rows.with_columns(
            z=pl.when(spread > 0).then(
                (pl.col("value") - pl.col("value").mean().over(group)) / spread
            ),
            spread=spread,
        )


def marked(frame: pl.DataFrame) -> pl.DataFrame:
    """Return a panel with `treated`, without the schools that had joined by its first year."""
    if frame.is_empty():
        return frame.with_columns(treated=pl.lit(False))
    first, last = frame["year"].min(), frame["year"].max()
    joins = (pl.col("cohort") <= last).fill_null(False)
    return frame.with_columns(treated=joins).filter(~joins | (pl.col("cohort") > first))
