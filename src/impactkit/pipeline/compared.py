"""Whom the study compares with: contaminated schools left out of a panel, and a shared trigger.

A comparison school with a partnership of its own, in the trust of a treated school or next door to
one, has had some of what is evaluated; those that `Design.exclude` names go first. What is left is
then narrowed, for the comparison ``same_trigger``, to schools that met the trigger in the same year
as a treated school, and weighted so that trigger years have the same shares on both sides.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import attrs

from impactkit.declarations import Needs
from impactkit.errors import EstimationError, Problem, did_you_mean
from impactkit.metrics import Panel

if TYPE_CHECKING:
    import polars as pl

    from impactkit.comparison import ComparisonGroup
    from impactkit.design import Design, Trigger

BRINGS = {
    "schools": "the extract of all schools (edubasealldata, reader gias.establishments)",
    "school_years": "a table of your own: urn, year, ofsted_grade",
}
"""Which file has the columns that a comparison needs, for those who have not given it."""

FROM_SCHOOLS = ("phase", "type", "type_group", "la_code", "region", "urban_rural")
"""Columns of `schools` that a trigger may ask to be equal: they do not change from year to year."""

OF_THE_SITE = ("la_code", "region", "urban_rural")


def needs_of(design: Design) -> Needs:
    """Return the columns that the design's comparison has to have."""
    tables: dict[str, list[str]] = {}
    if "near" in design.exclude:
        tables["schools"] = ["easting", "northing"]
    if "same_trust" in design.exclude:
        tables.setdefault("schools", []).append("trust_uid")
    trigger = design.trigger if design.comparison == "same_trigger" else None
    if trigger is not None:
        columns = [c for c in _named(trigger) if c not in FROM_SCHOOLS]
        shared = [c for c in _named(trigger) if c in FROM_SCHOOLS]
        if not trigger.measure:
            tables["school_years"] = ["year", *columns]
        if shared:
            tables.setdefault("schools", []).extend(shared)
    return Needs(tables=tables)


def faults_of(design: Design, available: Mapping[str, set[str]], file: str) -> list[Problem]:
    """Say what the comparison lacks, and which file brings it, before any file is read."""
    from impactkit.conditions import parse_condition

    problems = []
    for table, columns in needs_of(design).tables.items():
        for column in columns:
            if column in available.get(table, ()):
                continue
            there = sorted(available.get(table, ()))
            rule = f"the comparison needs the column {column} of {table}"
            rule += ", which it does not have" if there else ", and the study has no such table"
            close = did_you_mean(column, there) if there else ""
            problems.append(
                Problem(
                    code="study.comparison",
                    file=file,
                    column="design.exclude"
                    if column in ("easting", "northing", "trust_uid")
                    else "design.trigger",
                    value=column,
                    rule=rule,
                    remedy=f"Give {table}: {BRINGS[table]}. {close}".strip(),
                )
            )
    trigger = design.trigger
    if trigger is not None and trigger.measure and trigger.condition:
        for name in parse_condition(trigger.condition).columns:
            if name not in ("value", "rank", *FROM_SCHOOLS):
                rule = "with `measure` a condition is over value and rank"
                problems.append(
                    Problem(
                        code="study.comparison",
                        file=file,
                        column="design.trigger.condition",
                        value=name,
                        rule=rule,
                        remedy="Write value < 60, or rank <= 0.2 for the lowest fifth.",
                    )
                )
    if trigger is None and design.comparison == "same_trigger":
        rule = "the comparison same_trigger needs to be told what triggered help"
        remedy = "Add [design.trigger] with a condition."
        problems.append(
            Problem(
                code="study.comparison",
                file=file,
                column="design.trigger",
                rule=rule,
                remedy=remedy,
            )
        )
    return problems


def compared(panel: Panel, design: Design, tables: Mapping[str, pl.DataFrame]) -> Panel:
    """Return a panel with the comparison schools that the design wants, and their weights.

    Every school left out is counted by reason in `Panel.exclusions`, of stage ``comparison``.

    When nobody is left on one side, the panel is empty, and a warning has the counts.
    """
    if not design.exclude and design.comparison != "same_trigger":
        return panel
    import polars as pl

    if panel.frame["cohort"].drop_nulls().is_empty():
        return panel  # nobody is treated, which estimators say with more to go by
    schools = panel.frame.group_by("school_key", maintain_order=True).agg(
        pl.col("cohort").first(), treated=pl.col("cohort").first().is_not_null()
    )
    schools = schools.join(_register(tables), on="school_key", how="left")
    steps = _steps(panel, design, tables)
    exclusions, warnings = [*panel.exclusions], [*panel.warnings]
    for step in steps:
        try:
            group = step(schools)
        except EstimationError as error:
            # Other measures and metrics go on; this panel has nobody, and says why.
            warnings.append(f"Nobody is left to compare with: {error}.")
            return attrs.evolve(
                panel,
                frame=panel.frame.clear(),
                beside=None,
                counts={**panel.counts, **_counts(panel.frame.clear(), panel.years)},
                exclusions=tuple(exclusions),
                warnings=tuple(warnings),
            )
        exclusions += [
            attrs.evolve(e, measure=panel.measure, n_rows=None) for e in group.exclusions
        ]
        warnings += [f"{text}." for text in group.warnings]
        schools = schools.drop("weight", strict=False).join(
            group.weights, on=group.unit, how="inner", maintain_order="left"
        )
    weights = schools.select("school_key", _weight="weight")
    frame = panel.frame.join(weights, on="school_key", how="inner", maintain_order="left")
    if design.comparison == "same_trigger":
        own = pl.col("weight") if "weight" in frame.columns else pl.lit(1.0)
        frame = frame.with_columns(weight=own * pl.col("_weight"))
    frame = frame.drop("_weight")
    only_memberships = design.exclude == ("memberships",) and design.comparison != "same_trigger"
    return attrs.evolve(
        panel,
        frame=frame,
        # Whether these are near, of one trust or met the trigger has not been looked into.
        beside=panel.beside if only_memberships else None,
        years=tuple(frame["year"].unique().sort()),
        counts={**panel.counts, **_counts(frame, panel.years)},
        exclusions=tuple(exclusions),
        warnings=tuple(warnings),
    )


