"""Evaluate the impact of school partnerships: from the files you have to a report you can defend.

Names are resolved when they are first used (PEP 562), so ``import impactkit`` costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # for type checkers and editors; nothing of it is imported at run time
    from impactkit.declarations import (
        Card as Card,
        ColumnSpec as ColumnSpec,
        DataCheck as DataCheck,
        DisclosureProfile as DisclosureProfile,
        Estimator as Estimator,
        Metric as Metric,
        Needs as Needs,
        Reader as Reader,
        Section as Section,
        Source as Source,
        TableSpec as TableSpec,
    )
    from impactkit.errors import (
        DataError as DataError,
        DisclosureError as DisclosureError,
        DuplicateError as DuplicateError,
        EstimationError as EstimationError,
        ImpactkitError as ImpactkitError,
        InputError as InputError,
        MetricError as MetricError,
        PluginError as PluginError,
        PluginLoadError as PluginLoadError,
        Problem as Problem,
        StudyError as StudyError,
        UsageError as UsageError,
    )
    from impactkit.estimators import (
        Kappa as Kappa,
        PairedChange as PairedChange,
        aalen_johansen as aalen_johansen,
        att_gt as att_gt,
        cohen_kappa as cohen_kappa,
        cronbach_alpha as cronbach_alpha,
        icc as icc,
        kaplan_meier as kaplan_meier,
        log_rank as log_rank,
        mcdonald_omega as mcdonald_omega,
        paired_change as paired_change,
        pupils_equivalent as pupils_equivalent,
        response_bounds as response_bounds,
    )
    from impactkit.evidence.checking import (
        Check as Check,
        improvement_rates as improvement_rates,
    )
    from impactkit.evidence.claims import (
        Claim as Claim,
        read_claim as read_claim,
    )
    from impactkit.evidence.improvement import (
        Improvement as Improvement,
        improvement as improvement,
    )
    from impactkit.evidence.recovery import (
        Recovery as Recovery,
        recovery as recovery,
        school_facts as school_facts,
    )
    from impactkit.evidence.rubric import (
        RubricR1 as RubricR1,
        RubricScore as RubricScore,
        Working as Working,
        score_r1 as score_r1,
    )
    from impactkit.hookspecs import (
        hookimpl as hookimpl,
    )
    from impactkit.inference.effective import (
        EffectiveSample as EffectiveSample,
        effective_sample as effective_sample,
    )
    from impactkit.inference.few_clusters import (
        warn_of_few as warn_of_few,
    )
    from impactkit.inference.intervals import (
        clopper_pearson as clopper_pearson,
        fieller as fieller,
        garwood as garwood,
        median_interval as median_interval,
        newcombe as newcombe,
        rate_ratio as rate_ratio,
        wilson as wilson,
    )
    from impactkit.inference.multiplicity import (
        benjamini_hochberg as benjamini_hochberg,
    )
    from impactkit.inference.romano_wolf import (
        romano_wolf as romano_wolf,
    )
    from impactkit.metrics import (
        MetricContext as MetricContext,
        Panel as Panel,
        estimating_metric as estimating_metric,
        outcome_metric as outcome_metric,
    )
    from impactkit.panel.exposure import (
        exposed_from as exposed_from,
    )
    from impactkit.pipeline import (
        context as context,
        default_registry as default_registry,
        evaluate as evaluate,
        evaluate_metric as evaluate_metric,
        plan as plan,
        run as run,
        write as write,
    )
    from impactkit.pipeline.claiming import (
        check_claim as check_claim,
    )
    from impactkit.pipeline.effects import (
        of_schools as of_schools,
    )
    from impactkit.plugins import (
        Registry as Registry,
    )
    from impactkit.results import (
        Chart as Chart,
        Column as Column,
        Diagnostic as Diagnostic,
        Estimate as Estimate,
        Evaluation as Evaluation,
        Exclusion as Exclusion,
        MetricResult as MetricResult,
        Note as Note,
        Provenance as Provenance,
        Table as Table,
    )
    from impactkit.study import (
        Design as Design,
        Study as Study,
        TableSource as TableSource,
    )
    from impactkit.tables.answers import (
        Answers as Answers,
        scored_answers as scored_answers,
    )
    from impactkit.tables.setting_aside import (
        set_aside as set_aside,
        typed_columns as typed_columns,
    )
    from impactkit.types import (
        EFFECT_UNITS as EFFECT_UNITS,
        Break as Break,
        Gap as Gap,
        Intervention as Intervention,
        Measure as Measure,
        Membership as Membership,
        Outcome as Outcome,
        Partnership as Partnership,
        Period as Period,
        School as School,
    )

__version__ = "0.1.0"

_NAMES = {
    "impactkit.errors": (
        "DataError",
        "DisclosureError",
        "DuplicateError",
        "EstimationError",
        "ImpactkitError",
        "InputError",
        "MetricError",
        "PluginError",
        "PluginLoadError",
        "Problem",
        "StudyError",
        "UsageError",
    ),
    "impactkit.types": (
        "EFFECT_UNITS",
        "Break",
        "Gap",
        "Intervention",
        "Measure",
        "Membership",
        "Outcome",
        "Partnership",
        "Period",
        "School",
    ),
    "impactkit.results": (
        "Chart",
        "Column",
        "Diagnostic",
        "Estimate",
        "Evaluation",
        "Exclusion",
        "MetricResult",
        "Note",
        "Provenance",
        "Table",
    ),
    "impactkit.declarations": (
        "Card",
        "ColumnSpec",
        "DataCheck",
        "DisclosureProfile",
        "Estimator",
        "Metric",
        "Needs",
        "Reader",
        "Section",
        "Source",
        "TableSpec",
    ),
    "impactkit.evidence.checking": ("Check", "improvement_rates"),
    "impactkit.evidence.claims": ("Claim", "read_claim"),
    "impactkit.evidence.improvement": ("Improvement", "improvement"),
    "impactkit.evidence.recovery": ("Recovery", "recovery", "school_facts"),
    "impactkit.hookspecs": ("hookimpl",),
    "impactkit.panel.exposure": ("exposed_from",),
    "impactkit.estimators": (
        "Kappa",
        "PairedChange",
        "aalen_johansen",
        "att_gt",
        "cohen_kappa",
        "cronbach_alpha",
        "icc",
        "kaplan_meier",
        "log_rank",
        "mcdonald_omega",
        "paired_change",
        "pupils_equivalent",
        "response_bounds",
    ),
    "impactkit.evidence.rubric": ("RubricR1", "RubricScore", "Working", "score_r1"),
    "impactkit.inference.effective": ("EffectiveSample", "effective_sample"),
    "impactkit.inference.few_clusters": ("warn_of_few",),
    "impactkit.inference.intervals": (
        "clopper_pearson",
        "fieller",
        "garwood",
        "median_interval",
        "newcombe",
        "rate_ratio",
        "wilson",
    ),
    "impactkit.pipeline": (
        "context",
        "default_registry",
        "evaluate",
        "evaluate_metric",
        "plan",
        "run",
        "write",
    ),
    "impactkit.inference.multiplicity": ("benjamini_hochberg",),
    "impactkit.inference.romano_wolf": ("romano_wolf",),
    "impactkit.pipeline.claiming": ("check_claim",),
    "impactkit.pipeline.effects": ("of_schools",),
    "impactkit.plugins": ("Registry",),
    "impactkit.tables.answers": ("Answers", "scored_answers"),
    "impactkit.tables.setting_aside": ("set_aside", "typed_columns"),
    "impactkit.study": ("Design", "Study", "TableSource"),
    "impactkit.metrics": ("MetricContext", "Panel", "estimating_metric", "outcome_metric"),
}
_HOME = {name: module for module, names in _NAMES.items() for name in names}

__all__ = ["__version__", *sorted(_HOME)]


def __getattr__(name: str) -> Any:
    try:
        module = _HOME[name]
    except KeyError:
        raise AttributeError(f"module 'impactkit' has no attribute {name!r}") from None
    value = getattr(importlib.import_module(module), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(__all__))
