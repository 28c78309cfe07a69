"""The lineage of a study's schools."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

import attrs
import polars as pl

from impactkit.errors import Problem
from impactkit.lineage import account
from impactkit.lineage.chains import directed, follow, singletons
from impactkit.results import Exclusion

__all__ = ["Lineage", "build_lineage"]


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
    rows = directed(links)
    study = _study_urns(urns)
    if study is not None:
        rows = rows.with_columns(
            counted=pl.col("old").is_in(study.implode()) | pl.col("new").is_in(study.implode())
        )
    chained = rows.filter(pl.col("verdict").is_null())
    pairs = chained.group_by("old", "new").agg(pl.col("link_date").min()).sort("old", "new")
    keys, circular = follow(pairs)
    rows = rows.with_columns(
        verdict=pl.when(pl.col("verdict").is_null() & pl.col("old").is_in(circular.implode()))
        .then(pl.lit("link_circular"))
        .otherwise("verdict")
    )
    if study is not None:
        alone = study.filter(~study.is_in(keys["urn"].implode()))
        keys = pl.concat([keys, singletons(alone)])
    counted = rows.filter("counted")
    return Lineage(
        keys=keys.sort("urn"),
        links=pairs.filter(~pl.col("old").is_in(circular.implode())),
        exclusions=account.exclusions(counted),
        findings=tuple(account.findings(counted, as_of)),
        counts=account.count(counted, keys),
    )


def _study_urns(urns: pl.Series | Sequence[pl.Series] | None) -> pl.Series | None:
    if urns is None:
        return None
    columns = [urns] if isinstance(urns, pl.Series) else urns
    empty = pl.Series("urn", [], dtype=pl.Int64)
    return (
        pl.concat([empty, *(c.cast(pl.Int64).alias("urn") for c in columns)]).drop_nulls().unique()
    )
