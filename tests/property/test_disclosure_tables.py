"""Random tables: what is released holds against an attacker, "the next smallest" alone doesn't.

The attacker here is written from the definition alone, dense and slow: it shares no code with the
package, whose own audit is on trial as well.
"""

from __future__ import annotations

import attrs
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from scipy.optimize import linprog

from impactkit.disclosure import audit, core_profiles, protect
from impactkit.disclosure.intake import declare_people
from impactkit.results import Column, Estimate, Evaluation, MetricResult, Table

DFE, SRS, WALES = core_profiles()
THRESHOLD = DFE.threshold


def two_way(counts: np.ndarray) -> Evaluation:
    """Return an evaluation with one table of levels by areas, with all its margins."""
    n, m = counts.shape
    rows = [[f"r{i}", f"c{j}", int(counts[i, j])] for i in range(n) for j in range(m)]
    rows += [[f"r{i}", "all", int(counts[i].sum())] for i in range(n)]
    rows += [["all", f"c{j}", int(counts[:, j].sum())] for j in range(m)]
    rows += [["all", "all", int(counts.sum())]]
    table = Table(
        id="t",
        title="People by level and area",
        columns=[
            Column(name="level", kind="dimension"),
            Column(name="area", kind="dimension"),
            Column(name="n", kind="count", of="people"),
        ],
        rows=rows,
        totals={"level": "all", "area": "all"},
    )
    return Evaluation(title="x", results=[MetricResult(metric="a.b", tables=[table])])


def full(counts: np.ndarray) -> np.ndarray:
    """Return the table with its margins as last row and column."""
    wide = np.hstack([counts, counts.sum(1, keepdims=True)])
    return np.vstack([wide, wide.sum(0, keepdims=True)])


def shown_grid(evaluation: Evaluation, shape: tuple[int, int]) -> np.ndarray:
    """Return what is released, nan where withheld, margins last."""
    n, m = shape
    grid = np.full((n + 1, m + 1), np.nan)
    for level, area, value in evaluation.results[0].tables[0].rows:
        i = n if level == "all" else int(str(level)[1:])
        j = m if area == "all" else int(str(area)[1:])
        grid[i, j] = np.nan if value is None else float(value)
    return grid


def attacker(shown: np.ndarray) -> dict[tuple[int, int], tuple[float, float]]:
    """Return the least and greatest value of each hidden cell, given all that is shown."""
    n, m = shown.shape
    at = np.arange(n * m).reshape(n, m)
    equations, right = [], []
    for i in range(n):
        row = np.zeros(n * m)
        row[at[i, :-1]], row[at[i, -1]] = 1, -1
        equations.append(row)
        right.append(0.0)
    for j in range(m):
        row = np.zeros(n * m)
        row[at[:-1, j]], row[at[-1, j]] = 1, -1
        equations.append(row)
        right.append(0.0)
    bounds = [(v, v) if v == v else (0, None) for v in shown.ravel()]
    out = {}
    for i, j in zip(*np.nonzero(np.isnan(shown)), strict=True):
        ends = []
        for sign in (1, -1):
            cost = np.zeros(n * m)
            cost[at[i, j]] = sign
            found = linprog(cost, A_eq=np.array(equations), b_eq=right, bounds=bounds)
            ends.append(np.inf * -sign if found.status == 3 else sign * found.fun)
        out[int(i), int(j)] = (ends[0], ends[1])
    return out


def breached(truth: np.ndarray, shown: np.ndarray, threshold: int = THRESHOLD) -> int:
    """Count the protected cells that the attacker knows too closely."""
    small = (truth > 0) & (truth <= threshold)
    count = int((small & ~np.isnan(shown)).sum())
    for (i, j), (low, high) in attacker(shown).items():
        a = truth[i, j]
        if small[i, j] and (low > a - min(a, 1) + 1e-6 or high < threshold - 1e-6):
            count += 1
    return count


