"""What runs inside a child process: a job, timed. Standard library only: the peers' Python runs it.

CPU seconds (user and system, of all threads) are those of the job on a frame in memory, after the
same job on a small panel: importing and compiling are not counted, for nobody. Peak memory is that
of the whole process, interpreter, imports and frame included.
"""

from __future__ import annotations

import contextlib
import io
import json
import resource
import sys
import time
import warnings

MARK = "MEASURED "


def report(load, job, folder, small_folder):
    """Run `job` on what `load` makes of either folder; print CPU, peak memory and what it found.

    A job under a second is run five times and the least is given: other work on the machine only
    adds to it.
    """
    warnings.simplefilter("ignore")
    quiet = io.StringIO()
    with contextlib.redirect_stdout(quiet):
        job(load(small_folder))
        frame = load(folder)
        cpu, found = [], None
        while not cpu or (max(cpu) < 1 and len(cpu) < 5):
            start = time.process_time()
            found = job(frame)
            cpu.append(time.process_time() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    unit = 1 if sys.platform == "darwin" else 1024
    print(MARK + json.dumps({"cpu": min(cpu), "peak": peak * unit, "found": found}))


def found(value, std_error=None):
    """Return an estimate as JSON can hold it."""
    return [float(value), None if std_error is None else float(std_error)]
