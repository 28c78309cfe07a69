"""Run somebody else's metric in a process of its own, so that one which hangs costs itself only."""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from typing import Any

import attrs

from impactkit.declarations import Metric
from impactkit.errors import EstimationError, MetricError
from impactkit.metrics import MetricContext
from impactkit.pipeline.worker import CALLABLES, Task, receive, send
from impactkit.plugins import PluginInfo, spare, words_of

_CODE = "from impactkit.pipeline.worker import main; main()"


def computed_apart(
    metric: Metric,
    info: PluginInfo,
    context: MetricContext,
    *,
    seconds: float,
    memory_mb: int = 0,
) -> tuple[Any, float]:
    """Return what `returned.computed` would, from a worker process, and the CPU seconds it took.

    Parameters
    ----------
    seconds
        How long the metric may take; the time in which core works for it is not counted.
    memory_mb
        Megabytes that it may use beyond those it starts with; 0: no limit.

    Raises
    ------
    EstimationError
        When the metric says that nothing can be estimated.
    MetricError
        When it raises anything else, takes too long, or its process ends; in one line.
    """
    # -P: a file of the folder that we happen to be in, polars.py say, must not get in the way.
    worker = subprocess.Popen(
        [sys.executable, "-P", "-c", _CODE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=None if os.environ.get("IMPACTKIT_DEBUG") else subprocess.DEVNULL,
        env=_environment(),
        start_new_session=True,
    )
    task = Task(
        metric=metric.id,
        info=attrs.evolve(info, origin=None, faults=()),
        origin=info.origin,
        seconds=seconds,
        memory_mb=memory_mb,
    )
    given = {
        field.name: getattr(context, field.name)
        for field in attrs.fields(MetricContext)
        if field.name not in CALLABLES
    }
    try:
        return _converse(worker, task, given, context)
    finally:
        _end(worker)
        for pipe in (worker.stdin, worker.stdout):
            with contextlib.suppress(OSError):  # what could not be said any more
                pipe.close()  # type: ignore[union-attr]
        worker.wait()


def _converse(
    worker: subprocess.Popen[bytes],
    task: Task,
    given: Mapping[str, Any],
    context: MetricContext,
) -> tuple[Any, float]:
    messages: list[Any] = [task, given]
    left = task.seconds
    while True:
        turn = _Turn(worker, left)
        try:
            kind, *rest = turn.take(messages)
        except (EOFError, OSError, pickle.UnpicklingError) as error:
            raise MetricError(_why_gone(worker, task, turn)) from error
        left -= turn.seconds
        if kind == "gave":
            return rest[0], rest[1]
        if kind == "cannot":
            raise EstimationError(rest[0])
        if kind == "failed":
            raise MetricError(rest[0])
        messages = [_answer(context, *rest)]


class _Turn:
    """One thing said and its answer, for which the worker has some seconds and no more."""

    def __init__(self, worker: subprocess.Popen[bytes], seconds: float) -> None:
        self.worker = worker
        self.late = False
        self.timer = threading.Timer(max(seconds, 0.0), self._ring)
        self.timer.daemon = True
        self.seconds = 0.0

    def _ring(self) -> None:
        self.late = True
        _end(self.worker)

    def take(self, messages: list[Any]) -> Any:
        assert self.worker.stdin is not None
        assert self.worker.stdout is not None
        begun = time.monotonic()
        self.timer.start()
        try:
            for message in messages:
                send(self.worker.stdin, message)  # type: ignore[arg-type]
            return receive(self.worker.stdout)  # type: ignore[arg-type]
        finally:
            self.timer.cancel()
            self.seconds = time.monotonic() - begun


def _answer(
    context: MetricContext, name: str, args: tuple[Any, ...], options: Mapping[str, Any]
) -> tuple[str, Any]:
    """Do what the worker asked for; what that raises is raised again in the metric."""
    try:
        return "value", getattr(context, name)(*args, **options)
    except EstimationError as error:
        return "raise", error
    except BaseException as error:
        spare(error)
        return "raise", MetricError(words_of(error))


def _why_gone(worker: subprocess.Popen[bytes], task: Task, turn: _Turn) -> str:
    if turn.late:
        return (
            f"it took longer than {task.seconds:g} s and was stopped; "
            "if it needs more, raise `timeout_seconds` under [plugins]"
        )
    try:
        code = worker.wait(5)
    except subprocess.TimeoutExpired:
        return "its process gave no answer"
    how = f"signal {-code}" if code < 0 else f"exit code {code}"
    limit = f" (it may have {task.memory_mb:,} MB)" if task.memory_mb else ""
    memory = f", perhaps for want of memory{limit}" if code < 0 else ""
    return f"its process ended without an answer ({how}){memory}"


def _environment() -> dict[str, str]:
    """Return our environment, with our own import path for the worker's."""
    path = os.pathsep.join(entry or os.getcwd() for entry in sys.path)
    return {**os.environ, "PYTHONPATH": path}


def _end(worker: subprocess.Popen[bytes]) -> None:
    """End a worker, and the processes that it started."""
    if worker.poll() is not None and not hasattr(os, "killpg"):
        return
    try:
        if hasattr(os, "killpg"):
            os.killpg(worker.pid, signal.SIGKILL)
        else:
            worker.kill()
    except (ProcessLookupError, PermissionError):
        pass
