"""Explore Education Statistics: the Department's open data since 2020, one row a breakdown.

Every file has ``time_period`` (202324), ``time_identifier`` and ``geographic_level``, places, then
filters (by which figures are broken down) and indicators (the figures). Which column is which is in
the file's own metadata, ``NAME.meta.csv``; without it, a column of figures is an indicator and a
column of words a filter.

A filter by which the same school and period have several rows has to be settled: its total is
taken, unless the study names another value (``filters = { sex = "Girls" }``). So have terms and
weeks of one year (``time_identifier``): the whole year is their total. Rows about England,
regions and authorities are the published figures beside the schools.

Indicators are read under their own names but for those in `KNOWN`. Source: the analysts' guide of
the Department for Education, open data standards (August 2026).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import polars as pl

from impactkit.declarations import Head, Reader, ReadResult, Recognised
from impactkit.engine.files import ROW, TextTable, read_text
from impactkit.errors import DataError, Problem, did_you_mean
from impactkit.readers.forms import (
    NO_URN,
    NOTHING,
    Figure,
    Form,
    Header,
    ragged,
    rejected,
    set_aside,
)
from impactkit.readers.long import long_figures
from impactkit.readers.options import texts
from impactkit.readers.performance import period_year
from impactkit.readers.published import figure_columns, measure_id

KNOWN = {
    "sess_overall_percent": "overall_absence",
    "sess_unauthorised_percent": "unauthorised_absence",
    "enrolments_pa_10_exact_percent": "persistent_absence_10",
    "pupil_to_qual_unqual_teacher_ratio": "pupil_teacher_ratio",
    "fte_all_teachers": "teachers_fte",
    "hc_all_teachers": "teachers_headcount",
    "fte_teaching_assistants": "teaching_assistants_fte",
}
"""Indicators that are measures of core: the same quantity under the same definition."""

PLACES = (
    "time_period",
    "time_identifier",
    "geographic_level",
    "country",
    "region",
    "la",
    "old_la",
    "new_la",
    "lad",
    "pcon",
    "ward",
    "lsip",
    "rsc_region",
    "opportunity_area",
    "english_devolved_area",
    "local_enterprise_partnership",
    "sponsor",
    "trust",
    "provider",
    "school",
    "estab",
)
"""Columns, and beginnings of ``_code`` and ``_name`` columns, that say when and where."""

LEVELS = {"National": "national", "Regional": "region", "Local authority": "la"}
SCHOOL = ("School", "Institution")
PHASES = ("education_phase", "school_type", "phase_type_grouping", "establishment_type_group")
"""Filters that say of which schools an aggregate is."""


@attrs.frozen(kw_only=True)
class ReleaseOptions:
    """What a study may say beside `path`.

    `filters` settle breakdowns, by column; `measures` are the indicators wanted, by our names.
    """

    filters: Any = attrs.field(factory=dict)
    measures: Any = attrs.field(default=(), converter=texts)

    def __attrs_post_init__(self) -> None:
        ours = isinstance(self.filters, Mapping)
        if not ours or not all(isinstance(value, str) for value in self.filters.values()):
            raise TypeError('expected filters by column: { sex = "Total" }')


def recognise(path: Path, head: Head) -> Recognised | None:
    """Tell whether a file is open data of Explore Education Statistics."""
    if not head.has("time_period", "time_identifier", "geographic_level"):
        return None
    schools = "school_urn" in {column.casefold() for column in head.columns}
    whose = "by school" if schools else "without schools: only its published figures are read"
    return Recognised(
        confidence=0.95,
        what=f"open data of Explore Education Statistics, {whose}",
        notes=[f"It has columns: {', '.join(head.columns)}."],
    )


def read(
    path: str | Path, options: ReleaseOptions | None = None, spec: Any = None, *, shown: str = ""
) -> ReadResult:
    """Read a data file into outcomes: schools' figures, and those of England and its parts."""
    options = options or ReleaseOptions()
    path = Path(path)
    file = shown or path.name
    try:
        text = read_text(path, shown=file)
        text = attrs.evolve(text, frame=text.frame.rename(_lower(text.frame.columns)))
        indicators, filters = _columns(text, path)
        filters = _with_parts(text, filters)
    except DataError as error:
        return ReadResult(frame=NOTHING, table="outcomes", problems=error.problems)
    rows = _identity(text, filters)
    problems = [*text.notes, *_wrong(rows, options, filters, indicators, file)]
    schools, others, elsewhere, unsettled = _chosen(rows, options, filters, file)
    problems += [] if any(p.severity == "error" for p in problems) else unsettled
    if any(problem.severity == "error" for problem in problems):
        return ReadResult(frame=NOTHING, table="outcomes", problems=problems, n_rows=text.n_rows)
    found = [
        Figure(measure, "all", column, Header(column))
        for measure, column in indicators.items()
        if not options.measures or measure in options.measures
    ]
    form = Form(title="open data", identity={})
    ours, unknown = long_figures(schools, text, found, form)
    published, unknown_too = long_figures(others, text, found, form)
    years = schools["year"].unique().to_list()
    return ReadResult(
        frame=ours.drop("text"),
        table="outcomes",
        year=years[0] if len(years) == 1 else None,
        set_aside=pl.concat([ragged(text), *elsewhere]),
        national=published.drop("urn", "text", strict=False),
        problems=(*problems, *unknown, *unknown_too),
        n_rows=text.n_rows,
        n_rejected=rejected(text, *elsewhere),
    )


