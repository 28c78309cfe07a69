"""Disclosure control over a whole evaluation: once, last, and nothing gets round it."""

from __future__ import annotations

from collections.abc import Collection

from impactkit.declarations import DisclosureProfile
from impactkit.disclosure.attack import Audit, Exposed, audit
from impactkit.disclosure.cells import System, build
from impactkit.disclosure.intake import declare_people
from impactkit.disclosure.margins import (
    connected,
    protected_cells,
    withhold_margins,
    withhold_smallest,
)
from impactkit.disclosure.release import blank, round_counts
from impactkit.disclosure.values import evolve
from impactkit.errors import DisclosureError
from impactkit.results import Disclosure, Evaluation, Withheld


def protect(
    evaluation: Evaluation,
    profile: DisclosureProfile,
    *,
    first_party: Collection[str] = (),
    declared: Collection[str] = (),
    designed: Collection[str] = (),
    own_estimator: bool = True,
) -> Evaluation:
    """Return the evaluation as it may be released under `profile`.

    Parameters
    ----------
    evaluation
        With every metric and section in it, and true counts.
    profile
        Which counts of people are protected.
    first_party
        Names of plugins (`MetricResult.plugin`) that are core's own. Everybody else's free text is
        masked, their undeclared whole numbers are taken for counts of people, and their word that
        a table is already published is not taken. The default trusts none.
    declared
        Texts written before any data was read (a metric's title, its card): exempt from masking.
    designed
        Ids of metrics that gave values by school and year only: the estimates and checks made of
        them, and the words with these, are core's, and not masked.
    own_estimator
        Whether the study's estimator is core's. The words of another stand with the estimates of
        everybody's metrics, and are masked there.

    Returns
    -------
    Evaluation
        A new one. Withheld cells are None with the mark ``c``; withheld estimates have the status
        ``withheld``; `disclosure` says under which profile, what went, and what the audit found.

    Raises
    ------
    DisclosureError
        When the audit can still work out a protected count after all that is tied to it was
        withheld. The message says where, never what.

    Notes
    -----
    Counts of schools, partnerships and events are public facts. The method (the next
    smallest cells, or else whole margins) and what the audit proves are described in
    ``docs/explanation/disclosure.md``.

    Examples
    --------
    >>> from impactkit.disclosure import core_profiles
    >>> from impactkit.results import Column, MetricResult, Table
    >>> table = Table(
    ...     id="left",
    ...     title="Leavers",
    ...     columns=[Column(name="level", kind="dimension"),
    ...              Column(name="left", kind="count", of="people")],
    ...     rows=[["head", 3], ["deputy", 14], ["all", 17]],
    ...     totals={"level": "all"},
    ... )
    >>> result = MetricResult(metric="kent.left", tables=[table])
    >>> safe = protect(Evaluation(title="Kent", results=[result]), core_profiles()[0])
    >>> safe.results[0].tables[0].rows
    (('head', None), ('deputy', None), ('all', 17))
    """
    true, log = declare_people(
        evaluation, profile, first_party, declared, designed, own_estimator=own_estimator
    )
    system = build(true)
    small = protected_cells(system, profile)
    withheld = withhold_smallest(system, small, profile.threshold)
    released, cells = blank(true, system, withheld, profile)
    found = audit(true, released, profile)
    if not found.passed:
        withheld = withhold_margins(system, small)
        released, cells = blank(true, system, withheld, profile)
        found = audit(true, released, profile)
    if not found.passed:
        more = withheld | connected(system, _cells(system, found.exposed))
        withheld = withhold_margins(system, more)
        released, cells = blank(true, system, withheld, profile)
        found = audit(true, released, profile)
    if not found.passed:
        raise DisclosureError(_refusal(found, profile))
    if profile.round_to > 1:
        released = round_counts(released, profile.round_to)
    return evolve(released, disclosure=_record(profile, log + cells, found))


def _cells(system: System, exposed: Collection[Exposed]) -> set[int]:
    wheres = {(kind, i, k, row, column) for kind, i, k, row, column in (e.where for e in exposed)}
    return {
        cell
        for ((kind, i), k, row, column), cell in system.places.items()
        if (kind, i, k, row, column) in wheres
    }


def _refusal(found: Audit, profile: DisclosureProfile) -> str:
    names = sorted({e.name for e in found.exposed})
    listed = "\n".join(f"  {name}" for name in names)
    return (
        f"Nothing was released: under profile {profile.id} a protected count of people could "
        f"still be worked out from\n{listed}\n"
        "Take that table, or the published table that it is compared with, out of the evaluation."
    )


def _record(profile: DisclosureProfile, log: list[Withheld], found: Audit) -> Disclosure:
    rounded = f"; counts of people rounded to {profile.round_to}" if profile.round_to > 1 else ""
    record = Disclosure(
        profile=profile.id,
        version=profile.version,
        threshold=profile.threshold,
        audit=(
            "passed: from this release alone, no protected count of people can be worked out "
            f"more closely than 'up to {profile.threshold}, perhaps more'{rounded}"
        ),
        # Of all that is withheld: how many were small in the first place would itself be a clue.
        n_protected=sum(line.cells for line in log),
        n_checked=found.n_checked,
    )
    return evolve(record, withheld=log)
