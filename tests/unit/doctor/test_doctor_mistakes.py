"""The ten mistakes: each is found where it is made, and none where it is not."""

from __future__ import annotations

import pytest

TEN = [f"E{n}" for n in range(1, 11)]


def mistakes_in(seen, *severities):
    """Return the numbers of the mistakes found, of the given severities or of any."""
    return {
        f.mistake
        for f in seen.examination.findings
        if f.mistake and (not severities or f.severity in severities)
    }


@pytest.fixture(scope="module")
def sound(studies, examined):
    """Return what is seen of the sound study."""
    return examined(studies.clean())


@pytest.fixture(scope="module")
def spoilt(studies, examined):
    """Return what is seen of the study that commits all ten."""
    return examined(studies.every_mistake())


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_sound_study_has_neither_errors_nor_warnings(seed, studies, examined):
    """Nothing to find but what every study is told: that there is no plan yet."""
    seen = examined(studies.clean(seed=seed))
    assert seen.problems == ()
    loud = [f for f in seen.examination.findings if f.severity != "note"]
    assert loud == []
    assert {f.code for f in seen.examination.findings} <= {
        "E6.no_plan",
        "balance.not_comparable",
    }


def test_a_study_that_commits_all_ten_mistakes_is_told_of_all_ten(spoilt):
    """Also together: no mistake hides another."""
    assert mistakes_in(spoilt) == set(TEN)
    assert mistakes_in(spoilt, "error") == {"E3", "E10"}


@pytest.mark.parametrize("mistake", TEN)
def test_each_mistake_alone_is_found_and_the_sound_study_has_not_got_it(
    mistake, studies, examined, sound
):
    """Each detector answers to its own mistake."""
    drawn = studies.clean()
    if mistake == "E10":  # the years that were never published are those of key stage 2
        studies.break_crossed(drawn)
    for spoil in studies.MISTAKES[mistake]:
        spoil(drawn)
    assert mistake in mistakes_in(examined(drawn))
    assert mistake not in mistakes_in(sound, "error", "warning")
    if mistake != "E6":
        assert mistake not in mistakes_in(sound)


def test_every_finding_says_what_was_seen_what_it_does_and_what_to_do(spoilt):
    """A finding without a number, a consequence or a remedy would be a complaint."""
    for finding in spoilt.examination.findings:
        assert any(sign.isdigit() for sign in finding.evidence), finding
        assert finding.evidence.endswith(".")
        assert finding.consequence.endswith(".")
        assert finding.remedy.endswith(".")
        assert finding.numbers, finding


def test_outcomes_after_joining_change_no_finding_and_no_fact(studies, examined):
    """The doctor cannot see an effect: a large one, or none, looks the same to it.

    Only the line with lowest, median and highest value reads all outcomes, as does the test of
    possible values, which these pass.
    """
    without, with_effect = (examined(studies.clean(effect=e)).examination for e in (0.0, 6.0))
    assert without.findings == with_effect.findings
    assert [f for f in without.facts if f.section != "Values"] == [
        f for f in with_effect.facts if f.section != "Values"
    ]


def test_outcomes_after_joining_are_not_in_the_case_at_all(studies, examined):
    """They are blanked at the door, not merely left unread."""
    seen = examined(studies.clean(effect=6.0))
    for panel in seen.panels:
        exposed = panel.frame.filter(panel.frame["year"] >= panel.frame["cohort"])
        assert exposed.height == 30 * 9 - sum(studies.start(s) - 2011 for s in range(30))
        assert exposed["value"].null_count() == exposed.height


