"""What the authors of plugins import in their tests.

`assert_metric_contract` runs a metric on what it will meet and says everything that is wrong with
it; `strategies` draws tables for Hypothesis. The fixtures in `impactkit.testing.fixtures` need no
import: pytest finds them by itself. Nothing heavy is imported until it is used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from impactkit.testing import strategies as strategies
    from impactkit.testing.contract import (
        assert_metric_contract as assert_metric_contract,
        metric_faults as metric_faults,
    )

__all__ = ["assert_metric_contract", "metric_faults", "strategies"]


def __getattr__(name: str) -> Any:
    if name == "strategies":
        return importlib.import_module("impactkit.testing.strategies")
    if name in __all__:
        return getattr(importlib.import_module("impactkit.testing.contract"), name)
    raise AttributeError(f"module 'impactkit.testing' has no attribute {name!r}")
