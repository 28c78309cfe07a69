"""What importing a metric's module costs: every evaluation and every `show` pays for it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator

from impactkit.declarations import Metric, load_code

MOST_MS = 150
HEAVY = ("scipy", "sklearn")
RUNS = 3
"""The quickest of so many runs counts: another program's work is not the metric's."""

PROBE = """
import importlib, importlib.util, json, os, sys, time
import polars, impactkit.metrics, impactkit.hookspecs, impactkit.testing
name, path, folders = json.loads(sys.argv[1])
sys.path[:0] = folders
try:
    spec = importlib.util.find_spec(name)
except (ImportError, ValueError):
    spec = None
before = time.process_time()
if spec and spec.origin == path:
    importlib.import_module(name)
else:
    spec = importlib.util.spec_from_file_location("metric_under_test", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["metric_under_test"] = module
    spec.loader.exec_module(module)
spent = time.process_time() - before
print("\\n" + json.dumps([spent, sorted({m.partition(".")[0] for m in sys.modules})]))
"""


def faults(metric: Metric) -> Iterator[str]:
    """Yield what is wrong with the cost of importing the module that the metric stands in.

    A metric made in a notebook has no module to import, so there is nothing to yield.
    """
    code = load_code(metric.compute)
    module = sys.modules.get(code.__module__)
    path = getattr(module, "__file__", None)
    if not path or not os.path.exists(path):
        return
    told = json.dumps([code.__module__, path, [p for p in sys.path if p]])
    runs = []
    for _ in range(RUNS):
        ended = subprocess.run(
            [sys.executable, "-c", PROBE, told], capture_output=True, text=True, check=False
        )
        if ended.returncode:
            last = ended.stderr.strip().rpartition("\n")[2]
            yield f"[import] its module cannot be imported by itself: {last}"
            return
        runs.append(json.loads(ended.stdout.strip().rpartition("\n")[2]))
    heavy = sorted(set(HEAVY) & set(runs[0][1]))
    if heavy:
        yield (
            f"[import] its module imports {' and '.join(heavy)} at once; import it in the function "
            "that needs it, for every command waits for it"
        )
    quickest = 1000 * min(run[0] for run in runs)
    if quickest > MOST_MS:
        yield f"[import] its module takes {quickest:.0f} ms to import; {MOST_MS} ms is the most"
