"""Every exception that impactkit raises on purpose, and the `Problem` they carry.

::

    ImpactkitError                 exit code
    ├── InputError                 2   what the user gave; carries every Problem at once
    │   ├── StudyError             2   study.toml, or a Study built in Python
    │   ├── DataError              2   a file or a frame
    │   └── UsageError             2   the command line or a call
    ├── EstimationError            1   an estimator cannot answer for this data
    ├── PluginError                1   a plugin: named, with its version
    │   ├── PluginLoadError        1   it could not be found, imported or registered
    │   ├── DuplicateError         1   two plugins declare the same id
    │   └── MetricError            1   a metric raised, or returned what it may not
    ├── DisclosureError            3   the audit found a protected value; nothing is released
    └── InternalError              3   a fault of ours

An evaluator never sees a traceback: the command line prints the message and exits with the code.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from typing import ClassVar

import attrs


@attrs.frozen(kw_only=True)
class Problem:
    """One thing wrong with the input: where it is, what it is, and what to do about it.

    `code` is stable and machine-readable (``urn.format``). `row` is the line a person would see in
    a spreadsheet: the header is row 1, so the first record is row 2. `value` is as it was read; it
    may be personal, so it is written to ``private/`` only, never to a log or to the release.
    `rule` says what was expected, `remedy` what to do, both in plain English. `count` is the number
    of rows with the same fault when only the first is shown.
    """

    code: str
    file: str = ""
    row: int | None = None
    column: str = ""
    value: str | None = None
    rule: str = ""
    remedy: str = ""
    severity: str = "error"
    count: int = 1

    def __str__(self) -> str:
        """Read as one sentence: ``Row 214 of attendance.csv: `urn` is '10000'; expected …``."""
        where = self.file
        if self.row is not None:
            where = f"Row {self.row} of {self.file}" if self.file else f"Row {self.row}"
        what = f"`{self.column}`" if self.column else ""
        if self.value is not None:
            what = f"{what} is {self.value!r}" if what else repr(self.value)
        body = "; ".join(part for part in (what, self.rule) if part)
        text = f"{where}: {body}" if where and body else where or body
        if self.count > 1:
            text += f" (and {self.count - 1:,} more like it)"
        text = text if text.endswith((".", "?", "!")) else text + "."
        return f"{text} {self.remedy}".strip()

    def without_value(self) -> Problem:
        """Return the same problem fit for release: no value from anybody's data."""
        return attrs.evolve(self, value=None)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return ``Did you mean 'x'?``, or the list of what there is when nothing is close.

    Examples
    --------
    >>> did_you_mean("outcme", ["outcome", "treated"])
    "Did you mean 'outcome'?"
    >>> did_you_mean("zzz", ["outcome", "treated"])
    'There are: outcome, treated.'
    """
    known = sorted(set(known))
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    if close:
        return f"Did you mean {close[0]!r}?"
    return f"There are: {', '.join(known)}." if known else "There are none."


class ImpactkitError(Exception):
    """Base of all errors raised on purpose; `exit_code` is what the command line returns."""

    exit_code: ClassVar[int] = 3


class InputError(ImpactkitError):
    """Something the user gave cannot be used; `problems` has every fault found, not just the first.

    Examples
    --------
    >>> print(InputError(Problem(code="file.missing", file="a.csv", rule="there is no such file")))
    1 problem:
      a.csv: there is no such file.
    """

    exit_code = 2

    def __init__(self, problems: Problem | Iterable[Problem]) -> None:
        self.problems: Sequence[Problem] = (
            (problems,) if isinstance(problems, Problem) else tuple(problems)
        )
        super().__init__(str(self))

    def __str__(self) -> str:
        n = len(self.problems)
        head = "1 problem:" if n == 1 else f"{n:,} problems:"
        return "\n".join([head, *(f"  {problem}" for problem in self.problems)])


class StudyError(InputError):
    """The study file, or a `Study` built in Python, does not say what it must."""


class DataError(InputError):
    """A file or frame does not hold what its table requires."""


class UsageError(InputError):
    """A command or a call was given arguments that do not go together."""


class EstimationError(ImpactkitError):
    """An estimator cannot answer for this data; the message has the counts and the remedy."""

    exit_code = 1


class PluginError(ImpactkitError):
    """A plugin failed; the message names it and its version. The rest of the run goes on."""

    exit_code = 1


class PluginLoadError(PluginError):
    """A plugin could not be found, imported or registered."""


class DuplicateError(PluginError):
    """Two sources declare the same id; the message names both."""


class MetricError(PluginError):
    """A metric raised an exception, or returned something that its contract does not allow."""


class DisclosureError(ImpactkitError):
    """The independent audit could work out a protected value, so nothing was released."""

    exit_code = 3


class InternalError(ImpactkitError):
    """A fault of impactkit's own; please report it."""

    exit_code = 3
