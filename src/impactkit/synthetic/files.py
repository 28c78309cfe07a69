"""Write a county to a folder: official files, the authority's own registers, and a README."""

from __future__ import annotations

import datetime as dt
import io
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from impactkit.errors import Problem, UsageError
from impactkit.synthetic import official

if TYPE_CHECKING:
    from impactkit.synthetic.county import County

OFFICIAL_MEASURES = ("overall_absence", "pupil_teacher_ratio")
SYMBOLS = {"supp": "SUPP", "ne": "NE", "x": "DNS"}
"""How the authority's own results file writes the reason for having no value."""

FORMATS, REGISTERS = ("official", "plain"), ("csv", "xlsx")
README = """\
A fictional county
==================

Everything here is invented: places, schools, people and results. It was drawn by
impactkit.synthetic.county with seed {seed}. School numbers (URNs) lie in 900001-999999, where the
Department for Education's registers of 2022 to 2026 have none, and the local authority code ({la})
is that of no authority in them. Any likeness to a real school is chance. The workforce, absence,
group and link files have the form that the Department gives its own, so that reading them is a fair
rehearsal; the Department has no part in them.

Years {first} to {last} (each named by its end: {last} is {before}/{end:02d}).
{schools} schools, {partnerships} partnerships.

Files of years whose official form is not known are not written:
{missing}
Workforce of 2015 has primary schools only, as it was published.

Where the registers have a column `urn`, it is the number that the school had at the time.
Federations in the group links are the schools that are helped or work as peers; the schools that
support them are in memberships.csv only. In the group links some dates of joining are 1900-01-01,
which stands for "unknown", and some federations have one school left.
"""


def write_county(county: County, folder: Path, *, formats: str, registers: str) -> list[Path]:
    """Write `county` to `folder` in one step; see `County.write`."""
    problems = [
        Problem(
            code="synthetic.format",
            column=name,
            value=value,
            rule=f"expected {' or '.join(allowed)}",
        )
        for name, value, allowed in (
            ("formats", formats, FORMATS),
            ("registers", registers, REGISTERS),
        )
        if value not in allowed
    ]
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        problems.append(
            Problem(
                code="synthetic.folder",
                file=str(folder),
                rule="it is there already, with something in it",
                remedy="Name a new folder.",
            )
        )
    if problems:
        raise UsageError(problems)
    content = {"README.txt": _readme(county, formats).encode()}
    if formats == "official":
        content |= _official_files(county)
    for name, frame in _registers(county, formats).items():
        content[f"{name}.{registers}"] = _csv(frame) if registers == "csv" else _xlsx(name, frame)
    _write_at_once(content, folder)
    return [folder / name for name in sorted(content)]


