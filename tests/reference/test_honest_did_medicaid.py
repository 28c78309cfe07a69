"""HonestDiD's own example, Medicaid expansion and insurance, as its README prints it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from impactkit.errors import UsageError
from impactkit.estimators.event_coefficients import EventCoefficients
from impactkit.estimators.event_study import event_study
from impactkit.estimators.honest_did import honest_did
from impactkit.estimators.imputation import imputation
from impactkit.estimators.two_stage import two_stage

FILE = (
    Path(__file__).resolve().parents[2]
    / ".."
    / "shared"
    / "reference"
    / "expected"
    / "honestdid_medicaid_readme.json"
)
needs_file = pytest.mark.skipif(
    not FILE.is_file(), reason="the reference numbers are not here (../shared/reference)"
)

PEER = """
import contextlib, io
import numpy as np
from moderndid.didhonest import sensitivity
out = {}
for name, case in argument.items():
    values, sigma = np.array(case["values"]), np.array(case["covariance"])
    pre, post = case["pre"], len(values) - case["pre"]
    with contextlib.redirect_stdout(io.StringIO()):
        rm = sensitivity.create_sensitivity_results_rm(
            betahat=values, sigma=sigma, num_pre_periods=pre, num_post_periods=post,
            m_bar_vec=case["mbar"])
        sm = sensitivity.create_sensitivity_results_sm(
            betahat=values, sigma=sigma, num_pre_periods=pre, num_post_periods=post,
            m_vec=case["m"])
    out[name] = {
        "relative_magnitudes": rm.select("lb", "ub").to_numpy().tolist(),
        "smoothness": sm.select("lb", "ub").to_numpy().tolist(),
    }
answer(out)
"""


@pytest.fixture(scope="module")
def published() -> dict[str, Any]:
    """Return the coefficients and the printed bounds."""
    found = json.loads(FILE.read_text("utf-8"))
    assert isinstance(found, dict)
    return found


@pytest.fixture(scope="module")
def medicaid(published: dict[str, Any]) -> EventCoefficients:
    """Return the event study, 2008 to 2015 with 2013 as the reference."""
    covariance = np.array(published["twfe"]["vcov"])
    return EventCoefficients(
        event_times=[-6, -5, -4, -3, -2, 0, 1],
        values=published["twfe"]["coef"],
        covariance=(covariance + covariance.T) / 2,
    )


@needs_file
@pytest.mark.parametrize(
    ("method", "key"), [("relative_magnitudes", "rm_Mbar"), ("smoothness", "sd_M")]
)
def test_published_bounds(
    published: dict[str, Any], medicaid: EventCoefficients, method: Any, key: str
) -> None:
    """Every bound agrees within 5e-4: what printing, R's grid and its 1,000 draws leave open."""
    expected = published["readme_R"][key]
    found = honest_did(medicaid, method=method, m=[float(m) for m in expected])
    for row, (m, (low, high)) in zip(found.to_frame().rows(), expected.items(), strict=True):
        assert row[0] == float(m)
        assert row[1:] == pytest.approx((low, high), abs=5e-4)


@needs_file
def test_fixed_length_intervals_of_another_package(
    published: dict[str, Any], medicaid: EventCoefficients
) -> None:
    """Smoothness, where nothing is simulated or on a grid, agrees to 1e-6."""
    rows = published["moderndid_sd"]
    found = honest_did(medicaid, method="smoothness", m=[row[0] for row in rows]).to_frame()
    assert found.to_numpy() == pytest.approx(np.array(rows), abs=1e-6)


@needs_file
def test_breakdown_lies_between_the_printed_bounds(medicaid: EventCoefficients) -> None:
    """The README reads a breakdown of about 2, and between 0.02 and 0.03; intervals agree."""
    relative = honest_did(medicaid, m=[1.0])
    assert relative.breakdown is not None
    assert 1.5 < relative.breakdown < 2.0
    smooth = honest_did(medicaid, method="smoothness", m=[0.0])
    assert smooth.breakdown is not None
    assert 0.02 < smooth.breakdown < 0.03
    for method, at in (("relative_magnitudes", relative), ("smoothness", smooth)):
        edge = at.breakdown
        assert edge is not None
        around: Any = honest_did(medicaid, method=method, m=[edge * 0.999, edge * 1.001])
        below, above = around.to_frame()["ci_low"].to_list()
        assert below > 0 > above


