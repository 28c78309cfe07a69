"""What a study file may say of plugins' limits."""

from __future__ import annotations

import pytest

from impactkit.errors import StudyError
from impactkit.study import Study


def parsed(**plugins: object) -> Study:
    """Parse a study whose `[plugins]` has the given keys."""
    return Study.parse({"study": {"title": "A study"}, "plugins": plugins})


def test_without_a_word_there_is_a_time_limit_and_none_of_memory():
    """Five minutes, which a metric on a county's data should never need."""
    study = parsed()
    assert (study.plugins_timeout, study.plugins_memory_mb) == (300.0, 0)


def test_limits_are_read():
    """Seconds and megabytes, as the keys say."""
    study = parsed(timeout_seconds=2.5, memory_mb=2000)
    assert (study.plugins_timeout, study.plugins_memory_mb) == (2.5, 2000)


@pytest.mark.parametrize(
    ("key", "value"),
    [("timeout_seconds", 0), ("timeout_seconds", "long"), ("memory_mb", -1), ("memory_mb", 1.5)],
)
def test_a_limit_that_is_none_is_a_problem_of_the_study(key, value):
    """It is named by its key; no limit is ever guessed."""
    with pytest.raises(StudyError, match=rf"plugins\.{key}"):
        parsed(**{key: value})
