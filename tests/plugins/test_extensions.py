"""What a plugin can add: tables, columns, measures, readers, estimators, checks, sections.

All of it from one local file, through the real command line; and nothing of it loosens core.
"""

from __future__ import annotations

import json

import pytest

from impactkit.declarations import ColumnSpec, DisclosureProfile, Metric, Reader, TableSpec
from impactkit.errors import DuplicateError, PluginError
from impactkit.pipeline import default_registry
from impactkit.plugins import PluginInfo, Registry

EVERYTHING = '''
import attrs
import polars as pl
from impactkit import (
    ColumnSpec, DataCheck, DisclosureProfile, Estimate, Estimator, Measure, Note, Problem, Reader,
    Section, TableSpec, estimating_metric, outcome_metric,
)
from impactkit.declarations import ReadResult, Recognised

buses = TableSpec(
    name="kent_buses", title="Buses", key=("urn", "year"),
    columns=[ColumnSpec(name="urn", dtype="int"), ColumnSpec(name="year", dtype="int"),
             ColumnSpec(name="minutes", dtype="float", low=0, high=600)],
)
area = TableSpec(
    name="kent_area", extends="partnerships",
    columns=[ColumnSpec(name="kent.district", required=False, nullable=True,
                        values=("coast", "weald"))],
)
minutes = Measure(id="kent_minutes", label="Minutes by bus", unit="count", low=0, high=600)

def recognise(path, head):
    return Recognised(confidence=1.0, what="Kent's bus list") if head.has("bus") else None

def read(path, options, spec=None, *, shown=""):
    frame = pl.read_csv(path, infer_schema=False).rename({"bus": "minutes"})
    return ReadResult(frame=frame, table="kent_buses", n_rows=frame.height)

bus_list = Reader(id="kent.bus_list", title="Bus list", table="kent_buses", recognise=recognise,
                  read=read)

@attrs.frozen
class Naive:
    value: float
    def estimates(self, *, metric="", measure="", unit=""):
        return [Estimate(metric=metric, measure=measure, unit=unit, estimand="mean",
                         value=self.value, reason="no interval", method="kent.naive")]

def fit(frame, *, unit, time, cohort, outcome, cluster=None, level=0.95):
    return Naive(frame[outcome].mean())

naive = Estimator(id="kent.naive", title="The mean, and nothing else", fit=fit)

def check(context):
    late = context.table("kent_buses").filter(pl.col("minutes") > 90).height
    if late:
        yield Problem(code="far", column="minutes", rule="some buses take more than 90 minutes",
                      remedy="Is it minutes?", severity="warning")

far = DataCheck(id="kent.far", title="Far", check=check, needs=None or __import__(
    "impactkit").Needs(tables={"kent_buses": ["minutes"]}))
strict = DisclosureProfile(id="kent", title="Kent", threshold=9, min_people=10)

@outcome_metric(id="kent.by_bus", title="Minutes by bus", unit="count",
                needs={"kent_buses": ["school_key", "year", "minutes"]})
def by_bus(context):
    """Minutes."""
    rows = context.table("kent_buses").unique(["school_key", "year"])  # of merged schools, too
    return rows.select("school_key", "year", value="minutes")

@estimating_metric(id="kent.districts", title="Districts", unit="count",
                   needs={"partnerships": ["partnership_id", "kent.district"]})
def districts(context):
    """Districts."""
    n = context.table("partnerships")["kent.district"].n_unique()
    yield Note("{n} districts", values={"n": n}, of="schools")

def impactkit_report_sections(evaluation):
    return [Section(id="kent", title="Buses in Kent", notes=[Note("By bus.")])]
'''


