"""Which URNs are one school, worked by hand."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

from impactkit.lineage import build_lineage
from impactkit.lineage.kinds import KINDS, TREATMENT
from impactkit.tables.vocabulary import LINK_TYPES

A, B, C, D, E = 100001, 140002, 150003, 100004, 100005


def _links(*rows: tuple[int | None, int | None, str]) -> pl.DataFrame:
    return pl.DataFrame(
        rows,
        schema={"urn": pl.Int64, "link_urn": pl.Int64, "link_type": pl.String},
        orient="row",
    )


def _keys(frame: pl.DataFrame) -> dict[int, str]:
    return dict(build_lineage(frame).keys.select("urn", "school_key").iter_rows())


def _reasons(frame: pl.DataFrame) -> dict[str, int | None]:
    return {e.reason: e.n_rows for e in build_lineage(frame).exclusions}


@pytest.mark.parametrize(
    "rows",
    [
        [(A, B, "Successor"), (B, C, "Successor")],
        [(B, A, "Predecessor"), (C, B, "Predecessor")],
        [(A, B, "Successor"), (B, A, "Predecessor"), (C, B, "Predecessor")],
        [(A, B, " successor "), (B, A, "PREDECESSOR"), (B, C, "Successor")],
    ],
)
def test_either_side_of_a_link_is_enough(rows: list[tuple[int, int, str]]) -> None:
    """Predecessor and Successor rows say the same thing, once or twice, in any case."""
    assert _keys(_links(*rows)) == {A: str(A), B: str(A), C: str(A)}


def test_key_is_the_first_urn_even_when_it_is_not_the_smallest() -> None:
    """A successor with a smaller number does not rename the school."""
    assert _keys(_links((C, A, "Successor"))) == {C: str(C), A: str(C)}


def test_positions_and_length_follow_the_chain() -> None:
    """The oldest URN is at 0, and all of a chain know how long it is."""
    found = build_lineage(_links((A, B, "Successor"), (B, C, "Successor"))).keys
    assert found.sort("chain_position").rows() == [
        (A, str(A), 0, 3),
        (B, str(A), 1, 3),
        (C, str(A), 2, 3),
    ]


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("Predecessor - merged", "link_reorganisation"),
        ("Successor - amalgamated", "link_reorganisation"),
        ("Result of Amalgamation", "link_reorganisation"),
        ("Successor - Split School", "link_reorganisation"),
        ("Sixth Form Centre Link", "link_tie"),
        ("Other", "link_tie"),
    ],
)
def test_other_links_are_counted_not_chained(kind: str, reason: str) -> None:
    """A merger or split joins no histories, and is there to be seen."""
    frame = _links((A, B, kind))
    assert _keys(frame) == {}
    (exclusion,) = build_lineage(frame).exclusions
    assert (exclusion.reason, exclusion.n_rows, exclusion.n_schools) == (
        reason,
        1,
        2,
    )
    assert kind in exclusion.text


def test_two_predecessors_make_no_chain() -> None:
    """Infant and junior school into one primary: neither history is the primary's."""
    frame = _links((A, C, "Successor"), (D, C, "Successor"), (C, A, "Predecessor"))
    assert _keys(frame) == {}
    assert _reasons(frame) == {"link_not_one_to_one": 3}


def test_two_successors_make_no_chain() -> None:
    """A school that splits has no single continuation."""
    assert _reasons(_links((A, B, "Successor"), (A, C, "Successor"))) == {"link_not_one_to_one": 2}


def test_contradiction_is_set_aside() -> None:
    """Two schools cannot each have followed the other (122057 and 122060 in the real register)."""
    frame = _links((A, B, "Successor"), (B, A, "Successor"), (D, E, "Successor"))
    assert _keys(frame) == {D: str(D), E: str(D)}
    assert _reasons(frame) == {"link_contradictory": 2}


