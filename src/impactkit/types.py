"""What the domain is made of: schools, partnerships, memberships, interventions, outcomes.

These attrs classes are for use in other people's tools, one object at a time. Tables of many rows
are polars frames, described in `impactkit.tables`; the enumerations below are shared by both.

A year is the integer in which the academic year ends: 2024 for 2023/24.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable
from typing import Any

import attrs

LEVELS = (
    "aspiring",
    "middle",
    "senior_assistant",
    "senior_deputy",
    "head",
    "executive_head",
    "sbm",
)
"""Leadership levels, lowest first; `sbm` (school business manager) stands outside the ladder."""

ROLES = ("supporter", "client", "peer", "hub", "executive_lead")

STRUCTURES = (
    "pair",
    "cluster",
    "federation_hard",
    "federation_soft",
    "federation",
    "chain",
    "mat",
    "sat",
    "sponsor",
    "teaching_school_alliance",
    "sig",
    "peer_review_triad",
    "other",
)
"""Kinds of partnership. `federation`: the register does not say hard or soft."""

PURPOSES = (
    "category_support",
    "ri_support",
    "mutual_development",
    "growth",
    "succession",
    "curriculum",
)

INTERVENTION_TYPES = (
    "executive_head",
    "interim_head",
    "head_mentoring",
    "advice_guidance",
    "targeted_subject",
    "middle_leader_coaching",
    "sbm_share",
    "specialist_teacher",
    "joint_cpd",
    "data_training",
    "governance_support",
    "peer_review",
    "enquiry",
)

STATUSES = ("ok", "c", "z", "x", "low", "k", "u", "supp", "ne", "na")
"""Why an outcome has no value (`ok`: it has one). The symbols are those of Explore Education
Statistics, with `supp`, `ne` and `na` for the older performance tables."""

SUBGROUPS = (
    "all",
    "fsm6",
    "non_fsm6",
    "sen_ehcp",
    "sen_support",
    "eal",
    "boys",
    "girls",
    "low_prior",
    "mid_prior",
    "high_prior",
)

UNITS = ("percent", "points", "scaled", "grade", "rate", "ratio", "gbp", "count", "fte", "sd")
EFFECT_UNITS = {
    "percent": "percentage points",
    "ratio": "points of the ratio",
    "gbp": "pounds",
    "scaled": "scaled-score points",
    "fte": "full-time equivalents",
}
"""What a change is in, where it is called otherwise than the values themselves."""
DIRECTIONS = ("higher", "lower", "none")
"""Which way is better; `none` where neither is."""


def _one_of(*allowed: str) -> Any:
    return attrs.validators.in_(allowed)


def _number(value: float | None) -> float | None:
    return None if value is None else float(value)


_LABEL = re.compile(r"^(\d{4})\s*[/-]\s*(\d{2}|\d{4})$")
_SIX = re.compile(r"^(\d{4})(\d{2})$")


@attrs.frozen(order=True)
class Period:
    """An academic year in England and Wales, 1 September to 31 August, named by its end.

    Examples
    --------
    >>> Period(2024).label
    '2023/24'
    >>> Period.parse("202324"), Period.parse("2023/24"), Period.parse("2024")
    (Period(year=2024), Period(year=2024), Period(year=2024))
    >>> Period.of(dt.date(2023, 9, 1)), Period.of(dt.date(2023, 8, 31))
    (Period(year=2024), Period(year=2023))
    """

    year: int = attrs.field(
        validator=[attrs.validators.instance_of(int), attrs.validators.ge(1900)]
    )

    @property
    def label(self) -> str:
        """The year as schools write it, ``2023/24``."""
        return f"{self.year - 1}/{self.year % 100:02d}"

    @property
    def start(self) -> dt.date:
        """The first day, 1 September."""
        return dt.date(self.year - 1, 9, 1)

    @property
    def end(self) -> dt.date:
        """The last day, 31 August."""
        return dt.date(self.year, 8, 31)

    @classmethod
    def of(cls, day: dt.date) -> Period:
        """Return the academic year that `day` falls in."""
        return cls(day.year + (day.month >= 9))

    @classmethod
    def parse(cls, text: str) -> Period:
        """Read ``2023/24``, ``2023-24``, ``2023/2024``, ``202324`` or ``2024``.

        Raises
        ------
        ValueError
            When the two years do not follow one another, or it is none of these forms.
        """
        text = text.strip()
        match = _LABEL.match(text) or _SIX.match(text)
        if match:
            first, second = int(match[1]), int(match[2])
            if (first + 1) in (
                second,
                second + 100 * (first // 100),
                second + 100 * (first // 100 + 1),
            ):
                return cls(first + 1)
            raise ValueError(f"{text!r}: the second year does not follow the first")
        if re.fullmatch(r"\d{4}", text):
            return cls(int(text))
        raise ValueError(f"{text!r} is not an academic year; write 2023/24, 202324 or 2024")


@attrs.frozen(kw_only=True)
class School:
    """A school through its changes of number: `school_key` stays, the URN may not."""

    school_key: str
    urn: int = attrs.field(validator=[attrs.validators.ge(100_000), attrs.validators.le(999_999)])
    name: str = ""
    laestab: str | None = None
    la_code: str | None = None
    phase: str | None = None
    type: str | None = None
    status: str | None = None
    open_date: dt.date | None = None
    close_date: dt.date | None = None


@attrs.frozen(kw_only=True)
class Partnership:
    """Schools that work together under one arrangement."""

    partnership_id: str
    name: str = ""
    structure: str = attrs.field(default="other", validator=_one_of(*STRUCTURES))
    purpose: str | None = attrs.field(
        default=None, validator=attrs.validators.optional(_one_of(*PURPOSES))
    )
    lead_urn: int | None = None
    start_date: dt.date | None = None
    end_date: dt.date | None = None

    def __attrs_post_init__(self) -> None:
        if self.start_date and self.end_date and self.end_date < self.start_date:
            raise ValueError(f"partnership {self.partnership_id} ends before it starts")


@attrs.frozen(kw_only=True)
class Membership:
    """One school's part in one partnership; `left` is None while it lasts."""

    partnership_id: str
    school_key: str
    role: str = attrs.field(default="peer", validator=_one_of(*ROLES))
    joined: dt.date | None = None
    left: dt.date | None = None

    def __attrs_post_init__(self) -> None:
        if self.joined and self.left and self.left < self.joined:
            raise ValueError(
                f"school {self.school_key} leaves partnership {self.partnership_id} before it joins"
            )