@pytest.fixture
def kent(county_folder):
    """Write the study of an authority with everything of its own."""
    import polars as pl

    (county_folder / "local_metrics").mkdir()
    (county_folder / "local_metrics" / "kent.py").write_text(EVERYTHING, encoding="utf-8")
    data = county_folder / "data"
    partnerships = pl.read_csv(data / "partnerships.csv", infer_schema=False)
    partnerships = partnerships.with_columns(pl.lit("coast").alias("kent.district"))
    partnerships.write_csv(data / "partnerships.csv")
    outcomes = pl.read_csv(data / "outcomes.csv", infer_schema=False)
    rows = outcomes.select("urn", "year").unique(maintain_order=True)
    rows.with_columns(bus=pl.lit("35.5")).write_csv(data / "buses.csv")
    study = county_folder / "study.toml"
    text = study.read_text("utf-8").replace(
        "[design]\n",
        'kent_buses = { reader = "kent.bus_list", path = "data/buses.csv" }\n\n[design]\n'
        'estimator = "kent.naive"\n',
    )
    study.write_text(text + '\n[disclosure]\nprofile = "kent"\n', encoding="utf-8")
    return county_folder


def evaluation(folder):
    """Return what was released, as data."""
    return json.loads((folder / "evaluation" / "release" / "evaluation.json").read_text("utf-8"))


def test_one_local_file_can_add_everything(kent, impactkit):
    """Table, columns, reader, estimator, check, profile, section and metrics work together."""
    ended = impactkit("evaluate", kent, "--allow-local")
    assert ended.code == 0, ended.err
    found = evaluation(kent)
    results = {r["metric"]: r for r in found["results"]}
    estimate = results["kent.by_bus"]["estimates"][0]
    assert (estimate["value"], estimate["method"]) == (35.5, "kent.naive")
    assert results["kent.districts"]["status"] == "ok"
    local = [s["title"] for s in found["sections"] if s["plugin"] != "core"]
    assert local == ["Buses in Kent"]
    assert (found["disclosure"]["profile"], found["disclosure"]["threshold"]) == ("kent", 9)
    sources = {s["reader"] for s in found["provenance"]["sources"]}
    assert "kent.bus_list" in sources
    report = (kent / "evaluation" / "release" / "report.html").read_text("utf-8")
    assert "Buses in Kent" in report


def test_provenance_says_which_code_made_it(kent, impactkit):
    """Name, version and content hash of every plugin, and of whose code each result is."""
    import hashlib

    impactkit("evaluate", kent, "--allow-local")
    release = kent / "evaluation" / "release"
    provenance = json.loads((release / "provenance.json").read_text("utf-8"))
    digest = hashlib.sha256((kent / "local_metrics" / "kent.py").read_bytes()).hexdigest()
    (plugin,) = [p for p in provenance["plugins"] if p["name"] == "local:kent"]
    assert plugin["content_hash"] == digest
    assert plugin["local"] == "yes"
    (did,) = [p for p in provenance["plugins"] if p["name"] == "did"]
    assert len(did["content_hash"]) == 64
    result = next(r for r in evaluation(kent)["results"] if r["metric"] == "kent.by_bus")
    assert result["local"] is True
    assert result["content_hash"] == digest


def test_a_check_is_run_by_check_and_by_evaluate(kent, impactkit):
    """Its warning is in both; as an error it stops the run, naming check and plugin."""
    buses = kent / "data" / "buses.csv"
    buses.write_text(buses.read_text("utf-8").replace("35.5", "95.5"), encoding="utf-8")
    impactkit("evaluate", kent, "--allow-local", "--dry-run")
    told = "some buses take more than 90 minutes (check kent.far of plugin local:kent)"
    assert told in impactkit("check", kent).out
    assert impactkit("evaluate", kent).code == 0
    assert told in " ".join(evaluation(kent)["warnings"])
    source = kent / "local_metrics" / "kent.py"
    source.write_text(
        source.read_text("utf-8").replace('severity="warning"', 'severity="error"'), "utf-8"
    )
    ended = impactkit("evaluate", kent, "--allow-local")
    assert ended.code == 2
    assert told in ended.err


