"""How the effect is to be found: the ``[design]`` table of a study.

Each key is here three times: as a field of `Design` with its meaning, with the words that it may
take, and as `design_of` reads it from the file.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

import attrs

from impactkit.conditions import Condition, parse_condition
from impactkit.errors import Problem, StudyError, did_you_mean
from impactkit.tomlkeys import Keys, texts
from impactkit.types import YEAR_END, is_month_day

COMPARISONS = ("not_yet_or_never", "never", "same_trigger")
EXCLUSIONS = ("memberships", "same_trust", "near")
MERGERS = ("apart", "exclude", "combine")
BASE_PERIODS = ("universal", "varying")
BALANCES = ("none", "complete", "window")
MULTIPLICITIES = ("holm", "romano_wolf", "benjamini_hochberg")
CLUSTERS = ("partnership", "school")
STANDARDISE = ("none", "z", "logit_z", "rank")


def _closed(*allowed: str) -> Any:
    """Return a validator that says in a `StudyError` what may stand here."""

    def check(_: Any, field: attrs.Attribute[str], value: str) -> None:
        if value not in allowed:
            raise StudyError(
                Problem(
                    code="study.value",
                    column=f"design.{field.name}",
                    value=str(value),
                    rule=f"expected one of {', '.join(allowed)}",
                    remedy=did_you_mean(str(value), allowed),
                )
            )

    return check


def _some(*allowed: str) -> Any:
    """Return a validator of several words, as `_closed` of one."""
    one = _closed(*allowed)

    def check(self: Any, field: attrs.Attribute[str], value: tuple[str, ...]) -> None:
        for word in value:
            one(self, field, word)

    return check


def _condition(_: Any, field: attrs.Attribute[str], value: str) -> None:
    try:
        if value.strip():
            parse_condition(value)
    except ValueError as error:
        problem = Problem(
            code="study.value", column=f"design.{field.name}", value=value, rule=str(error)
        )
        raise StudyError(problem) from error


DAY_RULE = "expected a day as month and day"
DAY_REMEDY = 'Write "01-01" for 1 January, or "08-31" for the whole school year.'


def _days(_: Any, field: attrs.Attribute[Mapping[str, str]], value: Mapping[str, str]) -> None:
    problems = [
        Problem(
            code="study.value",
            column=f"design.{field.name}.{name}",
            value=str(day),
            rule=DAY_RULE,
            remedy=DAY_REMEDY,
        )
        for name, day in value.items()
        if not is_month_day(day)
    ]
    if problems:
        raise StudyError(problems)


@attrs.frozen(kw_only=True)
class Trigger:
    """What made a school eligible for help: ``[design.trigger]``, for ``same_trigger``.

    Attributes
    ----------
    condition
        What a school met, in the grammar of `impactkit.conditions`: over columns of `school_years`
        (``ofsted_grade >= 3``), or with `measure` over ``value``, its result, and ``rank``, its
        place in that year from 0 (lowest) to 1 (``rank <= 0.2``).
    measure
        The measure whose results decide; empty: `school_years` decides. The results of a year are
        known, and count, in the next.
    within
        For how many years before a school joins the trigger counts.
    exact
        What has to be equal as well: columns of `school_years` or `schools`, such as ``phase``.
    """

    condition: str = attrs.field(default="", validator=_condition)
    measure: str = ""
    within: int = 2
    exact: tuple[str, ...] = attrs.field(default=(), converter=texts)


@attrs.frozen(kw_only=True)
class Design:
    """How the effect is to be found: who is treated, compared with whom, over which years.

    Attributes
    ----------
    treated
        A condition over the columns of `memberships` (see `impactkit.conditions`); empty: every
        membership.
    comparison
        ``not_yet_or_never``: schools that had not yet joined, or never did; ``never``: the latter;
        ``same_trigger``: those that never joined and met `trigger` in the same year as a school
        that did.
    trigger
        What made schools eligible, for ``same_trigger``; see `Trigger`.
    exclude
        Comparison schools that may have had some of it after all, to be left out: ``memberships``
        (in any partnership within `exclude_years` of the years studied), ``same_trust`` (a school
        of its trust joined) and ``near`` (a school within `exclude_km` kilometres joined).
    exclude_years
        For how many years around those studied a membership counts for ``memberships``.
    exclude_km
        Kilometres within which a school counts as ``near``.
    mergers
        Schools that merged, split or were amalgamated within the years studied: ``apart``, each
        number has its own history; ``exclude``, they are left out; ``combine``, they are one
        school, with the mean of its parts by their size.
    as_of
        The day of the register, where its file's name does not tell: links after it are announced
        and have not happened.
    outcome
        Ids of measures. The first is primary.
    estimator
        The estimator's id, core's or a plugin's.
    cluster
        What is taken as one for standard errors: a ``partnership``, with all that share a school
        with it, or each ``school``.
    anticipation
        Years before joining in which an effect may show already.
    years
        First and last academic year, by their ends. Left out (None): those in the data.
    base_period
        ``universal``: every event time is compared with the year before joining; ``varying``: a
        pre-period is compared with the year before it.
    balance
        ``none``: all school-years; ``complete``: schools seen in every year; ``window``: schools
        seen in every year from `min_before` before to `min_after` after joining.
    min_before
        Years before joining in which ``window`` wants a school to be seen.
    min_after
        Years from joining on, the year of joining counted, in which it does.
    min_schools
        Schools that a partnership must have to be one; set 1 when the register was cut to one
        county, so that partners elsewhere are missing from it.
    standardise
        Values as published (``none``), or placed within their year and phase among all schools in
        the files: ``z``, distance from the mean in standard deviations; ``logit_z``, the same of
        the log odds of a share; ``rank``, percentile rank. Only so can a study follow a measure
        across a year in which it changed its meaning.
    exposure
        The last day of joining, as ``MM-DD``, that counts for outcomes of the same academic year,
        by measure, by the beginning of measures' ids (``ks2``) or for all (``default``); in place
        of what the registry says.
    leave_out
        Years within `years` that are not used, say one in which only primary schools reported.
    level
        Of confidence intervals and bands: 0.95 for 95%.
    multiplicity
        How the p-values of the study's headlines allow for one another: ``holm``;
        ``romano_wolf``, which uses how they hang together and misses less; ``benjamini_hochberg``,
        which only holds the share of false findings among those found.
    bootstrap
        Draws of the multiplier bootstrap for simultaneous bands; 0: analytic intervals only.
    randomisation
        Assignments tried to test the headline when treated partnerships are too few for standard
        errors; 0: none. With 99 a 5% test is exact.

    Raises
    ------
    StudyError
        When a word is not one of those above, or `treated` is no condition.
    """

    treated: str = attrs.field(default="", validator=_condition)
    comparison: str = attrs.field(default="not_yet_or_never", validator=_closed(*COMPARISONS))
    trigger: Trigger | None = None
    exclude: tuple[str, ...] = attrs.field(
        default=(), converter=texts, validator=_some(*EXCLUSIONS)
    )
    exclude_years: int = 3
    exclude_km: float = 5.0
    mergers: str = attrs.field(default="apart", validator=_closed(*MERGERS))
    as_of: dt.date | None = None
    outcome: tuple[str, ...] = attrs.field(default=(), converter=texts)
    estimator: str = "att_gt"
    cluster: str = attrs.field(default="partnership", validator=_closed(*CLUSTERS))
    years: tuple[int, int] | None = None
    anticipation: int = 0
    base_period: str = attrs.field(default="universal", validator=_closed(*BASE_PERIODS))
    balance: str = attrs.field(default="none", validator=_closed(*BALANCES))
    min_before: int = 2
    min_after: int = 2
    min_schools: int = 2
    standardise: str = attrs.field(default="none", validator=_closed(*STANDARDISE))
    exposure: Mapping[str, str] = attrs.field(factory=dict, validator=_days)
    leave_out: tuple[int, ...] = ()
    level: float = 0.95
    multiplicity: str = attrs.field(default="holm", validator=_closed(*MULTIPLICITIES))
    bootstrap: int = 999
    randomisation: int = 99

    @property
    def condition(self) -> Condition | None:
        """The parsed `treated` condition; None when every membership counts."""
        return parse_condition(self.treated) if self.treated.strip() else None

    @property
    def control(self) -> str:
        """The comparison in the estimators' vocabulary."""
        return "notyettreated" if self.comparison == "not_yet_or_never" else "nevertreated"

    def exposed_by(self, measure: str, otherwise: str = YEAR_END) -> str:
        """Return the last day of joining that counts for a measure's outcome of the same year.

        Examples
        --------
        >>> design = Design(exposure={"ks2": "12-31", "default": "11-01"})
        >>> design.exposed_by("ks2_rwm_expected"), design.exposed_by("overall_absence")
        ('12-31', '11-01')
        """
        fits = [name for name in self.exposure if f"{measure}_".startswith(f"{name}_")]
        chosen = max(fits, key=len, default="default")
        return self.exposure.get(chosen, otherwise)


