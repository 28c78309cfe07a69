"""Count how often intervals of what recovery leaves hold the truth: for the page beside this file.

Usage: python docs/explanation/recovery.py [COUNTIES]. Counties whose worst schools are chosen, with
no effect and with two points; a hundred of each take about three minutes on one core.
"""

from __future__ import annotations

import sys
from statistics import fmean, stdev

from impactkit import Design, Study, context, improvement, recovery, school_facts
from impactkit.synthetic import county

DESIGN = Design(outcome="attainment", bootstrap=0, treated="role in ['client', 'peer']")


def main(counties: int, effect: float) -> None:
    """Print coverage, means and errors over counties of seeds 0, 1 and so on."""
    study = Study(title="Recovery", design=DESIGN)
    plain, left = [], []
    for seed in range(counties):
        made = county(seed=seed, effect=effect, selection="worst")
        panel = context(study, "claims.rtm_adjusted", tables=made.tables).panel("attainment")
        plain.append(float(improvement(panel, after=(0, 2)).regress().values[0]))
        left.append(recovery(panel, facts=school_facts(made.tables, "attainment")).excess)
    inside = sum(part.ci_low <= effect <= part.ci_high for part in left)
    values = [part.value for part in left]
    print(f"Effect {effect:g}: {inside} of {counties} intervals hold it.")
    print(f"  beyond the trend {fmean(plain):.2f}, beyond recovery {fmean(values):.2f} on average")
    print(
        f"  spread {stdev(values):.2f}, mean standard error {fmean(p.std_error for p in left):.2f}"
    )


if __name__ == "__main__":
    for planted in (0.0, 2.0):
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 100, planted)