@attrs.frozen(kw_only=True)
class Intervention:
    """Help given to one school within a partnership."""

    intervention_id: str
    partnership_id: str
    school_key: str
    type: str = attrs.field(validator=_one_of(*INTERVENTION_TYPES))
    start: dt.date | None = None
    end: dt.date | None = None
    dose_planned: float | None = None
    dose_delivered: float | None = None
    dose_unit: str | None = None
    cost_gbp: float | None = None


@attrs.frozen
class Break:
    """A year from which a measure means something else than before.

    A `hard` break cannot be crossed with the published values: what moves there is the definition.
    A soft one calls for caution. `source` says where it is from; a break that nobody has `checked`
    against a source is shown as such.
    """

    year: int
    text: str = ""
    source: str = attrs.field(default="", kw_only=True)
    hard: bool = attrs.field(default=True, kw_only=True)
    checked: bool = attrs.field(default=False, kw_only=True)


@attrs.frozen
class Gap:
    """A year of which no school's value was ever published; the fields are those of `Break`."""

    year: int
    text: str = ""
    source: str = attrs.field(default="", kw_only=True)
    checked: bool = attrs.field(default=False, kw_only=True)


@attrs.frozen
class NationalFigure:
    """What was published for all of England in a year, in the measure's unit, for a phase."""

    year: int
    value: float
    phase: str = "All"
    source: str = attrs.field(default="", kw_only=True)


