"""Who is in and who is left out: counts from the first row read to the schools in the estimate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from impactkit.report.phrases import count, humanise
from impactkit.results import Column, Estimate, Table

_STEPS = {
    "urns": "school numbers (URNs) with a value",
    "schools": "schools, once numbers that follow one another are joined",
    "ever_treated": "joined a partnership at some time",
    "treated_in_window": "joined by the last of the years studied",
}
_AFTER = {"two_before_two_after": "have two years of data or more both before and after joining"}
_WORDS = (
    _STEPS
    | _AFTER
    | {
        "rows": "rows read for this measure",
        "never_treated": "schools that never joined a partnership",
        "already_treated": "schools that had joined before the first year",
        "school_years": "school-years used",
        "panel_schools": "schools used",
        "doubled_school_years": "school-years reported under two numbers",
        "schools_with_doubled_years": "schools with a year reported under two numbers",
        "placeholder_dates": "schools whose date of joining is a placeholder",
        "one_school_groups": "groups of one school only",
    }
)


@attrs.frozen(kw_only=True)
class Step:
    """One count on the way from the data to the estimate; `share`: its size in % of the largest."""

    n: int
    words: str
    share: float


def counts_by_measure(exclusions: Mapping[str, Any]) -> dict[str, dict[str, int]]:
    """Turn the counts of an evaluation (count -> measure -> n) round, into measure -> count -> n.

    A count that is a bare number belongs to the study as a whole, under ''.

    Examples
    --------
    >>> counts_by_measure({"schools": {"ptr": 777}, "files": 3})
    {'ptr': {'schools': 777}, '': {'files': 3}}
    """
    turned: dict[str, dict[str, int]] = {}
    for name, value in exclusions.items():
        for measure, n in (value if isinstance(value, Mapping) else {"": value}).items():
            if isinstance(n, int):
                turned.setdefault(str(measure), {})[str(name)] = n
    order = list(_WORDS)
    return {
        measure: dict(
            sorted(
                counts.items(),
                key=lambda item: (order.index(item[0]) if item[0] in _WORDS else len(order), item),
            )
        )
        for measure, counts in turned.items()
    }


def steps(counts: Mapping[str, int], used: Estimate | None) -> list[Step]:
    """Return the steps from the largest count to the schools that the estimate rests on."""
    found = [(counts[name], words) for name, words in _STEPS.items() if name in counts]
    if found and used is not None and used.n_schools is not None:
        against = (
            f", beside {count(used.n_comparison, 'comparison school')}"
            if used.n_comparison is not None
            else ""
        )
        found.append((used.n_schools, f"are in the main estimate{against}"))
    found += [(counts[name], words) for name, words in _AFTER.items() if name in counts]
    most = max((n for n, _ in found), default=0)
    return [
        Step(n=n, words=words, share=round(100 * n / most, 2) if most else 0.0)
        for n, words in found
    ]


def count_table(id: str, title: str, counts: Mapping[str, int]) -> Table:  # noqa: A002
    """Return every count of one measure in words, the steps first."""
    return Table(
        id=id,
        title=title,
        columns=[
            Column(name="what", label="Count of", kind="dimension"),
            Column(name="n", label="Number", kind="count", of="schools"),
        ],
        rows=[[_sentence(_WORDS.get(name, humanise(name))), n] for name, n in counts.items()],
    )


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:]
