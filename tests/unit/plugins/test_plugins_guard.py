"""What a plugin leaves changed is put back, and told."""

from __future__ import annotations

import locale
import os
import signal
import sys
import threading
import time
import warnings

import polars as pl
import pytest

from impactkit.plugins import guarded, spare, words_of
from impactkit.plugins.guard import MOST_WORDS, TookTooLong


def test_nothing_changed_is_nothing_told():
    """The usual plugin leaves no trace, and gets no line."""
    with guarded(5) as seen:
        sum(range(10))
    assert seen.faults == []
    assert seen.patched == []


def test_what_is_put_back_is_put_back_after_an_exception_too(tmp_path):
    """Working folder, locale and Ctrl-C are as before, whichever way the plugin ends."""
    before = (os.getcwd(), locale.setlocale(locale.LC_ALL), signal.getsignal(signal.SIGINT))
    seen = []

    def plugin():
        os.chdir(tmp_path)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        raise ValueError("enough")

    def guarded_plugin():
        with guarded() as what:
            seen.append(what)
            plugin()

    with pytest.raises(ValueError, match="enough"):
        guarded_plugin()
    assert before == (
        os.getcwd(),
        locale.setlocale(locale.LC_ALL),
        signal.getsignal(signal.SIGINT),
    )
    assert [fault.split(",")[0] for fault in seen[0].faults] == [
        "it changed the working folder",
        "it changed what Ctrl-C does",
    ]


def test_a_folder_that_was_removed_is_no_crash(tmp_path, monkeypatch):
    """There may be no working folder to go back to."""
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with guarded() as seen:
        pass
    assert seen.faults == []


def test_filters_of_warnings_go_back_in_silence():
    """scikit-learn sets some when it is imported: no fault of the plugin that needs it."""
    before = list(warnings.filters)
    with guarded() as seen:
        warnings.simplefilter("ignore")
    assert list(warnings.filters) == before
    assert seen.faults == []


@pytest.mark.parametrize(
    ("owner", "name"), [(pl, "read_csv"), (pl.DataFrame, "filter"), (pl.Expr, "sum")]
)
def test_a_replaced_function_is_put_back_and_named(owner, name):
    """A patch would change everybody's numbers."""
    original = vars(owner)[name]
    with guarded() as seen:
        setattr(owner, name, None)
    assert vars(owner)[name] is original
    assert seen.patched == [f"{owner.__name__}.{name}"]


def test_a_function_of_impactkit_that_was_replaced_is_put_back():
    """Disclosure control, above all."""
    from impactkit import disclosure

    original = disclosure.protect
    with guarded() as seen:
        disclosure.protect = lambda evaluation, *_, **__: evaluation
    assert disclosure.protect is original
    assert seen.patched == ["impactkit.disclosure.protect"]


def test_a_namespace_of_polars_may_be_added():
    """There is a way for this, and nobody else's code is changed by it."""
    with guarded() as seen:
        pl.api.register_dataframe_namespace("kent_only_here")(object)
    assert seen.patched == []
    delattr(pl.DataFrame, "kent_only_here")


@pytest.mark.parametrize("how", ["print", "buffer", "closed"])
def test_print_outs_go_nowhere(how, capsys):
    """Text, bytes, and even a stream that the plugin closes."""
    with guarded() as seen:
        if how == "print":
            print("hello")
        elif how == "buffer":
            sys.stdout.buffer.write(b"hello")
        else:
            sys.stdout.close()
    assert capsys.readouterr().out == ""
    assert ["it printed" in fault for fault in seen.faults] == ([] if how == "closed" else [True])
    print("still here")
    assert capsys.readouterr().out == "still here\n"


def test_what_overstays_is_interrupted():
    """Even where the plugin catches every `Exception`, which this is not."""
    begun = time.monotonic()

    def stubborn():
        with guarded(0.2):
            try:
                time.sleep(30)
            except Exception:
                time.sleep(30)

    with pytest.raises(TookTooLong, match=r"longer than 0\.2 s"):
        stubborn()
    assert time.monotonic() - begun < 10
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_somebody_elses_timer_is_left_alone():
    """A test runner's time limit goes on running."""
    before = signal.signal(signal.SIGALRM, lambda *_: None)
    signal.setitimer(signal.ITIMER_REAL, 60)
    try:
        with guarded(0.01):
            time.sleep(0.05)
        assert signal.getitimer(signal.ITIMER_REAL)[0] > 50
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_other_threads_can_guard_too():
    """Signals belong to the main thread; elsewhere there is no limit, and no crash."""
    seen = []

    def work():
        with guarded(0.01) as here:
            time.sleep(0.05)
        seen.append(here.faults)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [[]]


# --- exceptions in words --------------------------------------------------------------------------


def test_the_users_wish_to_stop_is_no_fault():
    """Ctrl-C is raised again; everything else is the plugin's."""
    with pytest.raises(KeyboardInterrupt):
        spare(KeyboardInterrupt())
    for error in (SystemExit(), GeneratorExit(), MemoryError(), BaseException()):
        spare(error)


def test_the_place_is_in_the_plugins_own_code():
    """Not the line inside polars where it went wrong in the end."""
    with pytest.raises(pl.exceptions.ColumnNotFoundError) as caught:
        pl.DataFrame({"a": [1]}).select("b")
    words = words_of(caught.value)
    assert words.startswith("ColumnNotFoundError: ")
    assert "(test_plugins_guard.py, line " in words


def test_values_that_polars_quotes_are_left_out():
    """They may be a person's."""
    frame = pl.DataFrame({"name": ["Jo Smith", "7"]})
    with pytest.raises(pl.exceptions.InvalidOperationError, match="Jo Smith") as caught:
        frame.select(pl.col("name").cast(pl.Int64))
    words = words_of(caught.value)
    assert "Jo Smith" not in words
    assert "column 'name'" in words


class SpeechlessError(Exception):
    """An exception that cannot be put into words."""

    def __str__(self) -> str:
        raise RuntimeError


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (SpeechlessError(), "SpeechlessError"),
        (ValueError("a\n b\t c"), "ValueError: a b c"),
        (KeyError(), "KeyError"),
        (ValueError("x" * 2_000), "ValueError: " + "x" * MOST_WORDS + " …"),
    ],
)
def test_any_exception_is_one_line(error, words):
    """Of bounded length, whatever its message is."""
    assert words_of(error) == words


def test_a_variable_may_be_added_to_the_environment_but_none_changed(monkeypatch):
    """Libraries add some when they are imported; changing one is another matter."""
    import os

    monkeypatch.setenv("KENT_OLD", "old")
    monkeypatch.delenv("KENT_NEW", raising=False)
    with guarded() as seen:
        os.environ["KENT_NEW"] = "new"
    assert (seen.faults, os.environ["KENT_NEW"]) == ([], "new")
    with guarded() as seen:
        os.environ["KENT_OLD"] = "other"
    assert os.environ["KENT_OLD"] == "old"
    assert seen.faults == ["it changed the environment, which was put back"]


def test_a_patched_library_of_pythons_own_is_put_back():
    """Everything is written through these."""
    import json
    import pathlib

    dumps, write = json.dumps, pathlib.Path.write_text
    with guarded() as seen:
        json.dumps = None
        pathlib.Path.write_text = None
    assert (json.dumps, pathlib.Path.write_text) == (dumps, write)
    assert sorted(seen.patched) == ["Path.write_text", "json.dumps"]
