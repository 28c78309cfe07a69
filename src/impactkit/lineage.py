"""Lineage: a school keeps one `school_key` while its number (URN) changes.

An academy conversion closes one URN and opens another for the same pupils in the same building.
The register (GIAS) records that as a link of type *Predecessor* or *Successor*. URNs whose links
are one to one form a chain, and a chain is one school. Mergers, splits and amalgamations are not
chains: two schools became one, and no single history is theirs, so they are counted, not joined.

The `school_key` is the URN at which the chain starts, as text. A later conversion adds to the end
of the chain, so the key of a school never changes when the register is read again.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence

import attrs
import numpy as np
import polars as pl

from impactkit.errors import Problem
from impactkit.results import Exclusion

__all__ = ["Lineage", "build_lineage"]

OLD_FIRST = "successor"
NEW_FIRST = "predecessor"
"""The two link types that say one school follows another: the row's own URN is the old one in a
*Successor* row and the new one in a *Predecessor* row (GIAS, `links_edubasealldata`)."""

_KEYS = {
    "urn": pl.Int64,
    "school_key": pl.String,
    "chain_position": pl.Int64,
    "chain_length": pl.Int64,
}
_TEXTS = {
    "link_not_succession": "The register records a merger, split or other tie, not one school "
    "following another; the schools keep separate histories.",
    "link_incomplete": "The row does not name both schools.",
    "link_to_itself": "The register links a school to itself.",
    "link_contradictory": "The register says of two schools that each followed the other.",
    "link_not_one_to_one": "The register gives a school more than one predecessor or successor; "
    "no single history can be followed, so each URN is a school of its own.",
    "link_circular": "The links lead back to where they started.",
}


@attrs.frozen(kw_only=True, eq=False)
class Lineage:
    """Which URNs are one school.

    Attributes
    ----------
    keys
        One row a URN: `urn`, `school_key`, `chain_position` in its chain (0 is the oldest) and
        `chain_length`.
    links
        One row a chained pair: `old`, `new` and `link_date` (the earlier of the two recorded).
    exclusions
        Link rows that make no chain, by reason; with the chained rows they add up to
        ``counts["link_rows"]``.
    findings
        Oddities in links that were chained all the same, as problems of severity ``warning``.
    """

    keys: pl.DataFrame
    links: pl.DataFrame
    exclusions: tuple[Exclusion, ...] = ()
    findings: tuple[Problem, ...] = ()
    counts: Mapping[str, int] = attrs.field(factory=dict)

    def apply(self, frame: pl.DataFrame, urn: str = "urn") -> pl.DataFrame:
        """Return `frame` with `school_key` and `chain_position`, rows and their order unchanged.

        A URN without a link is a school of its own. A `school_key` that the frame has already is
        kept, and filled from the URN only where it is missing; without a `urn` column the frame is
        taken as it is.

        Examples
        --------
        >>> lineage = build_lineage(None)
        >>> lineage.apply(pl.DataFrame({"urn": [100001]})).row(0)
        (100001, '100001', 0)
        """
        if urn not in frame.columns:
            return frame.with_columns(chain_position=pl.lit(0, pl.Int64))
        known = self.keys.select(
            pl.col("urn").alias(urn), pl.col("school_key").alias("_key"), "chain_position"
        )
        joined = (
            frame.drop("chain_position", strict=False)
            .with_columns(pl.col(urn).cast(pl.Int64))
            .join(known, on=urn, how="left", maintain_order="left")
        )
        given = [pl.col("school_key")] if "school_key" in frame.columns else []
        key = pl.coalesce(*given, pl.col("_key"), pl.col(urn).cast(pl.String))
        return joined.with_columns(
            school_key=key, chain_position=pl.col("chain_position").fill_null(0)
        ).select(*dict.fromkeys([*frame.columns, "school_key", "chain_position"]))

    def history(self, school: int | str) -> pl.DataFrame:
        """Return the chain of a URN or `school_key`, oldest first.

        Columns: `chain_position`, `urn`, and `link_date`, when this URN followed the one before.

        Examples
        --------
        >>> links = pl.DataFrame({"urn": [100001], "link_urn": [140001],
        ...     "link_type": ["Successor"], "link_date": [dt.date(2013, 9, 1)]})
        >>> build_lineage(links).history(140001).rows()
        [(0, 100001, None), (1, 140001, datetime.date(2013, 9, 1))]
        """
        text = str(school)
        member = self.keys.filter(
            (pl.col("school_key") == text) | (pl.col("urn").cast(pl.String) == text)
        )
        chain = self.keys.join(member.select("school_key").unique(), on="school_key", how="semi")
        return (
            chain.join(self.links.rename({"new": "urn"}), on="urn", how="left")
            .sort("chain_position")
            .select("chain_position", "urn", "link_date")
        )


def build_lineage(
    links: pl.DataFrame | None,
    urns: pl.Series | Sequence[pl.Series] | None = None,
    *,
    as_of: dt.date | None = None,
) -> Lineage:
    """Join URNs that follow one another, one to one, into schools.

    A *Predecessor* row of the new school and a *Successor* row of the old one are the same link,
    and either is enough. A link makes a chain when the old URN has no other successor and the new
    one no other predecessor.

    Parameters
    ----------
    links
        Columns `urn`, `link_urn`, `link_type` and, if known, `link_date`. None: no lineage.
    urns
        The URNs of the study, in one column or several. They are all in `.keys`, and only links
        that touch them are counted. By default every link counts.
    as_of
        The day of the register: links dated later are chained, and reported.

    Examples
    --------
    >>> links = pl.DataFrame({
    ...     "urn": [140001, 100001, 100002], "link_urn": [100001, 140001, 100003],
    ...     "link_type": ["Predecessor", "Successor", "Successor - merged"]})
    >>> lineage = build_lineage(links)
    >>> lineage.keys.rows()
    [(100001, '100001', 0, 2), (140001, '100001', 1, 2)]
    >>> [(e.reason, e.n_rows) for e in lineage.exclusions]
    [('link_not_succession', 1)]
    """
    rows = _directed(links)
    study = _study_urns(urns)
    if study is not None:
        rows = rows.with_columns(
            counted=pl.col("old").is_in(study.implode()) | pl.col("new").is_in(study.implode())
        )
    chained = rows.filter(pl.col("verdict").is_null())
    pairs = chained.group_by("old", "new").agg(pl.col("link_date").min()).sort("old", "new")
    keys, circular = _chains(pairs)
    rows = rows.with_columns(
        verdict=pl.when(pl.col("verdict").is_null() & pl.col("old").is_in(circular.implode()))
        .then(pl.lit("link_circular"))
        .otherwise("verdict")
    )
    if study is not None:
        alone = study.filter(~study.is_in(keys["urn"].implode()))
        keys = pl.concat([keys, _singletons(alone)])
    counted = rows.filter("counted")
    return Lineage(
        keys=keys.sort("urn"),
        links=pairs.filter(~pl.col("old").is_in(circular.implode())),
        exclusions=_exclusions(counted),
        findings=tuple(_findings(counted, as_of)),
        counts=_counts(counted, keys),
    )


def _study_urns(urns: pl.Series | Sequence[pl.Series] | None) -> pl.Series | None:
    if urns is None:
        return None
    columns = [urns] if isinstance(urns, pl.Series) else urns
    empty = pl.Series("urn", [], dtype=pl.Int64)
    return (
        pl.concat([empty, *(c.cast(pl.Int64).alias("urn") for c in columns)]).drop_nulls().unique()
    )


def _directed(links: pl.DataFrame | None) -> pl.DataFrame:
    """Give every link row its old and its new URN, and a verdict: null where it can be chained."""
    if links is None:
        links = pl.DataFrame(schema={"urn": pl.Int64, "link_urn": pl.Int64, "link_type": pl.String})
    if "link_date" not in links.columns:
        links = links.with_columns(link_date=pl.lit(None, pl.Date))
    kind = pl.col("link_type").str.strip_chars().str.to_lowercase()
    rows = links.select(
        pl.when(kind == NEW_FIRST).then("link_urn").otherwise("urn").cast(pl.Int64).alias("old"),
        pl.when(kind == NEW_FIRST).then("urn").otherwise("link_urn").cast(pl.Int64).alias("new"),
        pl.col("link_type"),
        pl.col("link_date"),
        kind=kind,
        succession=kind.is_in([OLD_FIRST, NEW_FIRST]).fill_null(False),
        counted=pl.lit(True),
    )
    pairs = (
        rows.filter("succession", pl.col("old") != pl.col("new"))
        .select("old", "new")
        .unique()
        .with_columns(one=(pl.len().over("old") == 1) & (pl.len().over("new") == 1))
    )
    reversed_ = pairs.select(old="new", new="old", contradicted=pl.lit(True))
    judged = rows.join(pairs, on=["old", "new"], how="left").join(
        reversed_, on=["old", "new"], how="left"
    )
    verdict = (
        pl.when(~pl.col("succession"))
        .then(pl.lit("link_not_succession"))
        .when(pl.col("old").is_null() | pl.col("new").is_null())
        .then(pl.lit("link_incomplete"))
        .when(pl.col("old") == pl.col("new"))
        .then(pl.lit("link_to_itself"))
        .when(pl.col("contradicted").fill_null(False))
        .then(pl.lit("link_contradictory"))
        .when(~pl.col("one").fill_null(False))
        .then(pl.lit("link_not_one_to_one"))
    )
    return judged.with_columns(verdict=verdict).drop("one", "contradicted", "succession")


def _chains(pairs: pl.DataFrame) -> tuple[pl.DataFrame, pl.Series]:
    """Follow every link to the start of its chain; also return the URNs that go in a circle.

    Each URN has at most one predecessor, so doubling the step of a pointer finds every start in
    log2(n) passes over an array (Wyllie 1979), without a loop over schools.
    """
    urns = pl.concat([pairs["old"], pairs["new"].alias("old")]).unique().sort().to_numpy()
    old = np.searchsorted(urns, pairs["old"].to_numpy())
    new = np.searchsorted(urns, pairs["new"].to_numpy())
    before = np.arange(len(urns))
    before[new] = old
    steps = (before != np.arange(len(urns))).astype(np.int64)
    has_predecessor = steps.astype(bool)
    for _ in range(len(urns).bit_length()):
        steps = steps + steps[before]
        before = before[before]
    circular = has_predecessor[before]
    keys = (
        pl.DataFrame({"urn": urns, "start": urns[before], "chain_position": steps})
        .filter(pl.Series(~circular))
        .select(
            pl.col("urn"),
            pl.col("start").cast(pl.String).alias("school_key"),
            pl.col("chain_position"),
            pl.len().over("start").cast(pl.Int64).alias("chain_length"),
        )
    )
    return keys.cast(_KEYS), pl.Series("urn", urns[circular], dtype=pl.Int64)  # type: ignore[arg-type]


def _singletons(urns: pl.Series) -> pl.DataFrame:
    return pl.DataFrame({"urn": urns}).select(
        pl.col("urn"),
        pl.col("urn").cast(pl.String).alias("school_key"),
        pl.lit(0, pl.Int64).alias("chain_position"),
        pl.lit(1, pl.Int64).alias("chain_length"),
    )


def _exclusions(rows: pl.DataFrame) -> tuple[Exclusion, ...]:
    out = rows.filter(pl.col("verdict").is_not_null())
    found = out.group_by("verdict").agg(
        pl.len().alias("n_rows"),
        pl.concat([pl.col("old"), pl.col("new")]).drop_nulls().n_unique().alias("n_schools"),
        pl.col("link_type").value_counts(sort=True, name="n"),
    )
    by_reason = {row["verdict"]: row for row in found.to_dicts()}
    exclusions = []
    for reason, text in _TEXTS.items():
        if reason not in by_reason:
            continue
        row = by_reason[reason]
        types = sorted(row["link_type"], key=lambda t: (-t["n"], t["link_type"] or ""))
        kinds = ", ".join(f"{t['link_type'] or 'no type given'} {t['n']:,}" for t in types)
        exclusions.append(
            Exclusion(
                reason=reason,
                text=f"{text} ({kinds})",
                n_schools=row["n_schools"],
                n_rows=row["n_rows"],
                stage="lineage",
            )
        )
    return tuple(exclusions)


def _findings(rows: pl.DataFrame, as_of: dt.date | None) -> Iterable[Problem]:
    chained = rows.filter(pl.col("verdict").is_null())
    pairs = chained.group_by("old", "new").agg(
        pl.col("kind").n_unique().alias("sides"),
        pl.col("link_date").max(),
    )
    other = rows.filter(pl.col("verdict") == "link_not_succession")
    tied = pl.concat([other["old"], other["new"].alias("old")]).implode()
    cases = [
        (
            "links.one_sided",
            pl.col("sides") == 1,
            "only one of the two schools records the link; it was used",
            "Nothing to do, unless you know that the schools are not the same.",
        ),
        (
            "links.beside_other_tie",
            pl.col("old").is_in(tied) | pl.col("new").is_in(tied),
            "one of the two schools also takes part in a merger, split or other tie",
            "Check that the later school is the earlier one continued.",
        ),
        (
            "links.future",
            pl.lit(False) if as_of is None else pl.col("link_date") > as_of,
            f"the link is dated after {as_of}; it was used",
            "Nothing to do: a school keeps its key when a successor opens.",
        ),
    ]
    for code, condition, rule, remedy in cases:
        found = pairs.filter(condition).sort("old", "new")
        if found.height:
            yield Problem(
                code=code,
                column="link_urn",
                value="{} to {}".format(*found.row(0)[:2]),
                rule=rule,
                remedy=remedy,
                severity="warning",
                count=found.height,
            )


def _counts(rows: pl.DataFrame, keys: pl.DataFrame) -> dict[str, int]:
    chained = rows.filter(pl.col("verdict").is_null())
    touched = pl.concat([chained["old"], chained["new"].alias("old")]).unique()
    starts = keys.filter(pl.col("urn").is_in(touched.implode()))["school_key"]
    return {
        "link_rows": rows.height,
        "link_rows_chained": chained.height,
        "chained_pairs": chained.select("old", "new").n_unique() if chained.height else 0,
        "chains": starts.n_unique(),
    }
