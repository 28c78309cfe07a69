"""The one path from a study to an evaluation that the library and the command line share.

``evaluate`` is `plan`, then `run`; ``write`` puts the result on the disk in one step. Names are
resolved when they are first used: who only looks up what there is does not wait for estimators.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # for type checkers and editors; nothing of it is imported at run time
    from impactkit.pipeline.core import (
        default_registry as default_registry,
        registry_for as registry_for,
    )
    from impactkit.pipeline.execute import Run as Run, evaluate as evaluate, run as run
    from impactkit.pipeline.file_seen import inspect_file as inspect_file
    from impactkit.pipeline.inspect import inspect_study as inspect_study
    from impactkit.pipeline.notebook import context as context, evaluate_metric as evaluate_metric
    from impactkit.pipeline.output import check_out as check_out, write as write
    from impactkit.pipeline.planning import diagnose_study as diagnose_study, lock as lock
    from impactkit.pipeline.resolve import (
        Plan as Plan,
        PlannedFile as PlannedFile,
        PlannedMetric as PlannedMetric,
        not_in_use as not_in_use,
        plan as plan,
    )

_NAMES: dict[str, tuple[str, ...]] = {
    "core": ("default_registry", "registry_for"),
    "execute": ("Run", "evaluate", "run"),
    "file_seen": ("inspect_file",),
    "inspect": ("inspect_study",),
    "notebook": ("context", "evaluate_metric"),
    "output": ("check_out", "write"),
    "planning": ("diagnose_study", "lock"),
    "resolve": ("Plan", "PlannedFile", "PlannedMetric", "not_in_use", "plan"),
}
_HOME = {name: module for module, names in _NAMES.items() for name in names}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value
