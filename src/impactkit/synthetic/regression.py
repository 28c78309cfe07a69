"""How much schools chosen for poor results "improve" when nothing at all is done for them.

A school's true level is p + b, with b ~ N(0, between_sd). In each year its chance of success is
that level plus the trend and a shock ~ N(0, shock_sd) that is gone the year after, and its result
is the share of a cohort of pupils who succeed. The lowest `share` of schools by their mean result
over `years` years are chosen. Their mean change from that baseline to the year after is set beside
everybody's.
"""

from __future__ import annotations

import attrs
import numpy as np

from impactkit.errors import Problem, UsageError


@attrs.frozen(kw_only=True)
class Regression:
    """Mean change from the baseline to the next year, in percentage points, with no effect at all.

    `ratio` is the "rate of improvement" that the chosen seem to have, None where everybody's mean
    change is too near nothing (less than a tenth of a point) to divide by.
    """

    chosen: float
    everyone: float

    @property
    def ratio(self) -> float | None:
        """Change of the chosen over that of everybody."""
        return self.chosen / self.everyone if abs(self.everyone) >= 0.1 else None


def regression_to_the_mean(
    *,
    cohort: int,
    between_sd: float,
    shock_sd: float,
    trend: float,
    share: float,
    years: int = 1,
    mean: float = 75.0,
    n: int = 200_000,
    seed: int = 2010,
) -> Regression:
    """Simulate the improvement of schools chosen for low results, when the effect is zero.

    Parameters
    ----------
    cohort
        Pupils in the year group.
    between_sd, shock_sd, trend, mean
        Percentage points; `trend` a year, `mean` the share of pupils who succeed.
    share
        Of schools that are chosen, from 0 to 1.
    years
        Over how many years results are averaged, for the choice and as the baseline.
    n, seed
        Schools simulated, and from which seed.

    Raises
    ------
    UsageError
        When a share, a number of pupils or a mean cannot be.

    Examples
    --------
    Primary schools of 30, the worst fifth on one year's results:

    >>> found = regression_to_the_mean(cohort=30, between_sd=11, shock_sd=4, trend=2, share=0.2)
    >>> round(found.everyone), found.chosen > 10
    (2, True)
    """
    _check(cohort=cohort, share=share, years=years, mean=mean, n=n)
    rng = np.random.default_rng(seed)
    level = mean + rng.normal(0, between_sd, n)

    def results(year: int) -> np.ndarray:
        chance = (level + trend * year + rng.normal(0, shock_sd, n)) / 100
        return 100 * rng.binomial(cohort, chance.clip(0, 1)) / cohort

    before = np.mean([results(-back) for back in range(years)], axis=0)
    change = results(1) - before
    # Small cohorts have few distinct results: which of the tied are chosen is left to chance.
    order = np.lexsort((rng.random(n), before))
    return Regression(
        chosen=float(change[order[: int(share * n)]].mean()), everyone=float(change.mean())
    )


def _check(*, cohort: int, share: float, years: int, mean: float, n: int) -> None:
    rules = (
        ("cohort", cohort, cohort >= 1, "expected 1 pupil or more"),
        ("share", share, 0 < share < 1, "expected a share between 0 and 1"),
        ("years", years, years >= 1, "expected 1 year or more"),
        ("mean", mean, 0 < mean < 100, "expected a percentage between 0 and 100"),
        ("n", n, n * min(share, 1) >= 100, "expected enough schools to choose 100"),
    )
    problems = [
        Problem(code="synthetic.setting", column=name, value=str(value), rule=rule)
        for name, value, good, rule in rules
        if not good
    ]
    if problems:
        raise UsageError(problems)
