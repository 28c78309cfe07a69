"""A study reads through a plugin's engine: the same rows, checked and accounted for as a file's."""

from __future__ import annotations

import attrs
import polars as pl
import pytest

from impactkit import Design, InputError, Source, Study, TableSource, default_registry, evaluate
from impactkit.pipeline import plan, run
from impactkit.plugins import PluginInfo
from impactkit.synthetic import county

TOLD = {}


@pytest.fixture(scope="module")
def tables():
    """Return what a small county's vault holds."""
    made = county(seed=5, n_schools=40, selection="random").tables
    return {name: made[name] for name in ("outcomes", "memberships", "school_links")}


def study_through(engine, **more):
    """Return a study that reads everything through one engine."""
    entry = {"path": ("kent/{}",), "engine": engine, **more}
    names = ("outcomes", "memberships", "school_links")
    return Study(
        title="From a vault",
        design=Design(outcome="attainment", bootstrap=0),
        metrics={"did.effect": {}},
        tables={name: (TableSource(**{**entry, "path": (f"kent/{name}",)}),) for name in names},
    )


def registry_with(opened):
    """Return core, ours, and a plugin whose engine opens paths with this function."""

    class Plugin:
        @staticmethod
        def impactkit_sources():
            return [Source(scheme="vault", title="Kent's data vault", open=opened)]

    registry = default_registry(allow=["core", "did"])
    assert registry.register(Plugin(), PluginInfo(name="kent")).faults == ()
    return registry


class Arrow:
    """What DuckDB and PyArrow hand over: no polars frame, but something with Arrow's C stream."""

    def __init__(self, frame):
        self.__arrow_c_stream__ = frame.__arrow_c_stream__


@pytest.mark.parametrize("form", [pl.DataFrame, pl.LazyFrame, Arrow])
def test_what_an_engine_opens_gives_what_frames_in_memory_give(tables, form):
    """Whichever of the three forms it comes in."""

    def opened(path, options):
        frame = tables[path.removeprefix("kent/")]
        return (
            form(frame)
            if form is Arrow
            else getattr(frame, {pl.LazyFrame: "lazy"}.get(form, "clone"))()
        )

    registry = registry_with(opened)
    found = evaluate(study_through("vault"), registry=registry)
    plain = evaluate(attrs.evolve(study_through("vault"), tables={}), tables, registry=registry)
    assert found.results[0].estimates[0].status == "ok"
    assert found.results == plain.results
    assert found.exclusions == plain.exclusions


def test_the_provenance_says_what_was_opened_by_what(tables):
    """With a digest of the rows, which changes when a value does."""
    registry = registry_with(lambda path, options: tables[path.removeprefix("kent/")])
    told = evaluate(study_through("vault"), registry=registry).provenance.sources
    assert (told[0].path, told[0].reader, told[0].table) == (
        "vault:kent/outcomes",
        "engine.vault",
        "outcomes",
    )
    assert told[0].n_rows == tables["outcomes"].height
    assert told[0].bytes > 0
    changed = {**tables, "outcomes": tables["outcomes"].with_columns(pl.col("value") + 0.5)}
    registry = registry_with(lambda path, options: changed[path.removeprefix("kent/")])
    again = evaluate(study_through("vault"), registry=registry).provenance.sources
    assert again[0].sha256 != told[0].sha256
    assert again[1].sha256 == told[1].sha256


def test_an_engine_is_given_the_path_and_the_options_of_the_study(tables):
    """As they stand: no wildcard is spread, and no folder put in front."""
    seen = []

    def opened(path, options):
        seen.append((path, options))
        return tables[path.removeprefix("kent/")]

    study = study_through("vault", options={"server": "a", "port": 1})
    evaluate(study, registry=registry_with(opened))
    assert ("kent/outcomes", {"server": "a", "port": 1}) in seen


def test_what_an_engine_was_told_in_confidence_is_not_released(tables):
    """Neither a password in an address nor the value of an option; their being there is."""

    def opened(path, options):
        assert options == {"token": "hunter2"}
        return tables[path.rpartition("/")[2]]

    study = study_through("vault", options={"token": "hunter2"})
    secret = {
        name: tuple(
            attrs.evolve(entry, path=f"pg://ann:pass:w@rd@db.kent/{name}") for entry in entries
        )
        for name, entries in study.tables.items()
    }
    told = evaluate(attrs.evolve(study, tables=secret), registry=registry_with(opened)).to_json()
    for word in ("hunter2", "w@rd", "ann:"):
        assert word not in told
    assert "vault:pg://db.kent/outcomes" in told
    assert '"token": "(not shown)"' in told


def test_faults_in_the_rows_name_where_they_came_from(tables):
    """As a register of the user's own: row, column, value."""
    spoilt = {**tables, "memberships": tables["memberships"].with_columns(joined=pl.lit("soon"))}
    registry = registry_with(lambda path, options: spoilt[path.removeprefix("kent/")])
    with pytest.raises(InputError, match=r"vault:kent/memberships") as caught:
        evaluate(study_through("vault"), registry=registry)
    assert "joined" in str(caught.value)
    assert "soon" in str(caught.value)


def boom(path, options):
    """Fail as a database does that nobody answers for."""
    raise ConnectionError("the vault is shut")


@pytest.mark.parametrize(
    ("opened", "words"),
    [
        (boom, "the vault is shut"),
        (lambda path, options: {"urn": [1]}, "engine vault gave a dict"),
        (lambda path, options: None, "engine vault gave a NoneType"),
        (lambda path, options: pl.LazyFrame({"a": [1]}).select("b"), "engine vault raised"),
    ],
)
def test_an_engine_that_fails_is_named(opened, words):
    """The run ends with one line for each table, not with a traceback."""
    with pytest.raises(InputError) as caught:
        evaluate(study_through("vault"), registry=registry_with(opened))
    assert words in str(caught.value)
    assert len([p for p in caught.value.problems if p.code == "reader.failed"]) == 3


def test_an_engine_that_is_not_there_gets_a_suggestion():
    """With the line of the study file, as every fault of it."""
    planned = plan(study_through("valt"), registry=registry_with(boom))
    assert {p.column for p in planned.errors} >= {"tables.outcomes.engine"}
    assert planned.errors[0].remedy == "Did you mean 'vault'?"
    nowhere = plan(study_through("duckdb"), registry=default_registry(allow=["core"]))
    assert nowhere.errors[0].remedy == "There are: polars."


def test_a_reader_beside_an_engine_is_a_fault():
    """A reader takes a file, which there is none of; nothing is opened."""
    planned = plan(study_through("vault", reader="dfe.workforce"), registry=registry_with(boom))
    assert any("readers are for files" in p.rule for p in planned.errors)


@pytest.mark.parametrize("scheme", ["polars", "Vault", "", "a b"])
def test_a_scheme_is_a_plain_name_and_not_cores(scheme):
    """Else a study could not name it, or would mean something else by it."""
    with pytest.raises(ValueError, match=r"scheme|polars"):
        Source(scheme=scheme, title="X", open=boom)


def test_a_column_that_an_engine_did_not_bring_is_told_at_the_run(tables):
    """A plan cannot look into it; the metric that needs the column is skipped, with the reason."""
    short = {**tables, "outcomes": tables["outcomes"].drop("measure")}
    registry = registry_with(lambda path, options: short[path.removeprefix("kent/")])
    planned = plan(study_through("vault"), registry=registry)
    assert planned.errors == ()
    with pytest.raises(InputError, match="measure"):
        run(planned)
