"""What may be set about the invented county, checked before anything is drawn."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import attrs

from impactkit.errors import Problem, UsageError
from impactkit.synthetic.layout import Layout
from impactkit.types import PURPOSES, STRUCTURES

Shape = float | Mapping[int, float] | Callable[[int], float]
"""An effect: constant, by event time, or a function of event time (0: the first exposed year)."""

Effect = Shape | Mapping[str, Shape]
"""A shape on `attainment`, or a shape for each of several measures by name."""

MEASURES = ("attainment", "overall_absence", "pupil_teacher_ratio")
SUBJECTS = ("mathematics", "english", "expected_standard", "fsm6_gap")
"""What a full county has besides: on the first two only specialists have an effect, the last is the
gap between pupils with and without free meals at the expected standard, in percentage points."""

SELECTIONS = ("random", "worst")
LADDER = ("middle", "senior_assistant", "senior_deputy", "head")
"""The levels that the county staffs, lowest first."""

EXIT_HAZARD = {"middle": 0.11, "senior_assistant": 0.09, "senior_deputy": 0.07, "head": 0.08}
"""Share who leave leadership in a year; near the national figures for leaders new to post
(Department for Education, School leadership retention, reporting year 2024)."""

MODERATORS = (
    *("pair", "chain", "cluster", "category_support", "ri_support", "mutual_development"),
    *("dose", "km"),
)
"""What an effect may depend on: factors by structure and purpose, slopes for ten days or ten km."""

SHARES = (
    ("conversions", 0.6),
    ("doubled_reports", 1.0),
    ("closures", 0.2),
    ("not_submitted", 0.5),
    ("placeholder_dates", 1.0),
    ("internal_share", 1.0),
    ("partnership_internal_share", 1.0),
    ("partner_share", 1.0),
    ("pairs", 1.0),
    ("ends", 1.0),
    ("fade", 1.0),
)


@attrs.frozen(kw_only=True)
class Settings:
    """Everything that `county` was asked for; its docstring says what each means."""

    seed: int
    n_schools: int
    n_partnerships: int
    years: tuple[int, int]
    effect: Effect
    pretrend: float | Mapping[str, float]
    selection: str
    conversions: float
    doubled_reports: float
    closures: float
    merges: int
    suppress_below: int
    not_submitted: float
    placeholder_dates: float
    exit_hazard: Mapping[str, float]
    partnership_exit_ratio: float
    internal_share: float
    partnership_internal_share: float
    partner_share: float
    governor_rate: float
    governor_ratio: float
    systematic: int
    pairs: float
    ends: float
    fade: float
    supporter_effect: float
    moderators: Mapping[str, float]
    full: bool
    layout: tuple[Layout, ...] = ()

    @property
    def span(self) -> tuple[int, ...]:
        """Every year, first to last."""
        return tuple(range(self.years[0], self.years[1] + 1))

    @property
    def cohorts(self) -> tuple[int, ...]:
        """The years in which partnerships start: two years before them, one after."""
        return tuple(range(self.years[0] + 2, self.years[1]))

    def effect_on(self, measure: str) -> dict[int, float]:
        """Return the planted effect on `measure` for every event time that can occur."""
        shape = by_measure(self.effect).get(measure, 0.0)
        length = self.years[1] - self.years[0]
        if isinstance(shape, Mapping):
            return {e: float(shape.get(e, 0.0)) for e in range(-length, length + 1)}
        at = shape if callable(shape) else lambda _: shape
        return {e: float(at(e)) if e >= 0 else 0.0 for e in range(-length, length + 1)}

    def pretrend_on(self, measure: str) -> float:
        """Return the extra yearly slope of schools that will ever be treated."""
        return float(by_measure(self.pretrend).get(measure, 0.0))


def by_measure(given: Any) -> dict[str, Any]:
    """Return effects by measure; a bare one belongs to the first measure, attainment.

    Examples
    --------
    >>> by_measure(2.0)
    {'attainment': 2.0}
    >>> by_measure({"overall_absence": -0.3})
    {'overall_absence': -0.3}
    """
    if isinstance(given, Mapping) and any(isinstance(key, str) for key in given):
        return dict(given)
    return {MEASURES[0]: given}


def check(settings: Settings) -> Settings:
    """Return `settings`, or raise with every fault at once.

    Raises
    ------
    UsageError
        When any setting cannot be met.
    """
    problems = list(_faults(settings))
    if problems:
        raise UsageError(problems)
    return settings


def _faults(settings: Settings) -> Iterator[Problem]:
    def fault(name: str, value: object, rule: str, remedy: str) -> Problem:
        return Problem(
            code="synthetic.setting", column=name, value=str(value), rule=rule, remedy=remedy
        )

    first, last = settings.years
    if settings.seed < 0:
        yield fault("seed", settings.seed, "expected 0 or more", "Any whole number will do.")
    if not (first >= 1990 and first + 3 <= last <= 2100):
        yield fault(
            "years",
            settings.years,
            "expected the first and the last year, at least four years in all",
            "Give for example (2012, 2019).",
        )
    if not 40 <= settings.n_schools <= 20_000:
        yield fault(
            "n_schools",
            settings.n_schools,
            "expected 40 to 20,000 schools",
            "The default is 240.",
        )
    if not 1 <= settings.n_partnerships <= settings.n_schools // 5:
        yield fault(
            "n_partnerships",
            settings.n_partnerships,
            f"{settings.n_schools} schools allow 1 to {settings.n_schools // 5} partnerships",
            "Leave it out for one partnership to ten schools.",
        )
    if not 0 <= settings.merges <= settings.n_schools // 20:
        yield fault(
            "merges",
            settings.merges,
            f"{settings.n_schools} schools allow 0 to {settings.n_schools // 20} merges",
            "Use fewer.",
        )
    if settings.selection not in SELECTIONS:
        yield fault(
            "selection", settings.selection, "expected 'random' or 'worst'", "Use one of them."
        )
    if not 0 <= settings.systematic <= settings.n_partnerships:
        yield fault(
            "systematic",
            settings.systematic,
            f"expected 0 to {settings.n_partnerships}, the number of partnerships",
            "It is a number of partnerships, not a share.",
        )
    for name, top in SHARES:
        value = getattr(settings, name)
        if not 0 <= value <= top:
            yield fault(name, value, f"expected a share from 0 to {top:g}", "0.15 is 15 per cent.")
    if settings.partnership_internal_share + settings.partner_share > 1:
        yield fault(
            "partner_share",
            settings.partner_share,
            "with `partnership_internal_share` it comes to more than 1",
            "Lower one of them.",
        )
    for name in ("governor_rate", "governor_ratio"):
        value = getattr(settings, name)
        if not (0 < value < 100):
            yield fault(name, value, "expected a rate above 0 and below 100", "Try 0.8.")
    for name in settings.moderators:
        if name not in MODERATORS:
            rule = "an effect cannot depend on that"
            yield fault("moderators", name, rule, f"Use {_list(MODERATORS)}.")
    for part in settings.layout:
        fits = part.treated >= 1 and part.cohort in settings.span[1:] and (part.months or 1) >= 1
        if not (fits and part.structure in STRUCTURES and part.purpose in PURPOSES):
            rule = "no such partnership can be: see `impactkit.synthetic.layout.Layout`"
            yield fault("layout", part, rule, "Start it after the first year.")
    yield from _hazard_faults(settings, fault)
    yield from _effect_faults(settings, fault)


def _hazard_faults(settings: Settings, fault: Callable[..., Problem]) -> Iterator[Problem]:
    for level, hazard in settings.exit_hazard.items():
        if level not in LADDER:
            yield fault("exit_hazard", level, "there is no such level", f"Use {_list(LADDER)}.")
        elif not (0 <= hazard < 1 and 0 <= hazard * settings.partnership_exit_ratio < 1):
            yield fault(
                f"exit_hazard.{level}",
                hazard,
                "expected a share from 0 to below 1, times `partnership_exit_ratio` too",
                "0.1 means that one in ten leaves in a year.",
            )


def _effect_faults(settings: Settings, fault: Callable[..., Problem]) -> Iterator[Problem]:
    allowed = (*MEASURES, *SUBJECTS) if settings.full else MEASURES
    for name in ("effect", "pretrend"):
        for measure in by_measure(getattr(settings, name)):
            if measure not in allowed:
                yield fault(name, measure, "there is no such measure", f"Use {_list(allowed)}.")
            elif name == "pretrend" and not math.isfinite(settings.pretrend_on(measure)):
                yield fault(name, measure, "its slope is not a number", "0 keeps trends parallel.")
    length = settings.years[1] - settings.years[0]
    if length < 0:
        return
    for measure in allowed:
        wild = [e for e, size in settings.effect_on(measure).items() if not math.isfinite(size)]
        if wild:
            yield fault("effect", measure, f"not a number at event time {wild[0]}", "Give numbers.")


def _list(names: tuple[str, ...]) -> str:
    return f"{', '.join(names[:-1])} or {names[-1]}"
