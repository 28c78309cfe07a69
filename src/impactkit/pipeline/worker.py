"""The process in which one metric of somebody else's runs: what is said to it, and by it.

The parent sends a `Task`, then what the metric's context holds. The worker answers with what the
metric gave, or asks first for what only the parent has: a panel, an effect, a fit. Each message is
a pickle behind its length. Both ends are our own code on one machine, run by one user; this keeps
accidents apart, and is no wall against malice.
"""

from __future__ import annotations

import faulthandler
import os
import pickle
import struct
import time
from pathlib import Path
from typing import Any, BinaryIO

import attrs

from impactkit.errors import EstimationError, MetricError
from impactkit.metrics import MetricContext
from impactkit.plugins import PluginInfo, Registry, words_of

_HEAD = struct.Struct(">Q")
CALLABLES = ("build_panel", "run_estimator", "run_effect")
"""What a context can call; the worker asks its parent for it."""

GRACE = 10.0
"""Seconds after which a worker ends itself, when a parent that died could not end it."""


@attrs.frozen(kw_only=True)
class Task:
    """Which metric to run, from where, for how long, in how much memory (0: no limit)."""

    metric: str
    info: PluginInfo
    origin: Any
    seconds: float
    memory_mb: int = 0


def send(stream: BinaryIO, message: Any) -> None:
    """Write one message."""
    data = pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL)
    stream.write(_HEAD.pack(len(data)))
    stream.write(data)
    stream.flush()


def receive(stream: BinaryIO) -> Any:
    """Read one message; EOFError when the other end is gone."""
    head = stream.read(_HEAD.size)
    if len(head) < _HEAD.size:
        raise EOFError
    return pickle.loads(stream.read(_HEAD.unpack(head)[0]))


def main() -> None:
    """Run one task: what the worker process does from its start to its end."""
    reading, writing = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_RDWR)
    # Whatever a plugin prints, from Python or from C, must not get between two messages.
    os.dup2(nowhere, 0)
    os.dup2(nowhere, 1)
    task: Task = receive(reading)
    silence = os.fdopen(nowhere, "wb")

    def watch() -> None:
        faulthandler.dump_traceback_later(task.seconds + GRACE, exit=True, file=silence)

    def ask(name: str, *args: Any, **options: Any) -> Any:
        send(writing, ("ask", name, args, options))
        watch()
        kind, found = receive(reading)
        if kind == "raise":
            raise found
        return found

    watch()
    begun = time.process_time()
    answer: tuple[Any, ...]
    try:
        answer = ("gave", _run(task, reading, ask), time.process_time() - begun)
    except EstimationError as error:
        answer = ("cannot", str(error))
    except MetricError as error:
        answer = ("failed", str(error))
    except BaseException as error:
        answer = ("failed", words_of(error))
    try:
        send(writing, answer)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        send(writing, ("failed", f"what it gave cannot be handed over: {words_of(error)}"))


def _run(task: Task, reading: BinaryIO, ask: Any) -> Any:
    from impactkit.pipeline.returned import computed

    registry = Registry()
    info = registry.register(task.origin.load(), task.info)
    metric = registry.metrics.get(task.metric)
    if metric is None:
        why = info.to_plain()["reason"] or "it declares another set of metrics each time"
        raise LookupError(f"the plugin did not declare it again in the worker process: {why}")
    given = receive(reading)  # only now, for the parameters may be of a class of the plugin's own
    if task.memory_mb:
        limit_memory(task.memory_mb)
    calls = {name: _asking(ask, name) for name in CALLABLES}
    return computed(metric, MetricContext(**given, **calls))


def _asking(ask: Any, name: str) -> Any:
    return lambda *args, **options: ask(name, *args, **options)


def can_limit_memory() -> bool:
    """Tell whether `limit_memory` works on this system: on Linux it does."""
    return Path("/proc/self/statm").exists()


def limit_memory(megabytes: int) -> None:
    """Let this process have so much memory more than it has now."""
    import resource

    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    limit = used + megabytes * 2**20
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
