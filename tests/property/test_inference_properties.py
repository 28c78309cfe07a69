"""What must hold of multiplicity adjustments and cluster labels for any input."""

from __future__ import annotations

import itertools

import hypothesis.strategies as st
import polars as pl
import pytest
from hypothesis import given
from scipy.stats import false_discovery_control

from impactkit.errors import DataError
from impactkit.inference.clusters import cluster_labels
from impactkit.inference.multiplicity import benjamini_hochberg, holm

P_VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=7)


@given(P_VALUES)
def test_holm_is_closed_testing_with_bonferroni(p: list[float]) -> None:
    """The adjusted p-value is the largest Bonferroni p-value of any family with the test in it."""
    for i, adjusted in enumerate(holm(p)):
        others = [j for j in range(len(p)) if j != i]
        families = (
            (i, *rest) for size in range(len(p)) for rest in itertools.combinations(others, size)
        )
        closed = max(min(1.0, len(f) * min(p[j] for j in f)) for f in families)
        assert adjusted == pytest.approx(closed)


@given(P_VALUES)
def test_benjamini_hochberg_agrees_with_scipy(p: list[float]) -> None:
    """An independent implementation gives the same adjusted p-values."""
    assert benjamini_hochberg(p) == pytest.approx(false_discovery_control(p).tolist())


@given(P_VALUES, st.integers(0, 6))
def test_a_test_that_was_not_made_does_not_count(p: list[float], place: int) -> None:
    """A None stays None and leaves the others as they would be without it."""
    place = min(place, len(p))
    with_none = [*p[:place], None, *p[place:]]
    for adjust in (holm, benjamini_hochberg):
        found = adjust(with_none)
        assert found[place] is None
        assert [*found[:place], *found[place + 1 :]] == adjust(p)


@pytest.mark.parametrize("wrong", [-0.1, 1.5, float("nan")])
def test_a_p_value_lies_between_0_and_1(wrong: float) -> None:
    """Anything else is refused, not carried on."""
    for adjust in (holm, benjamini_hochberg):
        with pytest.raises(ValueError, match="between 0 and 1"):
            adjust([0.5, wrong])


MEMBERSHIPS = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 8)), max_size=20)


@given(MEMBERSHIPS)
def test_clusters_are_connected_components(pairs: list[tuple[int, int]]) -> None:
    """Labels agree with merging sets by hand, and carry the component's first partnership."""
    components: list[tuple[set[int], set[int]]] = []
    for school, partnership in pairs:
        schools, partnerships = {school}, {partnership}
        rest = []
        for s, p in components:
            if s & schools or p & partnerships:
                schools, partnerships = schools | s, partnerships | p
            else:
                rest.append((s, p))
        components = [*rest, (schools, partnerships)]
    expected = {f"s{s}": min(f"p{q}" for q in ps) for ss, ps in components for s in ss}
    frame = pl.DataFrame(
        {
            "school_key": [f"s{s}" for s, _ in pairs],
            "partnership_id": [f"p{p}" for _, p in pairs],
        },
        schema={"school_key": pl.String, "partnership_id": pl.String},
    )
    assert dict(cluster_labels(frame).rows()) == expected


def test_memberships_need_both_names() -> None:
    """A missing column or an empty cell is an error that names the column."""
    with pytest.raises(DataError, match="partnership_id"):
        cluster_labels(pl.DataFrame({"school_key": ["a"]}))
    with pytest.raises(DataError, match="school_key"):
        cluster_labels(pl.DataFrame({"school_key": [None], "partnership_id": ["p"]}))