def test_the_recovery_to_expect_is_what_untreated_schools_show(studies, examined):
    """E1 fits a line through untreated schools two years apart; worked out here by plain sums."""
    drawn = studies.clean()
    studies.chosen_when_low(drawn)
    (finding,) = [
        f for f in examined(drawn).examination.findings if f.code == "E1.regression_to_the_mean"
    ]
    table = {(r["urn"], r["year"]): r["value"] for r in drawn.tables["outcomes"]}
    z, spread = {}, {}
    for year in range(2011, 2020):
        there = {
            s: table[studies.urn(s), year] for s in range(120) if s >= 30 or year < studies.start(s)
        }
        mean = sum(there.values()) / len(there)
        sd = (sum((v - mean) ** 2 for v in there.values()) / (len(there) - 1)) ** 0.5
        spread[year] = sd
        z |= {(s, year): (v - mean) / sd for s, v in there.items()}
    dips = []
    for s in range(30):
        before = [z[s, y] for y in range(2011, studies.start(s) - 1)]
        dips.append(sum(before) / len(before) - z[s, studies.start(s) - 1])
    assert finding.numbers["dip"] == pytest.approx(sum(dips) / 30, abs=1e-12)
    assert finding.numbers["dip"] > 1
    expected = []
    for least in (30, 0):
        pairs = [
            (z[s, y], z[s, y + 2])
            for s in range(least, 120)
            for y in range(2011, 2018)
            if (s, y) in z and (s, y + 2) in z
        ]
        mx, my = (sum(p[i] for p in pairs) / len(pairs) for i in (0, 1))
        slope = sum((a - mx) * (b - my) for a, b in pairs) / sum((a - mx) ** 2 for a, _ in pairs)
        rises = []
        for s in range(30):
            year = studies.start(s) - 1
            rises.append((my + slope * (z[s, year] - mx) - z[s, year]) * spread[year])
        expected.append(sum(rises) / 30)
    assert finding.numbers["recovery_low"] == pytest.approx(min(expected), abs=1e-12)
    assert finding.numbers["recovery_high"] == pytest.approx(max(expected), abs=1e-12)


def test_the_recovery_to_expect_holds_what_came_back_without_any_effect():
    """Chosen when low, helped in no way: treated schools of six counties rise as foretold.

    Some 400 schools in all, whose mean rise has a standard error of about a quarter of a point.
    """
    told = [_recovery(seed) for seed in range(1, 7)]
    low, came_back, high = (sum(part) / len(told) for part in zip(*told, strict=True))
    assert low - 0.25 < came_back < high + 0.25
    assert low > 2


def _recovery(seed):
    """Return what was foretold and what came back in a county without an effect."""
    import polars as pl

    from impactkit.doctor.before import comes_back
    from impactkit.synthetic import county

    here = county(seed=seed, selection="worst", effect=0.0, closures=0.0, merges=0, conversions=0.0)
    joined = (
        here.tables["memberships"]
        .filter(pl.col("role") != "supporter")
        .group_by("school_key")
        .agg(cohort=pl.col("joined").min().dt.year().cast(pl.Int64) + 1)
    )
    rows = here.tables["outcomes"].filter(
        (pl.col("measure") == "attainment") & pl.col("value").is_not_null()
    )
    rows = rows.join(joined, on="school_key", how="left").with_columns(
        pl.col("year").cast(pl.Int64), treated=pl.col("cohort").is_not_null()
    )
    before = rows.filter(~pl.col("treated") | (pl.col("year") < pl.col("cohort")))
    spread = pl.col("value").std().over("year")
    before = before.with_columns(
        spread=spread, z=(pl.col("value") - pl.col("value").mean().over("year")) / spread
    )
    last = before.filter(pl.col("year") == pl.col("cohort") - 1)
    found = comes_back(before, last)
    assert found is not None
    usual = rows.filter(~pl.col("treated")).group_by("year").agg(usual=pl.col("value").mean())
    net = rows.join(usual, on="year").with_columns(net=pl.col("value") - pl.col("usual"))
    after = net.filter(pl.col("year") == pl.col("cohort") + 1).select("school_key", after="net")
    low = net.filter(pl.col("year") == pl.col("cohort") - 1).join(after, on="school_key")
    came_back = low.select((pl.col("after") - pl.col("net")).mean()).item()
    return found[0], came_back, found[1]


