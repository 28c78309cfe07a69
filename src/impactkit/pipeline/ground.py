"""What all metrics of a run stand on: linked tables, measures, and panels made once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import attrs

from impactkit.errors import Problem, StudyError, did_you_mean
from impactkit.metrics import Panel
from impactkit.pipeline.compared import compared
from impactkit.pipeline.linked import link
from impactkit.pipeline.read import Tables
from impactkit.pipeline.resolve import Plan
from impactkit.types import YEAR_END, Break, Measure

if TYPE_CHECKING:
    import polars as pl

    from impactkit.lineage import Lineage, Reorganised

SHARED = (
    *("years", "leave_out", "balance", "min_before", "min_after", "min_schools"),
    "standardise",
)
"""Settings of a panel that are keys of the design, by the same name."""


@attrs.frozen(kw_only=True, eq=False)
class Applied:
    """The study's design, as a metric had it applied: to what, which panel it made, what options.

    Panels that a metric made by rules of its own are not among these.
    """

    metric: str
    data: str | pl.DataFrame
    panel: Panel
    options: Mapping[str, Any] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True, eq=False)
class Ground:
    """What all metrics of a run stand on: tables with a `school_key`, lineage, panels."""

    plan: Plan
    tables: Mapping[str, pl.DataFrame]
    lineage: Lineage
    measures: Mapping[str, Measure]
    years: tuple[int, ...]
    reorganised: Reorganised | None = None
    applied: list[Applied] = attrs.field(factory=list, repr=False)
    influences: dict[tuple[str, str, float], pl.DataFrame] = attrs.field(factory=dict, repr=False)
    _panels: dict[str, Panel] = attrs.field(factory=dict, repr=False)
    _seen: dict[str, pl.DataFrame] = attrs.field(factory=dict, repr=False)

    def for_metrics(self, table: str) -> pl.DataFrame:
        """Return a table as metrics see it: outcomes with one row a school, year and measure.

        Where two URNs of one school report in a year, the panel keeps the one that goes on and
        counts the other; a metric that reads outcomes itself must not meet both.
        """
        import polars as pl

        frame = self.tables[table]
        if table != "outcomes" or "urn" not in frame.columns:
            return frame
        if table not in self._seen:
            keys = [c for c in ("school_key", "year", "measure", "subgroup") if c in frame.columns]
            places = self.lineage.keys.select("urn", "chain_position")
            # A value beats none; among values the later URN in the chain wins.
            order = pl.col("chain_position").fill_null(0) + 1_000 * pl.col("value").is_not_null()
            placed = frame.join(places, on="urn", how="left", maintain_order="left")
            kept = placed.filter(order == order.max().over(keys))
            self._seen[table] = kept.drop("chain_position")
        return self._seen[table]

    def panel(
        self, data: str | pl.DataFrame, *, metric: str = "", unit: str = "", **options: Any
    ) -> Panel:
        """Return the panel of a measure (made once), or of a metric's own tidy frame."""
        if isinstance(data, str):
            design = self.plan.study.design
            own = {k: v for k, v in options.items() if k not in SHARED or v != getattr(design, k)}
            key = f"{data} {sorted(own.items())}"
            if key not in self._panels:
                self._panels[key] = self._build(self.tables["outcomes"], data, "", **options)
            return self._panels[key]
        import polars as pl

        frame = data.with_columns(
            measure=pl.lit(metric), subgroup=pl.lit("all"), status=pl.lit("ok")
        )
        return self._build(frame, metric, unit, **options)

    def _build(self, outcomes: pl.DataFrame, measure: str, unit: str, **options: Any) -> Panel:
        from impactkit.panel import build_panel
        from impactkit.panel.breaks import continued
        from impactkit.panel.standardise import phases_of
        from impactkit.pipeline.comparability import breaks_of, crossings

        design = self.plan.study.design
        condition = design.condition
        settings = {
            **{name: getattr(design, name) for name in SHARED if name != "standardise"},
            "treated": condition.expr() if condition else None,
            **options,
        }
        known = self.measures.get(measure)
        settings["exposed_by"] = design.exposed_by(measure, known.exposed_by if known else YEAR_END)
        breaks: tuple[Break, ...] = ()
        if outcomes is self.tables.get("outcomes"):
            settings = {"standardise": design.standardise, **settings}
            found = [*crossings(self, measure, settings["standardise"])]
            if refused := [p for p in found if p.severity == "error"]:
                raise StudyError(refused)
            breaks = breaks_of(self, measure)
            if settings["standardise"] != "none":
                outcomes = continued(outcomes, measure, self.measures)
                # A measure of one phase is of that phase's schools, whatever a register calls them.
                if known is None or known.phase == "all":
                    settings = {"phases": phases_of(self.tables), **settings}
        panel = build_panel(
            outcomes,
            self.tables["memberships"],
            self.lineage,
            measure=measure,
            unit=known.unit if known else unit,
            **settings,
        )
        return compared(attrs.evolve(panel, breaks=breaks), design, self.tables)


def ground_of(plan: Plan, tables: Tables) -> Ground:
    """Give every school its key, and settle the years."""
    linked = link(
        tables.frames,
        plan.study.design,
        tables.measures,
        as_of=_register_day(plan),
        extracts=_extracts(plan),
    )
    years = linked.years
    return Ground(
        plan=plan,
        tables=linked.frames,
        lineage=linked.lineage,
        reorganised=linked.reorganised,
        years=tuple(range(years[0], years[1] + 1)) if years else (),
        measures=tables.measures,
    )


def _register_day(plan: Plan) -> dt.date | None:
    """Return the day of the register of links: as the study says, or by its file's name."""
    from impactkit.readers.years import extract_day

    named = [extract_day(file.shown) for file in plan.files if file.table == "school_links"]
    return plan.study.design.as_of or max((day for day in named if day), default=None)


def _extracts(plan: Plan) -> dict[str, dt.date | None]:
    """Return the extracts of a register of groups, with their days; own tables are none."""
    from impactkit.readers.years import extract_day

    files = [file for file in plan.files if file.table == "memberships" and file.reader.table]
    return {file.shown: extract_day(file.shown) for file in files}


def missing_outcomes(plan: Plan, tables: Tables) -> list[Problem]:
    """Say which outcomes of the design no file has a value of, where the files can be believed."""
    sources = {file.shown for file in plan.files if file.table == "outcomes"}
    faulty = any(p.file in sources for p in tables.problems if p.severity == "error") or any(
        p.column.startswith("tables.outcomes") for p in plan.errors
    )
    if "outcomes" not in tables.frames or faulty:
        return []
    there = set(tables.frames["outcomes"]["measure"].unique().to_list())
    known = {p.value for p in plan.errors if p.column == "design.outcome"}
    design = plan.study.design
    wanted = [("design.outcome", measure) for measure in design.outcome]
    if design.trigger is not None and design.trigger.measure:
        wanted.append(("design.trigger.measure", design.trigger.measure))
    return [
        plan.study.placed(
            Problem(
                code="study.outcome_absent",
                file=plan.study.file,
                column=column,
                value=measure,
                rule="no row of the outcomes has this measure",
                remedy=did_you_mean(measure, there),
            )
        )
        for column, measure in wanted
        if measure not in there and measure not in known
    ]
