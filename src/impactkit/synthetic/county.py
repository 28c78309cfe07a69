"""`county`: draw the whole authority from one seed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import attrs
import numpy as np
import polars as pl

from impactkit.synthetic.further import World, further
from impactkit.synthetic.governors import governor_tables, leader_activity
from impactkit.synthetic.kinds import effect_scale, supporters_share, with_kinds
from impactkit.synthetic.layout import Layout
from impactkit.synthetic.outcomes import (
    ATTAINMENT,
    draw_cohorts,
    draw_untreated,
    measures_table,
    n_clipped,
    potential_outcomes,
    publish,
)
from impactkit.synthetic.partnerships import (
    cohort_of,
    draw_groups,
    interventions_table,
    memberships_table,
    partnerships_table,
)
from impactkit.synthetic.places import draw_places, school_years_table, with_places
from impactkit.synthetic.registers import agreements_table, choose_systematic, evaluation_table
from impactkit.synthetic.schools import draw_schools, links_table, schools_table
from impactkit.synthetic.settings import EXIT_HAZARD, MEASURES, Effect, Settings, check
from impactkit.synthetic.staff import appointment_shares, exit_hazards, simulate_staff
from impactkit.synthetic.subjects import SUBJECT_MEASURES
from impactkit.synthetic.truth import Truth
from impactkit.types import Measure

OFSTED_SHARE = 11 / 20


@attrs.frozen(kw_only=True, eq=False)
class County:
    """An invented local authority: its tables, and the truth about them.

    `tables` holds polars frames in canonical form, by name. Where a table has both, `school_key`
    is the first URN that the school ever had, as text, and `urn` the one at the time. `measures`
    has what the registry of published measures does not: the county's own test.
    """

    tables: Mapping[str, pl.DataFrame]
    truth: Truth
    measures: tuple[Measure, ...]
    settings: Settings

    @property
    def years(self) -> tuple[int, int]:
        """The first and the last year, by their ends."""
        return self.settings.years

    def write(
        self,
        folder: str | Path,
        *,
        formats: Literal["official", "plain"] = "official",
        registers: Literal["csv", "xlsx"] = "csv",
    ) -> list[Path]:
        """Write the county to a new folder, and return the files in order of name.

        ``official`` writes workforce, absence, group links and URN links as the Department
        publishes them, symbols and quirks included, and the authority's own registers beside them;
        ``plain`` writes every table under its own name and column names. The same county gives the
        same bytes. Nothing is left behind when writing fails.

        Raises
        ------
        UsageError
            When the folder has something in it, or a format is unknown.
        """
        from impactkit.synthetic.files import write_county

        return write_county(self, Path(folder), formats=formats, registers=registers)


def county(
    seed: int = 2010,
    *,
    n_schools: int = 240,
    n_partnerships: int | None = None,
    years: tuple[int, int] = (2012, 2019),
    effect: Effect = 0.0,
    pretrend: float | Mapping[str, float] = 0.0,
    selection: Literal["random", "worst"] = "worst",
    conversions: float = 0.15,
    doubled_reports: float = 0.2,
    closures: float = 0.02,
    merges: int = 2,
    suppress_below: int = 6,
    not_submitted: float = 0.01,
    placeholder_dates: float = 0.06,
    exit_hazard: Mapping[str, float] | None = None,
    partnership_exit_ratio: float = 0.7,
    internal_share: float = 0.4,
    partnership_internal_share: float = 0.5,
    partner_share: float = 0.15,
    governor_rate: float = 0.8,
    governor_ratio: float = 0.4,
    systematic: int | None = None,
    pairs: float = 0.0,
    ends: float = 0.0,
    fade: float = 1.0,
    supporter_effect: float = 0.0,
    moderators: Mapping[str, float] | None = None,
    full: bool = False,
    layout: Sequence[Layout] = (),
) -> County:
    """Draw an invented county with known effects.

    Parameters
    ----------
    seed
        The same seed and settings give the same county, to the byte. Each theme draws from a
        stream of its own: the same seed with another effect has the same untreated outcomes.
    n_schools, n_partnerships
        How many; one partnership to ten schools unless said otherwise, each of two to four treated
        schools and mostly one supporter, which is not treated.
    years
        First and last year, by their ends: 2012 is 2011/12. Partnerships start in turn from the
        third year to the last but one.
    effect
        The planted effect in the unit of the measure: a number, a mapping by event time (those not
        named have none; negative ones are anticipation) or a function of event time from 0 on. On
        `attainment`, or by measure: ``{"overall_absence": -0.3}``. Measures: `attainment` (points),
        `overall_absence` (percent of sessions) and `pupil_teacher_ratio`.
    pretrend
        A violation of parallel trends: extra slope a year of schools that will be treated.
    selection
        ``worst`` takes schools with low attainment in the year before, which regress to the mean;
        ``random`` does not look.
    conversions, doubled_reports, closures, merges
        Share of schools that become academies under a new URN; share of those where both URNs
        report in that year; share that close; number of amalgamations (two schools into a third).
    suppress_below, not_submitted
        Attainment of fewer pupils is suppressed; share of values never returned.
    placeholder_dates
        Share of rows of the published group links with join date 1900-01-01 (6% in England).
    exit_hazard, partnership_exit_ratio
        Share of leaders, by level, who leave leadership in a year (`middle`, `senior_assistant`,
        `senior_deputy`, `head`), and the factor on it in partnership schools.
    internal_share, partnership_internal_share, partner_share
        Share of appointments from within the school, elsewhere and in partnership schools, and in
        these the share from their partners.
    governor_rate, governor_ratio
        Joint events in which a board takes part each year, and its ratio to the leaders' rate.
    systematic
        Number of partnerships that evaluate systematically (11 of 20, as Ofsted found, unless set).
    pairs
        Share of partnerships with one client only, where somebody supports it.
    ends, fade
        Share of partnerships that end after two years, and the share of the effect that is left
        each year after that (1: all of it lasts).
    supporter_effect
        Added to attainment of the schools that give help, from the first year on.
    moderators
        What the effect depends on (see `impactkit.synthetic.kinds`): factors for ``pair``,
        ``chain``, ``cluster`` and for each purpose, slopes for ten days of help (``dose``) and for
        ten kilometres (``km``).
    full
        Draw also what only an authority knows: subjects, needs, surveys, money and the rest (see
        `impactkit.synthetic.further`). What is planted there is in ``truth.planted``.
    layout
        The partnerships themselves, in place of `n_partnerships`, `pairs` and `ends`.

    Raises
    ------
    UsageError
        With every setting that cannot be met.

    Notes
    -----
    The model and its sources: `impactkit.synthetic.outcomes`, `.staff`, `.governors` and
    `.registers`. Staff registers leave out schools that close, open or merge.

    Examples
    --------
    >>> here = county(n_schools=80, effect=2.0, selection="random")
    >>> here.truth.att()
    2.0
    >>> here.tables["memberships"].columns
    ['partnership_id', 'school_key', 'urn', 'role', 'joined', 'left']
    """
    partnerships = max(n_schools // 10, 1) if n_partnerships is None else n_partnerships
    partnerships = len(layout) or partnerships
    settings = check(
        Settings(
            seed=seed,
            n_schools=n_schools,
            n_partnerships=partnerships,
            years=years,
            effect=effect,
            pretrend=pretrend,
            selection=selection,
            conversions=conversions,
            doubled_reports=doubled_reports,
            closures=closures,
            merges=merges,
            suppress_below=suppress_below,
            not_submitted=not_submitted,
            placeholder_dates=placeholder_dates,
            exit_hazard={**EXIT_HAZARD, **(exit_hazard or {})},
            partnership_exit_ratio=partnership_exit_ratio,
            internal_share=internal_share,
            partnership_internal_share=partnership_internal_share,
            partner_share=partner_share,
            governor_rate=governor_rate,
            governor_ratio=governor_ratio,
            systematic=round(OFSTED_SHARE * partnerships) if systematic is None else systematic,
            pairs=pairs,
            ends=ends,
            fade=fade,
            supporter_effect=supporter_effect,
            moderators=dict(moderators or {}),
            full=full,
            layout=tuple(layout),
        )
    )
    return _draw(settings)


def _draw(settings: Settings) -> County:
    themes = (
        "schools cohorts outcomes groups publish staff governors leaders registers help "
        "places kinds inspections"
    )
    seeds = np.random.SeedSequence(settings.seed).spawn(len(themes.split()))
    rng = {
        theme: np.random.default_rng(child)
        for theme, child in zip(themes.split(), seeds, strict=True)
    }
    schools = draw_schools(settings, rng["schools"])
    cohorts = draw_cohorts(schools, settings, rng["cohorts"])
    untreated = draw_untreated(schools, cohorts, settings, rng["outcomes"])
    groups = draw_groups(schools, untreated[MEASURES[0]], settings, rng["groups"])
    groups = with_kinds(groups, settings, rng["kinds"])
    places = draw_places(schools, rng["places"])
    interventions = interventions_table(groups, schools, settings, rng["help"])
    potential = potential_outcomes(
        schools,
        cohort_of(groups, schools.n),
        cohorts,
        untreated,
        settings,
        scale=effect_scale(groups, schools, places, interventions, settings),
        supporters=supporters_share(groups, schools, settings),
    )
    spells, appointments = simulate_staff(schools, groups, settings, rng["staff"])
    governors, governor_activity, board_years = governor_tables(
        schools, groups, settings, rng["governors"]
    )
    activity, school_years = leader_activity(schools, groups, settings, rng["leaders"])
    systematic = choose_systematic(groups, settings, rng["registers"])
    tables = {
        "schools": with_places(schools_table(schools, settings), places),
        "school_links": links_table(schools),
        "partnerships": partnerships_table(groups, schools),
        "memberships": memberships_table(groups, schools, settings),
        "interventions": interventions,
        "school_years": school_years_table(
            schools, places, cohorts, untreated[MEASURES[0]], settings, rng["inspections"]
        ),
        "measures": measures_table(),
        "outcomes": publish(potential, schools, settings, rng["publish"]),
        "leadership_spells": spells,
        "appointments": appointments,
        "governor_spells": governors,
        "governor_activity": governor_activity,
        "activity": activity,
        "agreements": agreements_table(groups, systematic, rng["registers"]),
        "evaluation_activity": evaluation_table(groups, systematic, settings, rng["registers"]),
    }
    planted: dict[str, float] = {}
    measures: tuple[Measure, ...] = (ATTAINMENT,)
    if settings.full:
        world = World(
            settings=settings,
            schools=schools,
            places=places,
            groups=groups,
            cohorts=cohorts,
            potential=potential,
            systematic=systematic,
        )
        tables, planted = further(world, tables)
        measures = (ATTAINMENT, *SUBJECT_MEASURES)
    truth = Truth(
        potential=potential,
        pretrend={measure: settings.pretrend_on(measure) for measure in MEASURES},
        n_clipped=n_clipped(potential),
        exit_hazard=exit_hazards(settings),
        appointment_shares=appointment_shares(settings),
        governor_rate=settings.governor_rate,
        leader_rate=settings.governor_rate / settings.governor_ratio,
        board_years=board_years,
        school_years=school_years,
        systematic=systematic,
        planted=planted,
    )
    return County(tables=tables, truth=truth, measures=measures, settings=settings)
