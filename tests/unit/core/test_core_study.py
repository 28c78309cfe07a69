"""A study file is read whole: every fault at once, with its key, its line and a remedy."""

from __future__ import annotations

import pytest

from impactkit.errors import Problem, StudyError
from impactkit.study import Design, Study, TableSource
from impactkit.tomlkeys import line_of

WHOLE = """\
[study]
title = "Federations"
seed = 2010
max_rejected = 0.02

[tables]
outcomes = [
  { reader = "dfe.workforce", path = "*/england_swf.csv", year = 2018 },
  "data/outcomes.csv",
]
memberships = "data/memberships.csv"
school_links = { path = ["a.csv", "b.csv"] }

[design]
treated = "role == 'client'"
comparison = "never"
outcome = "attainment"
estimator = "att_gt"
cluster = "school"
years = [2011, 2019]
anticipation = 1
base_period = "varying"
balance = "window"
min_before = 3
min_after = 1
min_schools = 1
leave_out = [2015]
level = 0.9
bootstrap = 0

[metrics."leadership.retention"]
levels = ["head"]

[plugins]
allow = ["did"]
deny = "kent"

[disclosure]
profile = "strict"
"""


def written(tmp_path, text):
    """Write a study file and return its path."""
    path = tmp_path / "study.toml"
    path.write_bytes(text.encode("utf-8"))
    return path


def problems_of(tmp_path, text):
    """Return the problems of a study file."""
    with pytest.raises(StudyError) as raised:
        Study.load(written(tmp_path, text))
    return raised.value.problems


def test_every_key_arrives(tmp_path):
    """What the file says is what the study has."""
    study = Study.load(written(tmp_path, WHOLE))
    assert (study.title, study.seed, study.max_rejected) == ("Federations", 2010, 0.02)
    assert study.tables == {
        "outcomes": (
            TableSource(path="*/england_swf.csv", reader="dfe.workforce", options={"year": 2018}),
            TableSource(path="data/outcomes.csv"),
        ),
        "memberships": (TableSource(path="data/memberships.csv"),),
        "school_links": (TableSource(path=["a.csv", "b.csv"]),),
    }
    assert study.design == Design(
        treated="role == 'client'",
        comparison="never",
        outcome=("attainment",),
        cluster="school",
        years=(2011, 2019),
        anticipation=1,
        base_period="varying",
        balance="window",
        min_before=3,
        min_after=1,
        min_schools=1,
        leave_out=(2015,),
        level=0.9,
        bootstrap=0,
    )
    assert study.design.control == "nevertreated"
    assert study.design.condition.columns == ("role",)
    assert study.metrics == {"leadership.retention": {"levels": ["head"]}}
    assert (study.plugins_allow, study.plugins_deny) == (("did",), ("kent",))
    assert study.disclosure == "strict"
    assert study.folder == tmp_path
    assert len(study.sha256) == 64


def test_a_title_is_enough():
    """All else has its default; without `metrics` every metric is asked for."""
    study = Study.parse({"study": {"title": "T"}})
    assert study == Study(title="T")
    assert study.metrics is None
    assert Study.parse({"study": {"title": "T"}, "metrics": {}}).metrics == {}
    assert study.design.control == "notyettreated"
    assert study.design.condition is None


def test_a_study_made_in_python_equals_the_one_of_the_file(tmp_path):
    """What the file can say, Python can say too; where it was read makes no difference."""
    text = '[study]\ntitle = "T"\n[design]\noutcome = ["a", "b"]\n'
    assert Study.load(written(tmp_path, text)) == Study(
        title="T", design=Design(outcome=("a", "b"))
    )


def test_a_folder_stands_for_the_study_in_it(tmp_path):
    """As on the command line."""
    written(tmp_path, WHOLE)
    assert Study.load(tmp_path) == Study.load(tmp_path / "study.toml")


def test_a_byte_order_mark_is_no_fault(tmp_path):
    """Notepad writes one."""
    (tmp_path / "study.toml").write_bytes(b"\xef\xbb\xbf" + WHOLE.encode())
    assert Study.load(tmp_path).title == "Federations"


