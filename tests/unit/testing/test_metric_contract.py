"""The contract: good metrics keep it, and every kind of bad one is caught by name."""

from __future__ import annotations

import random
import re
from pathlib import Path

import attrs
import polars as pl
import pytest

from impactkit import (
    Card,
    Column,
    ColumnSpec,
    Estimate,
    Needs,
    Note,
    Table,
    TableSpec,
    estimating_metric,
    outcome_metric,
)
from impactkit.testing import assert_metric_contract, metric_faults
from impactkit.testing.contract import SCENES

README = Path(__file__).resolve().parents[3] / "README.md"
NEEDS = {"outcomes": ["school_key", "year", "measure", "value"]}


def made(compute, **about):
    """Return an outcome metric of a function; `about` spoils what it declares."""
    told = {
        "id": "kent.absence",
        "title": "Absence",
        "unit": "rate",
        "needs": NEEDS,
        "card": Card(definition="Half-days missed, of a hundred."),
        **about,
    }
    return outcome_metric(**told)(compute)


def absence(context):
    """Return what a faultless metric does."""
    rows = context.table("outcomes").filter(pl.col("measure") == "overall_absence")
    return rows.select("school_key", "year", "value")


def names(metric, **options):
    """Return the names of the faults that are found without the two slower parts."""
    options = {"known_effect": False, "import_budget": False, **options}
    return {re.match(r"\[(\w+)\] ", fault)[1] for fault in metric_faults(metric, **options)}


# --- good ones ------------------------------------------------------------------------------------


def test_a_faultless_metric_keeps_the_whole_contract():
    """With the known-effect test: what is found is what was planted."""
    assert_metric_contract(made(absence), import_budget=False)


def test_the_metric_of_the_readme_keeps_the_whole_contract(tmp_path):
    """Twelve lines that everybody copies, import budget and all."""
    blocks = re.findall(r"```python\n(.*?)```", README.read_text("utf-8"), flags=re.S)
    (text,) = [block for block in blocks if "@outcome_metric" in block]
    file = tmp_path / "kent.py"
    file.write_text(text, encoding="utf-8")
    assert metric_faults(imported(file).small_classes) == []


def test_a_measure_that_the_county_lacks_is_played_by_one_that_it_has():
    """So the known-effect test works for measures that only the author has."""

    def late(context):
        rows = context.table("outcomes").filter(pl.col("measure") == "late_sessions")
        return rows.select("school_key", "year", "value")

    needs = Needs(tables=NEEDS, measures=["late_sessions"])
    assert metric_faults(made(late, needs=needs), import_budget=False) == []


def test_an_estimating_metric_may_say_that_nothing_can_be_estimated():
    """That is an answer; a crash is none."""

    @estimating_metric(id="kent.did", title="DiD", unit="points", needs=NEEDS)
    def did(context):
        """Apply the study's design."""
        yield from context.effect("overall_absence")

    assert names(did) == set()


def estimating(compute, needs=NEEDS):
    """Return an estimating metric of a function of the context."""
    declare = estimating_metric(id="kent.did", title="DiD", unit="points", needs=needs)
    return declare(compute)


def effect_on_absence(context):
    """Apply the study's design."""
    return context.effect("overall_absence")


def fails_after_the_fit(context):
    """Go wrong where only a real result leads."""
    return [1 / (len(context.effect("overall_absence")) * 0)]


def draws_after_the_fit(context):
    """Give another number each time."""
    first, *_ = context.effect("overall_absence")
    return [attrs.evolve(first, value=first.value + random.random())]


def doubles(context):
    """Find twice what is there."""
    first, *_ = context.effect("overall_absence")
    return [attrs.evolve(first, value=2 * first.value)]


def shifts(context):
    """Find something where nothing is: right by chance where an effect was planted."""
    first, *_ = context.effect("overall_absence")
    return [attrs.evolve(first, value=-1.0)]


def only_parts(context):
    """Give event times, and nothing that stands for the whole."""
    return [e for e in context.estimate("overall_absence") if e.term]


@pytest.mark.parametrize(
    ("compute", "effect_of", "name"),
    [
        (effect_on_absence, "", None),
        (effect_on_absence, "overall_absence", None),
        (fails_after_the_fit, "", "raises"),
        (draws_after_the_fit, "", "determinism"),
        (doubles, "", None),
        (doubles, "overall_absence", "effect"),
        (shifts, "overall_absence", "effect"),
        (only_parts, "overall_absence", "raises"),
        (effect_on_absence, "attainment", "raises"),
        (effect_on_absence, "absence", "effect"),
    ],
)
def test_an_estimating_metric_is_tried_where_its_fits_work(compute, effect_of, name):
    """And held to the effect that it says it is of."""
    found = names(estimating(compute), known_effect=True, effect_of=effect_of)
    assert found == ({name} if name else set())


