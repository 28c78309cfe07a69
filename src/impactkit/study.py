"""What is to be evaluated: a study, from ``study.toml`` or built in Python.

A study file is read whole: every fault in it is found at once, each with its key, its line and a
remedy. Names of readers, metrics and estimators are resolved later, in `impactkit.pipeline.plan`,
where the plugins are known; its problems join these in one message.
"""

from __future__ import annotations

import hashlib
import importlib
import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from impactkit.design import Design as Design, design_of
from impactkit.errors import Problem, StudyError
from impactkit.theory import Theory, theory_of
from impactkit.tomlkeys import Keys, line_of, texts

if TYPE_CHECKING:
    from impactkit.declarations import Metric
    from impactkit.metrics import MetricContext

CORE_ENGINE = "polars"
"""What takes files, each through its reader; no plugin's engine may have this name."""

_PRIVATE = ("folder", "file", "text", "sha256")
"""What a study knows of the file that it was read from, and does not tell."""


@attrs.frozen(kw_only=True)
class TableSource:
    """Where the rows of one table come from: files, and the reader that takes them.

    Attributes
    ----------
    path
        One path or several, relative to ``--data``, or to the study's own folder; ``*``, ``?`` and
        ``**`` are wildcards. With an `engine` of a plugin it is what that engine opens.
    reader
        The reader that takes the files; `impactkit show readers` lists them.
    engine
        ``polars``, or the engine of a plugin; then there is no `reader`.
    options
        What the reader or the engine is told beside: further keys of the same entry.
    """

    path: tuple[str, ...] = attrs.field(default=(), converter=texts)
    reader: str = "plain.table"
    engine: str = CORE_ENGINE
    options: Mapping[str, Any] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class Study:
    """Everything an evaluation needs to be told; what the file can say, Python can say too.

    Attributes
    ----------
    title
        What the report is called.
    seed
        Of everything that is drawn: the same seed gives the same draws.
    max_rejected
        The share of an official extract's rows that may be set aside before it is an error.
    tables
        Where the rows of each table come from, by the table's name; see `TableSource`.
    design
        How the effect is to be found; see `Design`.
    metrics
        The ids to run, each with its parameters. Left out (None): all whose needs are met.
    disclosure
        The disclosure profile: the rules by which small counts of people are withheld.
    theory
        Why it should work: what leads to what, and the evidence for each arrow; see `Theory`.
    report_allow_impact
        Why the summary may say "impact" though the evidence is graded 0 or 1; the reason is printed
        with it. Empty: it does not.
    plugins_allow
        The only installed plugins to use, by name; empty: all of them.
    plugins_deny
        Plugins not to use, by name.
    plugins_timeout
        Seconds that a metric of somebody else's plugin may take.
    plugins_memory_mb
        Megabytes that such a metric may use beyond those it starts with; 0: no limit.
    folder
        What paths are relative to.

    Examples
    --------
    >>> study = Study(title="Two schools", design=Design(outcome="attendance"))
    >>> study.design.outcome
    ('attendance',)
    """

    title: str
    seed: int = 0
    max_rejected: float = 0.01
    tables: Mapping[str, tuple[TableSource, ...]] = attrs.field(factory=dict)
    design: Design = attrs.field(factory=Design)
    metrics: Mapping[str, Mapping[str, Any]] | None = None
    disclosure: str = "dfe-school"
    theory: Theory | None = None
    report_allow_impact: str = ""
    plugins_allow: tuple[str, ...] = attrs.field(default=(), converter=texts)
    plugins_deny: tuple[str, ...] = attrs.field(default=(), converter=texts)
    plugins_timeout: float = 300.0
    plugins_memory_mb: int = 0
    folder: Path | None = attrs.field(default=None, eq=False)
    file: str = attrs.field(default="", eq=False)
    text: str = attrs.field(default="", eq=False, repr=False)
    sha256: str = attrs.field(default="", eq=False)

    @classmethod
    def load(cls, path: str | Path) -> Study:
        """Read a study file.

        Raises
        ------
        StudyError
            With every problem in the file, each with key, line and remedy.
        """
        study, problems = cls.read(path)
        if problems:
            raise StudyError(problems)
        return study

    @classmethod
    def read(cls, path: str | Path) -> tuple[Study, tuple[Problem, ...]]:
        """Read a study file as far as it goes, and return with it what is wrong with it.

        What is faulty has its default. `impactkit.pipeline.plan` takes such a study and its
        problems, and adds those that show only once plugins and data are known.

        Raises
        ------
        StudyError
            When there is no such file, or it is no TOML.
        """
        path = Path(path)
        if path.is_dir():
            path = path / "study.toml"
        try:
            raw = path.read_bytes()
        except OSError as error:
            raise StudyError(
                Problem(
                    code="study.missing",
                    file=str(path),
                    rule="there is no such study file"
                    if not path.exists()
                    else str(error.strerror),
                    remedy="Make one with `impactkit new study FOLDER`.",
                )
            ) from error
        try:
            text = raw.decode("utf-8-sig")
            values = tomllib.loads(text)
        except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            line = re.search(r"line (\d+)", str(error))
            raise StudyError(
                Problem(
                    code="study.toml",
                    file=path.name,
                    row=int(line[1]) if line else None,
                    rule=f"it is not valid TOML: {error}",
                    remedy="Text stands in quotes, lists in [brackets], one `key = value` a line.",
                )
            ) from error
        made, problems = _parse(values, path.name, text)
        digest = hashlib.sha256(raw).hexdigest()
        study = cls(**made, folder=path.parent, file=path.name, text=text, sha256=digest)
        return study, problems

    @classmethod
    def parse(cls, values: Mapping[str, Any], *, folder: Path | None = None) -> Study:
        """Make a study of what a study file says, given as a dictionary.

        Raises
        ------
        StudyError
            With every problem at once.
        """
        made, problems = _parse(values, "the study", "")
        if problems:
            raise StudyError(problems)
        return cls(**made, folder=folder)

    def context(self, metric: Metric | str, **given: Any) -> MetricContext:
        """Return what a metric would be given in this study, to try it in a notebook.

        Takes what `impactkit.context` takes: ``tables``, ``data``, ``params``, ``registry`` and
        ``allow_local``.
        """
        # The pipeline stands above this room: the call goes up through the public name (ADR 6).
        context: MetricContext = importlib.import_module("impactkit").context(self, metric, **given)
        return context

    def placed(self, problem: Problem) -> Problem:
        """Return a problem of this study's file with the line that its key stands on."""
        if problem.row is not None or problem.file != self.file or not problem.column:
            return problem
        return attrs.evolve(problem, row=line_of(self.text, problem.column))

    def to_plain(self) -> dict[str, Any]:
        """Return the study as it is recorded in ``evaluation.json``.

        Without the folder that it lay in, and without what an engine may have been told in
        confidence: a password in an address, the values of its options.
        """
        return attrs.asdict(
            self, filter=lambda field, _: field.name not in _PRIVATE, value_serializer=_public
        )


