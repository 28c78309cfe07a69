"""How long things last: the survivor function, and the incidence of each of several ends.

Estimand: S(t), the share not ended by t, and F_k(t), the share ended by t for reason k when other
reasons end spells too (promotion against leaving), both among those who start, provided that
spells are censored, or come under watch, independently of what would have happened to them.

At each time s with events, n are at risk, d_k end for reason k, d in all, h = d/n:

    S(s) = S(s-)(1 - h)                      Kaplan & Meier
    F_k(s) = F_k(s-) + S(s-) d_k/n           Aalen & Johansen

The contribution of cluster c, with d_c and n_c of its own, follows the same recursion,

    phi_S(s) = phi_S(s-)(1 - h) - S(s-)(d_c - h n_c)/n
    phi_k(s) = phi_k(s-) + phi_S(s-) h_k + S(s-)(d_ck - h_k n_c)/n

and the variance is the sum of squares over clusters, without a small-sample factor. When each spell
is a cluster that is exactly Greenwood's formula for S and, for F_k, Dinse & Larson's without terms
of second order. Intervals are made on the scale of log(-log x), and so stay between 0 and 1.

Sources: Kaplan & Meier (1958), JASA 53; Aalen & Johansen (1978), Scandinavian Journal of Statistics
5; Williams (1995), "Product-limit survival functions with correlated survival times", Lifetime Data
Analysis 1 (clusters); Dinse & Larson (1986), Biometrika 73(2); Kalbfleisch & Prentice (2002), "The
statistical analysis of failure time data", section 1.4 (intervals).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import attrs
import numpy as np
import polars as pl

from impactkit.errors import EstimationError
from impactkit.estimators.options import a_level, check_options
from impactkit.estimators.printing import notes
from impactkit.estimators.survival_counts import Counts, Floats, check_spells, count
from impactkit.inference.influence import critical_value
from impactkit.results import Estimate, Exclusion, estimates_to_frame

if TYPE_CHECKING:
    from collections.abc import Sequence

FEW_CLUSTERS = 20


@attrs.frozen(kw_only=True, eq=False)
class Survival:
    """Curves by group (and cause), a step at each time of an event.

    Attributes
    ----------
    steps
        One `Estimate` a step: `subgroup` is the group, `term` the time, `estimand` which curve.
    time, at_risk, ended
        Of each step: the time, spells at risk, and ended by then at that very time.
    last_seen
        The last time at which a group's spells were watched, by group: curves say nothing beyond.
    exclusions, warnings
        Spells left out, counted; what a reader must know.
    """

    steps: tuple[Estimate, ...]
    time: tuple[float, ...]
    at_risk: tuple[int, ...]
    ended: tuple[int, ...]
    last_seen: dict[str, float]
    exclusions: tuple[Exclusion, ...]
    warnings: tuple[str, ...]

    def to_frame(self) -> pl.DataFrame:
        """Return one row a step: `time`, `at_risk`, `ended`, then the fields of `Estimate`."""
        numbers = pl.DataFrame(
            {"time": self.time, "at_risk": self.at_risk, "ended": self.ended},
            schema={"time": pl.Float64, "at_risk": pl.Int64, "ended": pl.Int64},
        )
        return pl.concat([numbers, estimates_to_frame(self.steps)], how="horizontal")

    def at(self, time: float) -> tuple[Estimate, ...]:
        """Return each curve at a time, such as the share still in post after 3 years.

        After the last time at which spells of a group were watched a curve has no value.
        """
        found = []
        for (group, estimand), steps in self._curves().items():
            before = [i for i in steps if self.time[i] <= time]
            e = self.steps[before[-1]] if before else self.steps[steps[0]]
            if time > self.last_seen[group]:
                e = _without(
                    e, f"no spell was watched beyond {self.last_seen[group]:g}", value=None
                )
            elif not before:
                start = 1.0 if estimand.startswith("S(t)") else 0.0
                e = _without(e, f"nothing happened up to {time:g}", value=start)
            found.append(attrs.evolve(e, term=f"{time:g}"))
        return tuple(found)

    def median(self) -> dict[str, tuple[float | None, tuple[float | None, float | None]]]:
        """Return by group the first time at which half have ended, and its interval.

        The interval holds the times at which the curve's interval holds a half (Brookmeyer &
        Crowley 1982); None where the curve, or its interval, does not come down that far.
        """
        found = {}
        for (group, estimand), steps in self._curves().items():
            if not estimand.startswith("S(t)"):
                raise EstimationError("only a survivor function has a median; see kaplan_meier")

            # Where all have ended there is no interval, and the curve itself is below a half.
            curve, low, high = (
                [_first_of(getattr(self.steps[i], name), self.steps[i].value) for i in steps]
                for name in ("value", "ci_low", "ci_high")
            )
            times = [self.time[i] for i in steps]
            found[group] = (
                _down_to_half(times, curve),
                (_down_to_half(times, low), _down_to_half(times, high)),
            )
        return found

    def estimates(
        self, metric: str = "", measure: str = "", unit: str = ""
    ) -> tuple[Estimate, ...]:
        """Return the steps, labelled for a report."""
        return tuple(attrs.evolve(e, metric=metric, measure=measure, unit=unit) for e in self.steps)

    def _curves(self) -> dict[tuple[str, str], list[int]]:
        curves: dict[tuple[str, str], list[int]] = {}
        for i, e in enumerate(self.steps):
            curves.setdefault((e.subgroup, e.estimand), []).append(i)
        return curves

    def __str__(self) -> str:
        lines = []
        for (group, estimand), steps in self._curves().items():
            lines.append(f"{estimand}, {group}")
            lines.append(
                f"{'time':>8} {'at risk':>8} {'ended':>6} {'share':>7} {'s.e.':>7}  interval"
            )
            for i in steps:
                e = self.steps[i]
                error = "" if e.std_error is None else f"{e.std_error:.4f}"
                interval = e.reason if e.ci_low is None else f"[{e.ci_low:.4f}, {e.ci_high:.4f}]"
                lines.append(
                    f"{self.time[i]:>8g} {self.at_risk[i]:>8,} {self.ended[i]:>6,} "
                    f"{e.value:>7.4f} {error:>7}  {interval}"
                )
        first = self.steps[0]
        lines += [f"Method: {first.method}.", f"Variance: {first.variance}."]
        lines += [f"Set aside: {x.n_rows:,} spells ({x.text})." for x in self.exclusions]
        return "\n".join([*lines, *notes(self.warnings)])

    __repr__ = __str__


def kaplan_meier(
    frame: pl.DataFrame | pl.LazyFrame,
    *,
    duration: str,
    event: str,
    group: str | None = None,
    entry: str | None = None,
    cluster: str | None = None,
    level: float = 0.95,
) -> Survival:
    """Estimate the share of spells that last, by time.

    Parameters
    ----------
    frame
        One row a spell, such as a person in a post.
    duration
        Column: how long the spell lasted, or had lasted when last seen, in periods.
    event
        Column: true (or 1) where the spell ended, false (0) where it was only last seen.
    group
        Column: a curve for each of its values; without it there is one, called ``all``.
    entry
        Column: the duration from which on the spell was watched, for those that began earlier.
    cluster
        Column of clusters, such as schools; without it spells are independent.
    level
        Of the intervals, which are pointwise.

    Returns
    -------
    Survival
        A step at each time at which a spell of the group ended.

    Raises
    ------
    DataError
        With every fault of the frame.
    EstimationError
        When no spell is left, or none ended.

    Examples
    --------
    >>> frame = pl.DataFrame({"years": [1, 2, 2, 3, 4], "left": [1, 1, 0, 1, 0]})
    >>> curve = kaplan_meier(frame, duration="years", event="left")
    >>> curve.to_frame().select("time", "at_risk", "ended", pl.col("value").round(4)).rows()
    [(1.0, 5, 1, 0.8), (2.0, 4, 1, 0.6), (3.0, 2, 1, 0.3)]
    """
    return _curves(
        frame,
        duration=duration,
        event=event,
        group=group,
        entry=entry,
        cluster=cluster,
        level=level,
        method="Kaplan-Meier",
    )


def aalen_johansen(
    frame: pl.DataFrame | pl.LazyFrame,
    *,
    duration: str,
    cause: str,
    group: str | None = None,
    entry: str | None = None,
    cluster: str | None = None,
    level: float = 0.95,
) -> Survival:
    """Estimate the share of spells ended by each cause, by time, where causes compete.

    One minus a Kaplan-Meier curve that censors the other causes would be too high: it describes a
    world in which nobody can be promoted before they leave.

    Parameters
    ----------
    frame, duration, group, entry, cluster, level
        As `kaplan_meier`.
    cause
        Column: why the spell ended (``promotion``, ``leaving``), null where it was only last seen.

    Returns
    -------
    Survival
        For each group and cause a step at each time at which any spell of the group ended.

    Raises
    ------
    DataError, EstimationError
        As `kaplan_meier`.

    Examples
    --------
    >>> frame = pl.DataFrame({
    ...     "years": [1, 2, 2, 3, 4], "end": ["promotion", "leaving", None, "leaving", None],
    ... })
    >>> curves = aalen_johansen(frame, duration="years", cause="end")
    >>> [(e.estimand, round(e.value, 4)) for e in curves.at(3)]
    [('F(t) of leaving', 0.5), ('F(t) of promotion', 0.2)]
    """
    return _curves(
        frame,
        duration=duration,
        cause=cause,
        group=group,
        entry=entry,
        cluster=cluster,
        level=level,
        method="Aalen-Johansen",
    )


def _curves(
    frame: pl.DataFrame | pl.LazyFrame,
    *,
    duration: str,
    event: str | None = None,
    cause: str | None = None,
    group: str | None,
    entry: str | None,
    cluster: str | None,
    level: float,
    method: str,
) -> Survival:
    check_options([a_level(level)])
    spells = check_spells(
        frame,
        duration=duration,
        event=event,
        cause=cause,
        group=group,
        entry=entry,
        cluster=cluster,
    )
    if not spells.causes:
        raise EstimationError(
            f"none of {spells.rows.height:,} spells ended; there is no time to tell of"
        )
    rows = spells.rows if group else spells.rows.with_columns(group=pl.lit("all"))
    steps: list[Estimate] = []
    numbers: list[tuple[float, int, int]] = []
    last_seen, warnings = {}, []
    for label in rows["group"].unique().sort():
        mine = rows.filter(pl.col("group") == label)
        last_seen[label] = float(mine["end"].max())  # type: ignore[arg-type]
        counts = count(mine, spells.causes)
        if not len(counts.times):
            warnings.append(f"none of {mine.height:,} spells of {label} ended, so it has no curve")
            continue
        n_clusters = mine["cluster"].n_unique() if cluster else mine.height
        if cluster and n_clusters < FEW_CLUSTERS:
            warnings.append(
                f"{label} has {n_clusters} clusters; with fewer than {FEW_CLUSTERS} the "
                "intervals are likely to be too narrow"
            )
        S, F, phi_S, phi_F = _recursion(counts)
        if entry and bool((S[:-1] == 0).any()):
            warnings.append(
                f"of {label} all who were watched at an early time had ended, so that its curve is "
                "zero from then on; begin at a later time"
            )
        base = Estimate(
            subgroup=label,
            level=level,
            n_people=mine.height,
            n_clusters=n_clusters,
            method=method,
            variance=(
                f"contributions summed by {cluster}, no small-sample factor"
                if cluster
                else "spells independent (Greenwood)"
                if event
                else "spells independent (Dinse & Larson, first order)"
            ),
        )
        at_risk, ended = counts.total_at_risk, counts.total_ended
        curves = (
            [("S(t), share that last", S, phi_S, ended.sum(axis=1))]
            if event
            else [
                (f"F(t) of {k}", F[:, j], phi_F[:, :, j], ended[:, j])
                for j, k in enumerate(spells.causes)
            ]
        )
        for estimand, values, phi, d in curves:
            errors = np.sqrt(counts.number @ phi**2)
            for t, time in enumerate(counts.times):
                e = attrs.evolve(base, estimand=estimand, term=f"{time:g}")
                steps.append(_step(e, float(values[t]), float(errors[t]), n_clusters))
                numbers.append((float(time), round(at_risk[t]), round(d[t])))
    time, risk, gone = zip(*numbers, strict=True)
    return Survival(
        steps=tuple(steps),
        time=time,
        at_risk=risk,
        ended=gone,
        last_seen=last_seen,
        exclusions=spells.exclusions,
        warnings=tuple(warnings),
    )


def _recursion(counts: Counts) -> tuple[Floats, Floats, Floats, Floats]:
    """Return S (T,), F (T, K) and the contributions to both, (R, T) and (R, T, K)."""
    n, d = counts.total_at_risk, counts.total_ended
    R, T, K = counts.ended.shape
    S, F = np.ones(T), np.zeros((T, K))
    phi_S, phi_F = np.zeros((R, T)), np.zeros((R, T, K))
    s, f, ps, pf = 1.0, np.zeros(K), np.zeros(R), np.zeros((R, K))
    for t in range(T):
        h_k = d[t] / n[t]
        h = h_k.sum()
        surprise = (counts.ended[:, t] - h_k * counts.at_risk[:, t, None]) / n[t]
        f = f + s * h_k
        pf = pf + ps[:, None] * h_k + s * surprise
        ps = ps * (1 - h) - s * surprise.sum(axis=1)
        s = 0.0 if d[t].sum() == n[t] else s * (1 - h)
        S[t], F[t], phi_S[:, t], phi_F[:, t] = s, f, ps, pf
    return S, F, phi_S, phi_F


def _first_of(bound: float | None, value: float | None) -> float:
    return bound if bound is not None else value if value is not None else 1.0


def _down_to_half(times: Sequence[float], curve: Sequence[float]) -> float | None:
    return next((t for t, x in zip(times, curve, strict=True) if x <= 0.5 + 1e-12), None)


def _step(base: Estimate, value: float, error: float, n_clusters: int) -> Estimate:
    if not 0 < value < 1:
        why = "all who were watched had ended" if value else "none ended so"
        if base.estimand.startswith("S(t)"):
            why = "all who were watched had ended"
        return _without(base, f"{why}, and how many would have cannot be told", value=value)
    if n_clusters < 2 or error < 1e-12:
        return _without(
            base, f"{n_clusters} cluster{'s' * (n_clusters > 1)} without variation", value=value
        )
    z = critical_value(base.level)
    power = math.exp(z * error / abs(value * math.log(value)))
    return attrs.evolve(
        base,
        value=value,
        std_error=error,
        ci_low=value**power,
        ci_high=value ** (1 / power),
    )


def _without(base: Estimate, reason: str, *, value: float | None) -> Estimate:
    return attrs.evolve(
        base,
        value=value,
        std_error=None,
        ci_low=None,
        ci_high=None,
        status="ok" if value is not None else "not_estimable",
        reason=reason,
    )
