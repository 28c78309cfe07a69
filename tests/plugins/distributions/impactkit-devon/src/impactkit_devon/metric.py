"""The typical change beside the average that the study estimates."""

from __future__ import annotations

import attrs

from impactkit import Card, EstimationError, estimating_metric

UNITS = {"percent": "percentage points", "ratio": "points of the ratio"}
"""What a difference is in, where that has another name."""


@attrs.frozen(kw_only=True)
class Params:
    """`measures`: of which outcomes; those of the study when none is named."""

    measures: tuple[str, ...] = attrs.field(default=(), converter=tuple)


@estimating_metric(
    id="devon.typical_change",
    title="Typical change of a partnership",
    question="What changed in the typical partnership, whatever happened in the odd one?",
    needs={
        "outcomes": ["school_key", "year", "measure", "value"],
        "memberships": ["school_key", "partnership_id"],
    },
    params=Params,
    card=Card(
        definition=(
            "The centre of partnerships' changes beyond the change of schools that never joined."
        ),
        formula="median of the means of all pairs of partnerships' changes",
        source="Hodges and Lehmann (1963)",
        caveats=["It says nothing of how different partnerships are."],
    ),
)
def typical_change(context):
    """Yield an estimate for each outcome."""
    from impactkit_devon.estimator import fit

    for measure in context.params.measures or context.design.outcome:
        panel = context.panel(measure)
        columns = {"unit": "school_key", "time": "year", "cohort": "cohort", "outcome": "value"}
        try:
            found = fit(
                panel.frame,
                cluster="cluster",
                level=context.design.level,
                seed=context.seed,
                **columns,
            )
        except EstimationError as error:
            raise EstimationError(f"{measure}: {error}") from error
        unit = UNITS.get(panel.unit, panel.unit)
        yield from found.estimates(metric="devon.typical_change", measure=measure, unit=unit)