def test_what_could_not_be_tried_is_said():
    """With the reason; nothing is said where all was tried."""

    def told(metric, **options):
        return assert_metric_contract(metric, import_budget=False, seeds=(1,), **options)

    did = estimating(effect_on_absence)
    assert "effect_of='overall_absence'" in "".join(told(did))
    assert told(did, effect_of="overall_absence") == ()
    assert told(did, known_effect=False) == ()

    def nothing(context):
        """Find nothing."""
        return []

    trusts = estimating(nothing, {"trust_outcomes": ["partnership_id"]})
    assert told(trusts) == ("synthetic authority: it has no table trust_outcomes",)
    size = made(
        lambda context: context.table("school_years").select("school_key", "year", value=1.0),
        needs={"school_years": ["school_key", "year"]},
    )
    assert "which it does not read" in "".join(told(size))


def test_parameters_are_handed_on():
    """As a study file would give them."""

    @attrs.frozen
    class Params:
        measure: str

    def chosen(context):
        rows = context.table("outcomes").filter(pl.col("measure") == context.params.measure)
        return rows.select("school_key", "year", "value")

    metric = made(chosen, params=Params)
    assert names(metric, params={"measure": "overall_absence"}) == set()


# --- bad ones -------------------------------------------------------------------------------------


def mutates(context):
    """Change the given table in place."""
    rows = context.table("outcomes")
    rows.insert_column(0, pl.Series("mine", [1] * rows.height))
    return absence(context)


_calls = iter(range(10**9))

BAD = {
    "a school-year twice": ("keys", lambda c: c.table("outcomes")),
    "NaN": ("nan", lambda c: absence(c).with_columns(value=pl.lit(float("nan")))),
    "infinity": ("nan", lambda c: absence(c).with_columns(value=pl.lit(float("inf")))),
    "a column too few": ("returned", lambda c: absence(c).drop("year")),
    "words for numbers": ("returned", lambda c: absence(c).with_columns(value=pl.lit("many"))),
    "no frame": ("returned", lambda c: absence(c).to_dicts()),
    "a table it did not declare": ("raises", lambda c: c.table("schools")),
    "a column it did not declare": (
        "raises",
        lambda c: absence(c).with_columns(c.table("outcomes")["status"]),
    ),
    "the first row of a table without rows": (
        "raises",
        lambda c: absence(c).with_columns(value=pl.col("value") / absence(c).row(0)[2]),
    ),
    "keys taken for numbers": (
        "raises",
        lambda c: absence(c).with_columns(pl.col("school_key").cast(pl.Int64)),
    ),
    "nulls taken for zero": (
        "blank",
        lambda c: absence(c).with_columns(pl.col("value").fill_null(0)),
    ),
    "years that are not there": (
        "strangers",
        lambda c: absence(c).with_columns(pl.col("year") + 1),
    ),
    "schools that are not there": (
        "strangers",
        lambda c: absence(c).with_columns(pl.col("school_key") + "9"),
    ),
    "the order of rows": (
        "order",
        lambda c: absence(c).with_columns(value=pl.int_range(pl.len()).cast(pl.Float64)),
    ),
    "columns by number": (
        "columns",
        lambda c: absence(c).with_columns(value=pl.lit(float(c.table("outcomes").width))),
    ),
    "chance without a seed": (
        "determinism",
        lambda c: absence(c).with_columns(value=pl.lit(float(next(_calls)))),
    ),
    "a table changed in place": ("mutation", mutates),
}


@pytest.mark.parametrize("fault", BAD)
def test_a_bad_metric_is_caught_by_name(fault):
    """Each of these is a mistake that somebody will make."""
    name, compute = BAD[fault]
    assert name in names(made(compute))


@pytest.mark.parametrize(
    ("name", "about"),
    [
        ("unit", {"unit": ""}),
        ("card", {"card": Card(definition=" ")}),
        ("needs", {"needs": {}}),
        ("needs", {"needs": {"outcome": ["value"]}}),
        ("needs", {"needs": {"outcomes": ["vlaue"]}}),
    ],
)
def test_a_bad_declaration_is_caught_before_anything_runs(name, about):
    """It is told with what was meant."""

    def never(context):
        raise AssertionError("it ran")

    assert names(made(never, **about)) == {name}