def next_smallest(grid: np.ndarray) -> np.ndarray:
    """Suppress as is usual: small cells, and the next smallest beside a lonely one."""
    shown = grid.astype(float)
    shown[(grid > 0) & (grid <= THRESHOLD)] = np.nan
    changed = True
    while changed:
        changed = False
        for line, true in [(shown[i], grid[i]) for i in range(len(grid))] + [
            (shown[:, j], grid[:, j]) for j in range(grid.shape[1])
        ]:
            if np.isnan(line).sum() == 1 and (~np.isnan(line)).any():
                left = np.flatnonzero(~np.isnan(line))
                line[left[np.argmin(true[left])]] = np.nan
                changed = True
    return shown


def release_of(evaluation: Evaluation, shown: np.ndarray) -> Evaluation:
    """Return the evaluation with the cells of `shown` that are nan taken out."""
    table = evaluation.results[0].tables[0]
    n, m = shown.shape
    rows = []
    for level, area, value in table.rows:
        i = n - 1 if level == "all" else int(str(level)[1:])
        j = m - 1 if area == "all" else int(str(area)[1:])
        rows.append([level, area, None if np.isnan(shown[i, j]) else value])
    result = attrs.evolve(evaluation.results[0], tables=[attrs.evolve(table, rows=rows)])
    return attrs.evolve(evaluation, results=[result])


def random_counts(rng: np.random.Generator) -> np.ndarray:
    """Return a small skewed table of counts, some of them zero."""
    shape = tuple(rng.integers(2, 6, size=2))
    return rng.negative_binomial(1, 1 / (1 + rng.uniform(3, 25)), size=shape)


def test_next_smallest_is_broken_and_the_audit_says_so() -> None:
    """The usual rule leaves small counts exposed on many random tables; our audit sees each."""
    rng = np.random.default_rng(29)
    broken = 0
    for _ in range(80):
        counts = random_counts(rng)
        truth, evaluation = full(counts), two_way(counts)
        shown = next_smallest(truth)
        exposed = breached(truth, shown)
        verdict = audit(evaluation, release_of(evaluation, shown), DFE)
        assert verdict.passed == (exposed == 0)
        broken += exposed > 0
    assert broken >= 20


def test_whole_margins_hold_against_the_attacker() -> None:
    """On the same random tables our release leaves every small count its room."""
    rng = np.random.default_rng(29)
    withheld = 0
    for _ in range(80):
        counts = random_counts(rng)
        shown = shown_grid(protect(two_way(counts), DFE), counts.shape)
        assert breached(full(counts), shown) == 0
        withheld += int(np.isnan(shown).sum())
    assert withheld > 500


def test_thousands_of_tables_pass_the_audit() -> None:
    """Protection never ends in refusal on two-way tables, and no small count is left in sight."""
    rng = np.random.default_rng(7)
    for _ in range(1000):
        counts = random_counts(rng)
        evaluation = two_way(counts)
        safe = protect(evaluation, DFE)
        assert audit(evaluation, safe, DFE).passed
        values = [row[2] for row in safe.results[0].tables[0].rows]
        assert not any(v is not None and 0 < v <= THRESHOLD for v in values)


@st.composite
def retention(draw: st.DrawFn) -> Evaluation:
    """Heads in post, who stayed and who left, by level and year: two tables and estimates."""
    levels = draw(st.integers(1, 4))
    years = draw(st.integers(1, 3))
    count = st.integers(0, 30) | st.integers(0, 6)
    stayed = draw(st.lists(count, min_size=levels * years, max_size=levels * years))
    left = draw(st.lists(count, min_size=levels * years, max_size=levels * years))
    cells = {}
    for k, (s, gone) in enumerate(zip(stayed, left, strict=True)):
        level, year = f"level {k // years}", f"{2015 + k % years}"
        for key in {(level, year), (level, "all"), ("all", year), ("all", "all")}:
            old = cells.get(key, (0, 0))
            cells[key] = (old[0] + s, old[1] + gone)
    columns = [
        Column(name="level", kind="dimension"),
        Column(name="year", kind="dimension"),
        Column(name="in_post", kind="count", of="people"),
        Column(name="stayed", kind="count", of="people"),
        Column(name="left", kind="count", of="people"),
        Column(
            name="rate", kind="share", numerator="stayed", denominator="in_post", unit="percent"
        ),
    ]

    def row(key: tuple[str, str]) -> list[object]:
        s, gone = cells[key]
        return [*key, s + gone, s, gone, 100 * s / (s + gone) if s + gone else None]

    both = Table(
        id="by_level_and_year",
        title="t",
        columns=columns,
        rows=[row(key) for key in sorted(cells)],
        totals={"level": "all", "year": "all"},
        sums=[("in_post", ("stayed", "left"))],
    )
    single = Table(
        id="by_level",
        title="t",
        columns=[columns[0], *columns[2:]],
        rows=[[key[0], *row(key)[2:]] for key in sorted(cells) if key[1] == "all"],
        totals={"level": "all"},
    )
    estimates = [
        Estimate(
            metric="a.b",
            estimand="retention",
            term=key[0],
            value=100 * s / (s + gone),
            unit="percent",
            n_people=s + gone,
        )
        for key, (s, gone) in sorted(cells.items())
        if key[1] == "all" and s + gone
    ]
    result = MetricResult(metric="a.b", tables=[both, single], estimates=estimates)
    return Evaluation(title="x", results=[result])


