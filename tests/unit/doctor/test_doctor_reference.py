"""The reference page of findings is complete and current."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

from impactkit.doctor import catalogue

REFERENCE = Path(__file__).resolve().parents[3] / "docs" / "reference"
SOURCE = Path(__file__).resolve().parents[3] / "src" / "impactkit" / "doctor"


def test_the_page_of_findings_is_what_its_script_writes():
    """Nobody edits it by hand, and nobody forgets to write it anew."""
    spec = importlib.util.spec_from_file_location("findings_page", REFERENCE / "findings.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert (REFERENCE / "findings.md").read_text("utf-8") == module.text()


def test_every_code_in_the_detectors_has_its_entry():
    """Every kind that is declared anywhere in the room is in the catalogue, and on the page."""
    declared = {
        code
        for path in SOURCE.glob("*.py")
        for code in re.findall(r'^    code="(.+)",$', path.read_text("utf-8"), flags=re.M)
    }
    page = (REFERENCE / "findings.md").read_text("utf-8")
    assert declared == {kind.code for kind in catalogue()}
    assert declared == set(re.findall(r"^### `(.+)`$", page, flags=re.M))
    for kind in catalogue():
        assert kind.remedy in page
        assert kind.detector in page


def test_the_example_of_the_guide_prints_what_it_says(capsys):
    """The one block of Python in `docs/howto/doctor.md`."""
    guide = (REFERENCE.parent / "howto" / "doctor.md").read_text("utf-8")
    (block,) = re.findall(r"```python\n(.*?)```", guide, flags=re.S)
    exec(compile(block, "doctor.md", "exec"), {})
    assert f"# {capsys.readouterr().out}" == block.splitlines(keepends=True)[-1]