Step = Callable[["pl.DataFrame"], "ComparisonGroup"]


def _steps(panel: Panel, design: Design, tables: Mapping[str, pl.DataFrame]) -> list[Step]:
    from impactkit.comparison import donut, outside_partnerships, outside_trusts

    flags = {"unit": "school_key", "treated": "treated"}
    by_word: dict[str, Step] = {
        "memberships": lambda schools: outside_partnerships(
            schools,
            _dated(tables["memberships"]),
            **flags,
            window=(panel.years[0], panel.years[-1]),
            years=design.exclude_years,
            min_schools=design.min_schools,
        ),
        "same_trust": lambda schools: outside_trusts(schools, **flags),
        "near": lambda schools: donut(schools, **flags, km=design.exclude_km),
    }
    steps = [step for word, step in by_word.items() if word in design.exclude]
    if design.comparison == "same_trigger" and design.trigger is not None:
        trigger = design.trigger
        steps.append(lambda schools: _pool(schools, trigger, tables))
    return steps


def _pool(
    schools: pl.DataFrame, trigger: Trigger, tables: Mapping[str, pl.DataFrame]
) -> ComparisonGroup:
    """Narrow the schools to those that met the trigger in the year of a treated one."""
    import polars as pl

    from impactkit.comparison import same_trigger_pool

    events = _results(tables["outcomes"], trigger) if trigger.measure else tables["school_years"]
    shared = [c for c in _named(trigger) if c in FROM_SCHOOLS]
    if shared:
        about = _register(tables).select("school_key", *shared)
        events = events.drop(shared, strict=False).join(about, on="school_key", how="left")
    here = events.join(schools.select("school_key"), on="school_key", how="semi")
    # A school without any event is still one that may have met no trigger.
    silent = schools.select("school_key").join(here, on="school_key", how="anti")
    here = pl.concat([here, silent], how="diagonal")
    return same_trigger_pool(
        here,
        schools.filter("treated").select("school_key", "cohort"),
        trigger=trigger.condition,
        within=trigger.within,
        exact=trigger.exact,
    )


def _results(outcomes: pl.DataFrame, trigger: Trigger) -> pl.DataFrame:
    """Return the results that may trigger help, with their rank; those of a year count in the next.

    The rank is among the schools of the study's files, in the same year.
    """
    import polars as pl

    rows = outcomes.filter(pl.col("measure") == trigger.measure, pl.col("value").is_not_null())
    if "subgroup" in rows.columns:
        rows = rows.filter(pl.col("subgroup") == "all")
    place = (pl.col("value").rank("average") - 1) / (pl.len() - 1).clip(lower_bound=1)
    return rows.with_columns(rank=place.over("year")).with_columns(pl.col("year") + 1)


def _register(tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Return one row a school: its latest number's, whatever the study has of `schools`.

    A new number takes over the site, so a place that is blank is that of the number before. A
    blank trust stays one: the school may be in none.
    """
    import polars as pl

    if "schools" not in tables:
        return pl.DataFrame(schema={"school_key": pl.String})
    wanted = ("easting", "northing", "trust_uid", *FROM_SCHOOLS)
    rows = tables["schools"].drop_nulls("school_key")
    there = [c for c in wanted if c in rows.columns]
    if "chain_position" in rows.columns:
        rows = rows.sort("chain_position", maintain_order=True)
    grid = [c for c in ("easting", "northing") if c in there]
    # Half a grid reference of one number and half of another would be no place at all.
    known: dict[str, pl.Expr] = {c: pl.all_horizontal(pl.col(grid).is_not_null()) for c in grid}
    known |= {c: pl.col(c).is_not_null() for c in OF_THE_SITE if c in there}
    return rows.group_by("school_key", maintain_order=True).agg(
        (pl.col(c).filter(known[c]) if c in known else pl.col(c)).last() for c in there
    )


def _named(trigger: Trigger) -> list[str]:
    """Return the columns that a trigger is over, those of its condition and those held equal."""
    from impactkit.conditions import parse_condition

    named = parse_condition(trigger.condition).columns if trigger.condition else ()
    return [c for c in dict.fromkeys([*named, *trigger.exact]) if c not in ("value", "rank")]


def _dated(memberships: pl.DataFrame) -> pl.DataFrame:
    import polars as pl

    absent = [name for name in ("joined", "left") if name not in memberships.columns]
    return memberships.with_columns(pl.lit(None, pl.Date).alias(name) for name in absent)


def _counts(frame: pl.DataFrame, years: Sequence[int]) -> dict[str, int]:
    """Count the panel again, under the names that `impactkit.panel` gives these counts."""
    import polars as pl

    schools = frame.group_by("school_key").agg(pl.col("cohort").first(), pl.col("cluster").first())
    first, last = years[0], years[-1]
    estimable = schools.filter(pl.col("cohort") > first, pl.col("cohort") <= last)
    return {
        "school_years": frame.height,
        "panel_schools": schools.height,
        "panel_treated": estimable.height,
        "panel_never_treated": schools["cohort"].null_count(),
        "clusters": schools["cluster"].n_unique(),
        "treated_clusters": estimable["cluster"].n_unique(),
    }
