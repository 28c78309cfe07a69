"""Effects by group of schools: one column a group, one covariance for all, contrasts from it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import attrs

from impactkit import Chart, Column, Estimate, EstimationError, Exclusion, Table
from impactkit_claims.common import Told

if TYPE_CHECKING:
    import polars as pl

    from impactkit import Improvement


@attrs.frozen(kw_only=True, eq=False)
class Grouped:
    """Mean effects of groups that can be estimated, and why the others cannot.

    `fit` has one coefficient a name in `names`, in that order; None where there is no name.
    """

    names: tuple[str, ...]
    fit: Any
    schools: dict[str, pl.DataFrame]
    lost: dict[str, str]


def grouped(found: Improvement, group: Sequence[str | None]) -> Grouped:
    """Return the mean excess of each group of joining schools; None in `group` is in none.

    A group of one partnership has no interval, and is told as lost with the reason.
    """
    import numpy as np
    import polars as pl

    labels = pl.Series("group", list(group), dtype=pl.String)
    schools: dict[str, pl.DataFrame] = {}
    lost: dict[str, str] = {}
    for name in sorted(labels.drop_nulls().unique().to_list()):
        own = found.schools.filter(labels == name)
        n = own["cluster"].n_unique()
        if n < 2:
            lost[name] = (
                f"{own.height} schools of {n} partnership: how much it varies between partnerships "
                "cannot be seen; wait for more, or pool groups"
            )
        else:
            schools[name] = own
    fit = None
    if schools:
        X = np.stack([(labels == name).fill_null(False).to_numpy() for name in schools], axis=1)
        fit = found.regress(X.astype(float))
    return Grouped(names=tuple(schools), fit=fit, schools=schools, lost=lost)


def group_estimates(
    say: Told, got: Grouped, estimand: str, labels: dict[str, str]
) -> list[Estimate]:
    """Return an estimate for each group, named by its label in `term`."""
    import numpy as np

    from impactkit import benjamini_hochberg

    found = []
    for k, name in enumerate(got.names):
        found.append(
            say.estimate(
                estimand,
                got.fit,
                np.eye(len(got.names))[k].tolist(),
                term=labels.get(name, name),
                schools=got.schools[name],
            )
        )
    adjusted = benjamini_hochberg([e.p_value for e in found])
    found = [attrs.evolve(e, p_adjusted=p) for e, p in zip(found, adjusted, strict=True)]
    return found + [
        say.missing(estimand, reason, term=labels.get(name, name))
        for name, reason in got.lost.items()
    ]


def difference(say: Told, got: Grouped, one: str, other: str, estimand: str) -> Estimate:
    """Return the effect on one group less that on another.

    Raises
    ------
    EstimationError
        When either cannot be estimated.
    """
    both = [one, other]
    absent = [name for name in both if name not in got.names]
    if absent:
        reasons = [got.lost.get(name, "no school that joined is in it") for name in absent]
        told = "; ".join(f"{n}: {r}" for n, r in zip(absent, reasons, strict=True))
        raise EstimationError(f"they cannot be compared ({told})")
    import polars as pl

    weights = [float((name == one) - (name == other)) for name in got.names]
    schools = pl.concat([got.schools[name] for name in both])
    return say.estimate(estimand, got.fit, weights, schools=schools)


def unknown(of: str, group: Sequence[str | None], measure: str) -> tuple[Exclusion, ...]:
    """Count joining schools of which `of` is not known."""
    n = sum(name is None for name in group)
    text = f"schools that joined, of which {of} is not known"
    told = Exclusion(
        reason="claims.unknown", text=text, n_schools=n, treated=n, measure=measure, stage="groups"
    )
    return (told,) if n else ()


def picture(
    name: str, say: Told, shown: Sequence[Estimate], title: str, axis: str
) -> Iterator[Any]:
    """Yield a table and a forest of the estimates that have a term."""
    rows = [
        (e.term, e.value, e.ci_low, e.ci_high, e.n_schools, e.n_partnerships)
        for e in shown
        if e.status == "ok"
    ]
    if not rows:
        return
    yield Table(
        id=f"{name}_{say.measure}",
        title=f"{title}: {say.label}",
        columns=(
            Column(name="group", label=axis, kind="dimension"),
            Column(name="effect", label="Effect", unit=say.unit, digits=2),
            Column(name="low", label="From", unit=say.unit, digits=2),
            Column(name="high", label="To", unit=say.unit, digits=2),
            Column(name="schools", label="Schools", kind="count", of="schools"),
            Column(name="partnerships", label="Partnerships", kind="count", of="partnerships"),
        ),
        rows=rows,
    )
    yield Chart(
        id=f"{name}_{say.measure}",
        kind="interval",
        title=f"{say.label}: {title[:1].lower()}{title[1:]}",
        data=f"{name}_{say.measure}",
        x="group",
        y="effect",
        low="low",
        high="high",
        x_title=axis,
        y_title=f"Effect, {say.unit}",
        reference=0.0,
    )
