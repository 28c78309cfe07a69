"""The Department's file forms, as published: headers that change by year, symbols and quirks.

Only forms that were seen are written. Workforce was published in five forms from 2011 to 2019 (in
2015 for primary schools only), absence in three; absence for 2015 and 2016 was not seen, so it is
not written. Years without a form have no official file: `years_without_form` names them, and the
county's README lists them.

Values are rounded as the Department rounds them: ratios and absence to one decimal, salaries to the
pound. What is not a school outcome of the county (salaries, teaching assistants, persistent
absence) is filled in so that the file is whole, and means nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import attrs
import polars as pl

WORKFORCE_2011 = (
    ("LA", "la_code"),
    ("URN", "urn"),
    ("NTEA", "teachers"),
    ("NTEAAS", "assistants"),
    ("NNONTEA", "support"),
    ("NFTETEA", "teachers_fte"),
    ("NFTETEAAS", "assistants_fte"),
    ("RATPUPTEA", "ratio"),
    ("SALARY", "salary"),
)
WORKFORCE_2012 = (*WORKFORCE_2011[:7], ("NFTENONTEA", "support_fte"), *WORKFORCE_2011[7:])


def _long(support: str, support_fte: str, salary: str) -> tuple[tuple[str, str], ...]:
    return (
        ("LA Number", "la_code"),
        ("Establishment Number", "establishment"),
        ("URN", "urn"),
        ("Total Number of Teachers (Headcount)", "teachers"),
        ("Total Number of Teaching Assistants (Headcount)", "assistants"),
        (support, "support"),
        ("Total Number of Teachers (Full-Time Equivalent)", "teachers_fte"),
        ("Total Number of Teaching Assistants (Full-time Equivalent)", "assistants_fte"),
        (support_fte, "support_fte"),
        ("Pupil:     Teacher Ratio", "ratio"),
        (salary, "salary"),
    )


_SUPPORT = "Total Number of Non Classroom-based School Support Staff, Excluding Auxiliary Staff"
_SALARY = "Mean Gross FTE Salary of All Teachers"
WORKFORCE_2016 = _long(
    "Total Number of Non Classroom-based School Support Staff, Exclud",
    "Total Number of Non Classroom-based School Support Staff, Exclu1",
    _SALARY,
)
_COUNTED = (f"{_SUPPORT} (Headcount)", f"{_SUPPORT} (Full-Time Equivalent)")
WORKFORCE_2017 = _long(*_COUNTED, _SALARY)
WORKFORCE_2018 = _long(*_COUNTED, f"{_SALARY} (£s)")
WORKFORCE_2019 = (*WORKFORCE_2018[:3], ("School Phase", "phase"), *WORKFORCE_2018[3:])
ABSENCE_2011 = (
    ("LA", "la_code"),
    ("ESTAB", "establishment"),
    ("URN", "urn"),
    ("PERCTOT", "absence"),
    ("PERCUA", "unauthorised"),
    ("PPERSABS15", "persistent"),
    ("PPERSABS20", "persistent_20"),
)
ABSENCE_2012 = (*ABSENCE_2011[:4], ("PPERSABS15", "persistent"))
ABSENCE_2017 = (*ABSENCE_2011[:4], ("PPERSABS10", "persistent"))


_BY_PHASE = {"PRI": ("Primary",), "SEC": ("Secondary",)}


@attrs.frozen(kw_only=True)
class Form:
    """One published form: its headers with the field behind each, and how its bytes look.

    `x` is the symbol for a return that was never made; `pounds` writes ``£34,547`` and thousands
    separators; `phases` are those published, `totals` the phases behind each national row.
    """

    columns: tuple[tuple[str, str], ...]
    x: str
    pounds: bool = False
    bom: bool = False
    newline: str = "\n"
    phases: tuple[str, ...] = ("Primary", "Secondary")
    totals: Mapping[str, tuple[str, ...]] = _BY_PHASE


_EARLY = Form(columns=WORKFORCE_2012, x="NA")
WORKFORCE = {
    2011: Form(columns=WORKFORCE_2011, x="NA", totals={"": ("Primary", "Secondary")}),
    2012: _EARLY,
    2013: _EARLY,
    2014: Form(columns=WORKFORCE_2012, x="DNS"),
    2015: Form(columns=WORKFORCE_2012, x="DNS", phases=("Primary",), totals={"PRI": ("Primary",)}),
    2016: Form(columns=WORKFORCE_2016, x="DNS"),
    2017: Form(columns=WORKFORCE_2017, x="NA", pounds=True, bom=True),
    2018: Form(columns=WORKFORCE_2018, x="NA", pounds=True, bom=True, newline="\r\n"),
    2019: Form(columns=WORKFORCE_2019, x="NA", pounds=True, bom=True, newline="\r\n"),
}
_ABSENCE_EARLY = Form(columns=ABSENCE_2012, x="")
_ABSENCE_LATE = Form(columns=ABSENCE_2017, x="", bom=True, newline="\r\n")
ABSENCE = {
    2011: Form(columns=ABSENCE_2011, x=""),
    **dict.fromkeys((2012, 2013, 2014), _ABSENCE_EARLY),
    **dict.fromkeys((2017, 2018, 2019), _ABSENCE_LATE),
}
GROUP_LINK_COLUMNS = (
    "",
    "URN",
    "Group UID",
    "Group ID",
    "Group Name",
    "Companies House Number",
    "Group Type (code)",
    "Group Type",
    "Closed Date",
    "Open date",
    "Incorporated on (open date)",
    "Group Status (code)",
    "Group Status",
    "Joined date",
    "EstablishmentName",
    "TypeOfEstablishment (code)",
    "TypeOfEstablishment (name)",
    "PhaseOfEducation (code)",
    "PhaseOfEducation (name)",
    "LA (code)",
    "LA (name)",
)
PLACEHOLDER = "1900-01-01"
ONE_SCHOOL_GROUPS = 2
AUTHORITY_NAME = "Fictional County"
FEW_TEACHERS = 4
SUPPRESSED = "SUPP"


def years_without_form(years: Iterable[int]) -> dict[str, tuple[int, ...]]:
    """Return the years of the county for which no official form is known, by kind of file.

    Examples
    --------
    >>> years_without_form([2014, 2015, 2020])
    {'england_swf.csv': (2020,), 'england_abs.csv': (2015, 2020)}
    """
    return {
        name: tuple(year for year in years if year not in forms)
        for name, forms in (("england_swf.csv", WORKFORCE), ("england_abs.csv", ABSENCE))
    }


def workforce_file(schools: pl.DataFrame, outcomes: pl.DataFrame, year: int) -> bytes:
    """Return ``england_swf.csv`` of one year.

    `schools` has `school_key`, `establishment`, `pupils`; `outcomes` is the table of that name.
    """
    form = WORKFORCE[year]
    rows = _of(outcomes, "pupil_teacher_ratio", year, form).join(
        schools, on="school_key", how="left", maintain_order="left"
    )
    fte = pl.col("pupils") / pl.col("value")
    assistants = pl.col("pupils") / 30
    few = fte < FEW_TEACHERS
    fields = {
        "teachers": _whole(fte * 1.2, form),
        "assistants": _whole(assistants * 1.4, form),
        "support": _whole(assistants, form),
        "teachers_fte": _tenths(fte),
        "assistants_fte": _tenths(assistants),
        "support_fte": _tenths(assistants * 0.7),
        "ratio": _tenths(pl.col("value")),
        "salary": pl.when(few).then(pl.lit(SUPPRESSED)).otherwise(_salary(fte, form)),
    }
    filled = _filled(rows, fields, form)
    totals = [
        {
            "la_code": "NAT",
            "establishment": code,
            # Before 2016 there was no establishment column: the code stood under URN.
            "urn": "" if any(field == "establishment" for _, field in form.columns) else code,
            "ratio": _mean(rows, phases),
        }
        for code, phases in form.totals.items()
    ]
    return _csv(filled, totals, form)


def absence_file(schools: pl.DataFrame, outcomes: pl.DataFrame, year: int) -> bytes:
    """Return ``england_abs.csv`` of one year; arguments as for `workforce_file`."""
    form = ABSENCE[year]
    rows = _of(outcomes, "overall_absence", year, form).join(
        schools, on="school_key", how="left", maintain_order="left"
    )
    persistent = (pl.col("value") - 2).clip(0) * 2.2
    # One or two pupils could be recognised in a share of a few.
    few = persistent * pl.col("pupils") / 100 < 3
    fields = {
        "absence": _tenths(pl.col("value")),
        "unauthorised": _tenths(pl.col("value") * 0.2),
        "persistent": pl.when(few).then(pl.lit(SUPPRESSED)).otherwise(_tenths(persistent)),
        "persistent_20": _tenths(persistent * 0.4),
    }
    filled = _filled(rows, fields, form)
    totals = [
        {"la_code": "NAT", "establishment": code, "urn": "", "absence": _mean(rows, phases)}
        for code, phases in form.totals.items()
    ]
    return _csv(filled, totals, form)


def links_file(links: pl.DataFrame, schools: pl.DataFrame) -> bytes:
    """Return ``links_edubasealldata.csv`` from the tables `school_links` and `schools`."""
    now = schools.select(pl.col("urn").alias("link_urn"), "name")
    first = schools.select(pl.col("school_key").cast(pl.Int64).alias("link_urn"), "name")
    names = pl.concat([now, first]).unique(maintain_order=True)
    frame = links.join(names, on="link_urn", how="left", maintain_order="left").select(
        pl.col("urn").alias("URN"),
        pl.col("link_urn").alias("LinkURN"),
        pl.col("name").alias("LinkName"),
        pl.col("link_type").alias("LinkType"),
        pl.col("link_date").dt.strftime("%d-%m-%Y").alias("LinkEstablishedDate"),
    )
    return frame.write_csv(quote_style="non_numeric").encode()


def group_links_file(members: pl.DataFrame, alone: pl.DataFrame, placeholder: pl.Series) -> bytes:
    """Return group links in the re-saved form of 2022: federations, with its traps.

    `members` are treated schools (`urn`, `name`, `phase`, `la_code`, `partnership_id`, `group`,
    `joined`), those where `placeholder` is true without their date; `alone` has the same columns
    for schools whose federation has nobody else left. Supporters are not in the federation.
    """
    dated = members.with_columns(
        pl.when(placeholder)
        .then(pl.lit(PLACEHOLDER))
        .otherwise(pl.col("joined").dt.to_string("%Y-%m-%d"))
        .alias("date")
    )
    lonely = alone.with_columns(pl.col("joined").dt.to_string("%Y-%m-%d").alias("date"))
    rows = pl.concat([dated, lonely]).sort("urn")
    primary = pl.col("phase") == "Primary"
    filled = {
        "": pl.int_range(1, pl.len() + 1),
        "URN": pl.col("urn"),
        "Group UID": pl.col("partnership_id").str.replace("P", "9"),
        "Group Name": pl.col("group"),
        "Group Type (code)": pl.lit("1"),
        "Group Type": pl.lit("Federation"),
        "Open date": pl.col("joined").dt.to_string("%Y-%m-%d"),
        "Group Status (code)": pl.lit("OPEN"),
        "Group Status": pl.lit("Open"),
        "Joined date": pl.col("date"),
        "EstablishmentName": pl.col("name"),
        "TypeOfEstablishment (code)": pl.lit("1"),
        "TypeOfEstablishment (name)": pl.lit("Community school"),
        "PhaseOfEducation (code)": pl.when(primary).then(pl.lit("2")).otherwise(pl.lit("4")),
        "PhaseOfEducation (name)": pl.col("phase"),
        "LA (code)": pl.col("la_code"),
        "LA (name)": pl.lit(AUTHORITY_NAME),
    }
    frame = rows.select(filled.get(name, pl.lit(None)).alias(name) for name in GROUP_LINK_COLUMNS)
    return frame.write_csv().removeprefix('""').encode()


def _of(outcomes: pl.DataFrame, measure: str, year: int, form: Form) -> pl.DataFrame:
    return outcomes.filter(
        (pl.col("measure") == measure)
        & (pl.col("year") == year)
        & pl.col("phase").is_in(form.phases)
    ).sort("urn")


def _filled(rows: pl.DataFrame, fields: dict[str, pl.Expr], form: Form) -> pl.DataFrame:
    """Return the rows as text, with the symbol of the form where nothing was returned."""
    returned = pl.col("status") == "ok"
    return rows.select(
        "la_code",
        "establishment",
        pl.col("urn").cast(pl.String),
        "phase",
        *(
            pl.when(returned).then(expression).otherwise(pl.lit(form.x)).alias(name)
            for name, expression in fields.items()
        ),
    )


def _tenths(value: pl.Expr) -> pl.Expr:
    return value.round(1).cast(pl.String)


def _whole(value: pl.Expr, form: Form) -> pl.Expr:
    return _separated(value) if form.pounds else value.round().cast(pl.Int64).cast(pl.String)


def _separated(value: pl.Expr) -> pl.Expr:
    whole = value.round().cast(pl.Int64)
    thousands = pl.format("{},{}", whole // 1000, (whole % 1000).cast(pl.String).str.zfill(3))
    return pl.when(whole >= 1000).then(thousands).otherwise(whole.cast(pl.String))


def _salary(fte: pl.Expr, form: Form) -> pl.Expr:
    pay = 35_000 + 40 * fte
    return pl.format("£{}", _separated(pay)) if form.pounds else _whole(pay, form)


def _mean(rows: pl.DataFrame, phases: tuple[str, ...]) -> str:
    values = rows.filter(pl.col("phase").is_in(phases))["value"].drop_nulls().to_list()
    return f"{sum(values) / len(values):.1f}" if values else ""


def _csv(filled: pl.DataFrame, totals: list[dict[str, str]], form: Form) -> bytes:
    fields = [field for _, field in form.columns]
    foot = pl.DataFrame(totals, schema=dict.fromkeys(fields, pl.String))
    # polars writes empty text as "" and null as nothing; the Department writes nothing.
    frame = pl.concat([filled.select(fields), foot]).select(pl.all().replace("", None))
    frame.columns = [header for header, _ in form.columns]
    text = frame.write_csv(line_terminator=form.newline, include_bom=form.bom)
    return text.encode()