def _breaks(given: Iterable[Break | int]) -> tuple[Break, ...]:
    return tuple(item if isinstance(item, Break) else Break(item) for item in given)


def _gaps(given: Iterable[Gap | int]) -> tuple[Gap, ...]:
    return tuple(item if isinstance(item, Gap) else Gap(item) for item in given)


YEAR_END = "08-31"
"""The last day of an academic year, as month and day."""


def is_month_day(text: object) -> bool:
    """Tell whether a text is a day of the year as month and day: ``01-01``.

    Examples
    --------
    >>> is_month_day("01-01"), is_month_day("31-01"), is_month_day("02-29")
    (True, False, True)
    """
    try:
        dt.date.fromisoformat(f"2024-{text}")
    except ValueError:
        return False
    return True


def _month_day(_: Any, field: attrs.Attribute[str], value: str) -> None:
    if not is_month_day(value):
        raise ValueError(f"{field.name}: expected month and day, MM-DD, not {value!r}")


@attrs.frozen(kw_only=True)
class Measure:
    """An entry of the measure registry: what a number means, and over which years it means that.

    Attributes
    ----------
    low, high
        The values that can be true, in `unit`.
    phase
        Of which schools it is published; ``all``: of all.
    breaks
        Years from which it means something else; plain years are hard breaks without a text.
    gaps
        Years within its span that no school's value was published of.
    continues
        The measure that was published in its place before `first_year`, under another definition:
        across that year only standardised values can be followed.
    exposed_by
        The last day of joining (month and day) that counts for an outcome of the same academic
        year. A school that joins later is exposed from the year after.
    measured
        When in the year it is measured, in words.
    national
        Published figures for England, to check a reading of the files against.

    Examples
    --------
    >>> late = Measure(id="late", label="Late arrivals", unit="percent", breaks=[2021])
    >>> late.break_years, late.soft_break_years
    ((2021,), ())
    """

    id: str
    label: str
    unit: str = attrs.field(validator=_one_of(*UNITS))
    direction: str = attrs.field(default="none", validator=_one_of(*DIRECTIONS))
    low: float | None = attrs.field(default=None, converter=_number)
    high: float | None = attrs.field(default=None, converter=_number)
    phase: str = "all"
    first_year: int | None = None
    last_year: int | None = None
    breaks: tuple[Break, ...] = attrs.field(default=(), converter=_breaks)
    gaps: tuple[Gap, ...] = attrs.field(default=(), converter=_gaps)
    continues: str = ""
    exposed_by: str = attrs.field(default=YEAR_END, validator=_month_day)
    measured: str = ""
    national: tuple[NationalFigure, ...] = attrs.field(
        default=(), converter=tuple[NationalFigure, ...]
    )
    source: str = ""

    @property
    def break_years(self) -> tuple[int, ...]:
        """The first years of a new meaning, which cannot be compared with the old."""
        return tuple(item.year for item in self.breaks if item.hard)

    @property
    def soft_break_years(self) -> tuple[int, ...]:
        """The years of a change that calls for caution only."""
        return tuple(item.year for item in self.breaks if not item.hard)

    @property
    def gap_years(self) -> tuple[int, ...]:
        """The years that no school's value was published of."""
        return tuple(item.year for item in self.gaps)


@attrs.frozen(kw_only=True)
class Outcome:
    """One value of one measure for one school, year and subgroup, or the reason there is none."""

    school_key: str
    year: int
    measure: str
    subgroup: str = "all"
    value: float | None = None
    status: str = attrs.field(default="ok", validator=_one_of(*STATUSES))
    numerator: int | None = None
    denominator: int | None = None

    def __attrs_post_init__(self) -> None:
        if self.status != "ok" and self.value is not None:
            raise ValueError(f"an outcome with status {self.status!r} has no value")
        if self.status == "ok" and self.value is None:
            raise ValueError("an outcome without a value must say why, in `status`")
