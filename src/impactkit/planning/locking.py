"""What was done as planned, what was changed, what was added: a locked plan against a run.

Everything that a study says is part of its plan, so nothing can be changed beside it. Values that
say how precisely something is computed, or what it is called, may change without making a result
exploratory; they are listed all the same.

Source: pre-registration as in the EEF's Statistical Analysis Guidance (2022) and Humphreys,
Sanchez de la Sierra & van der Windt (2013), "Fishing, commitment, and communication", Political
Analysis 21(1): what was not chosen beforehand is exploratory, however good it looks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import attrs

from impactkit.planning.lock_file import LockedPlan, Reading
from impactkit.study import Study

OUTCOMES = "design.outcome"
YEARS = "design.years"
FORM = (
    "title",
    "seed",
    "disclosure",
    "plugins_allow",
    "plugins_deny",
    "plugins_timeout",
    "plugins_memory_mb",
    "design.bootstrap",
    "design.randomisation",
)
"""Keys that change nothing about what is estimated, from whom, or by what method."""

FEW = 5
"""Names of decisions that a sentence gives; the table has all."""

NO_PROOF = (
    "The time stamp is of the computer that locked it and proves nothing to others; the hash, "
    "lodged with somebody else at the time, would"
)


@attrs.frozen(kw_only=True)
class Deviation:
    """One thing of the plan or of the run.

    `kind` is ``as planned``, ``changed``, ``added``, ``dropped`` or, for years that follow on those
    planned, ``carried on``. `material` tells whether it makes results exploratory.
    """

    key: str
    planned: str
    done: str
    kind: str
    material: bool = True


@attrs.frozen(kw_only=True)
class Standing:
    """How a run stands to the plan beside its study.

    `late` says why the plan does not count as made beforehand, `tampered` that the file is not as
    it was locked.
    """

    plan: LockedPlan
    deviations: tuple[Deviation, ...]
    late: str = ""
    tampered: bool = False
    run: Mapping[str, Any] = attrs.field(factory=dict)

    def planned(self, metric: str, measure: str) -> bool:
        """Tell whether a result was planned: its metric, its outcome and the design, beforehand."""
        if self.late or self.tampered:
            return False
        if any(d.material and d.kind in ("changed", "dropped") and not _own(d) for d in
               self.deviations):  # fmt: skip
            return False
        odd = {d.key for d in self.deviations if d.kind in ("changed", "added")}
        if f"metrics.{metric}" in odd:
            return False
        outcomes = self.plan.content["design"]["outcome"]
        return measure in outcomes or measure not in self.run["design"]["outcome"]

    def counts(self) -> dict[str, int]:
        """Return how many things are of each kind."""
        kinds = ("as planned", "carried on", "changed", "added", "dropped")
        return {kind: sum(d.kind == kind for d in self.deviations) for kind in kinds}

    def sentences(self) -> tuple[str, ...]:
        """Return what a reader must know of the plan, the most serious first."""
        plan, found = self.plan, self.counts()
        when = f"{plan.created[:10]} at {plan.created[11:16]} UTC"
        said = [f"A plan was locked on {when}, SHA-256 {plan.sha256}. {NO_PROOF}."]
        if self.tampered:
            said.append(
                "The plan is not as it was locked: its content does not have its hash. No result "
                "counts as planned."
            )
        if self.late:
            said.append(f"{self.late} No result counts as planned; all are exploratory.")
        told = ", ".join(self._told(kind, n) for kind, n in found.items() if n)
        said.append(f"Of the decisions of plan and run: {told}.")
        if found["changed"] or found["added"] or found["dropped"]:
            said.append("What was not planned is exploratory: it may suggest, and shows nothing.")
        if found["carried on"]:
            said.append(
                "Years were added after those planned, as in a further round of the same study. "
                "Results of the earlier years were known."
            )
        if plan.replaces:
            n = len(plan.replaces)
            said.append(f"It replaces {n} earlier plan{'' if n == 1 else 's'} of this study.")
        return tuple(said)

    def _told(self, kind: str, n: int) -> str:
        """Return how many are of a kind, with the names of a few that were not planned."""
        keys = [d.key for d in self.deviations if d.kind == kind]
        more = f" and {n - FEW} more" if n > FEW else ""
        return f"{n} {kind}" + ("" if kind == "as planned" else f" ({', '.join(keys[:FEW])}{more})")


def _own(deviation: Deviation) -> bool:
    """Tell whether a deviation concerns one metric or outcome only, and not the others."""
    return deviation.key.startswith(("metrics.", f"{OUTCOMES}.", "primary_outcome"))


def decided(study: Study, metrics: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return everything that is decided: what the study says, its metrics with all parameters.

    Examples
    --------
    >>> study = Study.parse({"study": {"title": "Two"}, "design": {"outcome": ["a", "b"]}})
    >>> found = decided(study, {"did.effect": {}})
    >>> found["primary_outcome"], found["design"]["comparison"]
    ('a', 'not_yet_or_never')
    """
    plain = _plain(study.to_plain())
    outcomes = plain["design"]["outcome"]
    return {
        **plain,
        "primary_outcome": outcomes[0] if outcomes else None,
        "estimand": "mean effect on treated schools (ATT), from the first exposed year on",
        "metrics": {name: _plain(params) for name, params in sorted(metrics.items())},
    }


