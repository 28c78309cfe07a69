"""The end of the report: data, problems, plugins, disclosure control, words and methods."""

from __future__ import annotations

from collections.abc import Mapping

from impactkit.report.parts import Part
from impactkit.report.phrases import clean, count, humanise, level_words, number, year_words
from impactkit.report.summary import design_of
from impactkit.report.tables import without_empty_columns
from impactkit.results import Column, Evaluation, Table

SHOWN = 50
"""Problems shown on the page; the rest are counted, and all of them are in problems.csv."""

_TERMS = (
    (
        "Interval",
        "The range of values that fit the data. If the same study could be done many times, a 95% "
        "interval would hold the true value in 95 of 100.",
    ),
    (
        "Band",
        "An interval that holds for several estimates at once, so it is wider.",
    ),
    (
        "No effect was found",
        "The interval takes in no difference. The data fit no effect, and they also fit every "
        "other value in the interval.",
    ),
    (
        "Evidence of effect, 0 to 5",
        "How strong the evidence is, by this project's own rules: design, precision, schools lost, "
        "balance, comparability of years and number of partnerships, less flaws. A precise finding "
        "of no effect can have a high grade.",
    ),
    (
        "Theory, T0 to T3",
        "T0: no theory of change is written down; T1: one is; T2: at least half of its arrows have "
        "evidence; T3: besides, a story that looks for what would speak against it.",
    ),
    (
        "Percentage points",
        "The difference between two percentages: from 50% to 53% is 3 percentage points, and 6%.",
    ),
    (
        "School standard deviation (school SD)",
        "How far schools of one year typically lie from their mean. It is no effect size, since "
        "pupils differ far more than the means of schools do.",
    ),
    (
        "Comparison schools",
        "Schools whose results over the same years show what might have happened otherwise.",
    ),
    ("School year", "1 September to 31 August, written by both years: 2023/24."),
    (
        "URN",
        "Unique reference number of a school. A school that becomes an academy gets a new one, so "
        "numbers that follow one another are joined.",
    ),
    (
        "Average effect on those treated (ATT)",
        "The average difference between what was seen in schools in partnerships and what the "
        "comparison schools lead one to expect for them.",
    ),
    (
        "Difference-in-differences",
        "A comparison of changes: how results moved in one group, less how they moved in another. "
        "It relies on both groups having moved alike had nobody joined.",
    ),
    (
        "Clusters",
        "Schools in one partnership share what happens to them, so they count as one cluster when "
        "the width of an interval is worked out.",
    ),
)


def sources(evaluation: Evaluation) -> Part:
    """Return the files that were read: hashes, rows used and rows set aside by reason."""
    files = evaluation.provenance.sources if evaluation.provenance else ()
    used = Table(
        id="sources",
        title="Files read",
        columns=[
            Column(name="path", label="File", kind="dimension"),
            Column(name="table", label="Read as", kind="text"),
            Column(name="year", label="School year", kind="text"),
            Column(name="n_rows", label="Rows", kind="count", of="events"),
            Column(name="n_used", label="Rows or values used", kind="count", of="events"),
            Column(name="aside", label="Rows set aside", kind="count", of="events"),
            Column(name="sha256", label="SHA-256, first 12", kind="text"),
        ],
        rows=[
            [
                f.path,
                humanise(f.table),
                year_words(f.year) if f.year else "",
                f.n_rows,
                f.n_used,
                sum(f.set_aside.values()),
                f.sha256[:12],
            ]
            for f in files
        ],
    )
    reasons: dict[tuple[str, str], int] = {}
    for f in files:
        for reason, n in f.set_aside.items():
            reasons[f.table, reason] = reasons.get((f.table, reason), 0) + n
    aside = Table(
        id="set-aside",
        title="Rows set aside, by reason",
        columns=[
            Column(name="reason", label="Reason", kind="dimension"),
            Column(name="table", label="Table", kind="text"),
            Column(name="n", label="Rows", kind="count", of="events"),
        ],
        rows=[
            [humanise(reason), humanise(table), n]
            for (table, reason), n in sorted(reasons.items(), key=lambda item: (-item[1], item[0]))
        ],
    )
    tables = [without_empty_columns(t) for t in (used, aside) if t.rows]
    return Part(id="data", title="The data that were used", tables=tables)


def problems(evaluation: Evaluation) -> Part:
    """Return the problems found in the data, without any value from them."""
    found = evaluation.problems
    table = Table(
        id="problems",
        title="Problems found in the data",
        columns=[
            Column(name="file", label="File", kind="dimension"),
            Column(name="row", label="Row", kind="text"),
            Column(name="column", label="Column", kind="text"),
            Column(name="rule", label="What was expected", kind="text"),
            Column(name="remedy", label="What to do", kind="text"),
            Column(name="count", label="Rows like it", kind="count", of="events"),
        ],
        rows=[
            [p.file or "The study", str(p.row or ""), p.column, p.rule or p.code, p.remedy, p.count]
            for p in found[:SHOWN]
        ],
    )
    more = len(found) - SHOWN
    lead = (f"{count(more, 'more problem').capitalize()}: see problems.csv.",) if more > 0 else ()
    return Part(
        id="problems",
        title="Problems found in the data",
        lead=lead,
        tables=[without_empty_columns(table)] if found else [],
    )


