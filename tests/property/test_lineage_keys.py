"""Lineage against a slow and obvious one, and what must not change it."""

from __future__ import annotations

from collections import Counter

import polars as pl
from hypothesis import given, strategies as st

from impactkit.lineage import build_lineage

Pair = tuple[int, int]
urns = st.integers(100001, 100009)
pairs_ = st.lists(st.tuples(urns, urns), max_size=12)
SCHEMA = {"urn": pl.Int64, "link_urn": pl.Int64, "link_type": pl.String}


def _frame(rows: list[tuple[int, int, str]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def _successors(pairs: list[Pair]) -> pl.DataFrame:
    return _frame([(old, new, "Successor") for old, new in pairs])


def _keys(links: pl.DataFrame) -> dict[int, str]:
    return dict(build_lineage(links).keys.select("urn", "school_key").iter_rows())


def _slow_keys(pairs: list[Pair]) -> dict[int, str]:
    """Walk from every URN back to its start, with dictionaries."""
    proper = {(old, new) for old, new in pairs if old != new}
    olds, news = Counter(o for o, _ in proper), Counter(n for _, n in proper)
    before = {
        new: old
        for old, new in proper
        if olds[old] == 1 and news[new] == 1 and (new, old) not in proper
    }
    found = {}
    for urn in {*before, *before.values()}:
        start, seen = urn, {urn}
        while start in before and before[start] not in seen:
            start = before[start]
            seen.add(start)
        if start not in before:
            found[urn] = str(start)
    return found


@given(pairs_)
def test_agrees_with_a_walk_through_dictionaries(pairs: list[Pair]) -> None:
    """Any links at all: the same chains as following them one by one."""
    assert _keys(_successors(pairs)) == _slow_keys(pairs)


@given(pairs_, st.data())
def test_neither_row_order_nor_direction_matters(pairs: list[Pair], data: st.DataObject) -> None:
    """A link told by the old school, by the new one or by both, in any order, is one link."""
    rows = []
    for old, new in pairs:
        told = data.draw(st.sampled_from(["old", "new", "both"]))
        rows += [(old, new, "Successor")] if told != "new" else []
        rows += [(new, old, "Predecessor")] if told != "old" else []
    shuffled = data.draw(st.permutations(rows))
    assert _keys(_frame(shuffled)) == _keys(_successors(pairs))


@given(pairs_)
def test_a_new_successor_changes_no_key(pairs: list[Pair]) -> None:
    """When the last URN of a chain converts, every school keeps its key."""
    before = build_lineage(_successors(pairs)).keys
    ends = before.filter(pl.col("chain_position") == pl.col("chain_length") - 1)["urn"]
    grown = pairs + [(end, 900000 + i) for i, end in enumerate(ends)]
    after = _keys(_successors(grown))
    assert {urn: after[urn] for urn in before["urn"]} == _keys(_successors(pairs))


@given(st.lists(st.tuples(urns, urns, st.sampled_from(["Successor", "Predecessor", "Other"]))))
def test_every_link_row_is_chained_or_excluded_once(rows: list[tuple[int, int, str]]) -> None:
    """Rows chained and rows set aside add up to the rows of the register."""
    lineage = build_lineage(_frame(rows))
    aside = sum(e.n_rows or 0 for e in lineage.exclusions)
    assert lineage.counts["link_rows_chained"] + aside == lineage.counts["link_rows"] == len(rows)