@settings(max_examples=150, deadline=None)
@given(retention(), st.sampled_from([DFE, SRS, WALES]))
def test_counts_shares_tables_and_estimates_hold_together(evaluation, profile) -> None:
    """What is withheld in one place can't be had from another: every release passes the audit."""
    safe = protect(evaluation, profile, first_party={""})
    true, _ = declare_people(evaluation, profile, {""}, ())
    assert audit(true, safe, profile).passed
    for old, new in zip(true.results[0].tables, safe.results[0].tables, strict=True):
        for before, after in zip(old.rows, new.rows, strict=True):
            # Released cells are the true ones, and a share never outlives its counts.
            assert all(a is None or a == b for a, b in zip(after, before, strict=True))
            if after[-1] is not None:
                assert None not in after[-4:]
                whole, part = after[-4], after[-3]
                assert min(v for v in (part, whole - part, whole + part) if v > 0) > (
                    profile.threshold
                )
    for estimate in safe.estimates:
        if estimate.status == "ok":
            part = round(estimate.value * estimate.n_people / 100)
            assert estimate.n_people >= profile.min_people
            assert not 0 < part <= profile.threshold
            assert not 0 < estimate.n_people - part <= profile.threshold


@settings(max_examples=60, deadline=None)
@given(retention())
def test_protection_is_deterministic_and_settles(evaluation) -> None:
    """The same evaluation gives the same release, whatever the order of its rows."""
    first = protect(evaluation, DFE, first_party={""})
    assert first.to_json() == protect(evaluation, DFE, first_party={""}).to_json()
    result = evaluation.results[0]
    turned = [attrs.evolve(t, rows=t.rows[::-1]) for t in result.tables]
    second = protect(
        attrs.evolve(evaluation, results=[attrs.evolve(result, tables=turned)]),
        DFE,
        first_party={""},
    )
    for a, b in zip(first.results[0].tables, second.results[0].tables, strict=True):
        assert a.rows == b.rows[::-1]


@pytest.mark.parametrize("seed", range(5))
def test_three_way_tables_hold(seed: int) -> None:
    """Three dimensions with every margin pass the audit as well."""
    rng = np.random.default_rng(seed)
    counts = rng.negative_binomial(1, 0.08, size=(3, 3, 3))
    rows = []
    for i in (*range(3), None):
        for j in (*range(3), None):
            for k in (*range(3), None):
                at = tuple(slice(None) if x is None else x for x in (i, j, k))
                names = ["all" if x is None else f"v{x}" for x in (i, j, k)]
                rows.append([*names, int(counts[at].sum())])
    table = Table(
        id="t",
        title="t",
        columns=[
            *(Column(name=d, kind="dimension") for d in "xyz"),
            Column(name="n", kind="count", of="people"),
        ],
        rows=rows,
        totals=dict.fromkeys("xyz", "all"),
    )
    evaluation = Evaluation(title="x", results=[MetricResult(metric="a.b", tables=[table])])
    safe = protect(evaluation, DFE)
    assert audit(evaluation, safe, DFE).passed
    assert any(row[3] is None for row in safe.results[0].tables[0].rows)
