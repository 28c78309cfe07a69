"""Next year's round of a study that was evaluated: its plan, registers and releases come along.

The plan is taken over as it was locked. A round that only adds the years that follow carries it on;
whatever else is changed, the evaluation says.
"""

from __future__ import annotations

import glob
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import attrs

from impactkit.errors import Problem, UsageError
from impactkit.results import Evaluation
from impactkit.study import CORE_ENGINE, Study

EARLIER = "earlier"
"""Folder of a study in which the releases of earlier rounds lie."""

_YEARS = re.compile(r"^(\s*years\s*=\s*\[\s*\d{4}\s*,\s*)(\d{4})(\s*,?\s*\])", re.MULTILINE)


@attrs.frozen(kw_only=True)
class NextRound:
    """What was made: how many files of data came along, and what is left to do."""

    files: int
    notes: tuple[str, ...] = attrs.field(converter=tuple[str, ...])


def next_round(
    folder: str | Path,
    out: str | Path,
    *,
    study: str | Path | None = None,
    data: str | Path | None = None,
) -> NextRound:
    """Make the folder of the next round from an evaluation and the study that it was of.

    Parameters
    ----------
    folder
        New, or empty.
    out
        The evaluation.
    study
        The study file or its folder; by default the folder that `out` is in.
    data
        What the study's paths are relative to; by default the study's folder.

    Raises
    ------
    InputError
        When there is no evaluation or no study, the plan is broken, or the folder is not empty.
    """
    folder, out = Path(folder), Path(out)
    evaluation = Evaluation.load(out)
    before = Study.load(out.absolute().parent if study is None else study)
    assert before.folder is not None
    root = before.folder if data is None else Path(data)
    if folder.is_file() or (folder.is_dir() and any(folder.iterdir())):
        rule, remedy = "the folder is not empty", "Give the name of a new folder."
        raise UsageError(Problem(code="new.taken", file=str(folder), rule=rule, remedy=remedy))
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
        try:
            made = _filled(draft, before, root, out, evaluation)
            draft.chmod(0o755)
            draft.replace(folder)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    except OSError as error:
        rule = f"it cannot be written ({error.strerror})"
        raise UsageError(Problem(code="new.unwritable", file=str(folder), rule=rule)) from error
    return made


def _filled(draft: Path, before: Study, root: Path, out: Path, evaluation: Evaluation) -> NextRound:
    from impactkit.planning import carry_over, plan_name

    assert before.folder is not None
    files = sorted(set(_files(before, root)))
    for path in files:
        target = draft / path.relative_to(root)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    for name in ("local_metrics", EARLIER):
        if (before.folder / name).is_dir():
            shutil.copytree(before.folder / name, draft / name)
    release = out / "release" if (out / "release").is_dir() else out
    shutil.copytree(release, _free(draft / EARLIER, before))
    text, years = _later(before.text)
    (draft / "study.toml").write_text(text, encoding="utf-8")
    plan = carry_over(before.folder, draft, plan_name(before.file))
    given = evaluation.provenance
    changed = given is not None and given.study_sha256 not in ("", before.sha256)
    return NextRound(
        files=len(files),
        notes=_notes(before, years, planned=plan is not None, changed=changed, root=root),
    )


def _files(study: Study, root: Path) -> Iterator[Path]:
    """Yield the files that the study reads, as far as they lie under its data."""
    for sources in study.tables.values():
        for source in sources:
            for pattern in source.path if source.engine == CORE_ENGINE else ():
                if Path(pattern).is_absolute() or ".." in Path(pattern).parts:
                    continue
                found = map(Path, glob.glob(str(root / pattern), recursive=True))
                yield from (path for path in found if path.is_file())


def _elsewhere(study: Study) -> Iterable[str]:
    return [
        f"{name}: {path}"
        for name, sources in study.tables.items()
        for source in sources
        for path in source.path
        if source.engine != CORE_ENGINE or Path(path).is_absolute() or ".." in Path(path).parts
    ]


def _free(folder: Path, study: Study) -> Path:
    """Return a name for an earlier round that is not taken: its years, or a number."""
    years = study.design.years
    name = f"{years[0]}-{years[1]}" if years else "round"
    taken = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    names = [name, *(f"{name}-{i}" for i in range(2, len(taken) + 3))]
    return folder / next(name for name in names if name not in taken)


def _later(text: str) -> tuple[str, tuple[int, int] | None]:
    """Return the study file with one more year, and the last years before and after."""
    found = _YEARS.findall(text)
    if len(found) != 1:
        return text, None
    last = int(found[0][1])
    return _YEARS.sub(rf"\g<1>{last + 1}\g<3>", text), (last, last + 1)


def _notes(
    study: Study, years: tuple[int, int] | None, *, planned: bool, changed: bool, root: Path
) -> Iterator[str]:
    if changed:
        yield "The study file was changed after that evaluation; it came along as it is now."
    if years:
        yield f"The last year is {years[1]} now, not {years[0]}: add the files of that year."
    else:
        yield "Add the files of the new year, and set `years` under [design] if it has to be."
    if planned:
        yield "The plan came along as it was locked. New years carry it on; other changes are said."
    else:
        yield "No plan was locked, and outcomes were read: a plan locked now is labelled so."
    if re.search(r"\d{4}-\d\d-\d\d", study.text):
        yield "Read through the study file: days in it are those of the last round."
    for where in _elsewhere(study):
        yield f"Not taken along, for it lies elsewhere: {where}"