def _lower(columns: list[str]) -> dict[str, str]:
    return {name: name.lower() for name in columns if name != ROW}


def _columns(text: TextTable, path: Path) -> tuple[dict[str, str], list[str]]:
    """Return the indicators by measure, and the filters."""
    names = [name for name in text.frame.columns if name != ROW and not _is_place(name)]
    meta = path.with_name(path.name.removesuffix(".gz").removesuffix(".csv") + ".meta.csv")
    if meta.is_file():
        said = read_text(meta).frame
        said = said.rename(_lower(said.columns))
        if {"col_name", "col_type"} <= set(said.columns):
            kinds = dict(
                said.select(
                    pl.col("col_name").str.strip_chars().str.to_lowercase(),
                    pl.col("col_type").str.strip_chars().str.to_lowercase(),
                ).iter_rows()
            )
            indicators = [name for name in names if kinds.get(name) == "indicator"]
            filters = [name for name in names if kinds.get(name) == "filter"]
            return {_measure(name): name for name in indicators}, filters
    indicators = figure_columns(text.frame, names)
    return {_measure(n): n for n in indicators}, [n for n in names if n not in indicators]


def _with_parts(text: TextTable, filters: list[str]) -> list[str]:
    """Return the filters, with the parts of a year if the file has several, as one of them."""
    name = "time_identifier"
    if name not in text.frame.columns or text.frame[name].str.strip_chars().n_unique() == 1:
        return filters
    return [name, *filters]


def _measure(indicator: str) -> str:
    return KNOWN.get(indicator, measure_id(indicator))


def _is_place(name: str) -> bool:
    if name in PLACES or name in ("school_urn", "school_laestab", "school_postcode", "version"):
        return True
    start, _, end = name.rpartition("_")
    return end in ("code", "name", "urn", "laestab", "ukprn", "uid", "id") and start in PLACES


def _by(name: str) -> str:
    """Return the name under which a filter is kept: a file may call one `year` or `place`."""
    return f"filter {name}"


def _identity(text: TextTable, filters: list[str]) -> pl.DataFrame:
    there = set(text.frame.columns)

    def cell(name: str) -> pl.Expr:
        return pl.col(name).str.strip_chars() if name in there else pl.lit("")

    old = cell("old_la_code")
    return text.frame.select(
        ROW,
        *[pl.col(name).str.strip_chars().alias(_by(name)) for name in filters],
        urn=cell("school_urn"),
        place=cell("geographic_level"),
        period=cell("time_period"),
        year=period_year(cell("time_period")),
        la_code=pl.when(old.str.contains(r"^\d{3}$")).then(old),
    )