def design_of(keys: Keys) -> Design:
    """Read the ``[design]`` table; its faults go to `keys`, and what is faulty has its default."""
    treated = keys.text("treated", "")
    if treated:
        try:
            parse_condition(treated)
        except ValueError as error:
            keys.fault(
                "treated", treated, str(error), "See `treated` in the study file's reference."
            )
            treated = ""
    years = keys.wholes("years")
    if years and (len(years) != 2 or years[0] >= years[1]):
        keys.fault(
            "years",
            years,
            "two academic years, the first before the last",
            "Write years = [2011, 2019] for 2010/11 to 2018/19.",
        )
        years = ()
    comparison = keys.choice("comparison", "not_yet_or_never", COMPARISONS)
    trigger = _trigger_of(keys, comparison)
    return Design(
        treated=treated,
        comparison=comparison if comparison != "same_trigger" or trigger else "never",
        trigger=trigger,
        exclude=keys.choices("exclude", EXCLUSIONS),
        exclude_years=keys.whole("exclude_years", 3, low=0, high=30),
        exclude_km=keys.number("exclude_km", 5.0, low=0.001, high=1_000),
        mergers=keys.choice("mergers", "apart", MERGERS),
        as_of=keys.day("as_of"),
        outcome=keys.texts("outcome"),
        estimator=keys.text("estimator", "att_gt"),
        cluster=keys.choice("cluster", "partnership", CLUSTERS),
        years=(years[0], years[1]) if years else None,
        anticipation=keys.whole("anticipation", 0, low=0, high=10),
        base_period=keys.choice("base_period", "universal", BASE_PERIODS),
        balance=keys.choice("balance", "none", BALANCES),
        min_before=keys.whole("min_before", 2, low=0, high=30),
        min_after=keys.whole("min_after", 2, low=0, high=30),
        min_schools=keys.whole("min_schools", 2, low=1, high=100),
        standardise=keys.choice("standardise", "none", STANDARDISE),
        exposure=_exposure(keys.table("exposure")),
        leave_out=keys.wholes("leave_out"),
        level=keys.number("level", 0.95, low=0.5, high=0.999),
        multiplicity=keys.choice("multiplicity", "holm", MULTIPLICITIES),
        bootstrap=keys.whole("bootstrap", 999, low=0, high=1_000_000),
        randomisation=keys.whole("randomisation", 99, low=0, high=100_000),
    )


