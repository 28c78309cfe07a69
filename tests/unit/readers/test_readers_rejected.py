"""Rows that a reader cannot use count towards what a study allows."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from impactkit import Study, default_registry, evaluate
from impactkit.errors import InputError
from impactkit.readers import ks2
from impactkit.readers.performance import TableOptions

HEADER = "RECTYPE,LEA,ESTAB,URN,SCHNAME,TELIG,PTRWM_EXP\n"
GOOD = "".join(f"1,936,{2000 + i},{125001 + i},School {i},30,{50 + i % 9}%\n" for i in range(90))
BAD = {
    "impossible": "1,936,2901,125901,Ash,30,150%\n",
    "ragged": "1,936,2902,125902,Beech,30,61%,9,9\n",
    "no URN": "1,936,2903,,Elm,30,61%\n",
}


def _file(folder: Path, rows: str) -> Path:
    path = folder / "2019" / "england_ks2final.csv"
    path.parent.mkdir()
    path.write_text(HEADER + rows, encoding="utf-8")
    return path


@pytest.mark.parametrize("kind", BAD)
def test_each_kind_of_unfit_row_is_counted_by_the_reader(tmp_path: Path, kind: str) -> None:
    """A figure that cannot be true, a row that does not fit its header, a school without number."""
    result = ks2.READER.read(_file(tmp_path, GOOD + BAD[kind]), TableOptions(), shown="x.csv")
    assert (result.n_rows, result.n_rejected) == (91, 1)


def test_rows_about_no_school_are_no_fault(tmp_path: Path) -> None:
    """Rows of authorities and of England are read as such, and none is a loss."""
    total = "4,936,,,Surrey,900,61%\n5,,,,England,600000,65%\n"
    result = ks2.READER.read(_file(tmp_path, GOOD + total), TableOptions(), shown="x.csv")
    assert result.n_rejected == 0


@pytest.mark.parametrize(("allowed", "stops"), [(0.05, False), (0.02, True)])
def test_more_than_a_study_allows_stop_it(tmp_path: Path, allowed: float, stops: bool) -> None:
    """Three of 93 rows are 3.2 per cent, whoever set them aside."""
    _file(tmp_path, GOOD + "".join(BAD.values()))
    study = Study.parse(
        {
            "study": {"title": "T", "max_rejected": allowed},
            "tables": {"outcomes": {"reader": "dfe.ks2", "path": "2019/*.csv"}},
            "design": {},
            "metrics": {},
        },
        folder=tmp_path,
    )
    registry = default_registry(deny=["*"])
    if not stops:
        assert evaluate(study, registry=registry).provenance is not None
        return
    with pytest.raises(InputError, match="3 of its 93 rows cannot be used") as caught:
        evaluate(study, registry=registry)
    told = next(str(p) for p in caught.value.problems if p.code == "file.max_rejected")
    for row, why in ((92, "cannot be true"), (93, "the row has"), (94, "no URN")):
        assert re.search(f"from row {row} on, [^;]*{why}", told)
