"""Which local metric files may run: remembered by content, outside every study.

A study comes with the files that it was sent with, so it must not be able to allow itself. What was
allowed is kept in the user's own configuration folder (``IMPACTKIT_CONFIG`` changes where).
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from impactkit.errors import Problem, UsageError


def _store() -> Path:
    given = os.environ.get("IMPACTKIT_CONFIG")
    if given:
        return Path(given) / "allowed.json"
    import click

    return Path(click.get_app_dir("impactkit")) / "allowed.json"


def _read() -> dict[str, str]:
    try:
        found = json.loads(_store().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def is_allowed(digest: str) -> bool:
    """Tell whether a file with this SHA-256 has been allowed before."""
    return digest in _read()


def allow(digest: str, name: str) -> None:
    """Remember that a file with this content may run; a changed file must be allowed again.

    Raises
    ------
    UsageError
        When it cannot be remembered; the message says where.
    """
    known = _read()
    if digest in known:
        return
    path = _store()
    temporary = path.with_suffix(".partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(json.dumps({**known, digest: name}, indent=1, sort_keys=True), "utf-8")
        temporary.replace(path)
    except OSError as error:
        rule = f"what was allowed cannot be written here ({error.strerror})"
        remedy = "Set IMPACTKIT_CONFIG to a folder of your own."
        problem = Problem(code="trust.unwritable", file=str(path), rule=rule, remedy=remedy)
        raise UsageError(problem) from error
