"""What was read: files, rows used and rows set aside."""

from __future__ import annotations

from collections.abc import Iterator

from impactkit.doctor.case import Case
from impactkit.doctor.finding import Fact, Finding, Kind
from impactkit.doctor.words import count, years_words
from impactkit.results import SourceFile

KINDS: tuple[Kind, ...] = ()


def of_study(case: Case) -> Iterator[Fact | Finding]:
    """Say for each table how many files and rows there are, and what was set aside."""
    kinds: dict[tuple[str, str], list[SourceFile]] = {}
    for source in case.sources:
        kinds.setdefault((source.table, source.reader), []).append(source)
    for (table, reader), sources in kinds.items():
        rows = sum(s.n_rows for s in sources)
        years = sorted({s.year for s in sources if s.year})
        span = years if len(years) < 3 else [years[0], years[-1]]
        when = f", {(' to ' if len(years) > 2 else ', ').join(map(_year, span))}" if years else ""
        where = sources[0].path if len(sources) == 1 else count(len(sources), "file")
        gone = set(range(years[0], years[-1] + 1)) - set(years) if years else set()
        lacking = f" (none for {years_words(sorted(gone))})" if gone else ""
        yield Fact(
            section="Files",
            text=f"{table}: {where}{when}{lacking}, {count(rows, 'row')}, read by {reader}",
            numbers={"files": len(sources), "rows": rows},
        )
        aside: dict[str, int] = {}
        for source in sources:
            for why, n in source.set_aside.items():
                aside[why] = aside.get(why, 0) + n
        for why, n in aside.items():
            yield Fact(
                section="Files",
                text=f"{table}: {count(n, 'row')} set aside: {why}",
                numbers={"rows": n},
            )


def of_measure(case: Case, measure: str) -> Iterator[Fact]:
    """Say how many schools and school-years there are, and what every exclusion costs."""
    panel = case.panels[measure]
    counts = panel.counts
    if not panel.years:
        return
    yield Fact(
        section="Files",
        measure=measure,
        text=f"{count(counts.get('schools', 0), 'school')}, "
        f"{counts.get('treated_in_window', 0):,} of them joined by {_year(panel.years[-1])}; "
        f"{counts.get('two_before_two_after', 0):,} have two years before and two after",
        numbers=dict(counts),
    )
    for exclusion in panel.exclusions:
        sizes = ((exclusion.n_schools, "school"), (exclusion.n_rows, "row"))
        told = [count(n, what) for n, what in sizes if n is not None]
        yield Fact(
            section="Files",
            measure=measure,
            text=f"left out: {', '.join(told)}: {exclusion.text}",
            numbers={what: n for n, what in sizes if n is not None},
        )


def _year(year: int) -> str:
    return years_words([year])