def _write_at_once(content: dict[str, bytes], folder: Path) -> None:
    """Fill a folder beside the wanted one, then put it in its place."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        for name, data in content.items():
            path = draft / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        if folder.exists():
            folder.rmdir()
        draft.chmod(0o755)
        draft.rename(folder)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise


def _official_files(county: County) -> dict[str, bytes]:
    tables, span = county.tables, county.settings.span
    schools = tables["schools"].select(
        "school_key", "pupils", pl.col("laestab").str.tail(4).alias("establishment")
    )
    files = {}
    for year in span:
        folder = f"dfe_performance_tables/{year}"
        if year in official.WORKFORCE:
            files[f"{folder}/england_swf.csv"] = official.workforce_file(
                schools, tables["outcomes"], year
            )
        if year in official.ABSENCE:
            files[f"{folder}/england_abs.csv"] = official.absence_file(
                schools, tables["outcomes"], year
            )
    last = span[-1]
    files[f"gias/{last}-09-30/links_edubasealldata.csv"] = official.links_file(
        tables["school_links"], tables["schools"]
    )
    files[f"gias/{last}-09_group_links.csv"] = official.group_links_file(*_federations(county))
    return files


def _federations(county: County) -> tuple[pl.DataFrame, pl.DataFrame, pl.Series]:
    """Return treated members, two schools left alone in theirs, and whose date is lost."""
    tables = county.tables
    about = tables["schools"].select(
        "school_key", pl.col("urn").alias("urn_now"), "name", "phase", "la_code", "status"
    )
    groups = tables["partnerships"].select("partnership_id", pl.col("name").alias("group"))
    columns = ["urn", "name", "phase", "la_code", "partnership_id", "group", "joined"]
    members = (
        tables["memberships"]
        .filter(pl.col("role") != "supporter")
        .join(about, on="school_key", maintain_order="left")
        .join(groups, on="partnership_id", maintain_order="left")
        # The register of groups shows a school under the number it has today.
        .with_columns(pl.col("urn_now").alias("urn"))
        .select(columns)
    )
    opened = dt.date(county.settings.years[0], 9, 1)
    alone = (
        about.filter(pl.col("status") == "Open")
        .join(tables["memberships"], on="school_key", how="anti", maintain_order="left")
        .head(official.ONE_SCHOOL_GROUPS)
        .with_columns(
            pl.col("urn_now").alias("urn"),
            pl.format("P8{}", pl.int_range(1, pl.len() + 1).cast(pl.String).str.zfill(3)).alias(
                "partnership_id"
            ),
            pl.format("The {} Federation", pl.col("name")).alias("group"),
            pl.lit(opened).alias("joined"),
        )
        .select(columns)
    )
    rng = np.random.default_rng([county.settings.seed, len(members)])
    lost = rng.permutation(len(members)) < round(county.settings.placeholder_dates * len(members))
    return members, alone, pl.Series(lost)


def _registers(county: County, formats: str) -> dict[str, pl.DataFrame]:
    """Return the authority's own tables; beside official files only what these do not have."""
    tables = dict(county.tables)
    if formats == "plain":
        return tables
    del tables["school_links"]
    own = ~pl.col("measure").is_in(OFFICIAL_MEASURES)
    tables["outcomes"] = (
        tables["outcomes"]
        .filter(own)
        .select(
            "urn",
            "year",
            "measure",
            "subgroup",
            pl.col("value")
            .round(1)
            .cast(pl.String)
            .fill_null(pl.col("status").replace(SYMBOLS))
            .alias("value"),
            *(["numerator"] if county.settings.full else []),
            "denominator",
        )
    )
    return {
        name: frame.drop("school_key", strict=False) if "urn" in frame.columns else frame
        for name, frame in tables.items()
    }


def _flat(frame: pl.DataFrame) -> pl.DataFrame:
    """Write a list as ``a; b``, the way a flat file holds it."""
    lists = [name for name, kind in frame.schema.items() if kind == pl.List(pl.String)]
    return frame.with_columns(pl.col(lists).list.join("; ").replace("", None)) if lists else frame


def _csv(frame: pl.DataFrame) -> bytes:
    return _flat(frame).write_csv().encode()


def _xlsx(name: str, frame: pl.DataFrame) -> bytes:
    import xlsxwriter

    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, {"in_memory": True}) as workbook:
        # The time of writing is in the file unless another is given: same county, same bytes.
        workbook.set_properties({"created": dt.datetime(2000, 1, 1)})
        _flat(frame).write_excel(workbook, worksheet=name[:31], autofit=False)
    return buffer.getvalue()


def _readme(county: County, formats: str) -> str:
    first, last = county.settings.years
    tables = county.tables
    missing = official.years_without_form(county.settings.span) if formats == "official" else {}
    lines = [f"  {name}: {', '.join(map(str, years))}" for name, years in missing.items() if years]
    return README.format(
        seed=county.settings.seed,
        la=", ".join(sorted(tables["schools"]["la_code"].unique())),
        first=first,
        last=last,
        before=last - 1,
        end=last % 100,
        schools=tables["schools"].height,
        partnerships=tables["partnerships"].height,
        missing="\n".join(lines) or "  (none)",
    )
