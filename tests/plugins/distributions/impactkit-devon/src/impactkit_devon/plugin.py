"""What the entry point names: an estimator, a metric that uses it, and a section of the report."""

from __future__ import annotations

from impactkit import Estimator
from impactkit_devon.metric import typical_change
from impactkit_devon.section import sections

__all__ = ["typical_change"]


def impactkit_estimators():
    """Declare the estimator; its code is imported when it is first used."""
    return [
        Estimator(
            id="devon.typical_change",
            title="Typical change of a partnership (Hodges-Lehmann)",
            fit="impactkit_devon.estimator:fit",
            source="Hodges & Lehmann (1963), Annals of Mathematical Statistics 34(2)",
        )
    ]


def impactkit_metrics():
    """Declare the metric."""
    return [typical_change]


def impactkit_report_sections(evaluation):
    """Declare the section."""
    return sections(evaluation)
