"""A plugin that puts a small count of people wherever it can does not get it into the release.

Three heads left. The plugin says so in every place that a plugin can fill, each time beside a word
of its own (``canarynote``, ``canarycell`` ...), so that a search of the released bytes shows both:
that the place did reach the release, and that the number did not.
"""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import Path

import polars as pl
import pytest

CARELESS = '''
import polars as pl
from impactkit import (
    Chart, Column, DataCheck, Diagnostic, Estimate, Exclusion, Note, Problem, Section, Table,
    estimating_metric, hookimpl,
)

NEEDS = {"outcomes": ["school_key", "year", "measure", "value"]}

def leavers(id="canarytable_3", title="canarytitle 3 heads left"):
    return Table(
        id=id, title=title, note="canarytablenote: 3 left", source="canarysource, 3 heads",
        marks={(1, "kept"): "canarymark 3 left"},
        columns=[
            Column(name="level", kind="dimension", label="canarylabel 3"),
            Column(name="left_3", kind="number"),
            Column(name="kept", kind="count", of="people"),
            Column(name="why", kind="text"),
        ],
        rows=[["canarycell", 3, 40, "canarytext 3 left"], ["canarydimension 3 left", 44, 41, ""],
              ["canaryother", 47, 39, "three canarywords"]],
    )

def chart(data):
    return Chart(id="canarychart_3", kind="bar", title="canarycharttitle: 3 left", data=data,
                 x="level", y="kept", x_title="canaryx 3", y_title="canaryy 3", alt="canaryalt 3")

@estimating_metric(id="kent.left", title="Heads who left", unit="count", needs=NEEDS)
def left(context):
    """Heads who left."""
    yield Estimate(value=3.0, estimand="canaryestimand 3", term="canaryterm 3", measure="canarym 3",
                   subgroup="canarysub 3", n_people=3, method="canarymethod 3",
                   warnings=["canarywarning 3"])
    yield Estimate(status="not_estimable", reason="canaryreason 3", n_people=40)
    yield Estimate(value=50.0, ci_low=40.0, ci_high=60.0, n_people=40, estimand="canaryunits",
                   unit="canaryunit, 3 left")
    yield leavers()
    yield chart("canarytable_3")
    yield Note("canarynote 3 left")
    yield Note("canaryvalue {n} left", values={"n": 3}, of="people")
    yield Note("canaryunsaid {n} left", values={"n": 3})
    yield Diagnostic(name="canarydiagnostic 3", value=3, text="canarydiagnostictext 3")
    yield Exclusion(reason="canaryexclusion_3", text="canaryexcluded: 3 heads", n_rows=3,
                    stage="canarystage 3 left")

@estimating_metric(id="kent.raises", title="Raises", needs=NEEDS)
def raises(context):
    """Raise."""
    raise ValueError("canaryexception: 3 heads left, three of them")

def impactkit_metrics():
    return [left, raises]

def impactkit_checks():
    def check(context):
        yield Problem(code="canarycode", file="canaryfile_3.csv", column="canarycolumn_3", row=3,
                      value="3", count=3, rule="canaryrule 3 left", remedy="canaryremedy 3",
                      severity="warning")
        yield Problem(code="canaryagain", rule="canarynoted 3 left", severity="note")
    def broken(context):
        raise ValueError("canarycheck 3 left")
    return [DataCheck(id="kent.check", title="Check", check=check),
            DataCheck(id="kent.broken", title="Broken", check=broken)]

def impactkit_report_sections(evaluation):
    yield Section(id="canarysection_3", title="canarysectiontitle 3", notes=[Note("canaryword 3")],
                  tables=[leavers("canarysecond_3", "canarysecondtitle 3")],
                  charts=[chart("canarysecond_3")])

def impactkit_after_metric(result, context):
    raise ValueError("canaryafter 3 left")
'''

PLACES = [
    "title",
    "tablenote",
    "source",
    "label",
    "cell",
    "text",
    "dimension",
    "words",
    "charttitle",
    "x",
    "y",
    "estimand",
    "unit",
    "stage",
    "mark",
    "term",
    "m",
    "sub",
    "method",
    "reason",
    "warning",
    "note",
    "value",
    "unsaid",
    "diagnostic",
    "diagnostictext",
    "excluded",
    "exception",
    "code",
    "rule",
    "remedy",
    "noted",
    "check",
    "sectiontitle",
    "word",
    "secondtitle",
    "after",
]
"""Where it said so, and where a reader of the release could meet it."""


