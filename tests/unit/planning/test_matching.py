"""Partners by needs and strengths: the best assignment there is, within limits, with reasons."""

from __future__ import annotations

import itertools
import random

import polars as pl
import pytest

from impactkit.errors import EstimationError, UsageError
from impactkit.planning import Limits, assign

DOMAINS = ("reading", "maths", "science", "behaviour")


def drawn(seed, n_clients, n_supporters):
    """Return random needs and strengths, and random places."""
    luck = random.Random(seed)
    rows = [
        (school, domain, kind, luck.randint(0, 4))
        for kind, letter, n in (("need", "c", n_clients), ("strength", "s", n_supporters))
        for school in (f"{letter}{i}" for i in range(n))
        for domain in DOMAINS
    ]
    needs = pl.DataFrame(rows, schema=["school_key", "domain", "kind", "score"], orient="row")
    keys = needs["school_key"].unique().sort()
    spots = [(luck.randint(0, 40_000), luck.randint(0, 40_000)) for _ in keys]
    schools = pl.DataFrame({"school_key": keys, "easting": [x for x, _ in spots],
                            "northing": [y for _, y in spots]})  # fmt: skip
    return needs, schools


def matches(needs, schools, max_km):
    """Work out each pair's match by hand; None for one that is too far apart."""
    need, strength, place = {}, {}, {r[0]: r[1:] for r in schools.iter_rows()}
    for school, domain, kind, score in needs.iter_rows():
        (need if kind == "need" else strength).setdefault(school, {})[domain] = score
    found = {}
    for c, s in itertools.product(need, strength):
        km = ((place[c][0] - place[s][0]) ** 2 + (place[c][1] - place[s][1]) ** 2) ** 0.5 / 1000
        total = sum(need[c].values())
        met = sum(need[c][d] * strength[s][d] / 4 for d in DOMAINS)
        found[c, s] = met / total if total and met and km <= max_km else None
    return found, sorted(need), sorted(strength)


def best_of_all(found, clients, supporters, capacity):
    """Try every way there is: the most clients helped, then the highest sum."""
    best = (0, 0.0)
    for choice in itertools.product([None, *supporters], repeat=len(clients)):
        used = [s for s in choice if s is not None]
        if any(used.count(s) > capacity for s in set(used)):
            continue
        values = [found[c, s] for c, s in zip(clients, choice, strict=True) if s is not None]
        if None not in values:
            best = max(best, (len(values), sum(values)))
    return best


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize(("capacity", "max_km"), [(1, 100), (2, 100), (1, 15), (2, 12)])
def test_no_other_assignment_is_better(seed, capacity, max_km):
    """Against trying all of them: as many are helped, and their sum of matches is the highest."""
    needs, schools = drawn(seed, 4, 3)
    found, clients, supporters = matches(needs, schools, max_km)
    got = assign(needs, schools, clients=clients, supporters=supporters, capacity=capacity,
                 limits=Limits(max_km=max_km))  # fmt: skip
    n, total = best_of_all(found, clients, supporters, capacity)
    assert len(got.pairs) == n
    assert sum(p.match for p in got.pairs) == pytest.approx(total)
    for pair in got.pairs:
        assert pair.match == pytest.approx(found[pair.client, pair.supporter])
    assert len(got.pairs) + len(got.unmatched) == len(clients)
    impossible = sum(value is None for value in found.values())
    assert sum(got.lost.values()) == impossible


def scores(*rows):
    """Return a table of needs."""
    return pl.DataFrame(rows, schema=["school_key", "domain", "kind", "score"], orient="row")


SMALL = scores(
    ("c", "Maths", "need", 4.0),
    ("d", "maths", "need", 2.0),
    ("s", "maths ", "strength", 4.0),
    ("t", "maths", "strength", 2.0),
)


def test_each_pair_has_its_reason_and_alternatives_theirs():
    """Domains are told apart by letters only; who goes elsewhere is named."""
    found = assign(SMALL, capacity={"s": 1, "t": 1})
    by = {p.client: p for p in found.pairs}
    assert "maths (need 4, strength 4)" in by["c"].reason or "strength 2" in by["c"].reason
    assert {p.supporter for p in found.pairs} == {"s", "t"}
    second = next(p for p in found.pairs if p.supporter == "t")
    assert "number 2 of 2" in second.reason
    [other] = found.alternatives[second.client]
    assert other.supporter == "s"
    assert other.reason.startswith("it helps ")


def test_what_cannot_be_done_is_explained():
    """Too few places, limits that nobody meets, places that nobody knows, no need at all."""
    crowded = assign(SMALL, clients=["c", "d"], supporters=["s"])
    assert "raise the capacity" in next(iter(crowded.unmatched.values()))
    nobody = assign(SMALL, limits=Limits(min_match=1.1))
    assert nobody.pairs == ()
    assert nobody.mean_match is None
    assert "below 1.1 (2 of 2)" in nobody.unmatched["c"]
    unknown = assign(SMALL, limits=Limits(max_km=5))
    assert unknown.lost == {"the distance is not known": 4}
    idle = assign(pl.concat([SMALL, scores(("e", "maths", "need", 0.0))]), clients=["e"],
                  supporters=["s"])  # fmt: skip
    assert "no need on record" in idle.unmatched["e"]
    full = assign(SMALL, capacity={"s": 0, "t": 2})
    assert {p.supporter for p in full.pairs} == {"t"}
    assert full.alternatives["c"][0].reason == "it can take nobody"


def test_partners_may_have_to_be_unlike_and_apart():
    """Both ends of both limits hold: "different and not close"."""
    schools = pl.DataFrame({
        "school_key": ["c", "s", "t"], "easting": [0, 3000, 9000], "northing": [0, 4000, 12000],
        "phase": ["Primary", "Primary", "Secondary"], "pct_fsm6": [10.0, 10.0, 50.0]})  # fmt: skip
    one = {"clients": ["c"], "supporters": ["s", "t"]}
    near = assign(SMALL, schools, **one).pairs[0]
    assert (near.supporter, near.km, near.unlike) == ("s", 5.0, 0.0)
    far = assign(SMALL, schools, **one, limits=Limits(min_km=6, min_unlike=0.5)).pairs[0]
    assert (far.supporter, far.km, far.unlike) == ("t", 15.0, 1.0)
    assert assign(SMALL, schools, **one, limits=Limits(max_km=14.9, min_unlike=0.1)).pairs == ()


def test_only_the_latest_judgement_counts():
    """Of several on one day the mean."""
    dated = pl.DataFrame({
        "school_key": ["c", "c", "c", "s"], "domain": ["maths"] * 4,
        "kind": ["need"] * 3 + ["strength"], "score": [0, 2, 4, 3],
        "assessed_on": ["2018-09-01", "2019-09-01", "2019-09-01", None]})  # fmt: skip
    dated = dated.with_columns(pl.col("assessed_on").str.to_date())
    [pair] = assign(dated).pairs
    assert pair.domains == (("maths", 3.0, 3.0),)


def test_arguments_that_make_no_sense_are_all_named():
    """A school on both sides, a capacity for a stranger, and nobody to match."""
    with pytest.raises(UsageError) as caught:
        assign(SMALL, clients=["c", "s"], supporters=["s"], capacity={"x": 1})
    assert {problem.column for problem in caught.value.problems} == {"supporters", "capacity"}
    with pytest.raises(EstimationError, match="0 supporters"):
        assign(SMALL.filter(pl.col("kind") == "need"))
