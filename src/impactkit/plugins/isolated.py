"""Code that plugins declare, called so that an exception in it names its plugin."""

from __future__ import annotations

import inspect
from collections.abc import Callable
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
from impactkit.errors import ImpactkitError, PluginError
from impactkit.plugins.guard import guarded, spare, words_of
from impactkit.plugins.info import PluginInfo

Blame = Callable[[str, str], None]
"""Told the plugin's name and the fault, where the run can go on without what failed."""

RAISE = object()
"""For `Isolated.instead`: nothing will do instead."""


@attrs.frozen(kw_only=True)
class Isolated:
    """A callable that stands for a plugin's code, which is imported at the first call.

    With `instead` a failure is the plugin's fault and the run goes on; without, it is raised.
    """

    code: Code
    what: str
    info: PluginInfo
    blame: Blame = attrs.field(repr=False)
    returns: tuple[type, ...] = ()
    instead: Any = RAISE

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the code; raise `PluginError` for whatever it raises that is no error of ours."""
        try:
            with guarded() as seen:
                found = load_code(self.code)(*args, **kwargs)
                if self.returns and not isinstance(found, self.returns):
                    wanted = self.returns[0].__name__
                    raise TypeError(f"it returned a {type(found).__name__}, not a {wanted}")
                # A generator runs here, where its exceptions are caught.
                found = list(found) if inspect.isgenerator(found) else found
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


def isolated(declaration: Any, info: PluginInfo, blame: Blame) -> Any:
    """Return a declaration whose code is `Isolated`; metrics have a process of their own instead.

    A reader, an estimator or an engine that fails stops what the study asked of it. A check, or a
    look at a file's head, that fails is left out, and its plugin is blamed.
    """

    def wrap(code: Code, what: str, **how: Any) -> Isolated:
        return Isolated(code=code, what=what, info=info, blame=blame, **how)

    if isinstance(declaration, Reader):
        name = declaration.id
        return attrs.evolve(
            declaration,
            read=wrap(declaration.read, f"reader {name}", returns=(ReadResult,)),
            recognise=wrap(
                declaration.recognise,
                f"reader {name}, looking at a file,",
                returns=(Recognised, type(None)),
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
        return attrs.evolve(declaration, check=wrap(declaration.check, what, instead=()))
    if isinstance(declaration, TableSpec):
        what = f"a check of table {declaration.name}"
        checks = [wrap(check, what, instead=()) for check in declaration.checks]
        return attrs.evolve(declaration, checks=checks)
    return declaration