def test_what_is_recorded_names_no_path_of_the_machine(tmp_path):
    """`evaluation.json` has the study, not where it lay."""
    plain = Study.load(written(tmp_path, WHOLE)).to_plain()
    assert str(tmp_path) not in str(plain)
    assert set(plain) & {"folder", "file", "text", "sha256"} == set()
    assert plain["design"]["years"] == (2011, 2019)


@pytest.mark.parametrize(
    ("old", "new", "row", "column", "told"),
    [
        ('title = "Federations"\n', "", 1, "study.title", 'Add title = "…".'),
        ('"Federations"', '" "', 2, "study.title", "required"),
        ('"Federations"', "3", 2, "study.title", "text in quotes"),
        ("seed = 2010", "seed = -1", 3, "study.seed", "at least 0"),
        ("seed = 2010", "seed = 1.5", 3, "study.seed", "a whole number"),
        ("seed = 2010", "seed = true", 3, "study.seed", "a whole number"),
        ("seed = 2010", "sed = 2010", 3, "study.sed", "Did you mean 'seed'?"),
        ("0.02", "2", 4, "study.max_rejected", "from 0.0 to 1.0"),
        ("0.02", "nan", 4, "study.max_rejected", "from 0.0 to 1.0"),
        ("0.02", "true", 4, "study.max_rejected", "a number"),
        ('path = ["a.csv", "b.csv"]', "", 12, "tables.school_links.path", "required"),
        ('["a.csv", "b.csv"]', "[]", 12, "tables.school_links.path", "required"),
        ('["a.csv", "b.csv"]', '["a.csv", 3]', 12, "tables.school_links.path", "list of texts"),
        ('"data/memberships.csv"', "7", 11, "tables.memberships", "a path, or a table"),
        ('{ path = ["a.csv", "b.csv"] }', '{ path = "a", engine = 3 }', 12,
         "tables.school_links.engine", "text in quotes"),
        ('{ reader = "dfe.workforce",', "{ reader = 3,", 7, "tables.outcomes[0].reader", "text"),
        ("role == 'client'", "role ==", 15, "design.treated", "cannot be read"),
        ('"never"', '"nevr"', 16, "design.comparison", "Did you mean 'never'?"),
        ('outcome = "attainment"', "outcome = 3", 17, "design.outcome", "list of texts"),
        ('"school"', '"schol"', 19, "design.cluster", "Did you mean 'school'?"),
        ("[2011, 2019]", "[2011]", 20, "design.years", "two academic years"),
        ("[2011, 2019]", "[2019, 2011]", 20, "design.years", "the first before the last"),
        ("[2011, 2019]", '["2011", "2019"]', 20, "design.years", "whole numbers"),
        ("[2011, 2019]", "2011", 20, "design.years", "list of whole numbers"),
        ("anticipation = 1", "anticipation = 11", 21, "design.anticipation", "from 0 to 10"),
        ('"varying"', '"vary"', 22, "design.base_period", "Did you mean 'varying'?"),
        ('"window"', '"full"', 23, "design.balance", "none, complete, window"),
        ("min_schools = 1", "min_schools = 0", 26, "design.min_schools", "from 1"),
        ("[2015]", "[true]", 27, "design.leave_out", "whole numbers"),
        ("0.9", "0.3", 28, "design.level", "from 0.5"),
        ("bootstrap = 0", "bootstrap = 1e3", 29, "design.bootstrap", "a whole number"),
        ('[metrics."leadership.retention"]\nlevels = ["head"]', '[metrics]\n"a.b" = 3', 32,
         "metrics.a.b", "table of its parameters"),
        ('deny = "kent"', "deny = 3", 36, "plugins.deny", "list of texts"),
        ("[disclosure]", "[disclosures]", 38, "disclosures", "Did you mean 'disclosure'?"),
    ],
)  # fmt: skip
def test_each_fault_has_its_line_its_key_and_a_remedy(old, new, row, column, told, tmp_path):
    """One thing changed in a sound study gives one problem, there."""
    assert WHOLE.count(old) == 1
    (problem,) = problems_of(tmp_path, WHOLE.replace(old, new))
    assert (problem.file, problem.row, problem.column) == ("study.toml", row, column)
    assert told in str(problem)
    assert problem.remedy


