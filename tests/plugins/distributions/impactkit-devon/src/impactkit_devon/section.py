"""The section: the average that the study estimates, and the typical change, side by side."""

from __future__ import annotations

from impactkit import Column, Note, Section, Table

WHOSE = {"did.effect": "the average school", "devon.typical_change": "the typical partnership"}


def sections(evaluation):
    """Return the section, where there is anything to set side by side."""
    labels = {measure["id"]: measure["label"] for measure in evaluation.measures}
    rows = [
        [labels.get(e.measure, e.measure), WHOSE[e.metric], e.value, e.ci_low, e.ci_high, e.unit]
        for result in evaluation.results
        for e in _headlines(result)
    ]
    if not rows:
        return []
    note = Note(
        "Where they differ, a few partnerships changed unlike the rest; outcomes shown: {n}.",
        values={"n": len({row[0] for row in rows})},
        of="events",
    )
    columns = [
        Column(name="outcome", kind="dimension"),
        Column(name="whose", label="Change of", kind="dimension"),
        *(Column(name=name, digits=2) for name in ("estimate", "from", "to")),
        Column(name="unit", kind="text"),
    ]
    table = Table(
        id="devon_typical",
        title="The average and the typical",
        columns=columns,
        rows=sorted(rows, key=lambda row: row[:2]),
    )
    return [
        Section(
            id="devon",
            title="Typical partnerships",
            notes=[note],
            tables=[table],
            after="devon.typical_change",
        )
    ]


def _headlines(result):
    """Return the first estimate of each measure that has a number."""
    first = {}
    for estimate in result.estimates if result.metric in WHOSE else ():
        if estimate.value is not None:
            first.setdefault(estimate.measure, estimate)
    return first.values()
