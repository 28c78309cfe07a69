"""The authority's log of suspensions: its table, and how a file becomes rows of that."""

from __future__ import annotations

from impactkit import ColumnSpec, Reader, TableSpec
from impactkit.declarations import ReadResult, Recognised

suspensions = TableSpec(
    name="surrey_suspensions",
    title="Suspensions",
    key=("case",),
    description="One row a suspension that stood. Pupils are not in it.",
    supplied_by="the local authority's inclusion service",
    columns=[
        ColumnSpec(name="case", description="Number in the log.", example="1041"),
        ColumnSpec(name="urn", dtype="int", example="123456"),
        ColumnSpec(name="year", dtype="int", low=2000, high=2100, description="Academic year."),
        ColumnSpec(name="half_days", dtype="float", low=0.5, high=90, unit="half-days"),
    ],
)
NAMES = {"case": "case", "urn": "urn", "from": "from", "half-days": "half_days"}


def recognise(path, head):
    """Say what the file is when it has the columns of the log."""
    if not head.has(*NAMES, "outcome"):
        return None
    return Recognised(confidence=0.9, what="Surrey's log of suspensions")


def read(path, options):
    """Return the suspensions that stood; those withdrawn or entered twice are set aside."""
    import polars as pl

    text = pl.read_csv(path, infer_schema=False)
    text = text.rename({name: name.strip().casefold() for name in text.columns})
    text = text.rename(NAMES).with_row_index("row", offset=2)
    day = pl.col("from").str.to_date("%d/%m/%Y", strict=False)
    rows = text.with_columns(
        # From September on it is the year that ends next; a day that is none stays for core to see.
        year=pl.coalesce((day.dt.year() + (day.dt.month() >= 9)).cast(pl.String), "from"),
        reason=pl.when(pl.col("outcome").str.strip_chars().str.to_lowercase() == "withdrawn")
        .then(pl.lit("withdrawn"))
        .when(~pl.struct("case", "urn", "from", "half_days").is_first_distinct())
        .then(pl.lit("entered twice")),
    )
    aside = rows.filter(pl.col("reason").is_not_null())
    return ReadResult(
        frame=rows.filter(pl.col("reason").is_null()).select("case", "urn", "year", "half_days"),
        table="surrey_suspensions",
        set_aside=aside.select("row", "reason", detail=pl.lit("the log says so")),
        n_rows=text.height,
    )


log = Reader(
    id="surrey.log",
    title="Log of suspensions",
    table="surrey_suspensions",
    recognise=recognise,
    read=read,
)
