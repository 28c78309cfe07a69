"""What is decided before results are seen: the primary outcome, the number of tests, metrics."""

from __future__ import annotations

from collections.abc import Iterator

from impactkit.doctor.case import Case
from impactkit.doctor.finding import Fact, Finding, Kind, found
from impactkit.doctor.words import count

SEVERAL = Kind(
    code="E6.several_primary_outcomes",
    mistake="E6",
    title="More than one outcome, and no plan",
    section="Decisions",
    severity="note",
    detector="The design names several outcomes, and no analysis plan was locked before outcomes "
    "were first read and left as it was.",
    consequence="Whoever sees all results can tell the best of them; readers cannot know that "
    "nobody did.",
    remedy="Name the primary outcome first, and lock the plan with `impactkit plan` before you "
    "evaluate; whatever is not in it is exploratory then.",
)
NO_PLAN = Kind(
    code="E6.no_plan",
    mistake="E6",
    title="No analysis plan",
    section="Decisions",
    severity="note",
    detector="There is one outcome, and no analysis plan was locked before outcomes were first "
    "read and left as it was.",
    consequence="Nothing shows that outcome, comparison and years were chosen before the result.",
    remedy="Lock the plan with `impactkit plan` before you evaluate.",
)
MANY_TESTS = Kind(
    code="E7.many_tests",
    mistake="E7",
    title="Several headlines are tested",
    section="Decisions",
    severity="note",
    detector="More than {tests} headline test: outcomes of the design, times the metrics that "
    "can run on each.",
    consequence="Of twenty tests of nothing one is significant at the 5% level.",
    remedy="Read the adjusted p-values: the headlines of a study are adjusted as one family.",
)
METRIC_LACKS = Kind(
    code="metrics.cannot_run",
    title="A metric that the study asks for cannot run",
    section="Metrics",
    severity="warning",
    detector="The study names the metric under [metrics], and its tables or columns are missing.",
    consequence="The report will not answer its question.",
    remedy="Add what is missing, or take the metric out of the study.",
)
KINDS = (SEVERAL, NO_PLAN, MANY_TESTS, METRIC_LACKS)


def of_study(case: Case) -> Iterator[Fact | Finding]:
    """Count outcomes and tests, and say which metrics can run."""
    outcomes = case.design.outcome
    if case.planned:
        yield Fact(section="Decisions", text="A plan was locked before outcomes were read.")
    elif len(outcomes) > 1:
        names = ", ".join(case.label(m) for m in outcomes)
        evidence = f"The design names {count(len(outcomes), 'outcome')}: {names}."
        yield found(SEVERAL, evidence, outcomes=len(outcomes))
    elif outcomes:
        yield found(NO_PLAN, f"The outcome is {case.label(outcomes[0])}.", outcomes=1)
    running = [name for name, lacks in case.metrics.items() if not lacks]
    tests = len(outcomes) + sum(name != "did.effect" for name in running)
    if tests > case.limits.tests:
        yield found(
            MANY_TESTS,
            f"{count(len(outcomes), 'outcome')} and {count(len(running), 'metric')} "
            f"that can run make {tests:,} headline tests or more.",
            tests=tests,
        )
    for name, lacks in case.metrics.items():
        if lacks and name in case.asked:
            yield found(METRIC_LACKS, f"{name} lacks {'; '.join(lacks)}.")
        text = (
            f"{name} cannot run: the study lacks {'; '.join(lacks)}" if lacks else f"{name} can run"
        )
        yield Fact(section="Metrics", text=text)