def _public(of: Any, field: attrs.Attribute[Any], value: Any) -> Any:
    if isinstance(of, TableSource) and field.name == "path":
        return tuple(public_path(path) for path in value)
    if isinstance(of, TableSource) and field.name == "options" and of.engine != CORE_ENGINE:
        return dict.fromkeys(value, "(not shown)")
    return value


def public_path(path: str) -> str:
    """Return a path without the user and password that an address may have in it.

    Examples
    --------
    >>> public_path("postgres://ann:secret@db.kent/outcomes"), public_path("data/**/swf.csv")
    ('postgres://db.kent/outcomes', 'data/**/swf.csv')
    """
    return re.sub(r"(?<=://)[^/\s]*@", "", path)


def _parse(
    values: Mapping[str, Any], file: str, text: str
) -> tuple[dict[str, Any], tuple[Problem, ...]]:
    """Return the fields of a `Study`, and every problem in the order of the file."""
    top = Keys(values, "", file, text)
    made = study_of(top)
    top.close()
    return made, tuple(sorted(top.problems, key=lambda p: p.row or 0))


def study_of(top: Keys) -> dict[str, Any]:
    """Read a whole study file; its faults go to `top`, and what is faulty has its default."""
    study = top.table("study", required=True)
    tables = {
        name: tuple(_sources(top, name, value))
        for name, value in top.table("tables").rest().items()
    }
    metrics_given = "metrics" in top.values
    metrics: dict[str, Mapping[str, Any]] = {}
    for name, params in top.table("metrics").rest().items():
        if isinstance(params, Mapping):
            metrics[name] = params
        else:
            top.fault(
                "metrics." + name,
                params,
                "each metric is a table of its parameters",
                f'Write [metrics."{name}"] and its parameters below it.',
            )
    plugins = top.table("plugins")
    disclosure = top.table("disclosure")
    report = top.table("report")
    return {
        "title": study.text("title", required=True),
        "seed": study.whole("seed", 0, low=0),
        "max_rejected": study.number("max_rejected", 0.01, low=0.0, high=1.0),
        "tables": tables,
        "design": design_of(top.table("design")),
        "metrics": metrics if metrics_given else None,
        "disclosure": disclosure.text("profile", "dfe-school"),
        "theory": theory_of(top.table("theory")),
        "report_allow_impact": report.text("allow_impact"),
        "plugins_allow": plugins.texts("allow"),
        "plugins_deny": plugins.texts("deny"),
        "plugins_timeout": plugins.number("timeout_seconds", 300.0, low=1.0, high=86_400.0),
        "plugins_memory_mb": plugins.whole("memory_mb", 0, low=0),
    }


def _sources(top: Keys, name: str, value: Any) -> Iterable[TableSource]:
    entries = value if isinstance(value, list) else [value]
    for number, entry in enumerate(entries):
        where = f"tables.{name}" + (f"[{number}]" if len(entries) > 1 else "")
        if isinstance(entry, str):
            entry = {"path": entry}
        if isinstance(entry, Mapping):
            yield source_of(Keys(entry, where, top.file, top.text_of_file, top.problems))
        else:
            top.fault(
                where,
                entry,
                "a path, or a table with `path` and `reader`",
                f'Write {name} = {{ reader = "dfe.workforce", path = "*/england_swf.csv" }}.',
            )


def source_of(keys: Keys) -> TableSource:
    """Read one entry of ``[tables]``; what it says beside these keys is for its reader."""
    return TableSource(
        path=keys.texts("path", required=True),
        reader=keys.text("reader", "plain.table"),
        engine=keys.text("engine", CORE_ENGINE),
        options=keys.rest(),
    )
