"""One style of per cent signs in what users read: 95%, as the report formats its numbers."""

from __future__ import annotations

import io
import re
import subprocess
import tokenize
from pathlib import Path

import pytest

from impactkit.report.phrases import quantity

ROOT = Path(__file__).resolve().parents[2]
SPACED = re.compile(r"[0-9}] %(?![(\w])")


def _texts(path: Path) -> list[str]:
    """Return what a reader may see of a file: of code its strings, and not its operators."""
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".py":
        return [text]
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return [t.string for t in tokens if t.type == tokenize.STRING]


def test_no_space_stands_before_a_per_cent_sign() -> None:
    """Code that formats numbers, pages and cards agree with the report."""
    assert quantity(95, "percent", 0, contrast=False) == "95%"
    try:
        listed = subprocess.run(
            ["git", "ls-files", "src", "plugins", "docs", "README.md"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split()
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a checkout of the repository")
    paths = [ROOT / name for name in listed if name.endswith((".py", ".md", ".html"))]
    shown = [p for p in paths if "tests" not in p.parts and p.exists()]
    assert len(shown) > 100
    found = {str(p.relative_to(ROOT)) for p in shown for t in _texts(p) if SPACED.search(t)}
    assert not found