def test_circle_is_set_aside_and_others_stay() -> None:
    """Three links that lead back to their start are no chain; a chain beside them is."""
    frame = _links(
        (A, B, "Successor"), (B, C, "Successor"), (C, A, "Successor"), (D, E, "Successor")
    )
    assert _keys(frame) == {D: str(D), E: str(D)}
    assert _reasons(frame) == {"link_circular": 3}


def test_rows_that_name_one_school_only_are_counted() -> None:
    """A link to itself, and a link to nobody, are set aside under their own reasons."""
    frame = _links((A, A, "Successor"), (B, None, "Successor"), (C, D, "Successor"))
    assert _reasons(frame) == {"link_to_itself": 1, "link_incomplete": 1}
    assert _keys(frame) == {C: str(C), D: str(C)}


def test_oddities_are_reported_with_the_first_case() -> None:
    """Links of one side only, beside a merger or dated ahead are used, and said."""
    frame = _links((A, B, "Successor"), (B, D, "Predecessor - merged")).with_columns(
        link_date=pl.Series([dt.date(2027, 9, 1), None])
    )
    lineage = build_lineage(frame, as_of=dt.date(2026, 8, 21))
    assert {f.code: (f.count, f.severity) for f in lineage.findings} == {
        "links.one_sided": (1, "warning"),
        "links.beside_other_tie": (1, "warning"),
        "links.future": (1, "warning"),
    }
    assert all(f"{A} to {B}" in str(f) for f in lineage.findings)
    assert lineage.keys.height == 2


def test_only_links_of_the_study_are_counted() -> None:
    """A national register does not fill a county's report, and still completes its chains."""
    frame = _links((A, B, "Successor"), (B, C, "Successor"), (D, E, "Other"))
    lineage = build_lineage(frame, pl.Series([C, D + 7]))
    assert lineage.counts["link_rows"] == 1
    assert lineage.exclusions == ()
    assert dict(lineage.keys.select("urn", "school_key").iter_rows()) == {
        A: str(A),
        B: str(A),
        C: str(A),
        D + 7: str(D + 7),
    }


def test_urns_may_come_in_several_columns() -> None:
    """Every table of a study has its own column of URNs."""
    lineage = build_lineage(None, [pl.Series([A, None]), pl.Series("x", [B, A])])
    assert lineage.keys["urn"].to_list() == [A, B]


def test_apply_keeps_rows_order_and_given_keys() -> None:
    """A key from the user's own register is kept; a missing one comes from the URN."""
    lineage = build_lineage(_links((A, B, "Successor")))
    frame = pl.DataFrame({"urn": [D, B, A], "school_key": ["mine", None, None], "x": [1, 2, 3]})
    assert lineage.apply(frame).rows() == [
        (D, "mine", 1, 0),
        (B, str(A), 2, 1),
        (A, str(A), 3, 0),
    ]
    assert lineage.apply(lineage.apply(frame)).equals(lineage.apply(frame))


def test_history_answers_for_every_urn_of_a_chain_and_for_its_key() -> None:
    """Asked by old URN, new URN or key, the history is the same; of a stranger it is empty."""
    frame = _links((A, B, "Successor"), (B, A, "Predecessor")).with_columns(
        link_date=pl.Series([dt.date(2013, 8, 31), dt.date(2013, 9, 1)])
    )
    lineage = build_lineage(frame)
    expected = [(0, A, None), (1, B, dt.date(2013, 8, 31))]
    columns = ("chain_position", "urn", "link_date")
    found = [lineage.history(x).select(columns).rows() for x in (A, B, str(A))]
    assert found == [expected] * 3
    assert lineage.history(E).is_empty()
    several = lineage.histories(lineage.keys["school_key"])
    for (key,), rows in several.group_by("school_key", maintain_order=True):
        assert rows.drop("school_key").equals(lineage.history(key))
    assert several["school_key"].n_unique() == lineage.keys["school_key"].n_unique()


