"""Effects where there can be none, and effects without each partnership in turn.

Three checks for any estimator, given as a function that takes a frame and returns an `Estimate`:

    placebo_in_time    treatment is dated some periods early, on rows before treatment: an estimate
                       far from zero speaks against parallel trends, or of effects that came early
    placebo_in_space   units never treated play the treated, with the same starts: where the real
                       estimate lies among these gives a p-value by permutation,
                       p = (1 + #{|placebo| >= |real|}) / (1 + B),
                       valid when which units were treated is as good as drawn at random
    leave_one_out      each group is left out in turn: whether the answer hangs on one of them

Sources: Abadie, Diamond & Hainmueller (2010), JASA 105(490), section 3.4 (in space), and (2015),
American Journal of Political Science 59(2) (in time, leave-one-out); Phipson & Smyth (2010),
Statistical Applications in Genetics and Molecular Biology 9(1) (why the p-value counts one more).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import attrs

from impactkit.errors import EstimationError
from impactkit.estimators.options import check_options
from impactkit.results import Diagnostic, Estimate, estimates_to_frame

if TYPE_CHECKING:
    import polars as pl

Estimator = Callable[["pl.DataFrame"], Estimate]


@attrs.frozen(kw_only=True, repr=False)
class Placebo:
    """Placebo estimates beside the real one.

    Attributes
    ----------
    real
        The estimate on the data as they are.
    placebos
        One `Estimate` a placebo; `status` and `reason` say which could not be estimated.
    p_value
        Share of placebos at least as far from zero, by permutation; None where there is none.
    exact
        Whether every possible placebo was made, each once.
    diagnostic
        The same in a sentence, for a report.
    """

    real: Estimate
    placebos: tuple[Estimate, ...]
    p_value: float | None
    exact: bool
    diagnostic: Diagnostic

    def to_frame(self) -> pl.DataFrame:
        """Return one row a placebo, columns as the fields of `Estimate`."""
        return estimates_to_frame(self.placebos)

    def estimates(
        self, metric: str = "", measure: str = "", unit: str = ""
    ) -> tuple[Estimate, ...]:
        """Return the placebo estimates, labelled for a report."""
        return tuple(
            attrs.evolve(e, metric=metric, measure=measure, unit=unit) for e in self.placebos
        )

    def __str__(self) -> str:
        return self.diagnostic.text

    __repr__ = __str__


@attrs.frozen(kw_only=True, repr=False)
class LeaveOneOut:
    """The estimate without each group in turn.

    Attributes
    ----------
    real
        The estimate with all of them.
    terms
        One `Estimate` a group, the group left out in `term`.
    most
        The group without which the estimate changes most; empty when none could be left out.
    diagnostic
        The same in a sentence, for a report.
    """

    real: Estimate
    terms: tuple[Estimate, ...]
    most: str
    diagnostic: Diagnostic

    def to_frame(self) -> pl.DataFrame:
        """Return one row a group, columns as the fields of `Estimate`."""
        return estimates_to_frame(self.terms)

    def estimates(
        self, metric: str = "", measure: str = "", unit: str = ""
    ) -> tuple[Estimate, ...]:
        """Return the estimates, labelled for a report."""
        return tuple(attrs.evolve(e, metric=metric, measure=measure, unit=unit) for e in self.terms)

    def __str__(self) -> str:
        return self.diagnostic.text

    __repr__ = __str__


def placebo_in_time(
    frame: pl.DataFrame, estimator: Estimator, *, time: str, cohort: str, lead: int = 2
) -> Placebo:
    """Date treatment `lead` periods early, and look at rows before the real treatment only.

    Parameters
    ----------
    frame
        One row a unit and period.
    estimator
        Takes such a frame, returns an `Estimate`.
    time, cohort
        Columns of whole numbers; in `cohort` null is never treated.
    lead
        How many periods early.

    Raises
    ------
    UsageError
        When `lead` is not 1 or more.
    EstimationError
        When the real effect cannot be estimated.

    Examples
    --------
    >>> import polars as pl
    >>> frame = pl.DataFrame({"year": [1, 2, 3] * 2, "first": [3] * 3 + [None] * 3,
    ...                       "y": [0.0, 1.0, 5.0, 0.0, 0.0, 0.0]})
    >>> def last_change(f):
    ...     d = f.filter(pl.col("first").is_not_null()).sort("year")["y"]
    ...     return Estimate(value=d[-1] - d[-2])
    >>> found = placebo_in_time(frame, last_change, time="year", cohort="first", lead=1)
    >>> found.real.value, found.placebos[0].value
    (4.0, 1.0)
    """
    import polars as pl

    check_options([(lead < 1, "lead", lead, "a number of periods, 1 or more")])
    real = estimator(frame)
    first = pl.col(time).min()
    early = frame.filter(pl.col(cohort).is_null() | (pl.col(time) < pl.col(cohort))).with_columns(
        pl.col(cohort) - lead
    )
    # Where the earlier date is no later than the first period there is no period before it.
    placed = early.filter((pl.col(cohort) > first) | pl.col(cohort).is_null())
    if placed[cohort].count():
        found = _tried(estimator, placed)
    else:
        reason = f"no treated unit is seen more than {lead} periods before its treatment"
        found = Estimate(status="not_estimable", reason=reason)
    found = attrs.evolve(found, term=f"-{lead}")
    lost = early.height - placed.height
    if found.value is None:
        text = f"No placebo {lead} periods early: {found.reason}."
        diagnostic = Diagnostic(name="placebo in time", text=text)
    else:
        interval = (
            f"[{found.ci_low:.4g}, {found.ci_high:.4g}]"
            if found.ci_low is not None and found.ci_high is not None
            else "no interval"
        )
        diagnostic = Diagnostic(
            name="placebo in time",
            value=found.value,
            p_value=found.p_value,
            passed=None
            if found.ci_low is None or found.ci_high is None
            else found.ci_low <= 0 <= found.ci_high,
            text=(
                f"Dated {lead} periods early, on rows before treatment, the estimate is "
                f"{found.value:.4g} ({interval}); without a violation it would be near zero."
                + (f" {lost:,} rows of units treated too early were left out." if lost else "")
            ),
        )
    return Placebo(
        real=real, placebos=(found,), p_value=found.p_value, exact=True, diagnostic=diagnostic
    )


def placebo_in_space(
    frame: pl.DataFrame,
    estimator: Estimator,
    *,
    unit: str,
    cohort: str,
    replications: int = 199,
    seed: int = 0,
) -> Placebo:
    """Let units never treated play the treated, and see how often they look as affected.

    With one treated unit each of the others plays it once, and nothing is drawn.

    Parameters
    ----------
    frame
        One row a unit and period.
    estimator
        Takes such a frame, returns an `Estimate`.
    unit, cohort
        Columns; in `cohort` null is never treated.
    replications, seed
        Number of draws, and the seed of their generator.

    Raises
    ------
    UsageError
        When `replications` is not 1 or more.
    EstimationError
        When the real effect cannot be estimated, or there are no more units never treated than
        treated ones.

    Examples
    --------
    >>> import polars as pl
    >>> frame = pl.DataFrame({"urn": [1, 2, 3, 4], "first": [3, None, None, None],
    ...                       "gain": [5.0, 1.0, -1.0, 0.0]})
    >>> def mean_gain(f):
    ...     return Estimate(value=f.filter(pl.col("first").is_not_null())["gain"].mean())
    >>> placebo_in_space(frame, mean_gain, unit="urn", cohort="first").p_value
    0.25
    """
    import numpy as np
    import polars as pl

    check_options([(replications < 1, "replications", replications, "a number, 1 or more")])
    real, value = _required(estimator(frame))
    units = frame.select(unit, cohort).unique(unit).sort(unit)
    treated = units.filter(pl.col(cohort).is_not_null())
    others = units.filter(pl.col(cohort).is_null())[unit]
    if len(others) <= treated.height:
        raise EstimationError(
            f"{len(others):,} units are never treated, and {treated.height:,} are treated: to play "
            "them and be compared with, there must be more of the former"
        )
    rest = frame.filter(pl.col(cohort).is_null()).drop(cohort)
    exact = treated.height == 1
    rng = np.random.default_rng(seed)
    draws: list[list[int]] = (
        [[i] for i in range(len(others))]
        if exact
        else [rng.permutation(len(others))[: treated.height].tolist() for _ in range(replications)]
    )
    placebos = []
    for number, chosen in enumerate(draws, start=1):
        acting = pl.DataFrame({unit: others.gather(chosen), cohort: treated[cohort]})
        played = rest.join(acting, on=unit, how="left", maintain_order="left")
        name = str(others[chosen[0]]) if exact else str(number)
        placebos.append(attrs.evolve(_tried(estimator, played), term=name))
    values = [e.value for e in placebos if e.value is not None]
    far = sum(abs(v) >= abs(value) * (1 - 1e-12) for v in values)
    p = (1 + far) / (1 + len(values)) if values else None
    failed = len(placebos) - len(values)
    text = (
        f"Of {len(values):,} placebos among units never treated, {far:,} are at least as far from "
        f"zero as the estimate, {value:.4g} (p = {p:.3g}, by permutation)."
        if p is not None
        else f"No placebo could be estimated; the first: {placebos[0].reason}."
    )
    if failed and p is not None:
        text += f" {failed:,} more could not be estimated."
    return Placebo(
        real=real,
        placebos=tuple(placebos),
        p_value=p,
        exact=exact,
        diagnostic=Diagnostic(name="placebo in space", value=value, p_value=p, text=text),
    )


def leave_one_out(frame: pl.DataFrame, estimator: Estimator, *, group: str) -> LeaveOneOut:
    """Leave out each group in turn, such as each partnership.

    Parameters
    ----------
    frame
        Rows that the estimator takes.
    estimator
        Takes such a frame, returns an `Estimate`.
    group
        Column of groups; rows without one, such as schools in no partnership, always stay.

    Raises
    ------
    EstimationError
        When the estimate with all of them cannot be made, or there are fewer than two groups.

    Examples
    --------
    >>> import polars as pl
    >>> frame = pl.DataFrame({"partnership": ["A", "B", "C"], "gain": [1.0, 2.0, 9.0]})
    >>> found = leave_one_out(frame, lambda f: Estimate(value=f["gain"].mean()),
    ...                       group="partnership")
    >>> found.most, [e.value for e in found.terms]
    ('C', [5.5, 5.0, 1.5])
    """
    import polars as pl

    groups = frame[group].drop_nulls().unique().sort().to_list()
    if len(groups) < 2:
        raise EstimationError(
            f"there {'is 1 group' if groups else 'are no groups'} in `{group}`, and leaving one "
            "out takes two at least"
        )
    real, value = _required(estimator(frame))
    terms = tuple(
        attrs.evolve(
            _tried(estimator, frame.filter(pl.col(group).is_null() | (pl.col(group) != g))),
            term=str(g),
        )
        for g in groups
    )
    known = [(e.term, e.value) for e in terms if e.value is not None]
    failed = len(terms) - len(known)
    if not known:
        text = f"Without any one of {len(groups):,} groups there is no estimate: {terms[0].reason}."
        return LeaveOneOut(
            real=real, terms=terms, most="", diagnostic=Diagnostic(name="leave one out", text=text)
        )
    low, high = min(v for _, v in known), max(v for _, v in known)
    most, without = max(known, key=lambda found: abs(found[1] - value))
    text = (
        f"With one of {len(groups):,} groups left out at a time the estimate, {value:.4g}, "
        f"lies between {low:.4g} and {high:.4g}; it changes most, to {without:.4g}, without {most}."
    )
    if failed:
        text += f" Without {failed:,} of them it could not be estimated."
    return LeaveOneOut(
        real=real,
        terms=terms,
        most=most,
        diagnostic=Diagnostic(
            name="leave one out",
            value=without,
            passed=_same_sign(value, [v for _, v in known]),
            text=text,
        ),
    )


def _tried(estimator: Estimator, frame: pl.DataFrame) -> Estimate:
    """Estimate, or say why that is not possible."""
    try:
        return estimator(frame)
    except EstimationError as error:
        return Estimate(status="not_estimable", reason=str(error))


def _required(real: Estimate) -> tuple[Estimate, float]:
    if real.value is None:
        raise EstimationError(f"the effect itself could not be estimated: {real.reason}")
    return real, real.value


def _same_sign(value: float, others: Sequence[float]) -> bool:
    return all(v * value > 0 for v in others)
