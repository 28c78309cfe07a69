"""Core's tables, in the order in which a person meets them."""

from __future__ import annotations

from impactkit.declarations import TableSpec


def core_tables() -> tuple[TableSpec, ...]:
    """Return the specs of all tables that core knows.

    Examples
    --------
    >>> [spec.name for spec in core_tables()][:4]
    ['schools', 'school_links', 'school_years', 'partnerships']
    """
    from impactkit.tables import (
        specs_outcomes,
        specs_partnerships,
        specs_people,
        specs_practice,
        specs_schools,
        specs_surveys,
        specs_trusts,
    )

    return (
        *specs_schools.TABLES,
        *specs_partnerships.TABLES,
        *specs_outcomes.TABLES,
        *specs_people.TABLES,
        *specs_practice.TABLES,
        *specs_surveys.TABLES,
        *specs_trusts.TABLES,
    )
