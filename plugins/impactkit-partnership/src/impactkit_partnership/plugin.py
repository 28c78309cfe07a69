"""What the distribution declares."""

from __future__ import annotations

from collections.abc import Iterable

from impactkit import Metric, hookimpl
from impactkit_partnership.accountability import accountability
from impactkit_partnership.agreement_clarity import agreement_clarity
from impactkit_partnership.barriers import barriers
from impactkit_partnership.enquiries import enquiries
from impactkit_partnership.evaluation_coverage import evaluation_coverage
from impactkit_partnership.landscape import landscape
from impactkit_partnership.match_quality import match_quality
from impactkit_partnership.monitoring import monitoring
from impactkit_partnership.need_provision import need_provision
from impactkit_partnership.network import network
from impactkit_partnership.practice_focus import practice_focus
from impactkit_partnership.reach import reach
from impactkit_partnership.school_led import school_led


@hookimpl
def impactkit_metrics() -> Iterable[Metric]:
    """Declare the metrics of how partnerships work."""
    return (
        evaluation_coverage,
        agreement_clarity,
        barriers,
        need_provision,
        match_quality,
        practice_focus,
        school_led,
        accountability,
        enquiries,
        monitoring,
        network,
        reach,
        landscape,
    )
