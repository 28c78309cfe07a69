"""Ofsted's management information in the forms that it has had since 2005, with invented rows."""

from __future__ import annotations

from pathlib import Path

import pytest

from impactkit.declarations import ReadResult
from impactkit.engine.files import head
from impactkit.pipeline import default_registry, inspect_study, plan
from impactkit.readers import ofsted
from impactkit.study import Study

CARD = """URN,Inspection start date,URN at time of latest full inspection,Category of concern,\
Safeguarding standards,Inclusion,Inclusion - date of grade,Achievement,Achievement - date of grade,\
Early years (where applicable),Early years - date of grade,\
Inspection start date of latest OEIF graded inspection,\
URN at time of latest OEIF graded inspection,Latest OEIF category of concern,\
Latest OEIF overall effectiveness,Latest OEIF quality of education
150001,13/01/2026,100001,RSI,Met,Needs attention,13/01/2026,Strong standard,10/11/2026,NULL,NULL,\
08/10/2024,100001,NULL,Not judged,2
150002,14/01/2026,150002,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL
"""
GRADED = """URN,URN at time of latest graded inspection,Inspection start date,Publication date,\
Overall effectiveness,Category of concern,Quality of education,\
URN at time of previous graded inspection,Previous inspection start date,\
Previous graded inspection overall effectiveness,Previous category of concern,\
Previous quality of education
150001,100001,12/03/2019,20/04/2019,2,NULL,NULL,100001,05/02/2014,4,SM,NULL
"""
COMMON = """Management information - all inspections 1 September 2016 to 31 August 2017
URN,Inspection start date,Overall effectiveness,Category of concern,Outcomes for pupils,\
"Quality of teaching, learning and assessment",16 - 19 study programmes,\
URN at time of previous inspection,Previous inspection start date,Previous overall effectiveness,\
Previous outcomes for pupils,Previous 16 - 19 study programmes
100001,10/10/2016,4,SWK,4,3,2,100001,01/05/2013,2,3,9
"""
EARLY = """URN,Inspection start date,Overall effectiveness,Sixth form provision,\
Early years provision,Quality of teaching,Leadership and management
100001,01/05/2013,2,1,,2,3
"""


def _read(folder: Path, content: str) -> ReadResult:
    path = folder / "inspections.csv"
    path.write_text(content, encoding="cp1252")
    return ofsted.read(path)


def _rows(result: ReadResult) -> set[tuple[object, ...]]:
    assert [p for p in result.problems if p.severity == "error"] == []
    return set(result.frame.select("urn", "year", "measure", "value").rows())


def test_a_report_card_is_of_the_school_of_its_time_and_an_area_of_its_own_day(
    tmp_path: Path,
) -> None:
    """A school became an academy after its inspection; one area was graded again next year."""
    result = _read(tmp_path, CARD)
    assert _rows(result) == {
        ("100001", 2026, "ofsted_inclusion", 2.0),
        ("100001", 2027, "ofsted_achievement", 4.0),
        ("100001", 2026, "ofsted_category", 1.0),
        ("100001", 2025, "ofsted_overall", None),
        ("100001", 2025, "ofsted_education", 2.0),
        ("100001", 2025, "ofsted_category", 0.0),
    }


def test_a_date_without_a_judgement_is_no_clean_bill(tmp_path: Path) -> None:
    """Nothing was judged at the second school, so it is not known to be in no category."""
    assert not [row for row in _rows(_read(tmp_path, CARD)) if row[0] == "150002"]


def test_latest_inspections_of_2022_to_2024_name_graded_inspections(tmp_path: Path) -> None:
    """Both are of the school of their time; the one before has its own category of concern."""
    assert _rows(_read(tmp_path, GRADED)) == {
        ("100001", 2019, "ofsted_overall", 2.0),
        ("100001", 2019, "ofsted_category", 0.0),
        ("100001", 2014, "ofsted_overall", 4.0),
        ("100001", 2014, "ofsted_category", 1.0),
    }


@pytest.mark.parametrize(
    "sixth_form",
    ["16 - 19 study programmes", "16-19 study programmes", "16 to 19 study programmes"],
)
def test_judgements_of_the_common_inspection_framework_are_read(
    tmp_path: Path, sixth_form: str
) -> None:
    """Outcomes for pupils and study programmes at 16 to 19, of the last inspection and before."""
    content = COMMON.replace("16 - 19 study programmes", sixth_form)
    assert _rows(_read(tmp_path, content)) == {
        ("100001", 2017, "ofsted_overall", 4.0),
        ("100001", 2017, "ofsted_category", 1.0),
        ("100001", 2017, "ofsted_outcomes", 4.0),
        ("100001", 2017, "ofsted_teaching", 3.0),
        ("100001", 2017, "ofsted_sixth_form", 2.0),
        ("100001", 2013, "ofsted_overall", 2.0),
        ("100001", 2013, "ofsted_outcomes", 3.0),
        ("100001", 2013, "ofsted_sixth_form", None),
    }


def test_another_framework_s_judgement_of_teaching_is_not_read_as_today_s(tmp_path: Path) -> None:
    """What has another definition is left, and the file's description says so."""
    assert _rows(_read(tmp_path, EARLY)) == {
        ("100001", 2013, "ofsted_overall", 2.0),
        ("100001", 2013, "ofsted_sixth_form", 1.0),
        ("100001", 2013, "ofsted_leadership", 3.0),
    }
    path = tmp_path / "inspections.csv"
    top, _ = head(path)
    assert top is not None
    found = ofsted.recognise(path, top)
    assert found is not None
    assert list(found.unread) == ["Quality of teaching"]


def test_a_word_that_no_report_card_has_is_an_error(tmp_path: Path) -> None:
    """It is named, and never a silent blank."""
    result = _read(tmp_path, CARD.replace("Needs attention", "Needs improvement"))
    (problem,) = (p for p in result.problems if p.severity == "error")
    assert (problem.column, problem.value) == ("Inclusion", "Needs improvement")


def test_two_files_may_tell_of_the_same_inspections(tmp_path: Path) -> None:
    """Each has what was latest on its day, and most schools' was so a month before."""
    later = CARD.splitlines(keepends=True)
    (tmp_path / "as_at_31_Jan_2026.csv").write_text(CARD, encoding="cp1252")
    (tmp_path / "as_at_28_Feb_2026.csv").write_text("".join(later[:2]), encoding="cp1252")
    study = Study.parse(
        {
            "study": {"title": "T"},
            "tables": {"outcomes": {"reader": "ofsted.inspections", "path": "as_at*.csv"}},
            "design": {},
            "metrics": {},
        },
        folder=tmp_path,
    )
    seen = inspect_study(plan(study, registry=default_registry(deny=["*"])))
    assert [p.code for p in seen.problems if p.code.startswith("file.")] == []
    results = [source.n_used for source in seen.sources]
    assert results == [1, 1]
