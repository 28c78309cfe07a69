"""How these tests run a metric, and the invented counties in which truths were planted."""

from __future__ import annotations

from functools import cache

import pytest

from impactkit import MetricContext
from impactkit.pipeline.returned import computed
from impactkit.synthetic import county


def narrowed(metric, tables):
    """Keep the declared columns of the declared tables, as the pipeline does."""
    columns = {}
    for source in (metric.needs.tables, metric.needs.optional):
        for name, wanted in source.items():
            if name in tables:
                has = [column for column in wanted if column in tables[name].columns]
                columns.setdefault(name, []).extend(has)
    return {name: tables[name].select(list(dict.fromkeys(of))) for name, of in columns.items()}


@pytest.fixture(scope="session")
def run():
    """Run a metric on tables, with parameters and a seed."""

    def _run(metric, tables, *, seed=1, **params):
        context = MetricContext(
            metric=metric.id,
            tables=narrowed(metric, tables),
            params=metric.params(**params),
            seed=seed,
        )
        return computed(metric, context)

    return _run


@pytest.fixture(scope="session")
def find():
    """Return the one estimate whose estimand, term and subgroup are these."""

    def _find(result, estimand, term="", subgroup="all"):
        (found,) = (
            e
            for e in result.estimates
            if (e.estimand, e.term, e.subgroup) == (estimand, term, subgroup)
        )
        return found

    return _find


@cache
def _county(seed, settings):
    return county(seed=seed, full=True, selection="random", **dict(settings))


@pytest.fixture(scope="session")
def here():
    """Draw a full county by seed and settings, each once."""
    return lambda seed=0, **settings: _county(seed, tuple(sorted(settings.items())))


@pytest.fixture(scope="session")
def recovered(run, find, here):
    """Count the seeds for which a planted value lies in the interval."""

    def _recovered(metric, truth, estimand, term="", *, seeds=range(12), scale=1.0, **settings):
        near = 0
        for seed in seeds:
            made = here(seed, **settings)
            e = find(run(metric, made.tables), estimand, term)
            planted = scale * (made.truth.planted[truth] if isinstance(truth, str) else truth(made))
            near += e.ci_low <= planted <= e.ci_high
        return near

    return _recovered
