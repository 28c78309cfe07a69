"""Schools that merged, split or were amalgamated: left out, or combined into one.

No number carries the history of such a school alone. Left apart, an infant school that took in its
junior school looks like one whose pupils changed overnight. A study can leave these schools out, or
combine all that were reorganised together into one school that exists throughout: in each year it
has the mean of the schools that it then consisted of, weighted by size.
"""

from __future__ import annotations

import datetime as dt

import attrs
import polars as pl

from impactkit.inference.clusters import cluster_labels
from impactkit.lineage.build import Lineage
from impactkit.results import Column, Exclusion, Table

__all__ = ["Reorganised", "combined", "reorganised", "without"]

SUMMED = ("count", "fte")
"""Units in which the whole is the sum of its parts; in all others it is their weighted mean."""

UNCOMBINED = ("gbp",)
"""Units of which one cannot tell: pounds add up, pounds for each pupil do not."""

TYING = ("link_reorganisation", "link_not_one_to_one")
"""Reasons for which a link makes no chain, that say that pupils came together or apart."""


@attrs.frozen(kw_only=True, eq=False)
class Reorganised:
    """Schools that were reorganised together within the years of a study.

    Attributes
    ----------
    parts
        One row a school: `unit` (the first key, in order, of those reorganised together),
        `school_key`, `weight` (within the unit they sum to 1) and `basis`: ``pupils``,
        ``capacity`` or ``equal``.
    """

    parts: pl.DataFrame

    def table(self) -> Table:
        """Return who was taken together, with the weights, for the report."""
        return Table(
            id="reorganised",
            title="Schools that merged, split or were amalgamated",
            columns=(
                Column(name="unit", label="Taken together as", kind="dimension"),
                Column(name="school_key", label="School", kind="dimension"),
                Column(name="weight", label="Weight", digits=3),
                Column(name="basis", label="By", kind="text"),
            ),
            rows=self.parts.select("unit", "school_key", "weight", "basis").rows(),
        )


def reorganised(
    lineage: Lineage,
    outcomes: pl.DataFrame,
    schools: pl.DataFrame | None = None,
    *,
    years: tuple[int, int],
    as_of: dt.date | None = None,
) -> Reorganised:
    """Find the schools that were reorganised within the years of a study.

    A link counts when both its schools have outcomes, and it is dated within the years (from the
    September before the first), no later than `as_of`. A link without a date counts unless both
    schools have outcomes in the first year and in the last, when nothing of it can have happened
    between.

    Parameters
    ----------
    outcomes
        `school_key` and `year`, of schools as lineage has chained them.
    schools
        The register, for weights: `pupils` of every part, or else `capacity` of every part; where
        one is missing all parts of a unit weigh the same.

    Examples
    --------
    >>> from impactkit.lineage import build_lineage
    >>> links = pl.DataFrame({"urn": [100001, 100002], "link_urn": [100003] * 2,
    ...     "link_type": ["Successor - merged"] * 2, "link_date": [dt.date(2014, 9, 1)] * 2})
    >>> rows = pl.DataFrame({"urn": [100001, 100002, 100003], "year": [2014, 2014, 2015]})
    >>> lineage = build_lineage(links, rows["urn"])
    >>> reorganised(lineage, lineage.apply(rows), years=(2013, 2016)).parts.rows()[0]
    ('100001', '100001', 0.3333333333333333, 'equal')
    """
    key_of = lineage.keys.select("urn", "school_key")
    begin, end = dt.date(years[0] - 1, 9, 1), dt.date(years[1], 8, 31)
    if as_of is not None:
        end = min(end, as_of)
    seen = outcomes.group_by("school_key").agg(
        throughout=pl.col("year").is_in([years[0]]).any() & pl.col("year").is_in([years[1]]).any()
    )
    edges = (
        lineage.ties.filter(pl.col("reason").is_in(TYING))
        .join(key_of.rename({"urn": "old", "school_key": "one"}), on="old")
        .join(key_of.rename({"urn": "new", "school_key": "other"}), on="new")
        .filter(pl.col("one") != pl.col("other"))
        .join(seen.rename({"school_key": "one", "throughout": "_one"}), on="one")
        .join(seen.rename({"school_key": "other", "throughout": "_other"}), on="other")
    )
    # Two rows tell most links, and either may lack the date.
    pair = pl.concat_str(pl.min_horizontal("one", "other"), pl.max_horizontal("one", "other"))
    date = pl.col("link_date").max().over(pair)
    within = date.is_between(begin, end)
    edges = edges.filter(within | (date.is_null() & ~(pl.col("_one") & pl.col("_other"))))
    tied = pl.concat(
        [
            edges.select(school_key="one", partnership_id="other"),
            edges.select(school_key="other", partnership_id="other"),
        ]
    )
    groups = cluster_labels(tied).with_columns(
        unit=pl.col("school_key").min().over("cluster").cast(pl.String)
    )
    return Reorganised(parts=_weighed(groups.select("unit", "school_key"), schools))


