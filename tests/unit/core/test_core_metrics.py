"""The decorators make metrics of functions, and a context shows what was declared."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from impactkit.declarations import Card, Needs
from impactkit.design import Design
from impactkit.errors import EstimationError
from impactkit.metrics import MetricContext, Panel, estimating_metric, outcome_metric
from impactkit.results import Diagnostic, Estimate

FRAME = pl.DataFrame({"school_key": ["1"], "year": [2019], "value": [1.0]})


def test_an_outcome_metric_declares_what_it_was_given():
    """Every argument arrives, and the shape is set."""

    @outcome_metric(
        id="kent.late",
        title="Late arrivals",
        needs={"outcomes": ["value"]},
        unit="percent",
        direction="lower",
        question="Do fewer come late?",
        params=int,
        card=Card(definition="Late."),
        version="2",
    )
    def late(context):
        return context

    assert (late.id, late.title, late.shape) == ("kent.late", "Late arrivals", "outcome")
    assert (late.unit, late.direction, late.question) == ("percent", "lower", "Do fewer come late?")
    assert (late.params, late.version, late.card.definition) == (int, "2", "Late.")
    assert late.needs == Needs(tables={"outcomes": ("value",)})
    assert late("x") == "x"


def test_without_a_card_the_first_paragraph_of_the_docstring_defines_it():
    """A metric without a definition would be a number without a meaning."""

    @estimating_metric(id="kent.late", title="Late")
    def late(context):
        """Sessions that began late.

        Details for developers.
        """

    assert late.card.definition == "Sessions that began late."
    assert late.shape == "estimating"
    assert late.needs == Needs()


def test_needs_can_be_given_whole():
    """With optional columns and measures."""
    needs = Needs(tables={"outcomes": ["value"]}, measures=["m"])
    assert outcome_metric(id="a.b", title="B", needs=needs)(len).needs is needs


@pytest.mark.parametrize("wrong", [{"id": "late"}, {"direction": "up"}])
def test_a_wrong_declaration_fails_where_it_is_written(wrong):
    """When the file is imported, not when the study runs."""
    with pytest.raises(ValueError, match=next(iter(wrong))):
        outcome_metric(**{"id": "kent.late", "title": "Late", "needs": {}, **wrong})(len)


def test_a_context_shows_declared_tables_and_names_them_when_another_is_asked_for():
    """The message tells an author which line to change."""
    context = MetricContext(metric="kent.late", tables={"outcomes": FRAME})
    assert context.table("outcomes") is FRAME
    with pytest.raises(KeyError, match=r"kent.late did not declare table 'schools'.*outcomes"):
        context.table("schools")
    with pytest.raises(KeyError, match="declared: none"):
        MetricContext(metric="kent.late").table("schools")


def test_the_same_seed_gives_the_same_draws():
    """And another seed others."""
    one, again, other = (MetricContext(seed=s).rng().normal(size=5) for s in (1, 1, 2))
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)


def test_a_context_passes_data_and_options_on():
    """Panel, effect, estimate and fit are what the pipeline put in."""
    calls = []

    def effect(data, **options):
        calls.append((data, options))
        yield Estimate(value=1.0)
        yield Diagnostic(name="check")

    panel = Panel(frame=FRAME, measure="m")
    context = MetricContext(
        build_panel=lambda data, **options: (panel, data, options),
        run_estimator=lambda data, **options: ("fit", data, options),
        run_effect=effect,
    )
    assert context.panel("m", balance="none") == (panel, "m", {"balance": "none"})
    assert context.fit(panel, level=0.9) == ("fit", panel, {"level": 0.9})
    assert len(context.effect(FRAME)) == 2
    assert context.estimate("m", level=0.9) == (Estimate(value=1.0),)
    assert calls[1] == ("m", {"level": 0.9})


@pytest.mark.parametrize("call", ["panel", "effect", "estimate", "fit"])
def test_a_context_made_by_hand_says_what_it_lacks(call):
    """No AttributeError of nothing."""
    with pytest.raises(RuntimeError, match="made by hand"):
        getattr(MetricContext(), call)(FRAME)


def test_an_outcome_that_cannot_be_estimated_leaves_the_others_be():
    """Nothing of it is half told: what it gave before it failed is not given either."""

    def found(measure):
        yield Estimate(measure=measure, value=1.0)
        if measure == "reading":
            raise EstimationError("no school joined")

    context = MetricContext(metric="a.b", design=Design(outcome=("reading", "writing")))
    told = list(context.each_outcome(found))
    assert [(e.measure, e.status, e.value) for e in told] == [
        ("reading", "not_estimable", None),
        ("writing", "ok", 1.0),
    ]
    assert told[0].reason == "no school joined"
