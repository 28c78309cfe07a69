"""Every kind of damaged download, as a person meets it: what is said, and what to do.

One published table, spoilt in one way at a time, is looked at with `impactkit check FILE`.
"""

from __future__ import annotations

import gzip
import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from impactkit import Study
from impactkit.pipeline import default_registry, inspect_file, inspect_study, plan

HEADER = "RECTYPE,LEA,ESTAB,URN,SCHNAME,TELIG,PTRWM_EXP\n"
ROWS = [f"1,936,{2000 + i},{125001 + i},School {i},30,{50 + i % 9}%\n" for i in range(40)]
WHOLE = (HEADER + "".join(ROWS)).encode()
NAME = "england_ks2final.csv"
Spoil = Callable[[], bytes]


@pytest.fixture(scope="module")
def registry():
    """Return core alone, as the command has it."""
    return default_registry(deny=["*"])


def _between(content: bytes, at: int = 20) -> bytes:
    return b"".join([HEADER.encode(), *(r.encode() for r in ROWS[:at]), content]) + b"".join(
        r.encode() for r in ROWS[at:]
    )


def _archive(member: str) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr(member, WHOLE)
    return held.getvalue()


def _told(
    folder: Path, content: bytes, registry, name: str = NAME, year: str = "2019"
) -> list[str]:
    path = folder / year / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    return [str(problem) for problem in inspect_file(path, registry).problems]


REFUSED: dict[str, tuple[Spoil, str, str]] = {
    "a download cut in mid-row": (
        lambda: WHOLE[:-12],
        "of 7 fields, and no line end",
        "Download it again",
    ),
    "a compressed download cut short": (
        lambda: gzip.compress(WHOLE)[:-40],
        "cut short",
        "Download it again",
    ),
    "a web page saved as csv": (
        lambda: b"<!DOCTYPE html><html><body>Page not found</body></html>",
        "a web page",
        "Open the address in a browser",
    ),
    "a zip": (lambda: _archive("england.csv"), "archive", "Unpack"),
    "a workbook with macros": (lambda: _archive("xl/vbaProject.bin"), "macros", "Save"),
    "a workbook with a password": (
        lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600,
        "password",
        "remove the password",
    ),
    "NUL bytes": (lambda: _between(b"1,936,2900,\0\0\0,,30,50%\n"), "NUL", "CSV"),
    "a line without end": (lambda: _between(b"x" * 2_000_000 + b"\n"), "longer than", "again"),
    "two encodings": (
        lambda: _between("1,9,1,125900,École,3,5%\n".encode() + b"1,9,2,125901,\xc9,1,5%\n"),
        "UTF-8, but other lines are in Windows",
        "save the whole as CSV UTF-8",
    ),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_cannot_be_used_is_refused_with_a_remedy(tmp_path: Path, kind: str, registry) -> None:
    """Nothing of it is read; the one message names the file, what is wrong and what to do."""
    spoil, rule, remedy = REFUSED[kind]
    (told,) = _told(tmp_path, spoil(), registry)
    assert NAME in told
    assert rule in told
    assert remedy in told


def test_a_second_row_of_headers_is_named(tmp_path: Path, registry) -> None:
    """Under the codes stand the long names: the row is told, and no school is lost."""
    second = b"Record type,Authority,Number,URN,School,Pupils,Met\n"
    path = tmp_path / "2019" / NAME
    path.parent.mkdir()
    path.write_bytes(_between(second, at=0))
    seen = inspect_file(path, registry)
    assert seen.about["schools"] == 40
    (told,) = [line for line in seen.lines if "set aside" in line]
    assert "row 2" in told
    assert "second header" in told


def test_a_total_in_the_middle_costs_nothing_but_itself(tmp_path: Path, registry) -> None:
    """A row added by hand is no school: forty schools are still read, and it is counted."""
    path = tmp_path / "2019" / NAME
    path.parent.mkdir()
    path.write_bytes(_between(b",,,,Total,1200,54%\n"))
    seen = inspect_file(path, registry)
    assert seen.about["schools"] == 40
    assert seen.about["set_aside"] == {"the row has no URN": 1}


def test_a_byte_order_mark_in_the_middle_is_named(tmp_path: Path, registry) -> None:
    """Two files were put one behind the other: the row where the second begins, and what to do."""
    (told,) = _told(tmp_path, WHOLE + b"\xef\xbb\xbf" + WHOLE, registry)
    assert f"Row 42 of {NAME}" in told
    assert "Give the files one by one." in told


def test_a_year_in_the_name_that_the_columns_deny(tmp_path: Path, registry) -> None:
    """A column of a year that cannot be in it gives the file away."""
    content = WHOLE.replace(b"PTRWM_EXP", b"PTRWM_EXP,PTRWM_EXP_17", 1).replace(b"%\n", b"%,60%\n")
    (told,) = _told(tmp_path, content, registry)
    assert NAME in told
    assert "2018" in told
    assert "wrong folder" in told


def test_last_years_file_under_this_years_name(tmp_path: Path, registry) -> None:
    """The same content for two years is told, with both files."""
    for year in ("2018", "2019"):
        (tmp_path / year).mkdir()
        (tmp_path / year / NAME).write_bytes(WHOLE)
    study = Study.parse(
        {
            "study": {"title": "T"},
            "tables": {"outcomes": {"reader": "dfe.ks2", "path": f"20??/{NAME}"}},
            "design": {},
            "metrics": {},
        },
        folder=tmp_path,
    )
    seen = inspect_study(plan(study, registry=registry))
    (told,) = [str(p) for p in seen.problems if p.severity == "error"]
    assert "2019/" + NAME in told
    assert "same content as 2018/" + NAME in told
    assert "Was last year's file saved" in told
