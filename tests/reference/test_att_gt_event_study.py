"""Effects by event time with their covariance: what sensitivity analyses are handed."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from impactkit import UsageError
from impactkit.estimators import att_gt, etwfe, honest_did, sun_abraham
from impactkit.synthetic import county


@pytest.fixture(scope="module")
def panel() -> pl.DataFrame:
    """Return attainment of a county without effect, with cohorts and partnerships."""
    made = county(seed=5, selection="random")
    members = made.tables["memberships"].filter(pl.col("role").is_in(["client", "peer"]))
    first = members.group_by("school_key").agg(
        cohort=(pl.col("joined").dt.year() + (pl.col("joined").dt.month() >= 9)).min(),
        partnership=pl.col("partnership_id").first(),
    )
    rows = made.tables["outcomes"].filter(pl.col("measure") == "attainment").drop_nulls("value")
    rows = rows.unique(["school_key", "year"], keep="last", maintain_order=True)
    joined = rows.join(first, on="school_key", how="left")
    return joined.with_columns(pl.coalesce("partnership", "school_key").alias("partnership"))


def fit(panel: pl.DataFrame, small_sample: str, base_period: str = "universal"):
    """Estimate with one small-sample correction and base."""
    names = {"unit": "school_key", "time": "year", "cohort": "cohort", "outcome": "value"}
    return att_gt(
        panel,
        **names,
        cluster="partnership",
        small_sample=small_sample,
        base_period=base_period,
    )


@pytest.mark.parametrize("small_sample", ["none", "cr2"])
def test_the_diagonal_is_that_of_the_event_study(panel: pl.DataFrame, small_sample: str) -> None:
    """Values and the roots of the diagonal are those which `aggregate("dynamic")` reports."""
    result = fit(panel, small_sample)
    study = result.event_study()
    terms = [t for t in result.aggregate("dynamic").terms if t.std_error is not None]
    assert study.event_times == tuple(int(t.term) for t in terms)
    assert study.reference == -1
    np.testing.assert_allclose(study.values, [t.value for t in terms], rtol=1e-12)
    errors = np.sqrt(np.diag(study.covariance))
    np.testing.assert_allclose(errors, [t.std_error for t in terms], rtol=1e-10)


def test_the_covariance_gives_the_variance_of_a_difference(panel: pl.DataFrame) -> None:
    """Var(b1 - b0) from the covariance is what doubling the outcome would quadruple."""
    once = fit(panel, "none").event_study()
    twice = fit(panel.with_columns(pl.col("value") * 2), "none").event_study()
    np.testing.assert_allclose(twice.covariance, 4 * once.covariance, rtol=1e-9)
    assert np.linalg.eigvalsh(once.covariance).min() > 0


def test_honest_did_takes_att_gt_and_refuses_a_varying_base(panel: pl.DataFrame) -> None:
    """With a universal base it bounds the effect; with a varying one it says why it can't."""
    bounds = honest_did(fit(panel, "cr2"), method="relative_magnitudes", m=[0.0, 1.0])
    wide = bounds.to_frame()
    assert wide.height >= 2
    with pytest.raises(UsageError, match="universal"):
        honest_did(fit(panel, "cr2", base_period="varying"))


def test_honest_did_takes_interaction_weighted_event_studies(panel: pl.DataFrame) -> None:
    """Sun and Abraham's is accepted as it is, and ETWFE's when it has effects before treatment."""
    names = {"unit": "school_key", "time": "year", "cohort": "cohort", "outcome": "value"}
    options: dict[str, Any] = {**names, "cluster": "partnership"}
    own = honest_did(sun_abraham(panel, **options), method="relative_magnitudes", m=[0.0, 1.0])
    same = honest_did(
        etwfe(panel, **options, control="nevertreated"), method="relative_magnitudes", m=[0.0, 1.0]
    )
    assert own.to_frame().height >= 2
    assert_frame_equal(own.to_frame(), same.to_frame(), abs_tol=1e-6)
    with pytest.raises(UsageError, match="control='nevertreated'"):
        honest_did(etwfe(panel, **options))