@pytest.fixture(scope="module")
def release(tmp_path_factory, county_original):
    """Evaluate a county with the careless plugin, allowed by its user; return the release."""
    import shutil

    from impactkit.pipeline import plan, registry_for, run, write
    from impactkit.study import Study

    folder = tmp_path_factory.mktemp("careless")
    shutil.copytree(county_original, folder / "county")
    local = folder / "county" / "local_metrics"
    local.mkdir()
    (local / "kent.py").write_text(CARELESS, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IMPACTKIT_CONFIG", str(folder / "config"))
        study = Study.load(folder / "county")
        registry = registry_for(study, allow_local=True)
        write(run(plan(study, registry=registry)), folder / "out")
    return folder / "out" / "release"


def texts_of(release: Path) -> dict[str, str]:
    """Return everything in a release as text, by where it stands; archives and frames opened."""
    found = {}
    for path in sorted(release.rglob("*")):
        found[f"the name of {path.name}"] = path.name
        if path.suffix == ".xlsx":
            with zipfile.ZipFile(path) as archive:
                for name in archive.namelist():
                    found[f"{path.name}/{name}"] = name + "\n" + archive.read(name).decode("utf-8")
        elif path.suffix == ".parquet":
            frame = pl.read_parquet(io.BytesIO(path.read_bytes()))
            found[path.name] = "\n".join(map(str, frame.rows()))
        elif path.is_file():
            found[path.name] = path.read_text("utf-8")
    return found


TELLS = re.compile(
    r"(?:canary[a-z]*\W{0,4}(?:3|three)|(?:3|three)\W{0,4}canary[a-z]*"
    r"|\b(?:3|three) (?:heads? )?left)(?![\d.])",
    re.IGNORECASE,
)
"""The number, in figures or words, beside one of our words or in its own phrase."""


def test_the_search_would_find_it():
    """The expression finds what it is to find, and lets years and longer numbers be."""
    for leak in ("canarynote 3 left", "canarycell, 3", "three canarywords", "canarytable_3"):
        assert TELLS.search(leak.replace("_", " ")), leak
    for fine in ("canarynote [withheld] left", "canarycell 31", "2013 left"):
        assert not TELLS.search(fine), fine


def test_the_small_count_is_nowhere_in_the_release(release):
    """Not in a note, a table, a figure, an id, a file name, a problem or an exception's message."""
    for where, text in texts_of(release).items():
        plain = re.sub(r"<[^>]*>|&\w+;|[_\"']", " ", text)
        assert not (found := TELLS.search(plain)), f"{where}: …{plain[found.start() - 40 :][:120]}…"


def test_every_place_was_tried(release):
    """Each word did reach the release: the plugin's text is there, only without the number."""
    everything = "\n".join(texts_of(release).values())
    missing = [place for place in PLACES if f"canary{place}" not in everything]
    assert missing == []


def test_the_tables_cell_is_blank_everywhere(release):
    """The count beside ``canarycell`` is withheld in each file that shows the table."""
    from impactkit.results import Evaluation

    evaluation = Evaluation.load(release)
    [own] = [section for section in evaluation.sections if section.plugin != "core"]
    tables = [*evaluation["kent.left"].tables, *own.tables]
    assert len(tables) == 2
    for table in tables:
        rows = {row[0]: row for row in table.rows}
        assert rows["canarycell"][1] is None
    estimate, *_ = evaluation["kent.left"].estimates
    assert (estimate.status, estimate.value, estimate.n_people) == ("withheld", None, None)


def test_what_is_no_secret_stays(release):
    """Other numbers of the same plugin are released, and so is everybody else's result."""
    from impactkit.results import Evaluation

    evaluation = Evaluation.load(release)
    cells = {cell for row in evaluation["kent.left"].tables[0].rows for cell in row}
    assert cells & {40, 41, 39}
    assert evaluation["did.effect"].status == "ok"
    assert evaluation["kent.raises"].status == "failed"
    assert "ValueError: canaryexception" in evaluation["kent.raises"].reason


BEFORE_ESTIMATES = """
import attrs
import polars as pl
from impactkit import (
    ColumnSpec, Diagnostic, Estimate, Estimator, Exclusion, Problem, Reader, Section, TableSpec,
)
from impactkit.declarations import ReadResult, Recognised

def slip(frame, spec):
    yield Problem(code="canaryslip", file="canaryfile_3.csv", column="canarycolumn 3",
                  rule="canarytablecheck 3 heads left", remedy="canarycure 3", severity="warning")

buses = TableSpec(
    name="kent_buses", title="Buses", key=("urn", "year"), checks=[slip],
    columns=[ColumnSpec(name="urn", dtype="int"), ColumnSpec(name="year", dtype="int"),
             ColumnSpec(name="minutes", dtype="float")],
)

def recognise(path, head):
    return Recognised(confidence=1.0, what="canarywhat 3 left") if head.has("bus") else None

def read(path, options):
    frame = pl.read_csv(path, infer_schema=False).rename({"bus": "minutes"})
    aside = pl.DataFrame({"row": [2, 3, 4], "reason": ["canaryaside 3 left"] * 3})
    said = [Problem(code="note", file="canaryfile_3.csv", column="canarycolumn 3", severity=how,
                    rule="canaryreader 3 heads left") for how in ("warning", "note")]
    return ReadResult(frame=frame, table="kent_buses", n_rows=frame.height, set_aside=aside,
                      problems=said)

bus_list = Reader(id="kent.bus_list", title="Buses", table="kent_buses", recognise=recognise,
                  read=read)

@attrs.frozen
class Fit:
    value: float
    exclusions = (Exclusion(reason="canaryleft 3", text="canarylefttext 3 left", n_rows=3),)
    def pretest(self):
        return Diagnostic(name="canarypretest 3 left", text="canarypretesttext 3 left", value=3)
    def estimates(self, *, metric="", measure="", unit=""):
        about = {"metric": metric, "measure": measure, "unit": unit}
        return [
            Estimate(value=self.value, estimand="canaryestimand 3 left", n_people=3000,
                     reason="canaryreason 3 left", method="canarymethod 3 left",
                     variance="canaryvariance 3 left", warnings=["canarywarning 3 left"], **about),
            Estimate(value=self.value, estimand="rest", term="canaryterm 3 left", reason="x",
                     **about),
        ]

def fit(frame, *, unit, time, cohort, outcome, cluster=None):
    return Fit(frame[outcome].mean())

naive = Estimator(id="kent.naive", title="The mean", fit=fit)

def impactkit_report_sections(evaluation):
    return [Section(id="kent", title="Kent", after="canaryafter_3")]
"""

WORDS_BEFORE = [
    "slip",
    "tablecheck",
    "cure",
    "aside",
    "reader",
    "lefttext",
    "pretest",
    "estimand",
    "reason",
    "method",
    "variance",
    "warning",
    "term",
    "after",
]


@pytest.fixture(scope="module")
def designed(tmp_path_factory, county_original):
    """Evaluate core's own metric on a county with a careless table, reader and estimator."""
    import shutil

    from impactkit.pipeline import plan, registry_for, run, write
    from impactkit.study import Study

    folder = tmp_path_factory.mktemp("designed")
    county = folder / "county"
    shutil.copytree(county_original, county)
    (county / "local_metrics").mkdir()
    (county / "local_metrics" / "kent.py").write_text(BEFORE_ESTIMATES, encoding="utf-8")
    (county / "buses.csv").write_text("urn,year,bus\n100001,2019,35.5\n", encoding="utf-8")
    text = (county / "study.toml").read_text("utf-8")
    text = text.replace(
        "[design]\n",
        'kent_buses = { reader = "kent.bus_list", path = "buses.csv" }\n\n[design]\n'
        'estimator = "kent.naive"\n',
    )
    (county / "study.toml").write_text(text + '\n[metrics."did.effect"]\n', encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IMPACTKIT_CONFIG", str(folder / "config"))
        study = Study.load(county)
        write(run(plan(study, registry=registry_for(study, allow_local=True))), folder / "out")
    return folder / "out" / "release"


def test_what_comes_before_the_estimates_is_masked_as_well(designed):
    """A reader, a check of a table and an estimator speak in core's metrics, and in their name."""
    found = texts_of(designed)
    for where, text in found.items():
        plain = re.sub(r"<[^>]*>|&\w+;|[_\"']", " ", text)
        assert not (leak := TELLS.search(plain)), f"{where}: …{plain[leak.start() - 40 :][:120]}…"
    everything = "\n".join(found.values())
    assert [word for word in WORDS_BEFORE if f"canary{word}" not in everything] == []
    assert "(plugin local:kent)" in everything