def test_agreement_with_moderndid_on_another_study(peer: Callable[..., Any]) -> None:
    """Relative magnitudes agree within three steps of the peer's grid (it draws 1,000 errors).

    Fixed-length intervals have the same length; where that is flat the ends may move.
    """
    rng = np.random.default_rng(2)
    cases = {}
    for pre, post in ((3, 2), (4, 3)):
        root = rng.normal(size=(pre + post, pre + post)) / 4 + np.eye(pre + post)
        cases[f"{pre} {post}"] = {
            "values": (rng.normal(size=pre + post) / 2).tolist(),
            "covariance": (root @ root.T / 10).tolist(),
            "pre": pre,
            "mbar": [0.5, 1.0, 2.0],
            "m": [0.0, 0.05, 0.3],
        }
    answers = peer(PEER, {"none": pl.DataFrame({"a": [1]})}, cases)
    for name, case in cases.items():
        pre, k = case["pre"], len(case["values"])
        study = EventCoefficients(
            event_times=[*range(-pre - 1, -1), *range(k - pre)],
            values=case["values"],
            covariance=case["covariance"],
        )
        step = 40 * np.sqrt(study.covariance[pre, pre]) / 999
        found = honest_did(study, m=case["mbar"]).to_frame().select("ci_low", "ci_high")
        expected = np.array(answers[name]["relative_magnitudes"])
        assert found.to_numpy() == pytest.approx(expected, abs=3 * step), name
        smooth = honest_did(study, method="smoothness", m=case["m"]).to_frame()
        got = smooth.select("ci_low", "ci_high").to_numpy()
        expected = np.array(answers[name]["smoothness"])
        # moderndid 0.4.1 stops within 1e-4 of our ends; 0.2.0, for Python 3.11, within 4e-4.
        assert got == pytest.approx(expected, abs=1e-3), name
        lengths = (expected[:, 1] - expected[:, 0], got[:, 1] - got[:, 0])
        # The shortest is wanted: ours is never longer, and a peer that stops early hardly so.
        assert (lengths[1] <= lengths[0] + 1e-7).all(), name
        assert lengths[1] == pytest.approx(lengths[0], abs=1e-5), name


def panel() -> pl.DataFrame:
    """Return 60 units over seven periods, half of them treated from the fifth on."""
    rng = np.random.default_rng(1)
    n, T = 60, 7
    unit, time = np.repeat(np.arange(n), T), np.tile(np.arange(1, T + 1), n)
    y = rng.normal(size=n * T) + 3.0 * ((unit < 30) & (time >= 5))
    return pl.DataFrame(
        {
            "unit": unit,
            "time": time,
            "cohort": pl.Series([5 if u < 30 else None for u in unit], dtype=pl.Int64),
            "y": y,
        }
    )


NAMES: dict[str, Any] = {"unit": "unit", "time": "time", "cohort": "cohort", "outcome": "y"}


def test_an_event_study_goes_straight_in() -> None:
    """The result of event_study is accepted, and a plain effect survives; intervals nest."""
    study = event_study(panel(), **NAMES)
    for method in ("relative_magnitudes", "smoothness"):
        found: Any = honest_did(study, method=method, target="mean")  # type: ignore[arg-type]
        assert found.breakdown > 0
        frame = found.to_frame()
        assert (frame["ci_low"].diff().drop_nulls() <= 1e-9).all()
        assert (frame["ci_high"].diff().drop_nulls() >= -1e-9).all()
        assert found.original.value == pytest.approx(study.overall.value)  # type: ignore[union-attr]


def test_what_cannot_be_compared_is_refused() -> None:
    """Varying bases and imputation have no common reference, and the message says what to do."""

    class Varying:
        base_period = "varying"

    with pytest.raises(UsageError, match="base_period='universal'"):
        honest_did(Varying())
    with pytest.raises(UsageError, match="no reference"):
        honest_did(two_stage(panel(), **NAMES))
    with pytest.raises(UsageError, match="event_study"):
        honest_did(imputation(panel(), **NAMES))
    with pytest.raises(UsageError, match="consecutive"):
        EventCoefficients(event_times=[-5, -2, 0], values=[0, 0, 0], covariance=np.eye(3))
    with pytest.raises(UsageError, match="singular"):
        EventCoefficients(event_times=[-2, 0], values=[0, 0], covariance=np.ones((2, 2)))
    with pytest.raises(UsageError, match="no coefficients"):
        EventCoefficients(event_times=[], values=[], covariance=np.empty((0, 0)))
