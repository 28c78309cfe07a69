"""Studies that are sound, and spoilt, for tests of the doctor."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

_SPEC = importlib.util.spec_from_file_location(
    "doctor_studies", Path(__file__).with_name("doctor_studies.py")
)
assert _SPEC is not None
assert _SPEC.loader is not None
_STUDIES = importlib.util.module_from_spec(_SPEC)
sys.modules["doctor_studies"] = _STUDIES
_SPEC.loader.exec_module(_STUDIES)


@pytest.fixture(scope="session")
def studies():
    """Return the module that draws studies."""
    return _STUDIES


@pytest.fixture(scope="session")
def examined(tmp_path_factory):
    """Return a function that writes a drawn study and examines it as `impactkit check` does."""
    from impactkit.pipeline import default_registry, inspect_study, plan
    from impactkit.study import Study

    registry = default_registry(allow=["did"])

    def look(drawn):
        path = drawn.write(tmp_path_factory.mktemp("study"))
        study, problems = Study.read(path)
        planned = plan(study, registry=registry, problems=problems)
        assert planned.problems == ()
        return inspect_study(planned)

    return look