def test_a_lead_is_the_mean_change_against_comparison_schools(studies, examined):
    """E8: 12 points down in the last year, against nobody else: about minus 12."""
    drawn = studies.clean()
    studies.chosen_when_low(drawn)
    (finding,) = [
        f for f in examined(drawn).examination.findings if f.code == "E8.moving_before_joining"
    ]
    table = {(r["urn"], r["year"]): r["value"] for r in drawn.tables["outcomes"]}

    def change(school, year):
        return table[studies.urn(school), year] - table[studies.urn(school), year - 1]

    nets = []
    for s in range(30):
        year = studies.start(s) - 1
        usual = [change(c, year) for c in range(30, 120)]
        nets.append(change(s, year) - sum(usual) / len(usual))
    assert finding.numbers["event_time"] == -1
    assert finding.numbers["change"] == pytest.approx(sum(nets) / 30, abs=1e-12)
    assert -14 < finding.numbers["change"] < -10


def test_a_school_in_two_programmes_and_a_trust_shared_are_seen(studies, examined):
    """Overlap and trusts come from the registers, with their shares."""
    drawn = studies.clean()
    drawn.tables["memberships"] += [
        {"partnership_id": "Z1", "urn": studies.urn(s), "role": "peer", "joined": "2017-09-01"}
        for s in range(10)
    ]
    drawn.design["treated"] = "\"role in ['client']\""
    for school in (0, 50, 51):
        drawn.tables["schools"][school]["trust_uid"] = "T7"
    found = {f.code: f for f in examined(drawn).examination.findings}
    assert found["programmes.overlapping"].numbers == {"schools": 10, "treated": 30}
    assert found["programmes.overlapping"].severity == "warning"
    assert found["E5.comparison_in_partnerships"].numbers["same_trust"] == 2
    assert found["E5.comparison_in_partnerships"].severity == "note"


def test_schools_of_a_partnership_taken_as_independent_are_warned_of(studies, examined):
    """Thirty schools are no thirty trials when they work in threes."""
    drawn = studies.clean()
    drawn.design["cluster"] = '"school"'
    (finding,) = [f for f in examined(drawn).examination.findings if f.severity == "warning"]
    assert finding.code == "power.clusters_ignored"
    assert finding.numbers == {"schools": 30, "clusters": 10}


@pytest.mark.parametrize(
    ("mistake", "exclude"),
    [("others_in_partnerships", '["memberships"]'), ("next_door", '["near"]')],
)
def test_a_remedy_that_is_followed_takes_the_finding_away(mistake, exclude, studies, examined):
    """`exclude`, which the finding advises, leaves out just the schools that it counted."""
    drawn = studies.clean()
    getattr(studies, mistake)(drawn)
    before = examined(drawn)
    drawn.design["exclude"] = exclude
    after = examined(drawn)
    (finding,) = [f for f in before.examination.findings if f.severity == "warning"]
    assert not [f for f in after.examination.findings if f.severity == "warning"]
    lost = finding.numbers.get("partners") or finding.numbers["near"]
    assert before.panels[0].frame.height - after.panels[0].frame.height == 9 * lost


def test_links_between_numbers_take_the_missing_years_back(studies, examined):
    """E4: with the register of links the six schools have their years before again."""
    drawn = studies.clean()
    studies.numbers_changed(drawn)
    drawn.tables["school_links"] = [
        {"urn": studies.urn(s), "link_urn": studies.urn(s) + 50_000, "link_type": "Predecessor"}
        for s in range(6)
    ] + [
        {"urn": studies.urn(s) + 50_000, "link_urn": studies.urn(s), "link_type": "Successor"}
        for s in range(6)
    ]
    seen = examined(drawn)
    assert "E4.begins_when_joining" not in {f.code for f in seen.examination.findings}
    assert any("6 successions in 6 chains" in f.text for f in seen.examination.facts)
