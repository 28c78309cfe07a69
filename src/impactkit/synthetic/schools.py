"""The schools: identity, size, conversion to academies, closure and amalgamation.

Nothing here is real. URNs lie in 900001-999999 and local authority codes in 997-999, where the
registers of 2022 to 2026 have none, and the places are invented.
"""

from __future__ import annotations

import datetime as dt

import attrs
import numpy as np
import polars as pl

from impactkit.synthetic.settings import Settings

FIRST_URN = 900_001
FIRST_SUCCESSOR_URN = 950_001
LA_CODE = 999
ESTABLISHMENTS_PER_LA = 7_000
SECONDARY_SHARE = 0.15
YEAR_GROUPS = {"Primary": 7, "Secondary": 5}

_STEMS = (
    *("Yarrow", "Quill", "Wendle", "Thistle", "Brindle", "Fennel", "Emmer", "Marrow", "Sorrel"),
    *("Tansy", "Vetch", "Drizzle", "Pellin", "Oskar", "Harrin", "Cobble", "Lunder", "Mizzle"),
    *("Spindle", "Tarrow"),
)
_ENDINGS = (
    *("mereby", "wickham", "holtby", "combeley", "steadle"),
    *("garthby", "foldham", "hythely", "denby", "lowick"),
)
_QUALIFIERS = ("", "Upper ", "Lower ", "Great ", "Little ", "North ", "South ", "Old ")


@attrs.frozen(kw_only=True, eq=False)
class Schools:
    """One entry a school, as arrays; a school that converts is still one school.

    `opened` and `last` are the first and last year reported; `converted` is the first year under
    `successor_urn` (0: never), `merged_into` the index of the school that an amalgamation made
    (-1: none). `cohort` is the usual size of a year group, `roll` of the whole school.
    """

    urn: np.ndarray
    successor_urn: np.ndarray
    key: np.ndarray
    secondary: np.ndarray
    cohort: np.ndarray
    roll: np.ndarray
    opened: np.ndarray
    last: np.ndarray
    converted: np.ndarray
    doubled: np.ndarray
    merged_into: np.ndarray

    @property
    def n(self) -> int:
        """How many schools there ever are."""
        return len(self.urn)

    @property
    def phase(self) -> np.ndarray:
        """``Primary`` or ``Secondary``."""
        return np.where(self.secondary, "Secondary", "Primary")

    @property
    def la_code(self) -> np.ndarray:
        """Three digits of no real authority."""
        return LA_CODE - np.arange(self.n) // ESTABLISHMENTS_PER_LA

    @property
    def establishment(self) -> np.ndarray:
        """Four digits, kept on conversion."""
        return 2000 + np.arange(self.n) % ESTABLISHMENTS_PER_LA

    @property
    def places(self) -> list[str]:
        """Invented, different for every school."""
        return [_place(i) for i in range(self.n)]

    @property
    def names(self) -> list[str]:
        """The place and the kind of school."""
        kinds = np.where(self.secondary, "High", "Primary")
        return [f"{place} {kind} School" for place, kind in zip(self.places, kinds, strict=True)]

    def active(self, years: np.ndarray) -> np.ndarray:
        """Tell, by school and year, whether the school reports."""
        return (self.opened[:, None] <= years) & (years <= self.last[:, None])

    def urn_in(self, years: np.ndarray) -> np.ndarray:
        """Return the URN that each school reports under, by school and year."""
        after = (self.converted[:, None] > 0) & (years >= self.converted[:, None])
        return np.where(after, self.successor_urn[:, None], self.urn[:, None])


