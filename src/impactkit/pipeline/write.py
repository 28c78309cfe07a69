"""A finished run onto the disk, in one atomic step: all of it, or nothing."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from impactkit.errors import Problem, UsageError

if TYPE_CHECKING:
    from impactkit.pipeline.run import Run


def check_out(out: str | Path) -> Path:
    """Return the output folder as a path, refusing one that holds anything else.

    Raises
    ------
    UsageError
        When it is a file, or a folder with something in it that impactkit did not write.
    """
    out = Path(out)
    ours = (out / "release" / "evaluation.json").is_file()
    rule = ""
    if out.exists() and not out.is_dir():
        rule = "it is a file, not a folder"
    elif out.is_dir() and any(out.iterdir()) and not ours:
        rule = "the folder is not empty, and what is in it is not an evaluation"
    if rule:
        remedy = "Give the name of a new folder with -o."
        raise UsageError(Problem(code="out.taken", file=str(out), rule=rule, remedy=remedy))
    return out


def write(run: Run, out: str | Path) -> Path:
    """Write ``OUT/release`` (to be shared) and ``OUT/private`` (never), replacing an older run.

    Everything is written beside `out` first and moved into place at the end, so that a run that is
    stopped leaves the older evaluation as it was.
    """
    import polars as pl

    from impactkit.report import write_release

    out = check_out(out).resolve()
    out.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
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
    except BaseException:
        shutil.rmtree(made, ignore_errors=True)
        raise
    return out


def _swap(made: Path, out: Path) -> None:
    """Move the new folder into place; the old one is only removed once that has been done."""
    if not out.exists():
        made.rename(out)
        return
    old = Path(tempfile.mkdtemp(prefix=f".{out.name}-old-", dir=out.parent))
    out.rename(old / "was")
    try:
        made.rename(out)
    except OSError:
        (old / "was").rename(out)
        raise
    finally:
        shutil.rmtree(old, ignore_errors=True)
