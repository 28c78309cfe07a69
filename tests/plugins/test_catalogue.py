"""The catalogue in the documentation is what the metrics' own cards say now."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

from impactkit.pipeline import default_registry
from impactkit.pipeline.core import OURS

REFERENCE = Path(__file__).resolve().parents[2] / "docs" / "reference"


@pytest.fixture(scope="module")
def catalogue():
    """Import the script that writes the page."""
    spec = importlib.util.spec_from_file_location("catalogue", REFERENCE / "catalogue.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_current(catalogue):
    """Written again it would be the same: `python docs/reference/catalogue.py`."""
    assert (REFERENCE / "catalogue.md").read_text("utf-8") == catalogue.text()


def test_the_page_of_measures_is_current(catalogue):
    """What the registry says of each measure stands on its page."""
    shown = (REFERENCE / "measures.md").read_text("utf-8")
    assert shown == catalogue.measures()
    assert "## `ks2_rwm_expected`" in shown


def test_every_metric_of_ours_is_in_it_with_definition_and_source():
    """No card is so empty that a reader would learn nothing."""
    page = (REFERENCE / "catalogue.md").read_text("utf-8")
    registry = default_registry(allow=OURS)
    for name in registry.metrics:
        _, _, rest = page.partition(f"## `{name}`")
        body = rest.partition("\n## ")[0]
        for field in ("Definition", "Formula", "Source", "Needs", "Caveats"):
            assert f"**{field}.**" in body, f"{name} has no {field.lower()}"


def test_pictures_are_there_and_are_drawings():
    """Each picture on the page is an SVG without anything that runs, or that is fetched."""
    page = (REFERENCE / "catalogue.md").read_text("utf-8")
    found = re.findall(r"!\[([^]]+)\]\((pictures/[a-z_.]+\.svg)\)", page)
    assert found
    for alternative, path in found:
        assert alternative
        svg = (REFERENCE / path).read_text("utf-8")
        assert svg.startswith("<svg ")
        assert "<script" not in svg
        assert "href" not in svg
