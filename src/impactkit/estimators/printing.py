"""How results read when they are printed."""

from __future__ import annotations

from collections.abc import Sequence

from impactkit.results import Estimate, Exclusion


def counted(n: int, noun: str) -> str:
    """Return a count with its noun.

    Examples
    --------
    >>> counted(1, "cluster"), counted(1200, "cluster")
    ('1 cluster', '1,200 clusters')
    """
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"


def table(title: str, estimates: Sequence[Estimate], label: str) -> str:
    """Return estimates as text, a line each, with an interval or the reason for none."""
    lines = [title, f"{label:>16} {'estimate':>11} {'std. error':>11}  interval"]
    for e in estimates:
        value = "" if e.value is None else f"{e.value:.5g}"
        error = "" if e.std_error is None else f"{e.std_error:.4g}"
        interval = e.reason
        if e.ci_low is not None and e.ci_high is not None:
            interval = f"[{e.ci_low:.4g}, {e.ci_high:.4g}]"
        lines.append(f"{e.term or e.estimand:>16} {value:>11} {error:>11}  {interval}".rstrip())
    return "\n".join(lines)


def account(
    first: Estimate, exclusions: Sequence[Exclusion], treated_clusters: int | None = None
) -> list[str]:
    """Return the lines that say how the numbers were made and what was left out.

    `treated_clusters` is the number over all estimates, where `first` has its own only.
    """
    treated = first.n_treated_clusters if treated_clusters is None else treated_clusters
    return [
        f"Method: {first.method}.",
        f"Variance: {first.variance}; {counted(first.n_clusters or 0, 'cluster')}, {treated:,} of "
        "them treated.",
        *set_aside(exclusions),
    ]


def set_aside(exclusions: Sequence[Exclusion]) -> list[str]:
    """Return a line for each reason why rows or units were left out."""
    return [
        f"Set aside: {counted(e.n_rows or 0, 'row')}, "
        f"{counted(e.n_schools or 0, 'whole unit')} ({e.text})."
        for e in exclusions
    ]


def notes(warnings: Sequence[str]) -> list[str]:
    """Return a line for each warning."""
    return [f"Note: {w}." for w in warnings]
