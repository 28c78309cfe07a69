"""Whether two people who judged the same things agree beyond chance: Cohen's kappa.

With p_ij the share of things that the first put in class i and the second in class j,

    kappa = (P - E)/(1 - E),  P = sum p_ii,  E = sum p_i. p_.i

and the large-sample variance is that of Fleiss, Cohen & Everitt: with n things,

    [sum p_ii (1 - (p_i. + p_.i)(1 - kappa))^2 + (1 - kappa)^2 sum_{i != j} p_ij (p_.i + p_j.)^2
      - (kappa - E (1 - kappa))^2] / (n (1 - E)^2)

Sources: Cohen (1960), Educational and Psychological Measurement 20, 37-46; Fleiss, Cohen & Everitt
(1969), Psychological Bulletin 72, 323-327, equation 13.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Iterable
from statistics import NormalDist

import attrs


@attrs.frozen(kw_only=True)
class Kappa:
    """Agreement of two judges. `value` is None where `reason` says why there is none.

    `agreement` is the plain share of things on which they agree, `n` the number of things.
    """

    value: float | None
    std_error: float | None
    agreement: float | None
    n: int
    reason: str = ""

    def interval(self, level: float = 0.95) -> tuple[float, float] | None:
        """Return the large-sample interval, within -1 to 1; None without a standard error."""
        if self.value is None or not self.std_error:
            return None
        half = NormalDist().inv_cdf(0.5 + level / 2) * self.std_error
        return max(-1.0, self.value - half), min(1.0, self.value + half)


def cohen_kappa(pairs: Iterable[tuple[Hashable, Hashable]]) -> Kappa:
    """Estimate how far two judges agree beyond chance, from their two judgements of each thing.

    Parameters
    ----------
    pairs
        What the first and the second judge said of each thing. Words, numbers or truth values:
        only whether they are equal counts, not by how much they differ.

    Returns
    -------
    Kappa
        1 is full agreement, 0 what chance would give. There is no value where there is nothing to
        judge, or where both said the same of everything, which says nothing of chance.

    Examples
    --------
    Two judges agree on 15 of 20 cases that each found in favour of half the time:

    >>> agreed, apart = [("yes", "yes")] * 8 + [("no", "no")] * 7, [("yes", "no")] * 2
    >>> found = cohen_kappa([*agreed, *apart, *[("no", "yes")] * 3])
    >>> found.value, found.agreement, found.n
    (0.5, 0.75, 20)
    """
    cells = Counter(pairs)
    n = cells.total()
    if not n:
        return Kappa(value=None, std_error=None, agreement=None, n=0, reason="nothing was judged")
    first: Counter[Hashable] = Counter()
    second: Counter[Hashable] = Counter()
    for (one, other), count in cells.items():
        first[one] += count
        second[other] += count
    agree = sum(count for (one, other), count in cells.items() if one == other) / n
    chance = math.fsum(first[c] * second[c] for c in first) / n**2
    if len(first.keys() | second.keys()) == 1:
        reason = "both said the same of everything, which says nothing of agreement beyond chance"
        return Kappa(value=None, std_error=None, agreement=agree, n=n, reason=reason)
    value = (agree - chance) / (1 - chance)
    spread = math.fsum(
        count
        / n
        * (
            (1 - (first[one] + second[one]) / n * (1 - value)) ** 2
            if one == other
            else ((1 - value) * (second[one] + first[other]) / n) ** 2
        )
        for (one, other), count in cells.items()
    )
    variance = (spread - (value - chance * (1 - value)) ** 2) / (n * (1 - chance) ** 2)
    return Kappa(value=value, std_error=math.sqrt(max(variance, 0.0)), agreement=agree, n=n)
