"""The second axis beside the grade: how well it is thought through why partnership should work."""

from __future__ import annotations

from collections.abc import Iterable

from impactkit.theory import Link as Link, Theory as Theory


def headline(grade: int | None, theory: Theory | None, fidelity: Iterable[float] = ()) -> str:
    """Return the one line that stands over an evaluation.

    `fidelity` are shares of help given as planned, from 0 to 1.

    Examples
    --------
    >>> headline(3, Theory(), [0.7, 0.8])
    'Evidence of effect 3/5 · Theory T0 · Given as planned 75%'
    >>> headline(None, None)
    'Evidence of effect not graded · Theory T0'
    """
    shares = list(fidelity)
    parts = [
        "Evidence of effect " + ("not graded" if grade is None else f"{grade}/5"),
        f"Theory T{theory.strength if theory else 0}",
    ]
    if shares:
        parts.append(f"Given as planned {100 * sum(shares) / len(shares):.0f}%")
    return " · ".join(parts)
