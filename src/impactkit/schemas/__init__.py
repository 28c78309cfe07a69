"""JSON Schemas of ``study.toml`` and ``evaluation.json``, for editors and other people's tools.

They are made from the code that reads and writes these files (``python -m impactkit.schemas``) and
ship with the package. Draft 2020-12. A schema knows types, words and limits; that a metric exists,
or that years are in order, `impactkit check` tells.
"""

from __future__ import annotations

import json
from importlib import resources
from typing import Any, Literal

__all__ = ["load", "text"]

Name = Literal["study", "evaluation"]


def text(name: Name) -> str:
    """Return a schema as text, to be saved where an editor looks for it."""
    return resources.files(__name__).joinpath(f"{name}.schema.json").read_text("utf-8")


def load(name: Name) -> dict[str, Any]:
    """Return a schema.

    Examples
    --------
    >>> sorted(load("study")["properties"])
    ['design', 'disclosure', 'metrics', 'plugins', 'study', 'tables']
    """
    found: dict[str, Any] = json.loads(text(name))
    return found
