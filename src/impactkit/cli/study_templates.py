"""Studies to start from, each with made-up data of the shape of a real one.

The shapes are those of studies that were done or registered; nothing of their data is here. Each
has a planted effect of two points, so that the report can be judged by what it finds.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping
from importlib import resources
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any

import attrs

if TYPE_CHECKING:
    import polars as pl

    from impactkit.synthetic import County, Layout

    Tables = dict[str, pl.DataFrame]

TABLES = ("schools", "partnerships", "memberships", "interventions", "measures", "outcomes")
EFFECT = 2.0
YEARS = (2012, 2019)


@attrs.frozen(kw_only=True)
class StudyTemplate:
    """A study to start from: its words, its partnerships, and how many schools there are besides.

    `shaped` changes the county's tables where partnerships alone do not make the shape.
    """

    title: str
    about: str
    treated: str
    metrics: tuple[str, ...]
    n_schools: int
    layout: Callable[[], list[Layout]]
    comparison: str = "not_yet_or_never"
    outcome: str = "attainment"
    shaped: Callable[[Tables], Tables] = lambda tables: tables


def _spread(
    sizes: list[int], structure: str, purposes: tuple[str, ...], cohorts: tuple[int, ...],
    months: int | None = None,
) -> list[Layout]:  # fmt: skip
    """Return partnerships of these sizes; purposes and years of starting take turns."""
    from impactkit.synthetic import Layout

    return [
        Layout(
            treated=size,
            structure=structure,
            # Purposes turn within the turns of years, so that neither stands for the other.
            purpose=purposes[(i + i // len(cohorts)) % len(purposes)],
            cohort=cohorts[i % len(cohorts)],
            months=months,
        )
        for i, size in enumerate(sizes)
    ]


def _second_supporters(tables: Tables) -> Tables:
    """Give four partnerships a second supporter, from schools in none: 24 for 20 clients."""
    import polars as pl

    members = tables["memberships"]
    four = members.filter(pl.col("role") == "supporter").head(4)
    free = tables["schools"].filter(
        (pl.col("phase") == "Primary")
        & (pl.col("status") == "Open")
        & ~pl.col("school_key").is_in(members["school_key"].to_list())
        & (pl.col("school_key") == pl.col("urn").cast(pl.String))
    )
    second = four.with_columns(free.head(4)["school_key"], free.head(4)["urn"])
    return tables | {"memberships": pl.concat([members, second]).sort("partnership_id")}


def _rural(tables: Tables) -> Tables:
    """Let every school of a partnership be rural, as all 67 were."""
    import polars as pl

    inside = pl.col("school_key").is_in(tables["memberships"]["school_key"].to_list())
    rural = pl.when(inside).then(pl.lit("Rural")).otherwise("urban_rural")
    return tables | {"schools": tables["schools"].with_columns(rural.alias("urban_rural"))}


def _matched(tables: Tables) -> Tables:
    """Keep one comparison school for each treated one, near it in the mean of three years."""
    import polars as pl

    from impactkit.comparison import nearest_neighbour

    start = tables["partnerships"]["start_date"].min().year  # type: ignore[union-attr]
    before = (
        tables["outcomes"]
        .filter(pl.col("year").is_between(start - 2, start))
        .group_by("school_key")
        .agg(pl.col("value").mean().alias("before"), pl.col("value").count().alias("n"))
        .filter(pl.col("n") == 3)
        .join(tables["memberships"].select("school_key", treated=True), on="school_key", how="left")
        .with_columns(pl.col("treated").fill_null(False))
        .sort("school_key")
    )
    found = nearest_neighbour(before, unit="school_key", treated="treated", on=["before"])
    assert found.pairs is not None
    pairs = found.pairs["comparison"].cast(pl.String).to_list()
    kept = [*tables["memberships"]["school_key"].to_list(), *pairs]
    some = pl.col("school_key").is_in(kept)
    named = {"attainment": "ks2_mathematics_made_up"}
    return tables | {
        "schools": tables["schools"].filter(some),
        "outcomes": tables["outcomes"].filter(some).with_columns(pl.col("measure").replace(named)),
        "measures": tables["measures"].with_columns(
            pl.col("measure").replace(named),
            label=pl.lit("Key stage 2 mathematics (made up), mean standardised score"),
        ),
    }


SUPPORT = ("category_support", "ri_support")
STARTS = (2014, 2015, 2016, 2017)
TEMPLATES: Mapping[str, StudyTemplate] = {
    "support-schools": StudyTemplate(
        title="Support schools and the schools they help",
        about="The shape of Ofsted's visits to National Support Schools in 2009: 24 schools that "
        "support, 20 that are helped, for several purposes. Four of the 20 have two supporters "
        "here; how the 24 and the 20 belonged together was not published.",
        treated="role == 'client'",
        metrics=("did.effect", "did.two_sided", "claims.purpose",
                 "claims.supporter_non_inferiority", "claims.rtm_adjusted"),
        n_schools=240,
        layout=lambda: _spread([1] * 20, "pair", (*SUPPORT, "growth"), STARTS),
        shaped=_second_supporters,
    ),
    "clusters": StudyTemplate(
        title="Clusters of rural primary schools",
        about="The shape of Maximising Progress: 13 clusters of four to seven, 67 rural primary "
        "schools in all, working together for 18 months.",
        treated="role == 'peer'",
        metrics=("did.effect", "did.time_to_benefit", "did.fade_out"),
        n_schools=400,
        layout=lambda: _spread([4, 4, 4, 5, 5, 5, 5, 5, 5, 5, 6, 7, 7], "cluster",
                               ("mutual_development",), (2016,), months=18),
        shaped=_rural,
    ),
    "chains": StudyTemplate(
        title="Chains of schools beside pairs",
        about="One school that supports two or three others, as in the chains of three to four of "
        "which National Leaders of Education speak, beside pairs of one supporter and one client.",
        treated="role == 'client'",
        metrics=("did.effect", "claims.chains_vs_pairs"),
        n_schools=480,
        layout=lambda: [
            *_spread([2, 3] * 12, "chain", SUPPORT, STARTS),
            *_spread([1] * 24, "pair", SUPPORT, STARTS),
        ],
    ),
    "federations": StudyTemplate(
        title="Federations",
        about="The size of the study by Chapman and Muijs: 122 federations of 264 schools. Two or "
        "three schools are governed together and work as peers.",
        treated="role == 'peer'",
        metrics=("did.effect", "did.time_to_benefit"),
        n_schools=900,
        layout=lambda: _spread([2] * 102 + [3] * 20, "federation", ("mutual_development",), STARTS),
    ),
    "peer-review": StudyTemplate(
        title="Peer review in clusters of primary schools",
        about="The shape of the Schools Partnership Programme as registered (ISRCTN20687346): 437 "
        "primary schools in 85 clusters, matched difference-in-differences on key stage 2 "
        "mathematics. The files hold one comparison school for each that has results of all three "
        "years before the start, matched on their mean: results of one year alone would bring "
        "regression to the mean.",
        treated="role == 'peer'",
        metrics=("did.effect",),
        comparison="never",
        outcome="ks2_mathematics_made_up",
        n_schools=1400,
        layout=lambda: _spread([5] * 73 + [6] * 12, "cluster", ("mutual_development",), (2017,)),
        shaped=_matched,
    ),
}  # fmt: skip


def write_template(name: str, folder: Path) -> None:
    """Write a study with its data to a folder that has none."""
    from impactkit.pipeline import default_registry

    template = TEMPLATES[name]
    here = _county(template)
    here.write(folder / "data", formats="plain")
    installed = default_registry().metrics
    lines = [
        f'[metrics."{m}"]' if m in installed
        else f"# {m} would be here, with impactkit-{m.partition('.')[0]} installed"
        for m in template.metrics
    ]  # fmt: skip
    text = resources.files("impactkit.cli").joinpath("templates", "study.toml.txt")
    filled = Template(text.read_text("utf-8")).substitute(
        title=template.title,
        about="\n# ".join(textwrap.wrap(template.about, 96)),
        treated=template.treated,
        outcome=template.outcome,
        comparison=template.comparison,
        first=YEARS[0],
        last=YEARS[1],
        metrics="\n".join(lines),
    )
    (folder / "study.toml").write_text(filled, encoding="utf-8")


def _county(template: StudyTemplate) -> County:
    """Return a county of primary schools with the template's partnerships and tables."""
    import polars as pl

    from impactkit.synthetic import county

    settings: dict[str, Any] = {"conversions": 0.0, "closures": 0.0, "merges": 0}
    here = county(
        n_schools=template.n_schools,
        years=YEARS,
        effect=EFFECT,
        selection="random",
        layout=template.layout(),
        **settings,
    )
    primary = pl.col("phase") == "Primary"
    tables = {name: here.tables[name] for name in TABLES}
    tables["schools"] = tables["schools"].filter(primary)
    own = primary & (pl.col("measure") == "attainment")
    tables["outcomes"] = tables["outcomes"].filter(own)
    return attrs.evolve(here, tables=template.shaped(tables))