def _trigger_of(keys: Keys, comparison: str) -> Trigger | None:
    """Read ``[design.trigger]``, which the comparison ``same_trigger`` needs, and no other has."""
    wanted, given = comparison == "same_trigger", "trigger" in keys.values
    if wanted and not given:
        keys.fault(
            "trigger",
            None,
            "the comparison same_trigger needs to be told what triggered help",
            'Add [design.trigger] with condition = "ofsted_grade >= 3", say.',
            "study.missing_key",
        )
    if not given:
        return None
    table = keys.table("trigger")
    condition = table.text("condition", required=True)
    try:
        if condition:
            parse_condition(condition)
    except ValueError as error:
        table.fault("condition", condition, str(error), "Write it as `treated` is written.")
        condition = ""
    if not wanted:
        keys.fault(
            "trigger",
            None,
            "no other comparison than same_trigger uses it",
            'Set comparison = "same_trigger", or leave the trigger out.',
        )
    return Trigger(
        condition=condition,
        measure=table.text("measure"),
        within=table.whole("within", 2, low=0, high=30),
        exact=table.texts("exact"),
    )


def _exposure(keys: Keys) -> dict[str, str]:
    days = keys.rest()
    for name, day in days.items():
        if not is_month_day(day):
            keys.fault(name, day, DAY_RULE, DAY_REMEDY)
    return {name: day for name, day in days.items() if is_month_day(day)}
