"""A finished run onto the disk, in one atomic step: all of it, or nothing."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from impactkit.errors import Problem, UsageError

if TYPE_CHECKING:
    from impactkit.pipeline.execute import Run

OURS = {"release", "private", ".gitignore"}
"""What an evaluation folder holds. Anything else is the user's, and would be lost with it."""


def check_out(out: str | Path) -> Path:
    """Return the output folder as a path, refusing one that holds anything else.

    Raises
    ------
    UsageError
        When it is a file, a folder with something in it that impactkit did not write, or
        somewhere that the user may not write.
    """
    out = Path(out)
    above = next(path for path in out.absolute().parents if os.path.exists(path))
    held = set(os.listdir(out)) if os.path.isdir(out) else set()
    if os.path.exists(out) and not os.path.isdir(out):
        raise _refused(out, "it is a file, not a folder")
    if not above.is_dir():
        raise _refused(out, f"{above.name} above it is a file, not a folder")
    if held - OURS:
        other = min(held - OURS)
        raise _refused(out, f"the folder is not empty, and {other} in it is not an evaluation's")
    if held and not (out / "release" / "evaluation.json").is_file():
        raise _refused(out, "the folder is not empty, and what is in it is not an evaluation")
    if not os.access(above, os.W_OK):
        raise _refused(out, "you may not write there")
    return out


def _refused(out: Path, rule: str) -> UsageError:
    remedy = "Give the name of a new folder with -o."
    return UsageError(Problem(code="out.taken", file=str(out), rule=rule, remedy=remedy))


def write(run: Run, out: str | Path) -> Path:
    """Write ``OUT/release`` (to be shared) and ``OUT/private`` (never), replacing an older run.

    Everything is written beside `out` first and moved into place at the end, so that a run that is
    stopped leaves the older evaluation as it was.

    Raises
    ------
    UsageError
        When `out` cannot be written, say because the disk is full.
    """
    import polars as pl

    from impactkit.report import write_release

    out = check_out(out).resolve()
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    except OSError as error:
        raise _refused(out, f"it cannot be written ({error.strerror})") from error
    try:
        write_release(run.evaluation, made / "release")
        private = made / "private"
        private.mkdir()
        if run.rejected is not None:
            run.rejected.write_parquet(private / "rejected.parquet")
        rows = [
            {
                "code": p.code,
                "severity": p.severity,
                "file": p.file,
                "row": p.row,
                "column": p.column,
                "value": p.value,
                "rule": p.rule,
                "remedy": p.remedy,
                "count": p.count,
            }
            for p in run.problems
        ]
        schema = {
            **dict.fromkeys(("code", "severity", "file"), pl.String),
            "row": pl.Int64,
            **dict.fromkeys(("column", "value", "rule", "remedy"), pl.String),
            "count": pl.Int64,
        }
        pl.DataFrame(rows, schema=schema).write_csv(private / "problems_with_values.csv")
        for measure, frame in run.panels.items():
            frame.write_parquet(private / f"panel_{measure}.parquet")
        (made / ".gitignore").write_text("private/\n", encoding="utf-8")
        made.chmod(0o755)
        private.chmod(0o700)
        _swap(made, out)
    except OSError as error:
        raise _refused(out, f"it cannot be written ({error.strerror})") from error
    finally:
        shutil.rmtree(made, ignore_errors=True)
    return out


def _swap(made: Path, out: Path) -> None:
    """Move the new folder into place; the old one is only removed once that has been done."""
    if not out.exists():
        made.rename(out)
        return
    old = Path(tempfile.mkdtemp(prefix=f".{out.name}-old-", dir=out.parent))
    try:
        out.rename(old / "was")
        made.rename(out)
    except BaseException:
        if not out.exists():
            (old / "was").rename(out)
        raise
    finally:
        if out.exists():
            shutil.rmtree(old, ignore_errors=True)
