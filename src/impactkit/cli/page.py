"""Everything about a thing as text: for a terminal, and as a page of Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


def fields(entry: dict[str, Any]) -> Iterable[tuple[str, str, list[tuple[str, str]]]]:
    """Yield each filled field: its label, and its text or its lines, some with a name in front."""
    for key, value in entry.items():
        if key == "id" or value in ("", None, [], {}, ()):
            continue
        label = key.replace("_", " ").capitalize()
        if isinstance(value, dict):
            items = [
                (name, ", ".join(item) if isinstance(item, list) else str(item))
                for name, item in value.items()
            ]
            yield label, "", items
        elif isinstance(value, list | tuple):
            yield label, "", [("", str(item)) for item in value]
        else:
            yield label, str(value), []


def page(
    kind: str, found: Iterable[dict[str, Any]], pictures: Mapping[str, str] | None = None
) -> str:
    """Return a page of Markdown with everything about each, and a picture of those that have one.

    Examples
    --------
    >>> print(page("metrics", [{"id": "kent.size", "title": "Size"}]))
    # Catalogue of metrics
    <BLANKLINE>
    Written by `impactkit show metrics --markdown`; change the cards, not this page.
    <BLANKLINE>
    ## `kent.size`
    <BLANKLINE>
    **Title.** Size
    <BLANKLINE>
    """
    parts = [
        f"# Catalogue of {kind}",
        f"Written by `impactkit show {kind} --markdown`; change the cards, not this page.",
    ]
    for entry in found:
        parts.append(f"## `{entry['id']}`")
        if entry["id"] in (pictures or {}):
            parts.append((pictures or {})[entry["id"]])
        for label, text, lines in fields(entry):
            bullets = [f"- `{n}`: `{line}`" if n else f"- {_plain(line)}" for n, line in lines]
            parts.append(f"**{label}.** {_plain(text)}".rstrip())
            parts += ["\n".join(bullets)] if bullets else []
    return "\n\n".join(parts) + "\n"


def _plain(text: str) -> str:
    """Return text that Markdown shows as it is."""
    for sign in "\\`*_<[":
        text = text.replace(sign, f"\\{sign}")
    return text
