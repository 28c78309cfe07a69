"""A sound study, and every mistake that can be made of it; drawn from a seed, written to a folder.

120 schools at two places 60 km apart, over nine years. Thirty of them join ten partnerships of
three; each has three comparison schools of the same level, so the groups are alike but for chance.
"""

from __future__ import annotations

import csv
import datetime as dt
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs

FIRST, LAST = 2011, 2019
N_SCHOOLS, N_TREATED, A_PARTNERSHIP = 120, 30, 3
STARTS = (2014, 2015, 2016)

Rows = list[dict[str, Any]]


@attrs.define
class Drawn:
    """A study in the making: rows by table, and keys of its design as they stand in the file."""

    tables: dict[str, Rows]
    design: dict[str, str]

    def write(self, folder: Path) -> Path:
        """Write the tables and the study file, and return the file."""
        folder.mkdir(parents=True, exist_ok=True)
        lines = ["[study]", 'title = "A study"', "seed = 1", "[tables]"]
        for name, rows in self.tables.items():
            columns = list(dict.fromkeys(column for row in rows for column in row))
            with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
                writer = csv.DictWriter(file, columns)
                writer.writeheader()
                writer.writerows(rows)
            lines.append(f'{name} = {{ path = "{name}.csv" }}')
        lines += ["[design]", "bootstrap = 0", "randomisation = 0"]
        lines += [f"{key} = {value}" for key, value in self.design.items()]
        lines += ['[metrics."did.effect"]']
        path = folder / "study.toml"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path


def urn(school: int) -> int:
    """Return the URN of a school by its number from 0; the first thirty are treated."""
    return 100_001 + school


