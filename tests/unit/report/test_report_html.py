from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import attrs
import pytest

from impactkit.errors import Problem
from impactkit.report import render_html
from impactkit.results import (
    Chart,
    Column,
    Estimate,
    Evaluation,
    Exclusion,
    MetricResult,
    Note,
    RenderedSection,
    Table,
)

HOSTILE = "<script>alert('x')</script>\"><img src=x onerror=alert(1)>"
VOID = {"meta", "br", "img", "link", "input", "hr"}
Maker = Callable[..., Evaluation]


class Page(HTMLParser):
    """Reads a page strictly: every tag closed in its order, every attribute kept."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.headings: list[int] = []
        self.words: list[str] = []
        self.ids: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == [], f"never closed: {self.open}"

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attributes)))
        self.ids += [value or "" for name, value in attributes if name == "id"]
        if re.fullmatch(r"h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}> closes nothing"

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.words.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.words))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def test_a_page_is_well_formed_and_made_for_assistive_technology(make_evaluation: Maker) -> None:
    """Language, landmarks, headings in order, captions, row and column headings, unique ids."""
    page = Page(render_html(make_evaluation()))
    assert page.all("html")[0]["lang"] == "en-GB"
    assert [len(page.all(tag)) for tag in ("main", "header", "footer", "nav", "h1")] == [1] * 5
    steps = [b - a for a, b in zip(page.headings, page.headings[1:], strict=False)]
    assert page.headings[0] == 1
    assert max(steps) <= 1, "a heading level is skipped"
    assert len(page.all("table")) == len(page.all("caption")) > 5
    assert all(th.get("scope") in ("col", "row") for th in page.all("th"))
    assert len(page.ids) == len(set(page.ids))
    targets = [a["href"] for a in page.all("a")]
    assert all(t and t.startswith("#") and t[1:] in page.ids for t in targets)
    named = [v["aria-labelledby"] for _, v in page.tags if "aria-labelledby" in v]
    assert set(named) <= set(page.ids)


def test_every_chart_has_words_and_a_caption(make_evaluation: Maker) -> None:
    """Three figures: each is one image with a description, and its drawings are silent."""
    page = Page(render_html(make_evaluation()))
    images = [v for _, v in page.tags if v.get("role") == "img"]
    assert len(images) == len(page.all("figure")) == len(page.all("figcaption")) == 3
    assert all(len(v["aria-label"] or "") > 20 for v in images)
    assert len(page.all("svg")) == 6
    assert all(v["aria-hidden"] == "true" for v in page.all("svg"))


def test_nothing_runs_and_nothing_is_fetched(make_evaluation: Maker) -> None:
    """No script, no address, no import; and a policy in the page that forbids them."""
    html = render_html(make_evaluation())
    page = Page(html)
    assert not {tag for tag, _ in page.tags} & {"script", "link", "iframe", "img", "object", "form"}
    assert not re.search(r"url\(|@import|@font-face|src=", html)
    addresses = set(re.findall(r"https?://[^\"' <]+", html))
    assert addresses <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}
    assert not [name for _, v in page.tags for name in v if name.startswith("on")]
    policy = next(v for v in page.all("meta") if v.get("http-equiv"))
    assert str(policy["content"]).startswith("default-src 'none'")


def test_the_answers_come_first(make_evaluation: Maker) -> None:
    """A governor who reads the top of the page has the result, its interval and its limits."""
    text = Page(render_html(make_evaluation())).text
    order = [
        "Summary",
        "45 schools in 17 partnerships with 434 schools",
        "no effect was found (the estimate is 0.12 lower; 95% interval: 0.71 lower to 0.47",
        "cannot be ruled out",
        "What was compared with what",
        "Who is in and who is left out",
        "Protecting people",
        "Methods and versions",
    ]
    places = [text.find(words) for words in order]
    text_after_contents = text.index("What was compared with what", text.index("Contents") + 60)
    assert -1 not in places
    assert places[:4] == sorted(places[:4])
    assert places[3] < text_after_contents


def test_results_are_never_called_an_impact(make_evaluation: Maker) -> None:
    """The word is in the product's name and nowhere else in what the report says."""
    text = Page(render_html(make_evaluation())).text
    assert not re.search(r"\bimpacts?\b", text, re.IGNORECASE)
    assert not re.search(r"\b(prove[sd]?|caused)\b", text.replace("does not prove", ""))


def test_no_missing_value_leaks_as_code(make_evaluation: Maker) -> None:
    """A value that isn't there is a symbol or words, also where a plugin gave NaN."""
    table = Table(
        id="odd",
        title="Odd values",
        columns=[Column(name="a", kind="dimension"), Column(name="b"), Column(name="c")],
        rows=[["one", float("nan"), None], ["two", float("inf"), 1.5], [None, 2.0, True]],
    )
    result = MetricResult(metric="x.y", tables=(table,), params={"a": None})
    text = Page(render_html(make_evaluation(results=(result,)))).text
    assert not re.search(r"\b(NaN|nan|None|inf|null|undefined|Undefined)\b", text)
    assert "[x]" in text


