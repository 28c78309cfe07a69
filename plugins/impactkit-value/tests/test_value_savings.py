"""M35: savings that can be shown, less what they took; grants, claims and other years apart."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from impactkit import Chart, Design, EstimationError, MetricContext
from impactkit_value.ledger import ACADEMIC, FISCAL, covered, ledger
from impactkit_value.ratios import ratio
from impactkit_value.savings import NET, SHARE, Params, verified_savings

SEEDS = range(6)
MANAGER = "business manager"


def entries(*rows):
    """Return `finance` of (partnership, year, line, amount, kind), and more by name."""
    usual = {
        "school_key": None,
        "basis": FISCAL,
        "recurrent": True,
        "evidence": "invoice",
        "evidence_ref": None,
        "price_year": None,
    }
    names = ("partnership_id", "fiscal_year", "line", "amount_gbp", "kind")
    found = [
        {"entry_id": f"F{k}", **usual, **dict(zip(names, row[:5], strict=True)), **more}
        for k, (*row, more) in enumerate(rows)
    ]
    types = {"school_key": pl.String, "evidence_ref": pl.String, "price_year": pl.Int64}
    return pl.DataFrame(found, infer_schema_length=None).cast(types)


def told(finance, **params):
    """Return estimates by (estimand, term), and everything else that is yielded."""
    context = MetricContext(
        metric=verified_savings.id,
        tables={"finance": finance},
        params=Params(**params),
        design=Design(outcome=("attainment",)),
        seed=3,
    )
    parts = list(verified_savings(context))
    estimates = {(e.estimand, e.term): e for e in parts if hasattr(e, "estimand")}
    return estimates, parts


TWO_YEARS = entries(
    ("P1", 2018, MANAGER, 20_000.0, "cost", {}),
    ("P1", 2018, "release time", 5_000.0, "cost", {}),
    ("P1", 2018, "energy", 12_000.0, "cashable_saving", {}),
    ("P1", 2018, "desks", 3_000.0, "cashable_saving", {"recurrent": False}),
    ("P1", 2018, "paper", 4_000.0, "cashable_saving", {"evidence": "estimate"}),
    ("P1", 2018, "sports", 10_000.0, "grant", {}),
    ("P1", 2018, "caretaker", 2_000.0, "avoided_cost", {"evidence": "estimate"}),
    ("P2", 2019, MANAGER, 18_000.0, "cost", {}),
    ("P2", 2019, "energy", 25_000.0, "cashable_saving", {}),
)


def test_savings_claims_and_grants_are_not_added_up_with_one_another():
    """By hand: 12,000 + 3,000 + 25,000 evidenced, less 38,000, over two partnership-years."""
    found, _ = told(TWO_YEARS)
    assert found[NET, ""].value == pytest.approx((40_000 - 38_000) / 2)
    assert found[NET, "as claimed"].value == pytest.approx((44_000 - 38_000) / 2)
    assert found[NET, "evidenced, and grants won"].value == pytest.approx((50_000 - 38_000) / 2)
    assert found[NET, "as claimed, and costs avoided"].value == pytest.approx(8_000 / 2)
    assert found[SHARE, ""].value == pytest.approx(100 * 40 / 44)


def test_the_waterfall_adds_up_and_tells_savings_made_once_from_those_that_come_again():
    """Steps and net are those of the table of money, by hand."""
    _, parts = told(TWO_YEARS)
    tables = {part.id: part for part in parts if hasattr(part, "rows")}
    total = {row[0]: row[2] for row in tables["savings"].rows}
    assert total["Savings that come again"] == 37_000
    assert total["Savings made once"] == 3_000
    assert total["Cost of the manager"] == -38_000
    assert total["Net, evidenced"] == 2_000
    assert {row[0]: row[2] for row in tables["savings_apart"].rows}["Grants"] == 10_000
    (chart,) = [part for part in parts if isinstance(part, Chart)]
    assert (chart.kind, chart.data) == ("waterfall", "savings")
    rows = tables["savings"].to_frame()
    # two partnership-years: half of the amounts, and the last stands on zero
    assert rows[chart.y].to_list() == [18_500, 1_500, -19_000, 1_000]
    assert rows[chart.series].to_list() == ["part", "part", "part", "total"]


def test_few_partnerships_have_no_interval_and_say_why():
    """Two partnerships tell next to nothing of a third."""
    found, _ = told(TWO_YEARS)
    assert found[NET, ""].ci_low is None
    assert "too few partnerships" in found[NET, ""].reason
    assert found[NET, ""].status == "ok"


def test_a_net_without_the_cost_is_not_given():
    """A saving whose manager costs nothing is a saving whose cost was left out."""
    found, _ = told(TWO_YEARS, cost_lines=("bursar",))
    assert found[NET, ""].status == "not_estimable"
    assert "bursar" in found[NET, ""].reason
    assert found[SHARE, ""].status == "ok"


def test_one_paper_counts_once_however_many_schools_enter_it():
    """The same invoice by two schools is one saving; a school's two instalments are two."""
    shared = {"evidence_ref": "invoice 7", "school_key": "a"}
    finance = entries(
        ("P1", 2018, MANAGER, 1_000.0, "cost", {}),
        ("P1", 2018, "energy", 500.0, "cashable_saving", shared),
        ("P1", 2018, "power", 500.0, "cashable_saving", {**shared, "school_key": "b"}),
        ("P1", 2018, "desks", 50.0, "cashable_saving", {**shared, "evidence_ref": "c 1"}),
        ("P1", 2018, "desks", 50.0, "cashable_saving", {**shared, "evidence_ref": "c 1"}),
    )
    found, parts = told(finance)
    assert found[NET, ""].value == pytest.approx(500 + 100 - 1_000)
    (lost,) = [part for part in parts if getattr(part, "reason", "") == "value.twice"]
    assert lost.n_rows == 1