def test_a_percentage_above_a_hundred_is_caught():
    """The unit says what a value may be."""
    double = made(lambda c: absence(c).with_columns(pl.col("value") + 100), unit="percent")
    assert names(double) == {"range"}


def test_an_estimate_that_is_nan_is_caught():
    """Estimating metrics are held to theirs."""

    @estimating_metric(id="kent.nan", title="NaN", unit="points", needs=NEEDS)
    def nan(context):
        """Return no number."""
        return [Estimate(value=float("nan"))]

    assert names(nan) == {"nan"}


def test_the_message_says_everything_in_the_authors_terms():
    """Every fault at once, with the scene that it was met in and what to do."""
    metric = made(BAD["nulls taken for zero"][1], unit="percent")
    with pytest.raises(AssertionError, match=r"kent\.absence does not keep the contract") as raised:
        assert_metric_contract(metric, known_effect=False, import_budget=False)
    assert "leave null as it is, or drop the row" in str(raised.value)


def test_every_scene_of_the_brief_is_played():
    """None, one and few schools, blanks, and letters beyond English."""
    assert {scene.schools for scene in SCENES} >= {0, 1, 4}
    assert any(scene.blank for scene in SCENES)
    assert any(scene.unicode for scene in SCENES)


# --- the known-effect test ------------------------------------------------------------------------


def joined(context):
    """Return who is in a partnership, as keys."""
    members = context.table("memberships").filter(pl.col("role").is_in(["client", "peer"]))
    return members["school_key"].implode()


WITH_MEMBERS = {**NEEDS, "memberships": ["school_key", "role"]}


@pytest.mark.parametrize(
    ("name", "compute", "needs"),
    [
        # Adds a point and a half a year to whoever is ever helped: an effect from nothing.
        (
            "effect",
            lambda c: absence(c).with_columns(
                pl.col("value")
                + 1.5 * (pl.col("year") - 2012) * pl.col("school_key").is_in(joined(c))
            ),
            WITH_MEMBERS,
        ),
        # Calls each year by the one before it, where both are there.
        (
            "early",
            lambda c: (
                absence(c)
                .with_columns(pl.col("year") - 1)
                .filter(pl.col("year").is_in(c.table("outcomes")["year"].implode()))
            ),
            NEEDS,
        ),
        # Depends upon nothing that partnerships could change.
        ("unseen", lambda c: absence(c).drop_nulls().with_columns(value=pl.lit(1.0)), NEEDS),
        # Reads a measure that it does not name.
        ("unseen", lambda c: absence(c).clear(), NEEDS),
    ],
)
def test_a_metric_that_finds_what_is_not_there_or_misses_what_is_is_caught(name, compute, needs):
    """Only a county whose truth is known can tell."""
    metric = made(compute, needs=needs)
    assert names(metric) == set()
    assert names(metric, known_effect=True) == {name}


# --- the import budget ----------------------------------------------------------------------------


def imported(file: Path):
    """Return a module from a file, as pytest and local metrics load it."""
    import importlib.util
    import sys

    spec = importlib.util.spec_from_file_location(f"local_{file.stem}", file)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("import scipy.stats", "imports scipy at once"),
        ("sum(i * i for i in range(6_000_000))", "ms to import; 150 ms is the most"),
        ("", ""),
    ],
)
def test_a_module_that_is_slow_to_import_is_caught(tmp_path, line, words):
    """Measured in a process of its own, in CPU time."""
    file = tmp_path / "kent.py"
    file.write_text(
        f"import polars as pl\nfrom impactkit import outcome_metric\n{line}\n"
        '@outcome_metric(id="kent.x", title="X", unit="rate",\n'
        '    needs={"outcomes": ["school_key", "year", "measure", "value"]})\n'
        "def x(context):\n"
        '    "X."\n'
        '    rows = context.table("outcomes").filter(pl.col("measure") == "overall_absence")\n'
        '    return rows.select("school_key", "year", "value")\n',
        encoding="utf-8",
    )
    faults = metric_faults(imported(file).x, known_effect=False)
    assert bool(faults) == bool(words)
    assert all(fault.startswith("[import]") for fault in faults)
    assert any(words in fault for fault in faults) or not words


# --- what an author meets with a table, a column or numbers of their own -------------------------

LATE = TableSpec(
    name="kent_late",
    key=("urn", "year"),
    columns=[
        ColumnSpec(name="urn", dtype="int"),
        ColumnSpec(name="year", dtype="int"),
        ColumnSpec(name="late", dtype="int", low=0, nullable=True, unit="half-days"),
        ColumnSpec(name="possible", dtype="int", low=1, unit="half-days"),
    ],
)
ON_LATE = {"kent_late": ["school_key", "year", "late", "possible"]}


