"""The ways in which treatment could have been assigned, for randomisation inference.

Places, which are clusters or units, hold labels: a first treated period and, where units change
places, the cluster that goes with it. Permuting labels within strata assigns treatment again.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterator
from typing import Literal

import attrs
import numpy as np
import polars as pl
from numpy.typing import NDArray

from impactkit.errors import DataError, Problem

Assignment = Literal["clusters", "units"]
Ints = NDArray[np.int64]


@attrs.frozen(kw_only=True, eq=False)
class Assignments:
    """Labels and who may exchange them.

    Attributes
    ----------
    row
        The place of each row of the frame.
    labels
        The label of each place.
    cohort
        The first treated period that each label stands for.
    cluster, cluster_name
        The number of the cluster that each label stands for, -1 where the place is a cluster of its
        own; None when clusters stay where they are. Its column.
    strata
        The places of each stratum.
    n_assignments
        How many arrangements differ.
    text
        The assumption in words.
    """

    row: Ints
    labels: Ints
    cohort: pl.Series
    cluster: Ints | None
    cluster_name: str
    strata: tuple[Ints, ...]
    n_assignments: int
    text: str

    def every(self) -> Iterator[Ints]:
        """Yield every distinct arrangement of the labels, the data's own among them."""
        each = [list(arrangements(self.labels[s].tolist())) for s in self.strata]
        for parts in itertools.product(*each):
            labels = self.labels.copy()
            for s, part in zip(self.strata, parts, strict=True):
                labels[s] = part
            yield labels

    def random(self, draws: int, seed: int) -> Iterator[Ints]:
        """Yield random arrangements."""
        rng = np.random.default_rng(seed)
        for _ in range(draws):
            labels = self.labels.copy()
            for s in self.strata:
                labels[s] = rng.permutation(labels[s])
            yield labels

    def frame(self, data: pl.DataFrame, labels: Ints) -> pl.DataFrame:
        """Return the frame under an arrangement."""
        at = labels[self.row]
        columns = [self.cohort.gather(at)]
        if self.cluster is not None:
            code, own = self.cluster[at], int(self.cluster.max()) + 1 + self.row
            columns.append(pl.Series(self.cluster_name, np.where(code < 0, own, code)))
        return data.with_columns(columns)


def assignments(
    data: pl.DataFrame,
    *,
    unit: str,
    cohort: str,
    cluster: str | None,
    strata: str | None,
    assignment: Assignment,
) -> Assignments:
    """Read from a frame who could have been in whose place; arguments as `randomisation_inference`.

    Raises
    ------
    DataError
        When a cohort, cluster or stratum differs within a place, or one of the latter is empty.
    """
    together = cluster is not None and assignment == "units"
    place = cluster if cluster is not None and assignment == "clusters" else unit
    named = {"place": place, "cohort": cohort}
    named |= {"cluster": cluster} if together and cluster is not None else {}
    named |= {"stratum": strata} if strata is not None else {}
    rows = data.select(pl.col(name).alias(role) for role, name in named.items())
    _require_sound(rows, named)
    places = rows.unique("place").sort("place")
    label = ["cohort"]
    if together:
        # A unit alone in its cluster takes no cluster along: it is one wherever it goes.
        several = pl.len().over("cluster") > 1
        number = pl.col("cluster").rank("dense").cast(pl.Int64)
        places = places.with_columns(cluster=pl.when(several).then(number).otherwise(-1))
        label.append("cluster")
    kinds = places.select(label).unique().sort(label, nulls_last=True)
    numbered = kinds.with_row_index("label")
    labelled = places.join(numbered, on=label, how="left", nulls_equal=True, maintain_order="left")
    labels = labelled["label"].to_numpy().astype(np.int64)
    stratum = places["stratum"].rank("dense").to_numpy() if strata else np.zeros(len(labels))
    groups = tuple(np.flatnonzero(stratum == s) for s in sorted(set(stratum.tolist())))
    what = "clusters" if place == cluster else "units with their clusters" if together else "units"
    within = f", within {len(groups):,} strata of {strata}" if strata else ""
    return Assignments(
        row=places["place"].search_sorted(rows["place"]).to_numpy().astype(np.int64),
        labels=labels,
        cohort=kinds["cohort"].alias(cohort),
        cluster=kinds["cluster"].to_numpy().astype(np.int64) if together else None,
        cluster_name=cluster or "",
        strata=groups,
        n_assignments=math.prod(n_arrangements(labels[g].tolist()) for g in groups),
        text=f"first treated periods permuted across {len(labels):,} {what}{within}",
    )


def _require_sound(rows: pl.DataFrame, named: dict[str, str]) -> None:
    problems = [
        Problem(
            code=f"{role}.null",
            file="the frame",
            column=name,
            rule="it is empty in at least one row",
            remedy="Give every row one; a school in no partnership is a cluster of its own.",
        )
        for role, name in named.items()
        if role != "cohort" and rows[role].null_count()
    ]
    for role, name in named.items():
        if role == "place":
            continue
        several = rows.group_by("place").agg(pl.col(role).n_unique()).filter(pl.col(role) > 1)
        if several.height:
            problems.append(
                Problem(
                    code=f"{role}.differs",
                    file="the frame",
                    column=name,
                    rule=f"it differs within `{named['place']}` {several['place'].sort()[0]}",
                    remedy=f"Expected one for each `{named['place']}`; where schools of a "
                    "partnership started at different times, use assignment='units'.",
                    count=several.height,
                )
            )
    if problems:
        raise DataError(problems)


def n_arrangements(labels: list[int]) -> int:
    """Return how many orders of `labels` differ.

    Examples
    --------
    >>> n_arrangements([0, 0, 0, 0, 1, 1, 1, 1])
    70
    """
    counts = Counter(labels).values()
    return math.factorial(len(labels)) // math.prod(math.factorial(n) for n in counts)


def arrangements(labels: list[int]) -> Iterator[list[int]]:
    """Yield the distinct orders of `labels`, each once.

    Examples
    --------
    >>> list(arrangements([1, 0, 0]))
    [[0, 0, 1], [0, 1, 0], [1, 0, 0]]
    """
    now = sorted(labels)
    while True:
        yield now.copy()
        left = len(now) - 2
        while left >= 0 and now[left] >= now[left + 1]:
            left -= 1
        if left < 0:
            return
        right = len(now) - 1
        while now[right] <= now[left]:
            right -= 1
        now[left], now[right] = now[right], now[left]
        now[left + 1 :] = reversed(now[left + 1 :])