def _plain(value: Any) -> Any:
    """Return a value as JSON gives it back, so that a plan can be held against what was written."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    return value if value is None or isinstance(value, str | int | float) else str(value)


def standing(plan: LockedPlan, run: Mapping[str, Any], first: Reading | None) -> Standing:
    """Hold what is run against a plan.

    Parameters
    ----------
    plan
        As read from the file.
    run
        What is decided now, see `decided`.
    first
        The first time that outcomes were read for an estimate; None: they are read now.
    """
    late = ""
    if plan.read_before is not None:
        late = f"Outcomes had been read before the plan was locked, first at {plan.read_before.at}."
    elif first is not None and not {*first.plans} & {plan.sha256, *plan.replaces}:
        late = f"Outcomes were first read at {first.at}, when this plan was not there."
    return Standing(
        plan=plan,
        deviations=tuple(_deviations(plan.content, run)),
        late=late,
        tampered=not plan.intact,
        run=run,
    )


def _deviations(planned: Mapping[str, Any], run: Mapping[str, Any]) -> Iterable[Deviation]:
    before, now = _flat(planned), _flat(run)
    for key in sorted({*before, *now}, key=_order):
        kind = (
            "added" if key not in before
            else "dropped" if key not in now
            else "as planned" if before[key] == now[key]
            else "carried on" if key == YEARS and _goes_on(before[key], now[key])
            else "changed"
        )  # fmt: skip
        yield Deviation(
            key=key,
            planned=_words(before[key]) if key in before else "",
            done=_words(now[key]) if key in now else "",
            kind=kind,
            material=key not in FORM,
        )


def _order(key: str) -> tuple[int, str]:
    first = ("primary_outcome", "estimand", OUTCOMES, "design.", "metrics.", "tables.")
    return next((i for i, head in enumerate(first) if key.startswith(head)), len(first)), key


def _flat(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return decisions by key: one a setting, outcome, metric and table."""
    flat: dict[str, Any] = {}
    for key, value in content.items():
        if key in ("design", "metrics", "tables") and isinstance(value, Mapping):
            flat |= {f"{key}.{name}": item for name, item in value.items()}
        else:
            flat[key] = value
    outcomes = flat.pop(OUTCOMES, [])
    return flat | {f"{OUTCOMES}.{name}": "primary" if i == 0 else "secondary"
                   for i, name in enumerate(outcomes)}  # fmt: skip


def _goes_on(planned: Any, run: Any) -> bool:
    """Tell whether the years run are those planned and some that follow."""
    both = isinstance(planned, list) and isinstance(run, list)
    return both and planned[0] == run[0] and planned[1] < run[1]


def _words(value: Any) -> str:
    if isinstance(value, Mapping):
        return "; ".join(f"{k} = {_words(v)}" for k, v in value.items()) or "as by default"
    if isinstance(value, list):
        return ", ".join(_words(item) for item in value) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "not set" if value in (None, "") else str(value)
