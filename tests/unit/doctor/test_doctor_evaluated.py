"""The ten mistakes in an evaluation: each is refused or told, by its name, as in a check."""

from __future__ import annotations

import pytest


def evaluated(drawn, folder):
    """Return the evaluation of a drawn study."""
    from impactkit.pipeline import default_registry, plan, run
    from impactkit.study import Study

    study, problems = Study.read(drawn.write(folder))
    return run(plan(study, registry=default_registry(allow=["did"]), problems=problems)).evaluation


def findings_of(evaluation):
    """Return the rows of what the doctor found, by column."""
    tables = [t for t in evaluation.tables if t.id == "doctor"]
    return [
        dict(zip([c.name for c in table.columns], row, strict=True))
        for table in tables
        for row in table.rows
    ]


@pytest.mark.parametrize("mistake", ["E1", "E2", "E4", "E5", "E6", "E7", "E8", "E9"])
def test_each_mistake_alone_is_told_in_the_evaluation(mistake, studies, tmp_path) -> None:
    """With its severity, what was seen, what it does and what to do."""
    drawn = studies.clean()
    for spoil in studies.MISTAKES[mistake]:
        spoil(drawn)
    told = [f for f in findings_of(evaluated(drawn, tmp_path)) if f["code"].startswith(mistake)]
    assert told
    for finding in told:
        assert finding["severity"] in ("warning", "note")
        assert any(sign.isdigit() for sign in finding["seen"])
        assert finding["consequence"]
        assert finding["remedy"]


@pytest.mark.parametrize("spoil", ["break_crossed", "years_filled", "zeros_for_symbols"])
def test_mistakes_that_empty_the_figures_are_refused(spoil, studies, tmp_path) -> None:
    """The message names what is wrong and what to do about it, and nothing is estimated."""
    from impactkit.errors import InputError

    drawn = studies.clean()
    if spoil == "years_filled":  # the years that were never published are those of key stage 2
        studies.break_crossed(drawn)
    getattr(studies, spoil)(drawn)
    with pytest.raises(InputError) as caught:
        evaluated(drawn, tmp_path)
    wanted = {
        "break_crossed": "measure.break",
        "years_filled": "measure.gap_year",
        "zeros_for_symbols": "measure.zeros",
    }[spoil]
    [*found] = [p for p in caught.value.problems if p.code == wanted]
    assert found
    assert all(p.rule and p.remedy for p in found)


def test_a_year_of_zeros_may_be_left_out(studies, examined, tmp_path) -> None:
    """As the remedy says; then neither the check nor the evaluation speaks of it again."""
    drawn = studies.clean()
    studies.zeros_for_symbols(drawn)
    years = {
        f.numbers["year"]
        for f in examined(drawn).examination.findings
        if f.code == "E10.zeros_for_symbols"
    }
    assert years
    drawn.design["leave_out"] = str(sorted(years))
    assert "E10" not in {f.mistake for f in examined(drawn).examination.findings}
    assert not any(f["code"].startswith("E10") for f in findings_of(evaluated(drawn, tmp_path)))


def test_a_sound_study_is_told_of_no_mistake_but_that_it_has_no_plan(studies, tmp_path) -> None:
    """Neither a warning nor an error; "no plan" is a note that every study without one gets."""
    found = findings_of(evaluated(studies.clean(), tmp_path))
    assert {f["code"] for f in found if f["severity"] != "note"} == set()
    assert {f["code"] for f in found} <= {"E6.no_plan", "balance.not_comparable"}


def test_shares_in_a_column_of_per_cents_are_named(studies, examined) -> None:
    """0.45 for 45 %, as a workbook holds it; a single school of under one per cent is no sign."""
    drawn = studies.clean()
    for i, row in enumerate(drawn.tables["schools"]):
        row["pct_fsm6"] = round(0.1 + i / 200, 3)
        row["pct_eal"] = 0.5 if i == 0 else 20.0
    found = [f for f in examined(drawn).examination.findings if f.code == "values.column_of_shares"]
    assert [f.severity for f in found] == ["warning"]
    assert "`pct_fsm6` in schools" in found[0].evidence
    assert found[0].numbers["highest"] <= 1