def draw_schools(settings: Settings, rng: np.random.Generator) -> Schools:
    """Draw sizes and fates. Size, conversion and closure are independent of any outcome."""
    n = settings.n_schools
    first, last_year = settings.years
    secondary = rng.permutation(n) < round(SECONDARY_SHARE * n)
    small = rng.lognormal(np.log(28), 0.55, n).clip(4, 90)
    large = rng.lognormal(np.log(170), 0.3, n).clip(60, 300)
    cohort = np.where(secondary, large, small).round().astype(np.int64)
    groups = np.where(secondary, YEAR_GROUPS["Secondary"], YEAR_GROUPS["Primary"])

    opened = np.full(n, first)
    last = np.full(n, last_year)
    merged_into = np.full(n, -1)
    primaries = rng.permutation(np.flatnonzero(~secondary))
    trios = primaries[: 3 * settings.merges].reshape(-1, 3)
    merge_year = rng.integers(first + 1, last_year + 1, len(trios))
    for (one, other, result), year in zip(trios, merge_year, strict=True):
        merged_into[[one, other]] = result
        last[[one, other]] = year - 1
        opened[result] = year

    rest = np.setdiff1d(np.arange(n), trios)
    fate = rng.permutation(rest)
    n_closed, n_converted = round(settings.closures * n), round(settings.conversions * n)
    closing, converting = np.split(fate[: n_closed + n_converted], [n_closed])
    last[closing] = rng.integers(first + 2, last_year, len(closing))
    converted = np.zeros(n, dtype=np.int64)
    converted[converting] = rng.integers(first + 1, last_year + 1, len(converting))
    doubled = np.zeros(n, dtype=bool)
    doubled[converting[: round(settings.doubled_reports * len(converting))]] = True

    urn = FIRST_URN + np.arange(n)
    successor = np.zeros(n, dtype=np.int64)
    successor[converting] = FIRST_SUCCESSOR_URN + np.arange(len(converting))
    return Schools(
        urn=urn,
        successor_urn=successor,
        key=urn.astype(str),
        secondary=secondary,
        cohort=cohort,
        roll=cohort * groups,
        opened=opened,
        last=last,
        converted=converted,
        doubled=doubled,
        merged_into=merged_into,
    )


def schools_table(schools: Schools, settings: Settings) -> pl.DataFrame:
    """Return the table `schools`: one row a school, under the URN it has at the end."""
    is_academy = schools.converted > 0
    closed = schools.last < settings.years[1]
    urn = np.where(is_academy, schools.successor_urn, schools.urn)
    return pl.DataFrame(
        {
            "school_key": schools.key,
            "urn": urn,
            "laestab": [
                f"{la}{number}"
                for la, number in zip(schools.la_code, schools.establishment, strict=True)
            ],
            "name": schools.names,
            "la_code": schools.la_code.astype(str),
            "phase": schools.phase,
            "type": np.where(is_academy, "Academy converter", "Community school"),
            "status": np.where(closed, "Closed", "Open"),
            "open_date": [
                dt.date(year - 1, 9, 1) if year > settings.years[0] else dt.date(1970, 9, 1)
                for year in np.where(is_academy, schools.converted, schools.opened).tolist()
            ],
            "close_date": [
                dt.date(year, 8, 31) if ended else None
                for year, ended in zip(schools.last.tolist(), closed, strict=True)
            ],
            "low_age": np.where(schools.secondary, 11, 4),
            "high_age": np.where(schools.secondary, 16, 11),
            "pupils": schools.roll,
        }
    )


def links_table(schools: Schools) -> pl.DataFrame:
    """Return `school_links`: every change in both directions, as the official register has it."""
    rows: list[tuple[int, int, str, dt.date]] = []

    def both(old: int, new: int, suffix: str, year: int) -> None:
        rows.append((old, new, f"Successor{suffix}", dt.date(year - 1, 9, 1)))
        rows.append((new, old, f"Predecessor{suffix}", dt.date(year - 1, 9, 1)))

    for i in np.flatnonzero(schools.converted):
        both(int(schools.urn[i]), int(schools.successor_urn[i]), "", int(schools.converted[i]))
    for i in np.flatnonzero(schools.merged_into >= 0):
        j = int(schools.merged_into[i])
        both(int(schools.urn[i]), int(schools.urn[j]), " - amalgamated", int(schools.opened[j]))
    columns = ["urn", "link_urn", "link_type", "link_date"]
    types = dict(zip(columns, [pl.Int64, pl.Int64, pl.String, pl.Date], strict=True))
    return pl.DataFrame(rows, schema=types, orient="row").sort("urn", "link_urn")


def _place(i: int) -> str:
    stem, rest = _STEMS[i % len(_STEMS)], i // len(_STEMS)
    ending, rest = _ENDINGS[rest % len(_ENDINGS)], rest // len(_ENDINGS)
    qualifier, number = _QUALIFIERS[rest % len(_QUALIFIERS)], rest // len(_QUALIFIERS)
    return f"{qualifier}{stem}{ending}" + (f" No. {number + 1}" if number else "")
