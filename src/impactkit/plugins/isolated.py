"""Code that plugins declare, called so that an exception in it names its plugin."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Iterable
from typing import Any

import attrs

from impactkit.declarations import (
    Code,
    DataCheck,
    Estimator,
    Reader,
    ReadResult,
    Recognised,
    Source,
    TableSpec,
    load_code,
)
from impactkit.errors import ImpactkitError, PluginError, Problem
from impactkit.plugins.guard import guarded, spare, words_of
from impactkit.plugins.info import PluginInfo

Blame = Callable[[str, str], None]
"""Told the plugin's name and the fault, where the run can go on without what failed."""

RAISE = object()
"""For `Isolated.instead`: nothing will do instead."""


@attrs.frozen(kw_only=True)
class Isolated:
    """A callable that stands for a plugin's code, which is imported at the first call.

    `refuses` says what is wrong with what it gave, or nothing; `signed` puts the plugin's name on
    what it gave.
    With `instead` a failure is the plugin's fault and the run goes on; without, it is raised.
    With `offered` it is given those keyword arguments only that it names.
    """

    code: Code
    what: str
    info: PluginInfo
    blame: Blame = attrs.field(repr=False)
    refuses: Callable[[Any], str] = attrs.field(default=lambda found: "", repr=False)
    signed: Callable[[Any, PluginInfo], Any] = attrs.field(default=lambda x, info: x, repr=False)
    seconds: float = 0.0
    instead: Any = RAISE
    offered: bool = False

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the code; raise `PluginError` for whatever it raises that is no error of ours."""
        try:
            with guarded(self.seconds) as seen:
                code = load_code(self.code)
                found = code(*args, **(_named(code, kwargs) if self.offered else kwargs))
                # A generator runs here, where its exceptions are caught.
                found = list(found) if inspect.isgenerator(found) else found
                if why := self.refuses(found):
                    raise TypeError(why)
                found = self.signed(found, self.info)
        except ImpactkitError:
            raise
        except BaseException as error:
            spare(error)
            fault = f"{self.what} raised {words_of(error)}"
            if self.instead is not RAISE:
                self.blame(self.info.name, fault)
                return self.instead
            raise PluginError(f"plugin {self.info.label}: {fault}") from error
        for fault in (*seen.faults, *(f"it replaced {name}" for name in seen.patched)):
            self.blame(self.info.name, f"{self.what}: {fault}")
        return found

    @property
    def __signature__(self) -> inspect.Signature:
        """The signature of the code behind, which callers look at to see what it takes."""
        try:
            return inspect.signature(load_code(self.code))
        except BaseException as error:
            spare(error)
            raise PluginError(
                f"plugin {self.info.label}: {self.what} cannot be used: {words_of(error)}"
            ) from error


def isolated(declaration: Any, info: PluginInfo, blame: Blame, seconds: float) -> Any:
    """Return a declaration whose code is `Isolated`; metrics have a process of their own instead.

    A reader, an estimator or an engine that fails stops what the study asked of it. A check, or a
    look at a file's head, that fails or takes longer than `seconds` is left out, and its plugin is
    blamed.
    """

    def wrap(code: Code, what: str, **how: Any) -> Isolated:
        return Isolated(code=code, what=what, info=info, blame=blame, **how)

    def spared(code: Code, what: str, **how: Any) -> Isolated:
        return wrap(code, what, seconds=seconds, **how)

    if isinstance(declaration, Reader):
        name = declaration.id
        return attrs.evolve(
            declaration,
            read=wrap(
                declaration.read,
                f"reader {name}",
                refuses=_no_result,
                signed=_signed_result,
                offered=True,
            ),
            recognise=spared(
                declaration.recognise,
                f"reader {name}, looking at a file,",
                refuses=_not_recognised,
                instead=None,
            ),
        )
    if isinstance(declaration, Estimator):
        return attrs.evolve(declaration, fit=wrap(declaration.fit, f"estimator {declaration.id}"))
    if isinstance(declaration, Source):
        return attrs.evolve(
            declaration, open=wrap(declaration.open, f"engine {declaration.scheme}")
        )
    if isinstance(declaration, DataCheck):
        what = f"check {declaration.id}"
        return attrs.evolve(declaration, check=spared(declaration.check, what, instead=()))
    if isinstance(declaration, TableSpec):
        what = f"a check of table {declaration.name}"
        how = {"instead": (), "refuses": _no_problems, "signed": _of_columns(declaration)}
        checks = [spared(check, what, **how) for check in declaration.checks]
        return attrs.evolve(declaration, checks=checks)
    return declaration


def _named(code: Callable[..., Any], given: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments that a function names, or all when it takes any."""
    parameters = inspect.signature(code).parameters
    if any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        return given
    return {name: value for name, value in given.items() if name in parameters}


def _no_result(found: Any) -> str:
    import polars as pl

    if not isinstance(found, ReadResult):
        return f"it returned a {type(found).__name__}, not a ReadResult"
    frame: Any = found.frame
    if not isinstance(frame, pl.DataFrame):
        return f"its frame is a {type(frame).__name__}, not a polars DataFrame"
    return _no_problems(found.problems)


def _no_problems(found: Any) -> str:
    if found is None or isinstance(found, Problem):
        return "it gave no list of Problem; yield each of them, and nothing when all is well"
    strangers = sorted({type(each).__name__ for each in found if not isinstance(each, Problem)})
    return f"among its problems is a {', a '.join(strangers)}" if strangers else ""


def _signed(
    problems: Iterable[Problem], info: PluginInfo, columns: Collection[str] = ()
) -> list[Problem]:
    """Put the plugin's name on what it found, by which disclosure control knows its words.

    A column is named when it is one of `columns`: what it is called is fixed before data are read.
    """
    return [
        attrs.evolve(
            each,
            code=f"{info.name}.{each.code}",
            rule=f"{each.rule} (plugin {info.name})",
            column=each.column if each.column in columns else "",
        )
        for each in problems
    ]


def _of_columns(declaration: TableSpec) -> Callable[[Any, PluginInfo], Any]:
    names = [column.name for column in declaration.columns]
    return lambda problems, info: _signed(problems, info, names)


def _signed_result(result: ReadResult, info: PluginInfo) -> ReadResult:
    columns = result.frame.columns
    return attrs.evolve(result, problems=_signed(result.problems, info, columns))


def _not_recognised(found: Any) -> str:
    if found is None or isinstance(found, Recognised):
        return ""
    return f"it returned a {type(found).__name__}, not Recognised or None"
