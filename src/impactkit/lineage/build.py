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

_TIES = {
    "old": pl.Int64,
    "new": pl.Int64,
    "link_type": pl.String,
    "link_date": pl.Date,
    "reason": pl.String,
}
_ABOUT = {
    "name": pl.String,
    "open_date": pl.Date,
    "open_reason": pl.String,
    "close_date": pl.Date,
    "close_reason": pl.String,
}
"""What `Lineage.history` says of a URN, from the register."""


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
    ties
        One row a pair that makes no chain, and link type: `old`, `new`, `link_type`, `link_date`
        and `reason`, why not.
    register
        What the register says of each URN, where it was given.
    exclusions
        Link rows that make no chain, by reason; with the chained rows they add up to
        ``counts["link_rows"]``.
    findings
        Oddities in links that were chained all the same, as problems of severity ``warning``.
    """

    keys: pl.DataFrame
    links: pl.DataFrame
    ties: pl.DataFrame = attrs.field(factory=lambda: pl.DataFrame(schema=_TIES))
    register: pl.DataFrame | None = None
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

        Columns: `chain_position`, `urn`, `link_date`, when this URN followed the one before, and
        from the register, null where it was not given, `name`, `open_date`, `open_reason`,
        `close_date` and `close_reason`.

        Examples
        --------
        >>> links = pl.DataFrame({"urn": [100001], "link_urn": [140001],
        ...     "link_type": ["Successor"], "link_date": [dt.date(2013, 9, 1)]})
        >>> history = build_lineage(links).history(140001)
        >>> history.select("chain_position", "urn", "link_date").rows()
        [(0, 100001, None), (1, 140001, datetime.date(2013, 9, 1))]
        """
        return self.histories(self._chain(school)["school_key"]).drop("school_key")

    def histories(self, school_keys: pl.Series) -> pl.DataFrame:
        """Return the chains of several schools: `school_key`, then the columns of `history`."""
        wanted = school_keys.unique().to_frame("school_key")
        chain = self.keys.join(wanted, on="school_key", how="semi")
        return (
            chain.join(self.links.rename({"new": "urn"}), on="urn", how="left")
            .join(self._about(), on="urn", how="left")
            .sort("school_key", "chain_position")
            .select("school_key", "chain_position", "urn", "link_date", *_ABOUT)
        )

    def other_links(self, school: int | str) -> pl.DataFrame:
        """Return mergers, splits and other ties of a URN or `school_key`, in the order of dates.

        Columns: `old`, `new`, `link_type`, `link_date` and `reason`, why they make no chain.

        Examples
        --------
        >>> links = pl.DataFrame({"urn": [100001], "link_urn": [100002],
        ...     "link_type": ["Successor - merged"]})
        >>> build_lineage(links, pl.Series([100002])).other_links(100002)["reason"].to_list()
        ['link_reorganisation']
        """
        chain = self.keys.join(self._chain(school), on="school_key", how="semi")["urn"].implode()
        touched = pl.col("old").is_in(chain) | pl.col("new").is_in(chain)
        return self.ties.filter(touched).sort("link_date", "old", "new", "link_type")

    def _chain(self, school: int | str) -> pl.DataFrame:
        text = str(school)
        named = (pl.col("school_key") == text) | (pl.col("urn").cast(pl.String) == text)
        return self.keys.filter(named).select("school_key").unique()

    def _about(self) -> pl.DataFrame:
        given = pl.DataFrame(schema={"urn": pl.Int64}) if self.register is None else self.register
        absent = [name for name in _ABOUT if name not in given.columns]
        return (
            given.with_columns(pl.lit(None, _ABOUT[name]).alias(name) for name in absent)
            .select("urn", *_ABOUT)
            .unique("urn", keep="first")
        )


def build_lineage(
    links: pl.DataFrame | None,
    urns: pl.Series | Sequence[pl.Series] | None = None,
    *,
    register: pl.DataFrame | None = None,
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
    register
        `urn`, `open_date`, `close_date` and whatever else is known of each URN: settles links that
        run backwards or in a circle, and fills `Lineage.history`.
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
    [('link_reorganisation', 1)]
    """
    rows = directed(links, register)
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
        ties=rows.filter(pl.col("verdict").is_not_null())
        .select("old", "new", "link_type", "link_date", reason="verdict")
        .unique(maintain_order=True),
        register=register,
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