def plugins(evaluation: Evaluation) -> Part:
    """Return what the evaluation was made with; a failed plugin is one line that stands out."""
    failed = [p for p in evaluation.plugins if p.get("status") == "failed"]
    lines = [
        f"Plugin {clean(p.get('name', 'without a name'))} failed and was not used: "
        f"{clean(p.get('reason') or 'no reason was recorded').rstrip('.')}."
        for p in failed
    ]
    table = Table(
        id="plugins",
        title="Plugins",
        columns=[
            Column(name="name", label="Plugin", kind="dimension"),
            Column(name="version", label="Version", kind="text"),
            Column(name="status", label="Status", kind="text"),
            Column(name="local", label="Written for this study", kind="text"),
            Column(name="source", label="From", kind="text"),
            Column(name="hash", label="Content hash, first 12", kind="text"),
        ],
        rows=[
            [
                p.get("name", ""),
                p.get("version", ""),
                humanise(p.get("status", "")),
                "Local" if p.get("local") else "",
                p.get("source", ""),
                p.get("content_hash", "")[:12],
            ]
            for p in evaluation.plugins
        ],
    )
    tables = [without_empty_columns(table)] if evaluation.plugins else []
    alert = Part(id="plugins-failed", title="Plugins that failed", points=lines, alert=True)
    return Part(
        id="plugins",
        title="Plugins and versions",
        tables=tables,
        parts=[alert] if failed else [],
    )


def disclosure(evaluation: Evaluation) -> Part:
    """Say what disclosure control did: the profile, what was withheld and why."""
    done = evaluation.disclosure
    if done is None:
        lead = ("Disclosure control has not been run on this evaluation: it is not for sharing.",)
        return Part(id="disclosure", title="Protecting people", lead=lead, alert=True)
    lines = [f"Profile: {clean(done.profile)}, version {clean(done.version)}."]
    if done.threshold is not None:
        lines.append(
            f"Counts of people from 1 to {number(done.threshold, 0)} are withheld, with whatever "
            "would let them be worked out. Counts of schools and partnerships are public facts."
        )
    cells = sum(w.cells for w in done.withheld)
    lines.append(f"{count(cells, 'figure').capitalize()} withheld in this release.")
    if done.audit:
        lines.append(f"Audit: {clean(done.audit).rstrip('.')}.")
    table = Table(
        id="withheld",
        title="What was withheld",
        columns=[
            Column(name="table", label="Table", kind="dimension"),
            Column(name="metric", label="Metric", kind="text"),
            Column(name="cells", label="Figures withheld", kind="count", of="events"),
            Column(name="reason", label="Why", kind="text"),
        ],
        rows=[[humanise(w.table), w.metric, w.cells, w.reason] for w in done.withheld],
    )
    return Part(
        id="disclosure",
        title="Protecting people",
        lead=lines,
        tables=[without_empty_columns(table)] if done.withheld else [],
    )


def glossary() -> Part:
    """Return the words that the report uses, each with what it means here."""
    columns = [
        Column(name="term", label="Word", kind="dimension"),
        Column(name="meaning", label="What it means here", kind="text"),
    ]
    table = Table(id="glossary", title="Words used in this report", columns=columns, rows=_TERMS)
    return Part(id="glossary", title="Words used", tables=[table])


def methods(evaluation: Evaluation) -> Part:
    """Return the methods annex: settings of the design, seed and versions."""
    rows: list[list[str]] = []
    for name, value in sorted(design_of(evaluation).items()):
        if value in (None, "", [], (), {}):
            continue
        if name == "level":
            text = level_words(float(value))
        elif isinstance(value, Mapping):
            text = ", ".join(f"{clean(k)}: {clean(v)}" for k, v in value.items() if v)
        elif isinstance(value, list | tuple):
            text = ", ".join(clean(v) for v in value)
        else:
            text = clean(value)
        rows.append([f"Design: {humanise(name).lower()}", text])
    for measure in evaluation.measures:
        name = clean(measure.get("label") or humanise(measure["id"]))
        for key, what in (("exposure", "First exposed year"), ("scale", "Scale")):
            if measure.get(key):
                rows.append([f"{what}: {name}", clean(measure[key])])
    made = evaluation.provenance
    if made is not None:
        rows += [
            ["Seed of random draws", str(made.seed)],
            ["Study file, SHA-256", made.study_sha256],
            ["impactkit", made.impactkit],
            ["Python", made.python],
            *([name, version] for name, version in sorted(made.packages.items())),
            *([["Made on", made.created]] if made.created else []),
        ]
    table = Table(
        id="methods",
        title="Settings and versions",
        columns=[
            Column(name="what", label="Setting", kind="dimension"),
            Column(name="value", label="Value", kind="text"),
        ],
        rows=[row for row in rows if row[1]],
    )
    return Part(
        id="methods",
        title="Methods and versions",
        lead=("The same inputs, settings and versions give the same figures.",) if made else (),
        tables=[table] if table.rows else [],
    )
