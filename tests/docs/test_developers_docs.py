"""What developers are told runs as it is printed."""

from __future__ import annotations

import doctest
import re
import tomllib
from pathlib import Path

import pytest

from impactkit import Study

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE = ROOT / "src" / "impactkit" / "cli" / "study_template.toml"


@pytest.mark.parametrize(
    ("page", "least"), [("howto/notebook.md", 20), ("reference/schemas.md", 3)]
)
def test_the_examples_of_a_page_run(page, least):
    """And there are some."""
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    path = str(ROOT / "docs" / page)
    failed, tried = doctest.testfile(path, module_relative=False, optionflags=flags)
    assert not failed
    assert tried >= least


def test_what_the_template_leaves_out_is_valid_when_it_is_put_in():
    """Each line that looks like TOML behind its #, with the block of plugins whole."""
    text = TEMPLATE.read_text("utf-8")
    (block,) = re.findall(r"^# \[plugins\]\n(?:# \w+ = .*\n)+", text, flags=re.M)
    shown = tomllib.loads(block.replace("# ", "", 1).replace("\n# ", "\n"))
    study = Study.parse({"study": {"title": "One"}, **shown})
    assert study.plugins_allow == ("did", "leadership")
    assert (study.plugins_timeout, study.plugins_memory_mb) == (300.0, 2000)
