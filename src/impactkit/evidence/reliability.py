r"""How far one year's results can be trusted, and the recovery that this alone would bring.

A school's result is its lasting level, a shock of the year and the luck of the cohort:

.. math:: \rho(n) = \frac{\sigma_B^2}{\sigma_B^2 + \sigma_S^2 + c / n}, \qquad
    E[\Delta_i \mid y_i] = \text{trend} + (1 - \rho(n_i)) (\mu - y_i)

with c = p(1 - p) for a share, and the variance of one pupil for a mean. They are estimated
from schools that never joined (never from theory), as places within year and phase: the covariance
of one school's results in different years is that of its level; what is left of the variance is
regressed on 1/n. Shocks are taken to be gone after a year; where they last, the true recovery
is slower than this says. It is a second opinion beside `impactkit.evidence.recovery`, and can be
worked out from three numbers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import numpy as np
import polars as pl

from impactkit.errors import EstimationError

if TYPE_CHECKING:
    from impactkit.metrics import Panel


@attrs.frozen(kw_only=True)
class Reliability:
    """Standard deviations between schools, in the outcome's unit.

    `level_sd` is of lasting levels, `shock_sd` of what is gone after a year, `pupil_sd` of one
    pupil: None for shares, where it follows from the share (0 where numbers of pupils are not
    known: shocks then include it).
    """

    level_sd: float
    shock_sd: float
    pupil_sd: float | None
    n_schools: int

    def at(self, pupils: float, share: float = 50.0) -> float:
        """Return the reliability of one year's result of a cohort of so many pupils.

        `share` is the percentage of them expected to succeed, of use for shares only.

        Examples
        --------
        >>> of_shares = Reliability(level_sd=11, shock_sd=4, pupil_sd=None, n_schools=500)
        >>> round(of_shares.at(30, 75), 2), round(of_shares.at(180, 75), 2)
        (0.61, 0.82)
        """
        luck = share * (100 - share) if self.pupil_sd is None else self.pupil_sd**2
        level = self.level_sd**2
        whole = level + self.shock_sd**2 + luck / pupils
        return level / whole if whole > 0 else 1.0


def reliability(
    panel: Panel | pl.DataFrame, facts: pl.DataFrame | None = None, *, shares: bool = False
) -> Reliability:
    """Estimate the components of variance from schools that never joined.

    Parameters
    ----------
    panel
        As for `impactkit.evidence.improvement.improvement`.
    facts
        `school_key`, `pupils`, `phase`, as `school_facts` returns them.
    shares
        Are values percentages of pupils, so that luck is p(1 - p)/n?

    Raises
    ------
    EstimationError
        When fewer than ten schools that never joined have results in two years.
    """
    rows = _places(panel, facts).filter(pl.col("cohort").is_null())
    rows = rows.filter(pl.len().over("school_key") > 1)
    n = rows["school_key"].n_unique()
    if n < 10:
        raise EstimationError(
            f"{n} schools that never joined have results in two years; it takes ten to see how "
            "far one year's result can be trusted"
        )
    sums = rows.group_by("school_key").agg(
        total=pl.col("place").sum(), squares=(pl.col("place") ** 2).sum(), years=pl.len()
    )
    pairs = float((sums["years"] * (sums["years"] - 1)).sum())
    level = max(0.0, float((sums["total"] ** 2 - sums["squares"]).sum()) / pairs)
    rest = rows["place"].to_numpy() ** 2 - level
    sized = rows["pupils"].is_not_null().to_numpy()
    inverse = 1.0 / rows["pupils"].to_numpy()[sized]
    per_pupil, pupil_sd = np.zeros(len(inverse)), 0.0
    if shares and len(inverse):
        # The mean over years is nearer to what was to be expected than any one year.
        share = rows.select(pl.col("value").mean().over("school_key")).to_series()
        per_pupil = (share * (100 - share)).to_numpy()[sized].clip(0)
    elif len(np.unique(inverse)) > 1:
        pupil_sd = max(0.0, float(np.polyfit(inverse, rest[sized], 1)[0])) ** 0.5
        per_pupil = np.full(len(inverse), pupil_sd**2)
    of_luck = float((per_pupil * inverse).mean()) if len(inverse) else 0.0
    return Reliability(
        level_sd=level**0.5,
        shock_sd=max(0.0, float(rest.mean()) - of_luck) ** 0.5,
        pupil_sd=None if shares and len(inverse) else pupil_sd,
        n_schools=n,
    )


def expected_recovery(
    panel: Panel | pl.DataFrame, found: Reliability, facts: pl.DataFrame | None = None
) -> float:
    """Return the mean recovery that reliability alone brings to the schools that joined.

    From their results in the year before joining, against the mean of their year and phase.

    Raises
    ------
    EstimationError
        When no joining school has a result in the year before.
    """
    rows = _places(panel, facts).filter(pl.col("year") == pl.col("cohort") - 1)
    if rows.is_empty():
        raise EstimationError("no school that joined has a result in the year before joining")
    usual = rows["pupils"].median()
    pupils = rows["pupils"].fill_null(float(usual) if usual is not None else 1.0)  # type: ignore[arg-type]
    recovered = []
    for n, value, place in zip(pupils, rows["value"], rows["place"], strict=True):
        trust = found.at(n, value)
        # Luck depends on the share expected, which is nearer to the mean than the result was.
        for _ in range(3):
            trust = found.at(n, value - (1 - trust) * place)
        recovered.append(-(1 - trust) * place)
    return float(np.mean(recovered))


def _places(panel: Panel | pl.DataFrame, facts: pl.DataFrame | None) -> pl.DataFrame:
    """Return results as distances from the mean of their year and phase."""
    frame = panel if isinstance(panel, pl.DataFrame) else panel.frame
    if facts is None:
        facts = (
            frame.select("school_key")
            .unique()
            .with_columns(pupils=pl.lit(None, pl.Float64), phase=pl.lit(""))
        )
    rows = frame.join(facts.select("school_key", "pupils", "phase"), on="school_key", how="left")
    place = pl.col("value") - pl.col("value").mean().over("year", pl.col("phase").fill_null(""))
    return rows.with_columns(place=place).sort("school_key", "year")