def test_years_of_two_kinds_are_refused_by_name():
    """April to March and September to August are different years."""
    finance = pl.concat([TWO_YEARS, TWO_YEARS.with_columns(basis=pl.lit(ACADEMIC))])
    with pytest.raises(
        EstimationError, match=r"April to March.*September to August.*basis"
    ) as told:
        ledger(finance, stage="x")
    assert FISCAL in str(told.value)


@pytest.mark.parametrize(
    ("given", "wanted", "expected"),
    [
        # September 2017 to March 2018 are seven months of fiscal 2018, the rest is fiscal 2019.
        (ACADEMIC, FISCAL, {2018: 700.0, 2019: 500.0}),
        # April to August 2017 belong to academic 2017, the rest to academic 2018.
        (FISCAL, ACADEMIC, {2017: 500.0, 2018: 700.0}),
    ],
)
def test_carrying_over_is_by_twelfths(given, wanted, expected):
    """Months counted on the fingers; no pound is lost."""
    finance = entries(("P1", 2018, "x", 1_200.0, "cost", {"basis": given}))
    books = ledger(finance, stage="x", basis=wanted)
    got = dict(books.rows.group_by("year").agg(pl.col("amount").sum()).rows())
    assert got == pytest.approx(expected)
    assert books.converted


def test_a_year_that_was_carried_over_is_still_one_partnership_year():
    """Its amounts lie in parts of two academic years; the figure a year is what was entered."""
    entered, carried = told(TWO_YEARS)[0], told(TWO_YEARS, basis=ACADEMIC)[0]
    assert entered[NET, ""].value == pytest.approx(1_000)
    for key, estimate in entered.items():
        assert carried[key].value == pytest.approx(estimate.value), key


def test_books_of_both_kinds_for_one_year_cover_it_once():
    """April 2017 to August 2018 by two sets of books: five months, and a year."""
    finance = pl.concat([TWO_YEARS.head(1), TWO_YEARS.head(1).with_columns(basis=pl.lit(ACADEMIC))])
    rows = ledger(finance, stage="x", basis=ACADEMIC).rows
    assert dict(covered(rows).select("year", "share").rows()) == pytest.approx(
        {2017: 5 / 12, 2018: 1}
    )


def test_prices_are_nominal_unless_deflators_are_given():
    """With an index, 100 pounds of 2018 at 80 are 125 pounds of 2019 at 100."""
    finance = entries(("P1", 2018, "x", 100.0, "cost", {}), ("P1", 2019, "x", 100.0, "cost", {}))
    assert "not adjusted for inflation" in ledger(finance, stage="x").prices
    books = ledger(finance, stage="x", deflators={"2018": 80, "2019": 100})
    assert books.rows.sort("year")["amount"].to_list() == pytest.approx([125, 100])
    assert "2019" in books.prices
    with pytest.raises(EstimationError, match="no deflator of 2019"):
        ledger(finance, stage="x", deflators={"2018": 80})


def test_prices_of_several_years_are_refused_without_deflators():
    """Some amounts restated and some not cannot be added up."""
    finance = entries(
        ("P1", 2018, "x", 100.0, "cost", {"price_year": 2019}),
        ("P1", 2018, "y", 100.0, "cost", {}),
    )
    with pytest.raises(EstimationError, match="prices of 2 years"):
        ledger(finance, stage="x")