def test_columns_that_extend_a_table_are_held_to_their_spec(kent, impactkit):
    """A value outside the extension's list is an error of that file, as in core's own columns."""
    path = kent / "data" / "partnerships.csv"
    path.write_text(path.read_text("utf-8").replace("coast", "moon", 1), encoding="utf-8")
    ended = impactkit("evaluate", kent, "--allow-local")
    assert ended.code == 2
    assert "`kent.district` is 'moon'" in ended.err


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            ("return ReadResult(", "raise KeyError('x') or ReadResult("),
            "reader kent.bus_list raised",
        ),
        (("frame=frame, table", "frame=frame.lazy(), table"), "its frame is a LazyFrame"),
        (
            ("    return ReadResult(frame=frame", "    return (frame) or dict(frame=frame"),
            "DataFrame",
        ),
    ],
    ids=["raises", "lazy", "no result"],
)
def test_a_reader_that_fails_is_named_with_its_file(change, told, kent, impactkit):
    """The study asked for this file, so it is an error; it names plugin, reader and file."""
    source = kent / "local_metrics" / "kent.py"
    text = source.read_text("utf-8")
    assert change[0] in text
    source.write_text(text.replace(*change), encoding="utf-8")
    ended = impactkit("evaluate", kent, "--allow-local")
    assert ended.code == 2
    assert "data/buses.csv" in ended.err
    assert "plugin local:kent" in ended.err
    assert told in ended.err
    assert "Traceback" not in ended.err


def test_an_estimator_that_fails_costs_what_used_it(kent, impactkit):
    """Each metric that used it says which plugin's estimator it was; the rest is there."""
    source = kent / "local_metrics" / "kent.py"
    text = source.read_text("utf-8").replace("return Naive(", "return 1 / 0 or Naive(")
    source.write_text(text, encoding="utf-8")
    ended = impactkit("evaluate", kent, "--allow-local")
    assert ended.code == 1
    results = {r["metric"]: r for r in evaluation(kent)["results"]}
    for name in ("did.effect", "kent.by_bus"):
        assert "estimator kent.naive raised ZeroDivisionError" in results[name]["reason"]
    assert results["kent.districts"]["status"] == "ok"


# --- what may not be loosened ---------------------------------------------------------------------


def extending(*columns: ColumnSpec, **given: object) -> TableSpec:
    """Return an extension of the schools table."""
    return TableSpec(name="kent_schools", extends="schools", columns=columns, **given)


def added(declaration: object) -> Registry:
    """Add one declaration to core's."""
    registry = default_registry(allow=["core"])
    registry.add(declaration, plugin="kent")
    return registry


def test_an_extension_adds_its_columns_at_the_end():
    """The table keeps its own columns, key and checks."""
    column = ColumnSpec(name="kent.coastal", dtype="bool", required=False, nullable=True)
    before = default_registry(allow=["core"]).tables["schools"]
    after = added(extending(column)).tables["schools"]
    assert after.columns == (*before.columns, column)
    assert (after.key, after.checks) == (before.key, before.checks)


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        (
            extending(ColumnSpec(name="coastal", required=False)),
            "call its column 'namespace.coastal'",
        ),
        (extending(ColumnSpec(name="kent.coastal")), "must have required=False"),
        (extending(key=("urn",)), "may not give it another key"),
        (extending(ColumnSpec(name="urn", required=False)), "namespace.urn"),
        (TableSpec(name="x", extends="schols", columns=()), "Did you mean 'schools'?"),
        (TableSpec(name="schools", columns=()), "'schools' is declared twice, by core"),
        (TableSpec(name="x", columns=[ColumnSpec(name="a", dtype="int64")]), "Did you mean 'int'?"),
        (TableSpec(name="x", columns=[ColumnSpec(name="a")], key=("b",)), "key column 'b'"),
        (TableSpec(name="x", columns=[ColumnSpec(name="a", pattern="(")]), "pattern of column 'a'"),
    ],
)
def test_a_table_that_will_not_do_is_refused(spec, told):
    """In its author's terms, and core's table is as it was."""
    registry = default_registry(allow=["core"])
    before = dict(registry.tables)
    with pytest.raises(PluginError) as caught:
        registry.add(spec, plugin="kent")
    assert told in str(caught.value)
    assert dict(registry.tables) == before