def start(school: int) -> int:
    """Return the first exposed year of a treated school."""
    return STARTS[(school // A_PARTNERSHIP) % len(STARTS)]


def clean(*, seed: int = 1, effect: float = 0.0) -> Drawn:
    """Return a study in which there is nothing to find but notes."""
    draw = random.Random(seed)
    level = [draw.gauss(70, 7) for _ in range(N_TREATED)] * (N_SCHOOLS // N_TREATED)
    outcomes: Rows = []
    for school in range(N_SCHOOLS):
        for year in range(FIRST, LAST + 1):
            value = level[school] + draw.gauss(0, 2.5)
            if school < N_TREATED and year >= start(school):
                value += effect
            outcomes.append(
                {
                    "urn": urn(school),
                    "year": year,
                    "measure": "reading_secure",
                    "subgroup": "all",
                    "value": round(min(max(value, 1.0), 99.0), 1),
                    "denominator": 60,
                }
            )
    joined = {s: dt.date(start(s) - 1, 9, 1) for s in range(N_TREATED)}
    partnership = {s: f"P{s // A_PARTNERSHIP:02d}" for s in range(N_TREATED)}
    schools = [
        {
            "urn": urn(school),
            "phase": "Primary",
            "easting": (400_000 if school < N_TREATED else 460_000) + 100 * (school % 17),
            "northing": 300_000 + 100 * (school % 13),
            "trust_uid": "",
        }
        for school in range(N_SCHOOLS)
    ]
    memberships = [
        {
            "partnership_id": partnership[s],
            "urn": urn(s),
            "role": "client",
            "joined": joined[s],
            "left": "2019-07-20" if partnership[s] == "P00" else "",
        }
        for s in joined
    ]
    interventions = [
        {
            "intervention_id": f"I{s:02d}",
            "partnership_id": partnership[s],
            "urn": urn(s),
            "type": "joint_cpd",
            "start": joined[s] + dt.timedelta(days=30),
        }
        for s in joined
    ]
    return Drawn(
        tables={
            "outcomes": outcomes,
            "measures": [
                {
                    "measure": "reading_secure",
                    "label": "Pupils secure in reading",
                    "unit": "percent",
                    "direction": "higher",
                    "low": 0,
                    "high": 100,
                }
            ],
            "schools": schools,
            "memberships": memberships,
            "interventions": interventions,
        },
        design={"outcome": '["reading_secure"]', "years": f"[{FIRST}, {LAST}]"},
    )


def chosen_when_low(study: Drawn) -> None:
    """E1: schools join after their worst year."""
    for row in study.tables["outcomes"]:
        school = row["urn"] - urn(0)
        if school < N_TREATED and row["year"] == start(school) - 1:
            row["value"] = round(row["value"] - 12, 1)


def small_cohorts(study: Drawn) -> None:
    """E2: a dozen pupils behind each figure."""
    for row in study.tables["outcomes"]:
        row["denominator"] = 12


def break_crossed(study: Drawn) -> None:
    """E3: levels to 2015, scaled scores from 2016."""
    for row in study.tables["outcomes"]:
        level4 = row["year"] < 2016
        row["measure"] = "ks2_rwm_level4" if level4 else "ks2_rwm_expected"
    study.design["outcome"] = '["ks2_rwm_expected"]'


def numbers_changed(study: Drawn) -> None:
    """E4: six schools became academies when they joined, and nobody linked the numbers."""
    for row in study.tables["outcomes"]:
        school = row["urn"] - urn(0)
        if school < 6 and row["year"] < start(school):
            row["urn"] += 50_000


def others_in_partnerships(study: Drawn) -> None:
    """E5: twenty comparison schools are in partnerships of another kind."""
    study.tables["memberships"] += [
        {
            "partnership_id": f"Q{school // 2}",
            "urn": urn(school),
            "role": "hub",
            "joined": "2013-09-01",
            "left": "",
        }
        for school in range(60, 80)
    ]
    study.design["treated"] = "\"role in ['client']\""


def two_outcomes(study: Drawn) -> None:
    """E6 and E7: a second outcome, and so a second test."""
    study.tables["outcomes"] += [
        {**row, "measure": "overall_absence", "value": round(5 + (row["urn"] * 7 % 19) / 10
         + (row["urn"] * row["year"] % 11) / 20, 2), "denominator": 60}
        for row in study.tables["outcomes"]
    ]  # fmt: skip
    outcome = study.design["outcome"].strip("[]")
    study.design["outcome"] = f'[{outcome}, "overall_absence"]'


def began_early(study: Drawn) -> None:
    """E8: help began two years before the date of joining."""
    for row in study.tables["interventions"]:
        row["start"] -= dt.timedelta(days=730)


def next_door(study: Drawn) -> None:
    """E9: forty comparison schools are within five kilometres."""
    for row in study.tables["schools"][40:80]:
        row["easting"] = 401_000


def years_filled(study: Drawn) -> None:
    """E10: key stage 2 has results of 2020, when there were no tests."""
    study.tables["outcomes"] += [
        {**row, "year": 2020, "measure": "ks2_rwm_expected"}
        for row in study.tables["outcomes"]
        if row["year"] == 2018 and row["measure"] != "overall_absence"
    ]
    study.design["years"] = f"[{FIRST}, 2020]"


def zeros_for_symbols(study: Drawn) -> None:
    """E10: what was suppressed was typed in as 0."""
    for row in study.tables["outcomes"]:
        if row["year"] == 2013 and row["urn"] % 10 == 0:
            row["value"] = 0


MISTAKES: dict[str, tuple[Callable[[Drawn], None], ...]] = {
    "E1": (chosen_when_low,),
    "E2": (small_cohorts,),
    "E3": (break_crossed,),
    "E4": (numbers_changed,),
    "E5": (others_in_partnerships,),
    "E6": (two_outcomes,),
    "E7": (two_outcomes,),
    "E8": (began_early,),
    "E9": (next_door,),
    "E10": (years_filled, zeros_for_symbols),
}
"""What commits each of the ten mistakes; together they are one study that commits all."""


def every_mistake() -> Drawn:
    """Return a study that commits all ten mistakes."""
    study = clean()
    for spoil in dict.fromkeys(spoil for spoils in MISTAKES.values() for spoil in spoils):
        spoil(study)
    return study