def test_counts_on_the_way_to_the_estimate_are_shown(make_evaluation: Maker) -> None:
    """The steps stand in order with their counts; an unknown count is shown as it is named."""
    text = Page(render_html(make_evaluation())).text
    flow = text[text.index("Schools that were left out") :]
    steps = ["1,016", "777", "57", "45 are in", "24"]
    steps[3] = "are in the main estimate, beside 434 comparison schools"
    places = [flow.find(step) for step in steps]
    assert -1 not in places
    assert places == sorted(places)
    assert "A new count" in flow
    assert "The Department suppressed the value" in flow


def test_what_could_not_run_says_what_was_missing(make_evaluation: Maker) -> None:
    """A skipped metric, a failed one and a failed plugin are each a line with the reason."""
    page = Page(render_html(make_evaluation()))
    assert "needs the table governor_activity (date, boards)" in page.text
    assert "KeyError in late_arrivals.py, line 12" in page.text
    assert "Plugin kent failed and was not used: ModuleNotFoundError" in page.text
    assert any(v.get("class") == "alert" for v in page.all("section"))


def test_withheld_figures_are_symbols_with_their_meaning(make_evaluation: Maker) -> None:
    """[c] stands in the cells, once explained; the disclosure statement names profile and cause."""
    page = Page(render_html(make_evaluation()))
    cells = re.findall(r"<td class=\"number\">\[c\]</td>", render_html(make_evaluation()))
    assert len(cells) == 3 + 5  # the table's three cells, and five of the withheld estimate
    assert "[c] withheld to protect people" in page.text
    assert "Profile: dfe-school" in page.text
    assert "no protected figure can be worked out" in page.text


def test_an_evaluation_without_disclosure_control_says_so(make_evaluation: Maker) -> None:
    """It stands out, because such a report is not for sharing."""
    text = Page(render_html(make_evaluation(disclosure=None))).text
    assert "Disclosure control has not been run" in text


def test_an_empty_evaluation_is_a_page_that_says_so() -> None:
    """No results, no data: a valid page without a chart, and with no claim."""
    page = Page(render_html(Evaluation(title="Nothing yet")))
    assert "No estimate could be made from these data." in page.text
    assert "No metric gave a result." in page.text
    assert not page.all("svg")


def test_estimates_that_cannot_be_made_are_told_with_their_reason(make_evaluation: Maker) -> None:
    """Not estimable is an answer: the reason is in the summary, the symbol in the table."""
    estimate = Estimate(
        metric="did.effect",
        estimand="ATT overall (dynamic)",
        measure="pupil_teacher_ratio",
        status="not_estimable",
        reason="every school joined in the first year, so there is no year before",
    )
    result = MetricResult(metric="did.effect", title="Change", estimates=(estimate,))
    page = Page(render_html(make_evaluation(results=(result,))))
    assert "could not be estimated (every school joined in the first year" in page.text
    assert "[x]" in page.text
    assert not page.all("svg")


@pytest.mark.parametrize(
    "text", [HOSTILE, "{{ 7 * 7 }}", "مدرسة القرية \u202e gnp.exe", "x" * 5000]
)
def test_hostile_text_is_shown_and_never_run(make_evaluation: Maker, text: str) -> None:
    """Markup, templates, right-to-left overrides and endless names in every text field there is."""
    estimate = Estimate(
        metric=text,
        estimand=text,
        measure=text,
        subgroup=text,
        term=text,
        value=1.0,
        ci_low=0.0,
        ci_high=2.0,
        unit=text,
        reason=text,
        method=text,
        warnings=(text,),
    )
    table = Table(
        id=text,
        title=text,
        columns=[Column(name=text, label=text, kind="dimension"), Column(name="n", unit=text)],
        rows=[[text, 1.5], ["b", 2.5]],
        note=text,
        source=text,
    )
    charts = (
        Chart(id=text, kind="interval", title=text, x="term", x_title=text, y_title=text, alt=text),
        Chart(id="t", kind="bar", title=text, data=text, x=text, y="n", series=text),
    )
    result = MetricResult(
        metric=text,
        title=text,
        question=text,
        estimates=(estimate,),
        tables=(table,),
        charts=charts,
        notes=(Note(text=text),),
        params={text: text},
        card={"definition": text, "caveats": [text]},
        plugin=text,
        local=True,
    )
    evaluation = make_evaluation(
        title=text,
        study={"design": {"treated": text, "estimator": text, "outcome": [text]}},
        results=(result, attrs.evolve(result, status="failed", reason=text)),
        exclusions={text: {text: 3}},
        excluded=(Exclusion(reason=text, text=text, n_schools=1, stage=text, measure=text),),
        measures=({"id": text, "label": text, "unit": text, "direction": text},),
        sections=(
            RenderedSection(id=text, title=text, plugin=text, tables=(table,), charts=charts[1:]),
        ),
        problems=(Problem(code=text, file=text, column=text, rule=text, remedy=text),),
        warnings=(text,),
        plugins=({"name": text, "status": "failed", "reason": text, "local": text},),
    )
    html = render_html(evaluation)
    page = Page(html)
    assert not {tag for tag, _ in page.tags} & {"script", "img"}
    assert not [name for _, v in page.tags for name in v if name.startswith("on")]
    assert "\u202e" not in html
    assert not re.search(r">\s*49\s*<", html)
    html.encode("utf-8")


