"""Every table with the key of its schools: chains followed, mergers as the study says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import attrs

from impactkit.types import Measure

if TYPE_CHECKING:
    import datetime as dt

    import polars as pl

    from impactkit.design import Design
    from impactkit.lineage import Lineage, Reorganised


@attrs.frozen(kw_only=True, eq=False)
class Linked:
    """Tables with a `school_key`, the lineage behind it, and what was reorganised."""

    frames: Mapping[str, pl.DataFrame]
    lineage: Lineage
    years: tuple[int, int] | None = None
    reorganised: Reorganised | None = None


def link(
    tables: Mapping[str, pl.DataFrame],
    design: Design,
    measures: Mapping[str, Measure],
    as_of: dt.date | None = None,
    extracts: Mapping[str, dt.date | None] | None = None,
) -> Linked:
    """Give every school its key; leave out or combine reorganised schools where the study says so.

    What became of links, keys of the study's own that contradict one another, and what extracts of
    a register of groups cannot know, are in the lineage's `exclusions` and `findings`. `extracts`
    are the files of that register, with their days.
    """
    from impactkit.lineage import (
        build_lineage,
        combine_snapshots,
        disagreements,
        snapshot_findings,
    )
    from impactkit.panel.exposure import PLACEHOLDER_BEFORE

    frames = dict(tables)
    urns = [frame["urn"] for frame in frames.values() if "urn" in frame.columns]
    lineage = build_lineage(
        frames.get("school_links"), urns, register=frames.get("schools"), as_of=as_of
    )
    for name, frame in frames.items():
        if "urn" in frame.columns and name != "school_links":
            frames[name] = lineage.apply(frame)
    torn = disagreements(frames)
    findings = [*lineage.findings, *torn]
    if extracts and "memberships" in frames:
        read = frames["memberships"]
        if len(extracts) > 1:
            frames["memberships"] = combine_snapshots(
                read, extracts, placeholder_before=PLACEHOLDER_BEFORE
            )
        findings += snapshot_findings(read, frames["memberships"], extracts)
    lineage = attrs.evolve(lineage, findings=tuple(findings))
    years = design.years
    if years is None and "outcomes" in frames and frames["outcomes"].height:
        found = frames["outcomes"]["year"]
        years = (int(found.min()), int(found.max()))  # type: ignore[arg-type]
    linked = Linked(frames=frames, lineage=lineage, years=years)
    if design.mergers == "apart" or years is None or "outcomes" not in frames or torn:
        return linked
    return _settled(linked, design, measures, years, as_of)


def _settled(
    linked: Linked,
    design: Design,
    measures: Mapping[str, Measure],
    years: tuple[int, int],
    as_of: dt.date | None,
) -> Linked:
    """Leave out the schools that were reorganised within the years, or make them one."""
    import polars as pl

    from impactkit.lineage import combined, reorganised, without

    frames = dict(linked.frames)
    found = reorganised(
        linked.lineage, frames["outcomes"], frames.get("schools"), years=years, as_of=as_of
    )
    if design.mergers == "exclude":
        frames["outcomes"], counted = without(frames["outcomes"], found)
    else:
        units = {name: measure.unit for name, measure in measures.items()}
        frames["outcomes"], counted = combined(frames["outcomes"], found, units)
        unit_of = dict(found.parts.select("school_key", "unit").iter_rows())
        for name, frame in frames.items():
            if "school_key" in frame.columns:
                frames[name] = frame.with_columns(pl.col("school_key").replace(unit_of))
    exclusions = (*linked.lineage.exclusions, *counted)
    return attrs.evolve(
        linked,
        frames=frames,
        lineage=attrs.evolve(linked.lineage, exclusions=exclusions),
        reorganised=found,
    )
