"""Suspensions for every hundred pupils."""

from __future__ import annotations

import polars as pl

from impactkit import Card, outcome_metric


@outcome_metric(
    id="surrey.suspensions",
    title="Suspensions",
    question="Were fewer pupils suspended where schools joined?",
    unit="suspensions per 100 pupils",
    direction="lower",
    needs={
        "surrey_suspensions": ["school_key", "year", "case"],
        "schools": ["school_key", "pupils"],
    },
    card=Card(
        definition="Suspensions that began in the year and stood, for every hundred pupils.",
        formula="100 × suspensions ÷ pupils on roll",
        source="The authority's log of suspensions; the register of schools",
        caveats=[
            "Pupils are the register's, one number for all years.",
            "A school that reports fewer of its suspensions looks better.",
        ],
        ours=True,
    ),
)
def suspensions(context):
    """Return a row for each school and year of the log: none in the log is none at all."""
    log = context.table("surrey_suspensions")
    # URNs that follow one another are one school by now: the larger number is the whole school.
    schools = context.table("schools").group_by("school_key").agg(pl.col("pupils").max())
    counts = log.group_by("school_key", "year").agg(n=pl.len())
    every = schools.join(log.select("year").unique(), how="cross")
    found = every.join(counts, on=["school_key", "year"], how="left")
    rate = pl.when(pl.col("pupils") > 0).then(100 * pl.col("n").fill_null(0) / pl.col("pupils"))
    return found.select("school_key", "year", value=rate)
