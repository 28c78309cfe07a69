"""What the design could find: the smallest effect, from untreated school-years only."""

from __future__ import annotations

from collections.abc import Iterator

from impactkit.doctor.case import Case
from impactkit.doctor.finding import Fact, Finding, Kind, found
from impactkit.doctor.words import amount, count
from impactkit.estimators.power import minimum_detectable_effect
from impactkit.planning import design_precision, estimate_variances, panel_design

WEAK = Kind(
    code="power.weak",
    title="Only a very large effect could be seen",
    section="Power",
    severity="warning",
    detector="The smallest true effect that is found four times in five (95% level), from the "
    "variances of untreated school-years, is above {most_detectable} standard deviations between "
    "schools.",
    consequence="A result of no difference would say little, and a result that is found would "
    "overstate the effect.",
    remedy="Add partnerships or years, or an outcome that varies less; say beforehand what could "
    "be seen.",
)
FEW = Kind(
    code="power.few_partnerships",
    title="Few treated partnerships",
    section="Power",
    severity="warning",
    detector="Fewer than {few_clusters} treated clusters (partnerships that share no school).",
    consequence="Standard errors cannot be trusted with so few; one partnership can make the "
    "result.",
    remedy="Report the randomisation test beside it, leave each partnership out in turn, and tell "
    "it as a case study.",
)
IGNORED = Kind(
    code="power.clusters_ignored",
    title="Schools of one partnership are taken as independent",
    section="Power",
    severity="warning",
    detector="`cluster` is `school`, and treated schools share partnerships.",
    consequence="What is good for one school of a partnership is good for the others: intervals "
    "come out too narrow, and differences too often significant.",
    remedy='Set `cluster = "partnership"` in [design].',
)
KINDS = (WEAK, FEW, IGNORED)


def of_measure(case: Case, measure: str) -> Iterator[Fact | Finding]:
    """Work out the smallest effect that an outcome's design would find."""
    treated = case.schools(measure).filter("treated")
    clusters = treated["cluster"].n_unique()
    if case.design.cluster == "school" and clusters < treated.height:
        yield found(
            IGNORED,
            f"The {count(treated.height, 'treated school')} are in {count(clusters, 'cluster')} of "
            "partnerships.",
            measure=measure,
            schools=treated.height,
            clusters=clusters,
        )
    if clusters and clusters < case.limits.few_clusters:
        yield found(
            FEW,
            f"There {'is' if clusters == 1 else 'are'} {count(clusters, 'treated cluster')}.",
            measure=measure,
            clusters=clusters,
        )
    frame, unit = case.panels[measure].frame, case.panels[measure].unit
    columns = {"unit": "school_key", "time": "year", "cohort": "cohort", "cluster": "cluster"}
    variances = estimate_variances(
        frame, **columns, outcome="value", anticipation=case.design.anticipation
    )
    control = ":nevertreated" if case.design.control == "nevertreated" else ""
    precision = design_precision(
        panel_design(frame, **columns), variances, estimator=f"att_gt:simple{control}"
    )
    effect = minimum_detectable_effect(precision, level=case.design.level).effect
    spread = case.untreated[measure]["spread"].median()
    sds = effect / float(spread) if spread else None  # type: ignore[arg-type]
    who = f"{count(precision.n_schools or 0, 'treated school')} in {count(clusters, 'cluster')}"
    size = f"{amount(effect, unit).lstrip('+')}"
    if sds is not None and not case.panels[measure].scale:
        size += f", or {sds:.2f} standard deviations between schools"
    yield Fact(
        section="Power",
        measure=measure,
        text=f"{who}: the smallest effect found four times in five is {size}",
        numbers={"effect": effect, "clusters": clusters} | ({"sds": sds} if sds else {}),
    )
    if sds is not None and sds > case.limits.most_detectable:
        yield found(
            WEAK,
            f"With {who} the smallest effect found four times in five is {size}.",
            measure=measure,
            effect=effect,
            sds=sds,
        )
