"""The schemas: made from the code as it is, and in agreement with what the code takes and gives."""

from __future__ import annotations

import copy
import datetime as dt
import importlib.util
import json
import re
import tomllib
from pathlib import Path

import attrs
import jsonschema
import pytest

from impactkit import Design, Study, StudyError, default_registry, evaluate, schemas
from impactkit.schemas.__main__ import MADE, made
from impactkit.schemas.keys import meanings, study_schema
from impactkit.synthetic import county

ROOT = Path(__file__).resolve().parents[3]
STUDIES = sorted(
    path
    for folder in ("docs", "src", "plugins", "tests")
    for path in (ROOT / folder).rglob("*.toml")
    if re.search(r"^\[study\]", path.read_text("utf-8"), flags=re.M)
)
SCHEMA = study_schema()
CHECKER = jsonschema.Draft202012Validator(
    SCHEMA, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
)


def as_json(values):
    """Return what TOML says as JSON would say it: days as text."""
    return json.loads(json.dumps(values, default=str))


def by_schema(values):
    """Tell whether the schema takes a study."""
    return CHECKER.is_valid(as_json(values))


def by_reading(values):
    """Tell whether the code that reads studies takes it."""
    try:
        Study.parse(copy.deepcopy(values))
    except StudyError:
        return False
    return True


def leaves(schema=SCHEMA, path=()):
    """Yield each key of the schema as (path, what it may be)."""
    for key, told in schema.get("properties", {}).items():
        if told.get("type") == "object":
            yield from leaves(told, (*path, key))
        else:
            yield (*path, key), told


LEAVES = list(leaves())


def study_with(path, value):
    """Return a small study with one key set; a trigger comes with what it needs."""
    values = {"study": {"title": "One"}}
    if "trigger" in path:
        values["design"] = {
            "comparison": "same_trigger",
            "trigger": {"condition": "ofsted_grade >= 3"},
        }
    table = values
    for key in path[:-1]:
        table = table.setdefault(key, {})
    table[path[-1]] = value
    return values


@pytest.mark.parametrize("name", MADE)
def test_what_ships_is_what_the_code_says_now(name):
    """Run ``python -m impactkit.schemas`` when this fails."""
    assert schemas.text(name) == made(MADE[name]())
    jsonschema.Draft202012Validator.check_schema(schemas.load(name))


def test_the_page_of_all_keys_is_current():
    """Run ``python docs/reference/study.py`` when this fails."""
    page = ROOT / "docs" / "reference" / "study.py"
    spec = importlib.util.spec_from_file_location("study_page", page)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    told = page.with_suffix(".md").read_text("utf-8")
    assert told == module.text()
    for path, _ in LEAVES:
        assert f"| `{path[-1]}` |" in told, path


def test_there_are_studies_to_validate():
    """The next test would pass on none."""
    assert {path.name for path in STUDIES} >= {"study.toml", "demo_study.toml"}


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.name)
def test_every_study_here_is_valid(path):
    """What we hand to users to start from is what editors will accept."""
    values = tomllib.loads(path.read_text("utf-8"))
    CHECKER.validate(as_json(values))
    assert by_reading(values)


@pytest.mark.parametrize(("path", "told"), LEAVES, ids=lambda value: str(value)[:40])
def test_a_default_is_valid_and_a_wrong_type_is_not(path, told):
    """By the schema as by the code that reads: each key, one at a time."""
    if told.get("default"):
        assert by_schema(study_with(path, told["default"]))
        assert by_reading(study_with(path, told["default"]))
    day = told.get("format") == "date"
    wrong = [
        True,
        {"a": 1},
        1.5 if told.get("type") != "number" else "1.5",
        "tuesday" if day else dt.time(),
    ]
    for value in wrong:
        assert not by_reading(study_with(path, value)), (path, value)
        if not isinstance(value, dt.time):  # is text in JSON
            assert not by_schema(study_with(path, value)), (path, value)


