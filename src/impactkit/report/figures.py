"""Figures: a picture with a title that says the finding, its scale, its key and its words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from impactkit.report.answers import no_difference, verdict
from impactkit.report.parts import Figure
from impactkit.report.phrases import (
    clean,
    count,
    digits_for,
    humanise,
    sentence,
    unit_words,
    year_words,
)
from impactkit.report.pictures import Picture, describe, empty_cells, pictures, with_breaks
from impactkit.report.tables import heading
from impactkit.results import Chart, Estimate, Table


def figures_of(
    charts: Iterable[Chart],
    estimates: Sequence[Estimate],
    tables: Sequence[Table],
    key: str,
    labels: Mapping[str, str],
    measures: Sequence[Mapping[str, Any]] = (),
) -> list[Figure]:
    """Return the figures of charts: their data found, titled and described.

    `key` begins their ids; `labels` are the names of measures by id, `measures` their entries in
    the registry.
    """
    figures: list[Figure] = []
    for chart in charts:
        for plain in pictures(chart, estimates, tables):
            picture = with_breaks(plain, measures)
            family = [e for e in estimates if e.measure == picture.measure]
            whole = next((e for e in family if not e.term), None)
            active = _active_title(picture, whole, labels)
            titles = [t for t in (active, clean(chart.title)) if t] or [humanise(chart.id)]
            scale = clean(chart.y_title) or _scale(chart, family, tables)
            group = humanise(picture.subgroup) if picture.subgroup not in ("", "all") else ""
            subtitle = " – ".join(text for text in (*titles[1:], group, scale) if text)
            drawn = [e for e in family if e.term] if chart.data == "estimates" else []
            figures.append(
                Figure(
                    id=f"figure-{key}-{len(figures) + 1}",
                    title=titles[0],
                    subtitle=subtitle,
                    key=_key(picture),
                    alt=describe(picture, digits_for(drawn)),
                    picture=picture,
                )
            )
    return figures


def _scale(chart: Chart, family: Sequence[Estimate], tables: Sequence[Table]) -> str:
    """Return what the picture measures, in what unit, for a chart that doesn't say so."""
    if chart.data == "estimates":
        return unit_words(family[0].unit, contrast=no_difference(family[0]) == 0.0)
    columns = next(t.columns for t in tables if t.id == chart.data)
    return next((heading(c) for c in columns if c.name == chart.y), "")


def _active_title(picture: Picture, whole: Estimate | None, labels: Mapping[str, str]) -> str:
    """Say the finding in ten words or fewer, where the picture is of an effect over time."""
    if picture.chart.kind != "event_study" or whole is None:
        return ""
    name = labels.get(picture.measure, humanise(picture.measure))
    said = {
        "unclear": ("No clear change after joining", f"{name}: no clear change after joining"),
        "higher": ("Estimated higher after joining", f"{name}: estimated higher after joining"),
        "lower": ("Estimated lower after joining", f"{name}: estimated lower after joining"),
    }.get(verdict(whole))
    if said is None:
        return ""
    short, full = said
    return full if len(full.split()) <= 10 and picture.measure else short


def _key(picture: Picture) -> str:
    parts = []
    points = picture.points
    if picture.chart.kind == "event_study":
        parts.append(
            "Points are estimates; thick lines are intervals for that year alone; the level line "
            "is no difference."
        )
        if any(p.band_low is not None for p in points):
            parts.append("Thin lines with end marks hold for all years together.")
        if any(p.low is None for p in points):
            parts.append("The open point is the year that the others are compared with.")
    elif picture.chart.kind == "waterfall":
        parts.append("A bar begins where the one above it ends; the darkest stand on zero.")
        if any(p.low is not None for p in points):
            parts.append("Thin lines are intervals, each of its own step alone.")
    elif any(p.low is not None for p in points):
        shape = "Shaded areas" if picture.chart.kind in ("line", "step") else "Lines"
        parts.append(f"{shape} are intervals.")
    if picture.breaks:
        parts.append("Dashed lines: from there on something else is measured, or otherwise.")
        parts += [
            f"{b.letter}, {year_words(b.year)}: {sentence(b.text or 'its meaning changed')}"
            for b in picture.breaks
        ]
    if picture.chart.kind == "heatmap" and empty_cells(picture):
        parts.append("Grey: no figure.")
    if picture.missing:
        parts.append(f"{count(picture.missing, 'value')} not drawn: see the table.".capitalize())
        if picture.chart.kind in ("stacked", "flow"):
            parts.append("Bars are of what is drawn, and shorter for what is not.")
    return " ".join(parts)