def test_amounts_that_say_too_little_are_counted():
    """A row without a kind is in no sum."""
    finance = pl.concat([TWO_YEARS, TWO_YEARS.head(1).with_columns(kind=pl.lit(None, pl.String))])
    books = ledger(finance, stage="value.verified_savings")
    assert [(x.reason, x.n_rows) for x in books.exclusions] == [("value.unstated", 1)]


def test_a_school_in_a_single_partnership_lends_its_amounts_to_it():
    """Of a school in none, nobody's partnership gets them, and they are counted."""
    rows = entries(
        ("P1", 2018, MANAGER, 10.0, "cost", {}),
        (None, 2018, "energy", 30.0, "cashable_saving", {"school_key": "a"}),
        (None, 2018, "energy", 99.0, "cashable_saving", {"school_key": "z"}),
    )
    members = pl.DataFrame({"school_key": ["a"], "partnership_id": ["P1"]})
    context = MetricContext(
        metric=verified_savings.id,
        tables={"finance": rows, "memberships": members},
        params=Params(),
        design=Design(outcome=("attainment",)),
    )
    parts = list(verified_savings(context))
    assert parts[1].value == pytest.approx(30 - 10)
    assert (parts[0].reason, parts[0].n_rows) == ("value.no_partnership", 1)


def test_the_jackknife_has_the_standard_error_of_a_ratio():
    """Linearised (Cochran 1977, 6.4): with two hundred partnerships both agree to 2 %."""
    rng = np.random.default_rng(1)
    x = rng.uniform(1, 5, 200)
    y = 3 * x + rng.normal(0, 2, 200)
    found = ratio(y, x, level=0.95)
    r = y.sum() / x.sum()
    linear = np.sqrt(200 / 199 * ((y - r * x) ** 2).sum()) / x.sum()
    assert found.value == pytest.approx(r)
    assert found.std_error == pytest.approx(linear, rel=0.02)
    assert found.ci_high - found.ci_low == pytest.approx(2 * 1.97 * linear, rel=0.02)


@pytest.mark.parametrize("n", [8, 15])
def test_intervals_of_few_partnerships_hold_the_truth(n):
    """Partnerships of one to five years: at least 91 of 100 (six hundred draws, error 1)."""
    held = 0
    for seed in range(600):
        rng = np.random.default_rng([n, seed])
        years = rng.integers(1, 6, n)
        net = rng.normal(-2_000, 4_000, n) * years + rng.normal(0, 3_000, n)
        found = ratio(net.tolist(), years.tolist(), level=0.95)
        held += found.ci_low <= -2_000 <= found.ci_high
    assert held >= 0.91 * 600


def test_a_share_does_not_leave_what_a_share_can_be():
    """Where nearly all is shown the interval ends at 100 %."""
    shown = [(f"P{k}", 2018, "energy", 100.0, "cashable_saving", {}) for k in range(7)]
    claim = ("P7", 2018, "energy", 50.0, "cashable_saving", {"evidence": "estimate"})
    share = told(entries(*shown, claim))[0][SHARE, ""]
    assert share.value == pytest.approx(100 * 700 / 750)
    assert share.ci_low < share.value < share.ci_high == 100


def test_planted_savings_are_recovered(on_county):
    """Six counties: net within a tenth of the cost; the share covered in five or more."""
    covered = 0
    for seed in SEEDS:
        here, result = on_county(verified_savings, seed)
        found = {(e.estimand, e.term): e for e in result.estimates}
        planted = {
            name.removeprefix("money."): value
            for name, value in here.truth.planted.items()
            if name.startswith("money.")
        }
        cohorts = here.truth.potential.drop_nulls("cohort")
        cohorts = cohorts.select("school_key", first=pl.col("cohort")).unique()
        members = here.tables["memberships"].join(cohorts, on="school_key")
        roll = here.tables["school_years"].join(members, on="school_key")
        roll = roll.filter(pl.col("year") >= pl.col("first"))
        pupils = roll["pupils"].sum()
        later = roll.filter(pl.col("year") > pl.col("first"))["pupils"].sum()
        years = roll.select("partnership_id", "year").unique().height
        cost = planted["business_manager_a_pupil"] * pupils
        truth = (planted["saving_a_pupil"] * later - cost) / years
        assert found[NET, "as claimed"].value == pytest.approx(truth, abs=0.1 * cost / years)
        share = found[SHARE, ""]
        covered += share.ci_low <= 100 * planted["evidenced"] <= share.ci_high
    assert covered >= 5