def _weighed(parts: pl.DataFrame, schools: pl.DataFrame | None) -> pl.DataFrame:
    sizes = ("pupils", "capacity")
    if schools is not None:
        there = [name for name in sizes if name in schools.columns]
        latest = (
            schools.drop_nulls("school_key")
            .sort("chain_position")
            .group_by("school_key")
            .agg(pl.col(name).drop_nulls().last() for name in there)
        )
        parts = parts.join(latest, on="school_key", how="left")
    absent = [name for name in sizes if name not in parts.columns]
    parts = parts.with_columns(pl.lit(None, pl.Int64).alias(name) for name in absent)
    complete = [(pl.col(name) > 0).fill_null(False).all().over("unit") for name in sizes]
    size = pl.when(complete[0]).then("pupils").when(complete[1]).then("capacity").otherwise(1)
    basis = pl.when(complete[0]).then(pl.lit(sizes[0])).when(complete[1]).then(pl.lit(sizes[1]))
    return (
        parts.with_columns(size=size.cast(pl.Float64), basis=basis.otherwise(pl.lit("equal")))
        .select(
            "unit",
            "school_key",
            weight=pl.col("size") / pl.col("size").sum().over("unit"),
            basis="basis",
        )
        .sort("unit", "school_key")
    )


def without(
    outcomes: pl.DataFrame, found: Reorganised
) -> tuple[pl.DataFrame, tuple[Exclusion, ...]]:
    """Leave out the outcomes of reorganised schools, and count them."""
    gone = outcomes.join(found.parts, on="school_key", how="semi")
    if gone.is_empty():
        return outcomes, ()
    text = (
        "The school merged, split or was amalgamated within the years studied, and the study "
        "leaves such schools out."
    )
    exclusion = Exclusion(
        reason="reorganised",
        text=text,
        n_schools=gone["school_key"].n_unique(),
        n_rows=gone.height,
        stage="lineage",
    )
    return outcomes.join(found.parts, on="school_key", how="anti"), (exclusion,)


def combined(
    outcomes: pl.DataFrame, found: Reorganised, units: dict[str, str]
) -> tuple[pl.DataFrame, tuple[Exclusion, ...]]:
    """Put the outcomes of schools that were reorganised together into those of one school.

    A year has a value when every part that is in the file has one. Weights are those of
    `Reorganised.parts`, made to sum to 1 over the parts of the year. Counts and full-time
    equivalents are added up, except in a year in which one part ends and another begins, where
    people may stand under both. Pounds are not combined.

    Parameters
    ----------
    outcomes
        With `school_key`, `chain_position`, `year`, `measure`, `value` and `status`.
    units
        The unit of each measure.

    Returns
    -------
    tuple
        The outcomes with one school for each unit, under the unit's key and without a URN; and how
        many rows were taken together.
    """
    parted = outcomes.join(found.parts, on="school_key", how="inner", maintain_order="left")
    if parted.is_empty():
        return outcomes, ()
    index = ["year", "measure", *(["subgroup"] if "subgroup" in outcomes.columns else [])]
    # Two numbers of one part in a year: a value beats none, then the later number wins.
    order = [pl.col("value").is_not_null(), pl.col("chain_position")]
    once = parted.sort(order, maintain_order=True).unique(
        ["school_key", *index], keep="last", maintain_order=True
    )
    begins, ends = (getattr(pl.col("year"), at)().over("school_key") for at in ("min", "max"))
    first, last = (getattr(pl.col("year"), at)().over("unit") for at in ("min", "max"))
    once = once.with_columns(
        begins=(begins == pl.col("year")) & (begins > first),
        ends=(ends == pl.col("year")) & (ends < last),
        kind=pl.col("measure").replace_strict(units, default="", return_dtype=pl.String),
    )
    known = (pl.col("status") == "ok") & pl.col("value").is_not_null()
    kind = pl.col("kind").first()
    handover = pl.col("begins").any() & pl.col("ends").any()
    usable = known.all() & ~kind.is_in(UNCOMBINED) & ~(kind.is_in(SUMMED) & handover)
    mean = (pl.col("value") * pl.col("weight")).sum() / pl.col("weight").sum()
    whole = pl.when(kind.is_in(SUMMED)).then(pl.col("value").sum()).otherwise(mean)
    code = pl.col("status").filter(~known).first().fill_null("x")
    carried = {
        "value": pl.when(usable).then(whole),
        "status": pl.when(usable).then(pl.lit("ok")).otherwise(code),
        **{
            name: pl.when(usable & pl.col(name).is_not_null().all()).then(pl.col(name).sum())
            for name in ("numerator", "denominator")
        },
        **{name: pl.col(name).drop_nulls().first() for name in ("la_code", "phase", "source")},
    }
    together = once.group_by("unit", *index, maintain_order=True).agg(
        expression.alias(name) for name, expression in carried.items() if name in outcomes.columns
    )
    rest = outcomes.join(found.parts, on="school_key", how="anti", maintain_order="left")
    together = together.rename({"unit": "school_key"}).with_columns(
        chain_position=pl.lit(0, pl.Int64)
    )
    exclusion = Exclusion(
        reason="combined",
        text="The school merged, split or was amalgamated within the years studied; all that were "
        "reorganised together are one school, with the mean of its parts by size (the sum, of "
        "counts). Nothing of them is lost but the rows.",
        n_schools=found.parts.height,
        n_rows=parted.height - together.height,
        stage="lineage",
    )
    return pl.concat([rest, together], how="diagonal_relaxed").select(outcomes.columns), (
        exclusion,
    )
