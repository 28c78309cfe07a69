"""From links, memberships and outcomes to the panel: nothing is lost, whatever they hold."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from typing import Any

import polars as pl
from hypothesis import given, settings, strategies as st

from impactkit.lineage import build_lineage
from impactkit.panel import build_panel, trace_rows, unaccounted_rows

urns = st.integers(100001, 100006)
years = st.integers(2011, 2015)
dates = st.sampled_from([None, dt.date(1900, 1, 1)] + [dt.date(y, 9, 1) for y in range(2009, 2017)])
outcome = st.fixed_dictionaries(
    {
        "urn": st.one_of(st.none(), urns),
        "year": years,
        "value": st.sampled_from([None, 1.0, 2.0, float("nan")]),
        "status": st.sampled_from(["ok", "ok", "ok", "supp", "na"]),
        "measure": st.sampled_from(["ratio", "ratio", "ratio", "absence"]),
    }
)
membership = st.fixed_dictionaries(
    {
        "partnership_id": st.sampled_from("ABC"),
        "urn": urns,
        "joined": dates,
        "left": st.sampled_from([None, dt.date(2012, 8, 31)]),
        "role": st.sampled_from(["client", "supporter", None]),
    }
)
link = st.tuples(urns, urns, st.sampled_from(["Successor", "Predecessor", "Other"]))
design = st.fixed_dictionaries(
    {
        "measure": st.just("ratio"),
        "years": st.sampled_from([None, (2012, 2014)]),
        "leave_out": st.sampled_from([[], [2013]]),
        "treated": st.sampled_from([None, pl.col("role") == "client"]),
        "balance": st.sampled_from(["none", "complete", "window"]),
        "min_before": st.integers(0, 2),
        "min_after": st.integers(0, 2),
    }
)
OUTCOME = {
    "urn": pl.Int64,
    "year": pl.Int64,
    "value": pl.Float64,
    "status": pl.String,
    "measure": pl.String,
}
MEMBERSHIP = {
    "partnership_id": pl.String,
    "urn": pl.Int64,
    "joined": pl.Date,
    "left": pl.Date,
    "role": pl.String,
}
LINK = {"urn": pl.Int64, "link_urn": pl.Int64, "link_type": pl.String}

Rows = list[dict[str, Any]]


@settings(deadline=None, max_examples=100)
@given(
    st.lists(outcome, max_size=25),
    st.lists(membership, max_size=8),
    st.lists(link, max_size=5),
    design,
)
def test_every_outcome_row_is_in_the_panel_or_in_one_exclusion(
    outcomes: Rows, memberships: Rows, links: list[tuple[int, int, str]], design: dict[str, Any]
) -> None:
    """The account closes: by counts, row by row, and by the values themselves."""
    lineage = build_lineage(pl.DataFrame(links, schema=LINK, orient="row"))
    rows = pl.DataFrame(outcomes, schema=OUTCOME).with_row_index("source_row")
    members = pl.DataFrame(memberships, schema=MEMBERSHIP)
    panel = build_panel(rows, members, lineage, **design)
    traced = trace_rows(rows, members, lineage, **design)

    assert unaccounted_rows(panel) == 0
    ours = [i for i, row in enumerate(outcomes) if row["measure"] == "ratio"]
    assert traced["source_row"].to_list() == ours

    reasons = Counter(traced["reason"].to_list())
    assert reasons.pop(None, 0) == panel.frame.height
    counted = {e.reason: e.n_rows for e in panel.exclusions if e.stage == "panel"}
    assert dict(reasons) == counted

    used = traced.filter(pl.col("reason").is_null()).sort("school_key", "year")
    columns = ["school_key", "year", "value", "cohort"]
    assert used.select(columns).rows() == panel.frame.select(columns).rows()
    assert all(outcomes[i]["value"] == v for i, v in used.select("source_row", "value").rows())
    assert panel.frame.select("school_key", "year").is_duplicated().sum() == 0


@settings(deadline=None, max_examples=50)
@given(
    st.lists(outcome, max_size=25),
    st.lists(membership, max_size=8),
    st.lists(link, max_size=5),
    st.randoms(use_true_random=False),
)
def test_order_of_input_rows_changes_nothing(
    outcomes: Rows, memberships: Rows, links: list[tuple[int, int, str]], random: Any
) -> None:
    """Registers and files come in any order; the panel and its counts do not."""

    def built() -> Any:
        lineage = build_lineage(pl.DataFrame(links, schema=LINK, orient="row"))
        rows = pl.DataFrame(outcomes, schema=OUTCOME)
        members = pl.DataFrame(memberships, schema=MEMBERSHIP)
        return build_panel(rows, members, lineage, measure="ratio", balance="window")

    first = built()
    for rows in (outcomes, memberships, links):
        random.shuffle(rows)
    second = built()
    assert first.frame.equals(second.frame)
    assert (first.counts, first.exclusions, first.warnings) == (
        second.counts,
        second.exclusions,
        second.warnings,
    )
