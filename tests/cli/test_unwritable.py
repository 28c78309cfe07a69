"""Where nothing can be written, the message says so: it is no fault of ours, and no traceback."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize(
    "words",
    [
        ("new", "study", "{}"),
        ("new", "study", "{}", "--template", "chains"),
        ("new", "templates", "{}", "needs"),
        ("new", "metric", "kent.lates", "--folder", "{}"),
        ("demo", "{}"),
    ],
    ids=lambda words: " ".join(words[:2]),
)
def test_a_folder_that_cannot_be_made_is_named(words, tmp_path, impactkit) -> None:
    """A file stands where a folder is to be; its name and what to check are in the message."""
    taken = tmp_path / "taken"
    taken.write_text("mine")
    ended = impactkit(*(word.format(taken / "study") for word in words))
    assert ended.code == 2
    assert str(taken) in ended.err
    assert "fault of impactkit" not in ended.err
    assert taken.read_text() == "mine"


def test_an_id_that_cannot_be_one_is_answered_with_one_that_can(impactkit) -> None:
    """The remedy can be taken as it stands."""
    ended = impactkit("new", "metric", "kent.Été 1")
    assert ended.code == 2
    assert "Give a name such as kent.ete_1." in ended.err