def late_share(late):
    """Return a metric of the share of half-days begun late, summed as `late` says."""

    def share(context):
        """Half-days begun late, of a hundred."""
        keys = ["school_key", "year"]
        rows = context.table("kent_late").group_by(keys).agg(late, pl.sum("possible"))
        return rows.select(*keys, value=100 * pl.col("late") / pl.col("possible"))

    return made(share, unit="percent", needs=ON_LATE)


def test_parts_of_a_table_of_ones_own_are_no_more_than_the_whole():
    """A share of two counts is a share on the invented rows, and no false alarm."""
    when = pl.when(pl.col("late").null_count() == 0)
    assert names(late_share(when.then(pl.sum("late"))), specs=[LATE]) == set()


def test_a_sum_of_what_is_missing_is_caught_in_a_table_of_ones_own():
    """Polars makes nought of it, and a school without a register would have none that is late."""
    (fault,) = metric_faults(
        late_share(pl.sum("late")), specs=[LATE], known_effect=False, import_budget=False
    )
    assert fault.startswith("[blank] it made nought of numbers that are all missing")


def test_a_column_of_ones_own_on_a_core_table_is_known():
    """`specs` takes what extends a table of core's."""
    district = TableSpec(
        name="kent_area",
        extends="partnerships",
        columns=[ColumnSpec(name="kent.district", required=False, nullable=True)],
    )

    def districts(context):
        """Count them."""
        n = context.table("partnerships")["kent.district"].n_unique()
        yield Note("{n} districts", values={"n": n}, of="schools")

    metric = estimating_metric(
        id="kent.districts",
        title="Districts",
        needs={"partnerships": ["partnership_id", "kent.district"]},
    )(districts)
    assert names(metric, specs=[district]) == set()
    assert names(metric) == {"needs"}


def test_one_fault_is_told_once_whatever_numbers_it_shows():
    """Five seeds give five values out of range: it is one fault."""
    metric = made(lambda context: absence(context).with_columns(value=pl.col("value") + 100.0))
    metric = attrs.evolve(metric, unit="percent")
    faults = metric_faults(metric, known_effect=False, import_budget=False)
    assert len([fault for fault in faults if fault.startswith("[range]")]) == 1


def test_what_differs_by_itself_is_one_fault():
    """It differs with another order of rows, too, and that is nothing more."""
    metric = made(lambda context: absence(context).with_columns(value=random.random()))
    assert names(metric) == {"determinism", "blank"}


@pytest.mark.parametrize(
    ("about", "name"),
    [
        ({"unit": "count"}, "interval"),
        ({"reason": "a description"}, "unit"),
        ({"unit": "count", "reason": "a description"}, "blank"),
        ({"unit": "count", "ci_low": 2.0, "ci_high": 1.0}, "returned"),
        ({"unit": "count", "ci_low": 0.0, "ci_high": 2.0, "p_value": 7.0}, "returned"),
    ],
)
def test_an_estimate_that_lacks_what_a_reader_needs_is_caught(about, name):
    """A unit, an interval or why there is none, and something that it is made of."""

    @estimating_metric(id="kent.bare", title="Bare", needs=NEEDS)
    def bare(context):
        """Give one number."""
        yield Estimate(value=1.0, estimand="mean", **about)

    assert name in names(bare)


def test_a_table_that_hangs_on_the_order_of_rows_is_caught():
    """Tables are compared as estimates are."""

    @estimating_metric(id="kent.firsts", title="Firsts", needs=NEEDS)
    def firsts(context):
        """Show the first value of each year."""
        rows = absence(context).drop_nulls().unique("year", keep="first", maintain_order=True)
        columns = [Column(name="year", kind="dimension"), Column(name="value", kind="number")]
        shown = rows.sort("year").select("year", "value").rows()
        yield Table(id="firsts", title="Firsts", columns=columns, rows=shown)

    assert names(firsts) == {"order"}


def test_an_effect_on_a_panel_of_its_own_is_held_to_the_measure():
    """Core calls such an estimate by the metric's name; that is no reason not to try it."""

    @estimating_metric(id="kent.own", title="Own", unit="percentage points", needs=NEEDS)
    def own(context):
        """Estimate the effect on absence by the study's design."""
        yield context.estimate(context.panel(absence(context).drop_nulls()))[0]

    assert names(own, known_effect=True, effect_of="overall_absence") == set()