def _register(**dates: tuple[int, str | None, str | None]) -> pl.DataFrame:
    rows = [(urn, opened, closed) for urn, opened, closed in dates.values()]
    frame = pl.DataFrame(rows, schema=["urn", "open_date", "close_date"], orient="row")
    return frame.with_columns(pl.col("open_date", "close_date").cast(pl.String).str.to_date())


def test_every_link_type_of_the_register_has_a_treatment() -> None:
    """All 18 types that the table accepts are followed, reorganisations or ties; no other is."""
    assert set(KINDS) == set(LINK_TYPES)
    assert len(KINDS) == 18
    assert set(KINDS.values()) == set(TREATMENT)


def test_a_link_the_wrong_way_round_is_turned_by_the_dates() -> None:
    """The register says B was followed by A, but A had closed when B opened."""
    register = _register(a=(A, "1950-01-01", "2013-08-31"), b=(B, "2013-09-01", None))
    lineage = build_lineage(_links((B, A, "Successor")), register=register)
    assert dict(lineage.keys.select("urn", "school_key").iter_rows()) == {A: str(A), B: str(A)}
    assert "links.flipped" in {f.code for f in lineage.findings}


def test_a_contradiction_is_settled_by_the_dates() -> None:
    """Each school is said to follow the other: the one that closed first came first."""
    links = _links((A, B, "Successor"), (B, A, "Successor"))
    register = _register(a=(A, "1950-01-01", "2013-08-31"), b=(B, "2013-09-01", None))
    lineage = build_lineage(links, register=register)
    assert lineage.keys.height == 2
    assert lineage.exclusions == ()
    unknown = _register(a=(A, None, None), b=(B, None, None))
    assert [e.reason for e in build_lineage(links, register=unknown).exclusions] == [
        "link_contradictory"
    ]


def test_a_circle_is_opened_where_the_dates_say() -> None:
    """Of three links in a circle the one that runs back goes, and the chain of three stays."""
    links = _links((A, B, "Successor"), (B, C, "Successor"), (C, A, "Successor"))
    register = _register(
        a=(A, "1950-01-01", "2011-08-31"),
        b=(B, "2011-09-01", "2014-08-31"),
        c=(C, "2014-09-01", None),
    )
    lineage = build_lineage(links, register=register)
    assert lineage.history(C)["urn"].to_list() == [A, B, C]
    assert [(e.reason, e.n_rows) for e in lineage.exclusions] == [("link_backwards", 1)]


def test_a_school_that_joined_an_older_one_is_not_turned_round() -> None:
    """The successor may be the older school and go on: only a closed one cannot have followed."""
    register = _register(a=(A, "2005-09-01", "2013-08-31"), b=(B, "1950-01-01", None))
    lineage = build_lineage(_links((A, B, "Successor")), register=register)
    assert lineage.history(B)["urn"].to_list() == [A, B]
    assert "links.flipped" not in {f.code for f in lineage.findings}


def test_history_has_names_dates_and_reasons_from_the_register() -> None:
    """With the register at hand a chain says when and why each number began and ended."""
    register = _register(a=(A, "1950-01-01", "2013-08-31"), b=(B, "2013-09-01", None)).with_columns(
        name=pl.Series(["Hill School", "Hill Academy"]),
        close_reason=pl.Series(["Academy Converter", None]),
    )
    history = build_lineage(_links((A, B, "Successor")), register=register).history(B)
    assert history.select("urn", "name", "close_date", "close_reason").rows() == [
        (A, "Hill School", dt.date(2013, 8, 31), "Academy Converter"),
        (B, "Hill Academy", None, None),
    ]


def test_other_links_of_a_school_say_why_they_make_no_chain() -> None:
    """A merger with one school and a sixth form with another are there to be asked for."""
    links = _links((A, B, "Successor"), (A, D, "Successor - merged"), (B, E, "Other"))
    found = build_lineage(links).other_links(B)
    assert set(found.select("old", "new", "reason").iter_rows()) == {
        (A, D, "link_reorganisation"),
        (B, E, "link_tie"),
    }
