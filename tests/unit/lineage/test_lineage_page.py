"""The page on lineage says what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from impactkit.lineage.kinds import KINDS

PAGE = Path(__file__).resolve().parents[3] / "docs" / "howto" / "lineage.md"
SHORT = {
    "Merged - expansion of school capacity": "- expansion of school capacity",
    "Merged - expansion in school capacity and changer in age range": "- both",
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_link_type_stands_in_the_table_with_its_treatment(kind: str) -> None:
    """A reader of the page finds each of the 18 types, and what becomes of it."""
    rows = [line for line in PAGE.read_text("utf-8").splitlines() if line.startswith("| ")]
    named = SHORT.get(kind, kind)
    (row,) = [row for row in rows if named in [c.strip() for c in re.split(r"\||, ", row)]]
    words = {"succession": "a chain", "reorganisation": "reorganisation", "tie": "not followed"}
    assert words[KINDS[kind]] in row


def test_the_example_runs(capsys: pytest.CaptureFixture[str]) -> None:
    """The block of Python on the page works as it stands."""
    (block,) = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    exec(compile(block, str(PAGE), "exec"), {})
    assert "140001" in capsys.readouterr().out