def test_all_faults_come_at_once_in_the_order_of_the_file(tmp_path):
    """Seven faults, seven problems."""
    text = WHOLE
    for old, new in [
        ("seed = 2010", "sed = 2010"),
        ("0.02", "2"),
        ('"never"', '"nevr"'),
        ("[2011, 2019]", "[2011]"),
        ("0.9", "0.3"),
        ("deny =", "denny ="),
        ("[disclosure]", "[disclosures]"),
    ]:
        text = text.replace(old, new)
    rows = [problem.row for problem in problems_of(tmp_path, text)]
    assert rows == sorted(rows)
    assert len(rows) == 7


def test_a_faulty_study_is_still_read_as_far_as_it_goes(tmp_path):
    """So that the faults of data and plugins can be told in the same message."""
    study, problems = Study.read(written(tmp_path, WHOLE.replace("0.9", "0.3")))
    assert len(problems) == 1
    assert study.design.level == 0.95
    assert study.design.years == (2011, 2019)


@pytest.mark.parametrize("text", ["seed = = 3", "[study\n", "a = 1\na = 2", '"'])
def test_what_is_no_toml_says_where(text, tmp_path):
    """One problem, since nothing else can be known."""
    (problem,) = problems_of(tmp_path, text)
    assert problem.code == "study.toml"
    assert "not valid TOML" in problem.rule
    assert problem.remedy


@pytest.mark.parametrize("content", [b"\xff\xfe[\x00", bytes(range(256))])
def test_what_is_no_text_is_no_study(content, tmp_path):
    """UTF-16, or a picture."""
    (tmp_path / "study.toml").write_bytes(content)
    with pytest.raises(StudyError, match="not valid TOML"):
        Study.load(tmp_path)


def test_a_missing_study_says_how_to_make_one(tmp_path):
    """For a file and for a folder."""
    for path in (tmp_path, tmp_path / "other.toml"):
        with pytest.raises(StudyError, match="impactkit new study FOLDER"):
            Study.load(path)


@pytest.mark.parametrize(
    "given",
    [
        {"comparison": "nevr"},
        {"cluster": "la"},
        {"base_period": "none"},
        {"balance": "full"},
        {"treated": "role = 'client'"},
    ],
)
def test_a_design_made_in_python_is_checked_as_the_file_is(given):
    """A misspelt word is not taken for the other one in silence."""
    with pytest.raises(StudyError) as raised:
        Design(**given)
    (problem,) = raised.value.problems
    assert problem.column == f"design.{next(iter(given))}"
    assert problem.value == next(iter(given.values()))
    assert problem.rule


def test_a_problem_of_the_study_file_is_given_its_line(tmp_path):
    """Others, and those that have one, stay as they are."""
    study = Study.load(written(tmp_path, WHOLE))
    placed = study.placed(Problem(code="x", file="study.toml", column="design.estimator"))
    assert placed.row == 18
    for other in (
        Problem(code="x", file="other.csv", column="design.estimator"),
        Problem(code="x", file="study.toml", column="design.estimator", row=3),
        Problem(code="x", file="study.toml"),
    ):
        assert study.placed(other) is other


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("study", 1),
        ("study.title", 2),
        ("study.absent", 1),
        ("absent", None),
        ("absent.title", None),
        ("design.title", 4),
        ("tables.a.path", 8),
        ("tables.b[1].path", 9),
        ("tables.b[1]", 9),
        ('metrics."kent.late".level', 14),
        ("metrics.kent.late", 13),
        ("metrics.kent.late.absent", 13),
        ("design.years", 5),
    ],
)
def test_the_line_of_a_key_is_that_of_its_own_table(path, line):
    """Not of a key of the same name elsewhere; a key that is absent has the line of its table."""
    text = (
        "[study]\n"
        'title = "T" # design.title = 1\n'
        "# years = 3\n"
        "[ design ]\n"
        "years = [\n"
        "  2011, 2019]\n"
        "[tables]\n"
        'a = { path = "x" }\n'
        'b = [ { path = "x" },\n'
        '  { path = "y" } ]\n'
        "[[c]]\n"
        "level = 1\n"
        '[metrics."kent.late"]\n'
        "level = 2\n"
    )
    assert line_of(text, path) == line


def test_a_dotted_or_quoted_key_is_found_too():
    """TOML lets a key stand outside its table, and between quotation marks."""
    assert line_of('\nplugins.deny = "x"\n', "plugins.deny") == 2
    assert line_of("[design]\n'years' = 3\n", "design.years") == 2