def _wrong(
    rows: pl.DataFrame,
    options: ReleaseOptions,
    filters: list[str],
    indicators: Mapping[str, str],
    file: str,
) -> list[Problem]:
    """Return what the study asks for and the file has not, and periods that are no years."""
    problems = [
        Problem(
            code="measure.unknown",
            file=file,
            column="measures",
            value=name,
            rule="the file has no such indicator",
            remedy=did_you_mean(name, indicators),
        )
        for name in options.measures
        if name not in indicators
    ]
    for name, value in options.filters.items():
        if name not in filters:
            rule, remedy = "the file has no such filter", did_you_mean(name, filters)
        elif value not in (there := set(rows[_by(name)])):
            rule, remedy = f"{name} has no such value", did_you_mean(value, there)
        else:
            continue
        problems.append(
            Problem(
                code="filter.unknown",
                file=file,
                column=f"filters.{name}",
                value=value,
                rule=rule,
                remedy=remedy,
            )
        )
    placed = pl.col("place").is_in([*LEVELS, *SCHOOL])
    strange = rows.filter(placed & pl.col("year").is_null())
    if strange.height:
        problems.append(
            Problem(
                code="period.format",
                file=file,
                row=strange[ROW][0],
                column="time_period",
                value=strange["period"][0],
                rule="expected a year, or an academic year as six digits",
                remedy="Write 202324 for 2023/24.",
                count=strange.height,
            )
        )
    return problems


TOTAL = r"(?i)^(total|all|all (pupils|schools|students|characteristics|state.funded.*))$"
"""How the total of a filter is called."""

WHOLE = {"time_identifier": r"(?i)^(academic|calendar|financial|reporting|tax) year$"}
"""How it is called otherwise, by filter."""


def _chosen(
    rows: pl.DataFrame, options: ReleaseOptions, filters: list[str], file: str
) -> tuple[pl.DataFrame, pl.DataFrame, list[pl.DataFrame], list[Problem]]:
    """Settle the filters; part schools, aggregates and rows set aside."""
    aside = []
    level = pl.col("place").replace_strict(LEVELS, default=None)
    is_school = pl.col("place").is_in(SCHOOL)
    aside.append(
        set_aside(
            rows.filter(~is_school & level.is_null()),
            "about a place that is neither school, authority, region nor England",
            pl.col("place"),
        )
    )
    schools = rows.filter(is_school)
    aside.append(set_aside(schools.filter(pl.col("urn") == ""), NO_URN))
    schools = schools.filter(pl.col("urn") != "")
    others = rows.filter(level.is_not_null()).with_columns(level=level)
    problems = []
    for name in filters:
        wanted = options.filters.get(name)
        if wanted is None and not _varies(schools, name):
            hit = pl.lit(True)
        else:
            hit = _is_wanted(name, wanted)
            if not schools.filter(hit).height and schools.height:
                problems.append(_unsettled(name, schools, file))
                continue
        aside.append(set_aside(schools.filter(~hit), f"another breakdown by {name}"))
        schools = schools.filter(hit)
    phase = next((pl.col(_by(name)) for name in PHASES if name in filters), pl.lit("All"))
    for name in [name for name in filters if name not in PHASES]:
        wanted = options.filters.get(name)
        hit = _is_wanted(name, wanted)
        if others.filter(hit).height:
            aside.append(set_aside(others.filter(~hit), f"another breakdown by {name}"))
            others = others.filter(hit)
    return schools, others.with_columns(phase=phase), aside, problems


def _is_wanted(name: str, wanted: str | None) -> pl.Expr:
    value = pl.col(_by(name))
    return value == wanted if wanted else value.str.contains(WHOLE.get(name, TOTAL))


def _varies(schools: pl.DataFrame, name: str) -> bool:
    """Tell whether one school and period have rows for several values of a filter."""
    values = pl.col(_by(name)).n_unique()
    return bool(schools.group_by("urn", "year").agg(several=values > 1)["several"].any())


def _unsettled(name: str, schools: pl.DataFrame, file: str) -> Problem:
    values = sorted(set(schools[_by(name)]))
    told = ", ".join(repr(value) for value in values[:8])
    return Problem(
        code="filter.unsettled",
        file=file,
        column=name,
        rule=f"figures are broken down by {name}, which has no total: {told}",
        remedy=f'Say which is wanted: filters = {{ {name} = "{values[0]}" }}.',
    )


READER = Reader(
    id="dfe.ees",
    title="Open data of Explore Education Statistics",
    table="outcomes",
    recognise=recognise,
    read=read,
    options=ReleaseOptions,
    years=tuple(range(2006, 2027)),
    source="Department for Education, explore-education-statistics",
    met_real_file=False,
    notes=(
        "It has not met a real file, only the headers of published ones and the Department's open "
        "data standards. "
        "Indicators that core does not know are read under their own names: say what they mean in "
        "a table of measures. Files of one release's own metadata (.meta.csv) are used if there."
    ),
)
