"""Core's readers, each declared in the module of its form."""

from __future__ import annotations

from impactkit.declarations import Reader


def core_readers() -> tuple[Reader, ...]:
    """Return core's readers.

    Examples
    --------
    >>> [reader.id for reader in core_readers() if reader.id.startswith("gias.")]
    ['gias.establishments', 'gias.links', 'gias.groups', 'gias.group_links', 'gias.governance']
    """
    from impactkit.readers import (
        absence,
        census,
        destinations,
        ees,
        finance,
        gias_governance,
        gias_group_register,
        gias_groups,
        gias_links,
        gias_schools,
        ks2,
        ks4,
        ks5,
        mats,
        ofsted,
        other_tables,
        plain,
        school_information,
        wales,
        workforce,
    )

    return (
        gias_schools.READER,
        gias_links.READER,
        gias_group_register.READER,
        gias_groups.READER,
        gias_governance.READER,
        ks2.READER,
        ks4.READER,
        ks5.READER,
        destinations.KS4_READER,
        destinations.KS5_READER,
        destinations.HE_READER,
        absence.READER,
        census.READER,
        workforce.READER,
        finance.PUPIL_READER,
        finance.TOTAL_READER,
        mats.READER,
        other_tables.READER,
        school_information.READER,
        ofsted.READER,
        ees.READER,
        wales.SCHOOLS_READER,
        wales.FIGURES_READER,
        plain.READER,
    )
