"""Run a plugin's code in this process, and put right what it leaves changed.

This guards against accident, not malice: a plugin is code that the user chose to install.
"""

from __future__ import annotations

import contextlib
import io
import locale
import os
import re
import signal
import sys
import threading
import traceback
import warnings
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import attrs

_LIBRARIES = sys.stdlib_module_names | {"attr", "impactkit", "numpy", "pluggy", "polars", "scipy"}

MOST_WORDS = 500
"""Characters of an exception's message that are shown; some hold a whole query plan."""


class TookTooLong(BaseException):
    """Raised inside a plugin that overstays; no `Exception`, so that it is seldom swallowed."""


def spare(error: BaseException) -> None:
    """Raise again what is no fault of a plugin: the user who stops the run.

    Everything else is the plugin's, `SystemExit` and a panic inside polars among it; neither is an
    `Exception`.
    """
    if isinstance(error, KeyboardInterrupt):
        raise error


def words_of(error: BaseException, code: Callable[..., Any] | None = None) -> str:
    """Name an exception and where it was raised, in one line.

    The place is the innermost in the plugin's own code: not inside polars, where it went wrong.
    Polars quotes the values that it stumbles over; they may be personal, and are left out, unless
    the plugin's own code has them: a misspelt column is what its author must see. `code` is the
    plugin's own where it has returned already, as what made a lazy frame has.

    Examples
    --------
    >>> words_of(ValueError("no such  year"))
    'ValueError: no such year'
    """
    places = list(traceback.walk_tb(error.__traceback__))
    own = [place for place in places if not _of_a_library(place[0])]
    where = ""
    if own:
        frame, line = own[-1]
        where = f" ({Path(frame.f_code.co_filename).name}, line {line})"
    # attrs' validators raise with everything that they know; the first part is for people.
    said = error.args[0] if type(error) is ValueError and len(error.args) > 1 else error
    try:
        text = " ".join(str(said).split())
    except Exception:  # a message that cannot be made is no reason to lose the rest
        text = ""
    if type(error).__module__.partition(".")[0] == "polars":
        codes = [frame.f_code for frame, _ in own] + [c for c in [_code_of(code)] if c]
        written = {c for each in codes for c in each.co_consts if isinstance(c, str)}
        text = re.sub(
            r"\[[^\]]*\]?|\"[^\"]*\"?",
            lambda quoted: quoted[0] if quoted[0].strip('"') in written else "…",
            text,
        )
    text = text if len(text) <= MOST_WORDS else text[:MOST_WORDS] + " …"
    return f"{type(error).__name__}{': ' + text if text else ''}{where}"


def _code_of(code: Callable[..., Any] | None) -> CodeType | None:
    return getattr(code, "__code__", None)


def _of_a_library(frame: FrameType) -> bool:
    return str(frame.f_globals.get("__name__", "")).partition(".")[0] in _LIBRARIES


_RELIED_ON = frozenset({"attr", "json", "numpy", "os", "pathlib", "pickle", "polars"})


@attrs.define
class Seen:
    """What a plugin did besides its work: `faults` were put right, `patched` was put back."""

    faults: list[str] = attrs.field(factory=list)
    patched: list[str] = attrs.field(factory=list)


def _locale() -> str:
    return locale.setlocale(locale.LC_ALL)


def _folder() -> str:
    try:
        return str(Path.cwd())
    except OSError:  # it was removed under us, and there is nothing to go back to
        return ""


def _interrupt() -> Any:
    return signal.getsignal(signal.SIGINT)


def _set_interrupt(handler: Any) -> None:
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, handler)


State = tuple[str, Callable[[], Any], Callable[[Any], Any]]
STATE: tuple[State, ...] = (
    ("the locale", _locale, lambda old: locale.setlocale(locale.LC_ALL, old)),
    ("the working folder", _folder, lambda old: os.chdir(old) if old else None),
    ("the limit of recursion", sys.getrecursionlimit, sys.setrecursionlimit),
    ("what Ctrl-C does", _interrupt, _set_interrupt),
)
"""What belongs to the whole process: its name for people, how to look at it, how to put it back."""


@contextlib.contextmanager
def guarded(seconds: float = 0.0) -> Iterator[Seen]:
    """Run a plugin's code: keep its print-outs off stdout, and put back what it changed.

    Parameters
    ----------
    seconds
        After these the code is interrupted with `TookTooLong`; 0: never. Only where the system can
        (POSIX), in the main thread, and when nobody else's timer runs.

    Examples
    --------
    >>> with guarded() as seen:
    ...     print("not shown")
    >>> seen.faults
    ['it printed to standard output, which a program may be reading; that was dropped']
    """
    seen = Seen()
    before = [take() for _, take, _ in STATE]
    environment, threads = dict(os.environ), set(threading.enumerate())
    surface = list(_surface())
    printed = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", errors="replace")
    try:
        # Filters of warnings go back in silence: numpy and scikit-learn set some when imported.
        with warnings.catch_warnings(), contextlib.redirect_stdout(printed), _alarm(seconds):
            yield seen
    finally:
        with contextlib.suppress(ValueError):  # the plugin closed it
            printed.flush()
            if printed.buffer.tell():
                seen.faults.append(
                    "it printed to standard output, which a program may be reading; "
                    "that was dropped"
                )
        for (what, take, restore), old in zip(STATE, before, strict=True):
            if take() != old:
                restore(old)
                seen.faults.append(f"it changed {what}, which was put back")
        # Variables may be added, as scikit-learn does when it is imported.
        if lost := {k: v for k, v in environment.items() if os.environ.get(k) != v}:
            os.environ.update(lost)
            seen.faults.append("it changed the environment, which was put back")
        if any(not t.daemon and t.is_alive() for t in set(threading.enumerate()) - threads):
            seen.faults.append("it left a thread running; end it, or make it a daemon")
        seen.patched += _unpatched(surface)


def _surface() -> Iterator[tuple[Any, dict[str, Any]]]:
    """Yield what everyone relies upon, with the names in it that nobody may bind anew.

    Names may be added: polars has a way to register namespaces, and this package finds its public
    names when they are first used.
    """
    for name, module in list(sys.modules.items()):
        top = name.partition(".")[0]
        if name in _RELIED_ON or top == "impactkit":
            yield module, {k: v for k, v in vars(module).items() if callable(v)}
    polars = sys.modules.get("polars")
    for name in ("DataFrame", "LazyFrame", "Series", "Expr"):
        cls = vars(polars).get(name) if polars else None
        if isinstance(cls, type):
            yield cls, dict(vars(cls))
    yield Path, dict(vars(Path))


def _unpatched(surface: Iterable[tuple[Any, dict[str, Any]]]) -> Iterator[str]:
    for owner, names in surface:
        now = vars(owner)
        for name, value in names.items():
            if now.get(name) is not value and not name.startswith("__"):
                setattr(owner, name, value)
                yield f"{owner.__name__}.{name}"


@contextlib.contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    can = hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread()
    if not seconds or not can or signal.getitimer(signal.ITIMER_REAL)[0]:
        yield
        return

    def ring(*_: Any) -> None:
        raise TookTooLong(f"it took longer than {seconds:g} s")

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before if before is not None else signal.SIG_DFL)
