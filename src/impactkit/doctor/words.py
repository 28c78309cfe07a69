"""Amounts, counts and years in the words of the page."""

from __future__ import annotations

from collections.abc import Iterable

from impactkit.report.phrases import unit_words
from impactkit.types import Period


def count(n: int, noun: str) -> str:
    """Return a count with its noun, in figures: a page of findings is read for its numbers.

    Examples
    --------
    >>> count(1, "school"), count(0, "school"), count(1016, "school")
    ('1 school', '0 schools', '1,016 schools')
    """
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


def amount(value: float, unit: str) -> str:
    """Return a difference with its unit and sign, to three figures.

    Examples
    --------
    >>> amount(2.2493, "percent"), amount(-0.5085, "ratio")
    ('+2.25 percentage points', '-0.508')
    """
    return f"{value:+.3g} {unit_words(unit, contrast=True)}".rstrip()


def years_words(years: Iterable[int]) -> str:
    """Return academic years as schools write them.

    Examples
    --------
    >>> years_words([2020, 2021])
    '2019/20, 2020/21'
    """
    return ", ".join(Period(int(year)).label for year in years)