@pytest.mark.parametrize(("path", "told"), LEAVES, ids=lambda value: str(value)[:40])
def test_limits_and_words_are_those_of_the_code(path, told):
    """At its limit a number will do, and beyond it not; a word that is not in the list will not."""
    tried = []
    step = 1 if told.get("type") == "integer" else 1e-6
    if "minimum" in told:
        tried += [(told["minimum"], True), (told["minimum"] - step, False)]
    if "maximum" in told:
        tried += [(told["maximum"], True), (told["maximum"] + step, False)]
    if "enum" in told:
        tried += [("no such word", False)]
    for value, good in tried:
        values = study_with(path, value)
        assert (by_schema(values), by_reading(values)) == (good, good), (path, value)


@pytest.mark.parametrize("table", ["", "study", "design", "plugins", "disclosure"])
def test_an_unknown_key_is_refused_by_both(table):
    """In the file and in the editor."""
    values = study_with((*filter(None, [table]), "no_such_key"), 1)
    assert not by_schema(values)
    assert not by_reading(values)


@pytest.mark.parametrize(
    ("entry", "good"),
    [
        ("outcomes.csv", True),
        ({"path": "outcomes.csv", "reader": "dfe.absence", "phase": "primary"}, True),
        ([{"path": ["a.csv", "b.csv"]}, "c.csv"], True),
        ({"path": "kent", "engine": "vault"}, True),
        (7, False),
        ({"reader": "dfe.absence"}, False),
        ({"path": []}, False),
        ({"path": "a.csv", "reader": 3}, False),
        ([{"path": "a.csv"}, 3], False),
    ],
)
def test_entries_of_tables(entry, good):
    """A path, a table or a list; what is beside our keys is the reader's affair."""
    values = study_with(("tables", "outcomes"), entry)
    assert (by_schema(values), by_reading(values)) == (good, good)


def test_a_study_needs_its_title():
    """The one key that is required."""
    for values in ({}, {"study": {}}, {"study": {"title": " "}}):
        assert not by_schema(values)
        assert not by_reading(values)


def test_defaults_of_the_file_are_those_of_python():
    """A key left out means the same in both."""
    assert Study.parse({"study": {"title": "One"}}) == Study(title="One", design=Design())


def test_every_field_of_a_study_has_its_meaning():
    """So that no key can be without one."""
    for cls in (Study, Design):
        told = meanings(cls)
        private = {"folder", "file", "text", "sha256"}
        assert {field.name for field in attrs.fields(cls)} - private <= set(told)


@pytest.fixture(scope="module")
def evaluation():
    """Return an evaluation with tables, charts, notes, sections and withheld cells."""
    made = county(seed=2, n_schools=60)
    study = Study(title="Sixty", design=Design(outcome="attainment", bootstrap=0))
    return evaluate(study, made.tables, registry=default_registry())


def strict(schema):
    """Return the schema with no other fields allowed, to find one that it does not know."""
    if isinstance(schema, dict):
        closed = {key: strict(value) for key, value in schema.items()}
        if "properties" in closed:
            closed.setdefault("additionalProperties", False)
        return closed
    return [strict(item) for item in schema] if isinstance(schema, list) else schema


def test_an_evaluation_is_valid_and_has_no_field_that_the_schema_lacks(evaluation):
    """With many kinds of parts in it."""
    written = json.loads(evaluation.to_json())
    jsonschema.Draft202012Validator(strict(schemas.load("evaluation"))).validate(written)
    parts = [result[key] for result in written["results"] for key in ("tables", "estimates")]
    assert sum(map(len, parts)) > 20
    assert any(table["marks"] for result in written["results"] for table in result["tables"])


@pytest.mark.parametrize(
    "spoil",
    [
        lambda e: e.pop("results"),
        lambda e: e.update(schema_version=99),
        lambda e: e["results"][0].update(status="splendid"),
        lambda e: e["results"][0]["estimates"][0].update(value="many"),
        lambda e: e["provenance"].pop("seed"),
    ],
)
def test_a_spoilt_evaluation_is_not_valid(evaluation, spoil):
    """A field gone, a word or type that is none of ours, another version."""
    written = json.loads(evaluation.to_json())
    spoil(written)
    assert not jsonschema.Draft202012Validator(schemas.load("evaluation")).is_valid(written)