@pytest.mark.parametrize(
    ("given", "fits"),
    [
        ({"threshold": 9, "min_people": 10}, True),
        ({"threshold": 5, "min_people": 6}, True),
        ({"threshold": 2}, False),
        ({"min_people": 3}, False),
        ({"extreme_shares_below": 2}, False),
    ],
)
def test_a_profile_may_only_be_stricter(given, fits):
    """One that protects less than every profile of core is not there to be named."""
    profile = DisclosureProfile(id="kent", title="Kent", **given)
    if fits:
        assert added(profile).profiles["kent"] == profile
    else:
        with pytest.raises(PluginError, match="protects less than 'dfe-school'"):
            added(profile)


def test_a_plugin_cannot_take_cores_profile_for_its_own():
    """An id that core has stays core's."""
    with pytest.raises(DuplicateError, match="profile 'dfe-school' is declared twice, by core"):
        added(DisclosureProfile(id="dfe-school", title="Mine", threshold=9, min_people=10))


class NoAttrs:
    """A class of parameters whose author forgot the decorator."""

    levels: int = 3


def test_parameters_that_are_no_attrs_class_are_told():
    """It would be a crash when the study is read; here it is a line for the author."""
    with pytest.raises(
        PluginError, match=r"its `params` must be an attrs class: put @attrs\.frozen"
    ):
        added(Metric(id="kent.size", title="Size", compute=len, params=NoAttrs))


# --- what fails by the way ------------------------------------------------------------------------


def boom(*_, **__):
    """Fail, as a plugin's code may."""
    raise LookupError("boom")


def test_a_reader_that_stumbles_over_a_file_is_blamed_and_others_still_know_it(county_folder):
    """A file is recognised all the same, though one reader cannot even look at it."""
    from impactkit.readers import recognise_file

    registry = default_registry(allow=["core"])
    path = county_folder / "data" / "memberships.csv"
    before = recognise_file(path, registry.readers.values())
    reader = Reader(id="kent.list", title="List", table="outcomes", recognise=boom, read=boom)
    registry.add(reader, plugin="kent")
    found = recognise_file(path, registry.readers.values())
    assert [r.id for r, _ in found] == [r.id for r, _ in before]
    assert found
    (fault,) = registry.owner("readers", "kent.list").faults
    assert fault.startswith("reader kent.list, looking at a file, raised LookupError: boom")


def test_a_check_of_a_table_that_fails_is_blamed_and_the_table_is_used():
    """A broken check in an extension of a core table does not stop everybody's run."""
    import polars as pl

    from impactkit.tables import validate

    registry = added(extending(checks=[boom]))
    frame = pl.DataFrame({"urn": ["100001"], "name": ["A school"]})
    checked = validate(frame, registry.tables["schools"], file="schools.csv")
    assert not [p for p in checked.problems if "boom" in p.rule or p.code == "check.failed"]
    assert checked.frame.height == 1
    assert "raised LookupError: boom" in registry.plugins[-1].faults[0]


def test_code_named_by_its_module_is_imported_when_it_is_called():
    """A list of readers costs no import; a name that is none is told by plugin and reader."""
    registry = default_registry(allow=["core"])
    reader = Reader(
        id="kent.list", title="L", table="outcomes", recognise="no_such:a", read="no_such:b"
    )
    registry.add(reader, plugin="kent")
    with pytest.raises(PluginError, match=r"plugin kent: reader kent\.list raised ModuleNotFound"):
        registry.readers["kent.list"].read("x.csv", None)


# --- which versions go together -------------------------------------------------------------------


class Demanding:
    """A plugin that says what it needs."""

    requires_impactkit = ">=0.1,<0.2"


@pytest.mark.parametrize(
    ("requires", "told"),
    [
        (">=0.1,<0.2", ""),
        (">=99", "it needs impactkit >=99, and this is"),
        ("newest", "write it like '>=0.1,<0.2'"),
        (3, "write it like '>=0.1,<0.2'"),
    ],
)
def test_a_plugin_for_another_version_is_not_used(requires, told, monkeypatch):
    """It is refused with both versions, before any of its hooks is called."""
    monkeypatch.setattr(Demanding, "requires_impactkit", requires)
    info = Registry().register(Demanding(), PluginInfo(name="kent"))
    assert info.status == ("failed" if told else "loaded")
    assert told in info.reason
