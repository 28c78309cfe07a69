"""The locked analysis plan as a file: what was decided, its SHA-256, what had been read by then.

``plan.json`` lies beside the study. The hash is of everything else in it, so that a later change
shows. It guards against accident and quiet edits; whoever makes a new file makes a new hash, and a
time stamp of one's own computer is no proof of anything. For proof, lodge the hash with somebody.

``.impactkit/outcomes-read.json`` says which plans were there whenever outcomes were read for an
estimate. Order is taken from that, not from clocks.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from impactkit.errors import InputError, Problem, UsageError

NAME = "plan.json"
"""Of the plan of ``study.toml``; that of ``other.toml`` is ``other.plan.json``."""

READS = Path(".impactkit") / "outcomes-read.json"
FORMAT = 1


@attrs.frozen(kw_only=True)
class Reading:
    """That outcomes were read for an estimate: when first so, under which plans, to which year.

    `plans` are the hashes of the plans that were there; `through` is the last academic year in the
    files.
    """

    at: str
    plans: tuple[str, ...] = attrs.field(default=(), converter=tuple[str, ...])
    through: int | None = None


@attrs.frozen(kw_only=True)
class LockedPlan:
    """What was decided beforehand.

    Attributes
    ----------
    created
        When, by the clock of the computer (UTC), or by SOURCE_DATE_EPOCH.
    content
        Everything that was decided, as `impactkit.planning.decided` gives it.
    outcomes_there
        Whether there were files of outcomes already.
    read_before
        The first time that outcomes had been read by then, None if they had not.
    replaces
        Hashes of earlier plans of this study, the latest last.
    sha256
        As it stands in the file; `intact` tells whether it is right.
    """

    created: str
    content: Mapping[str, Any]
    outcomes_there: bool = True
    read_before: Reading | None = None
    replaces: tuple[str, ...] = attrs.field(default=(), converter=tuple[str, ...])
    impactkit: str = ""
    sha256: str = ""

    @property
    def hash(self) -> str:
        """The hash that its content has."""
        plain = attrs.asdict(self, filter=lambda field, _: field.name != "sha256")
        return hashlib.sha256(_canonical(plain).encode()).hexdigest()

    @property
    def intact(self) -> bool:
        """Whether the file is as it was locked."""
        return self.sha256 == self.hash


def _canonical(plain: Any) -> str:
    return json.dumps(plain, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def now() -> str:
    """Return the time to stamp, in UTC: SOURCE_DATE_EPOCH, or else the computer's clock."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH", "")
    moment = (
        dt.datetime.fromtimestamp(int(epoch), tz=dt.UTC)
        if epoch.isdigit()
        else dt.datetime.now(tz=dt.UTC)
    )
    return moment.isoformat(timespec="seconds")


def plan_name(study_file: str) -> str:
    """Return the name of the plan of a study file.

    Examples
    --------
    >>> plan_name("study.toml"), plan_name("absence.toml")
    ('plan.json', 'absence.plan.json')
    """
    stem = study_file.removesuffix(".toml")
    return NAME if stem in ("", "study") else f"{stem}.{NAME}"


def write_plan(plan: LockedPlan, folder: Path, name: str = NAME) -> LockedPlan:
    """Lock a plan: write it with its hash beside the study, in one step, and return it.

    Raises
    ------
    UsageError
        When it cannot be written.
    """
    locked = attrs.evolve(plan, sha256=plan.hash)
    plain = {"format": FORMAT, **attrs.asdict(locked)}
    _write(folder / name, json.dumps(plain, sort_keys=True, ensure_ascii=False, indent=1) + "\n")
    return locked


def read_plan(folder: Path, name: str = NAME) -> LockedPlan | None:
    """Return the plan beside a study, intact or not; None when there is none.

    Raises
    ------
    InputError
        When there is a file of that name that is no plan: not to be passed over in silence.
    """
    path = folder / name
    if not path.exists():
        return None
    try:
        plain = json.loads(path.read_text(encoding="utf-8"))
        if plain.pop("format") != FORMAT:
            raise ValueError("another format")
        read = plain.pop("read_before")
        content = plain.pop("content")
        if not isinstance(content, dict):
            raise TypeError("no content")
        return LockedPlan(
            content=content, read_before=None if read is None else Reading(**read), **plain
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            Problem(
                code="plan.broken",
                file=name,
                rule=f"it is not a plan that impactkit locked ({type(error).__name__})",
                remedy="Get the file back as it was locked, or take it away and say so.",
            )
        ) from error


def readings(folder: Path) -> tuple[Reading, ...]:
    """Return each time that outcomes were read for an estimate under another plan or to a new year.

    An evaluation in its usual place, made before such records were kept, counts as one.

    Raises
    ------
    InputError
        When the record is there and cannot be understood.
    """
    path = folder / READS
    try:
        found = tuple(Reading(**one) for one in json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        made = folder / "evaluation" / "release" / "evaluation.json"
        return (Reading(at="a time unknown"),) if made.is_file() else ()
    except (OSError, ValueError, TypeError) as error:
        raise InputError(
            Problem(
                code="plan.readings",
                file=READS.as_posix(),
                rule=f"the record of when outcomes were read is broken ({type(error).__name__})",
                remedy="Get the file back as it was. Without it every result is exploratory.",
            )
        ) from error
    return found


def record_reading(folder: Path, through: int | None) -> None:
    """Record that outcomes are read now, unless the same was recorded before.

    Raises
    ------
    UsageError
        When there is a plan and the record cannot be written. Without a plan nothing rests on it.
    """
    before = readings(folder)
    there = [read_plan(folder, path.name) for path in sorted(folder.glob(f"*{NAME}"))]
    plans = tuple(plan.sha256 for plan in there if plan is not None)
    if any((one.plans, one.through) == (plans, through) for one in before):
        return
    try:
        _write_readings(folder, (*before, Reading(at=now(), plans=plans, through=through)))
    except UsageError:
        if plans:
            raise


def carry_over(study: Path, folder: Path, name: str = NAME) -> LockedPlan | None:
    """Take the plan and the record of readings of an evaluated study along to its next round.

    Outcomes were read, whether or not there is a record of it: so the new round has one.

    Raises
    ------
    InputError, UsageError
        When the plan or the record is broken, or cannot be written.
    """
    plan = read_plan(study, name)
    if plan is not None:
        _write(folder / NAME, (study / name).read_text(encoding="utf-8"))
    read = readings(study) or (Reading(at="a time unknown"),)
    _write_readings(folder, read)
    return plan


def _write_readings(folder: Path, every: tuple[Reading, ...]) -> None:
    text = json.dumps([attrs.asdict(one) for one in every], indent=1) + "\n"
    _write(folder / READS, text)


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, draft = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
            Path(draft).chmod(0o644)
            Path(draft).replace(path)
        except BaseException:
            Path(draft).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise UsageError(
            Problem(
                code="plan.unwritable",
                file=path.name,
                rule=f"it cannot be written beside the study ({error.strerror})",
                remedy="Give the study's folder to yourself, or copy the study elsewhere.",
            )
        ) from error