def test_a_failed_check_and_warnings_stand_under_the_answer(make_evaluation: Maker) -> None:
    """Whoever reads the answer meets them, unfolded; the summary names the check."""
    did = make_evaluation().results[0]
    warned = attrs.evolve(did.estimates[0], warnings=("few clusters: too narrow",))
    failed = attrs.evolve(did.diagnostics[0], name="pretest", passed=False, p_value=0.0)
    result = attrs.evolve(
        did, estimates=(warned, *did.estimates[1:]), diagnostics=(failed, did.diagnostics[0])
    )
    html = render_html(make_evaluation(results=(result,)))
    text = Page(re.sub(r"<details.*?</details>", "", html, flags=re.DOTALL)).text
    assert "did not pass a check (test of the years before joining)" in text
    care = text[text.index("no effect was found", text.index("Results")) :]
    assert "A check was not passed. Test of the years before joining" in care
    assert "p < 0.001" in care
    assert "Few clusters: too narrow." in care
    assert "Pre-trend test" not in text, "a check that was passed is folded"


def test_each_outcome_has_its_own_answer_figure_and_table(make_evaluation: Maker) -> None:
    """Two outcomes in different units share no column, and each table says its unit."""
    did = make_evaluation().results[0]
    other = [attrs.evolve(e, measure="attendance", unit="percentage points") for e in did.estimates]
    chart = attrs.evolve(did.charts[0], id="b", where={"measure": "attendance"})
    result = attrs.evolve(did, estimates=(*did.estimates, *other), charts=(*did.charts, chart))
    page = Page(render_html(make_evaluation(results=(result,))))
    assert len(page.all("figure")) == 2
    assert page.text.count("no effect was found (the estimate is") == 2 + 2
    assert "Attendance: estimates (percentage points)" in page.text
    assert "Pupil-teacher ratio: estimates (percentage" not in page.text


def test_personal_values_of_problems_are_not_shown(make_evaluation: Maker) -> None:
    """Even where a problem still carries its value, the page leaves it out."""
    problem = Problem(code="x", file="staff.csv", row=2, column="name", value="Ann Other", rule="?")
    assert "Ann Other" not in render_html(make_evaluation(problems=(problem,)))


def test_a_long_list_of_problems_is_cut_with_its_count(make_evaluation: Maker) -> None:
    """Fifty are shown; the page says how many more there are and where."""
    problems = [Problem(code="x", file=f"file{i}.csv", rule="wrong") for i in range(62)]
    text = Page(render_html(make_evaluation(problems=tuple(problems)))).text
    assert "12 more problems: see problems.csv." in text
    assert "file49.csv" in text
    assert "file50.csv" not in text


def shuffled(value: Any, rng: random.Random) -> Any:
    """Return JSON with the keys of every object in another order."""
    if isinstance(value, dict):
        keys = list(value)
        rng.shuffle(keys)
        return {key: shuffled(value[key], rng) for key in keys}
    return [shuffled(v, rng) for v in value] if isinstance(value, list) else value


def test_the_same_evaluation_gives_the_same_page(make_evaluation: Maker, tmp_path: Path) -> None:
    """Also when it is read back from its file, whatever the order of the keys in that file."""
    names = ("zeal", "attendance", "maths")
    more = {
        "exclusions": {k: dict.fromkeys(names, 9) for k in ("urns", "schools", "other", "another")},
        "measures": tuple({"id": m, "label": m, "unit": "points"} for m in names),
    }
    whole = make_evaluation(**more)
    first = render_html(whole)
    assert render_html(make_evaluation(**more)) == first
    file = tmp_path / "evaluation.json"
    for seed in range(3):
        raw = shuffled(json.loads(whole.to_json()), random.Random(seed))
        file.write_text(json.dumps(raw), encoding="utf-8")
        assert render_html(Evaluation.load(file)) == first
