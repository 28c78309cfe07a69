r"""Many noisy figures beside one another: drawn towards their mean as far as they are noise.

The best of thirty figures is best in part by luck. For k figures :math:`y_i` with known variances
:math:`v_i`, whose true values vary by :math:`\tau^2` about :math:`\mu`, the forecast is

.. math::

    \hat\theta_i = \mu + (1 - b_i) (y_i - \mu), \quad
    b_i = \frac{k - 3}{k - 1} \, \frac{v_i}{v_i + \tau^2}

.. math::

    s_i^2 = v_i \left(1 - \tfrac{k - 1}{k} b_i\right)
    + \frac{2 b_i^2}{k - 3} \, \frac{\bar v + \tau^2}{v_i + \tau^2} (y_i - \mu)^2

whose last part is there because :math:`\tau^2` is itself an estimate: it solves :math:`\sum_i w_i
(y_i - \mu)^2 = k - 1` with :math:`w_i = 1/(v_i + \tau^2)`, and is 0 where that has no solution.

Sources: Morris (1983), Journal of the American Statistical Association 78(381), 47-55; Paule &
Mandel (1982), Journal of Research of the National Bureau of Standards 87(5).
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from impactkit.errors import EstimationError

FEWEST = 4
"""With fewer figures there is no telling how far the true values vary."""


@attrs.frozen(kw_only=True)
class Shrunken:
    """Figures drawn towards their mean: `values` and `std_errors`, in the order given.

    `kept` is the share of each distance from `mean` that is kept, from 0 to 1; `between` the
    standard deviation of the true values.
    """

    values: tuple[float, ...]
    std_errors: tuple[float, ...]
    kept: tuple[float, ...]
    mean: float
    between: float


def shrink(values: Sequence[float], variances: Sequence[float]) -> Shrunken:
    """Draw figures towards their mean.

    Raises
    ------
    EstimationError
        When there are fewer than four figures, or a variance is not above 0.

    Examples
    --------
    >>> found = shrink([9.0, 1.0, -4.0, 2.0], [1.0, 1.0, 1.0, 1.0])
    >>> [round(v, 2) for v in found.values], round(found.between, 2)
    ([8.92, 1.01, -3.93, 2.0], 5.26)
    """
    import numpy as np
    from scipy.optimize import brentq

    y, v = np.asarray(values, dtype=float), np.asarray(variances, dtype=float)
    k = len(y)
    if k < FEWEST or not (v > 0).all():
        raise EstimationError(
            f"{k} figures, each with a variance above 0, are not the {FEWEST} that it takes to see "
            "how far true values vary"
        )

    def spread(between: float) -> float:
        w = 1 / (between + v)
        return float(w @ (y - (w @ y) / w.sum()) ** 2) - (k - 1)

    # At this variance the weighted squares are below k - 1 whatever the figures are.
    most = float(((y - y.mean()) ** 2).sum()) + 1e-12
    tau2 = float(brentq(spread, 0.0, most)) if spread(0.0) > 0 else 0.0
    w = 1 / (tau2 + v)
    mean = float((w @ y) / w.sum())
    b = (k - 3) / (k - 1) * v * w
    typical = float((w @ v) / w.sum())
    known = v * (1 - (k - 1) / k * b)
    unsure = 2 * b**2 / (k - 3) * (typical + tau2) * w * (y - mean) ** 2
    return Shrunken(
        values=tuple((mean + (1 - b) * (y - mean)).tolist()),
        std_errors=tuple(np.sqrt(known + unsure).tolist()),
        kept=tuple((1 - b).tolist()),
        mean=mean,
        between=tau2**0.5,
    )
