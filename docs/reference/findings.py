"""Write `findings.md`, the page of everything that the doctor can find.

Usage: python docs/reference/findings.py. A kind of finding stands beside its detector, in
`impactkit.doctor`; change it there.
"""

from __future__ import annotations

from pathlib import Path

from impactkit.doctor import SECTIONS, SEVERITIES, catalogue

HERE = Path(__file__).resolve().parent
HEAD = """\
# Findings

Everything that `impactkit check STUDY` can find, by the part of its page. Written by
`docs/reference/findings.py` from the detectors themselves; change them, not this page.

An **error** must be mended before an estimate can be believed, and `check` ends with exit code 2. A
**warning** wants an answer, in the design or in the report. A **note** is good to know. Where two
severities are named the detector says which holds when. **E1** to **E10** are the ten mistakes that
evaluations of partnerships are known for.

What `evaluate` does with an error follows one rule. What data cannot be and still be compared, it
refuses: years on both sides of a hard break, values of years that were never published, zeros in
the place of symbols. What good data could look like as well (a rare event has no value above 1 per
cent, and grades may stay the same for two years) no machine can tell for certain: the run goes on,
and the report opens with the error. Where nobody joins there is no estimate, and each says so.

Thresholds are judgements of this project, but those of balance, which are the What Works
Clearinghouse's. All stand in `impactkit.doctor.Thresholds`; `impactkit.doctor.examine` takes
others: `Case(..., limits=Thresholds(small_cohort=20))`.
"""


def text() -> str:
    """Return the page."""
    kinds = catalogue()
    parts = [HEAD.rstrip()]
    for section in SECTIONS:
        here = sorted(
            (k for k in kinds if k.section == section), key=lambda k: SEVERITIES.index(k.severity)
        )
        parts += [f"## {section}"] if here else []
        for kind in here:
            mistake = f", mistake {kind.mistake}" if kind.mistake else ""
            parts += [
                f"### `{kind.code}`",
                f"**{kind.title}** ({kind.severity}{mistake})",
                f"- *Found when:* {kind.detector}\n"
                f"- *What it does:* {kind.consequence}\n"
                f"- *What to do:* {kind.remedy}",
            ]
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    (HERE / "findings.md").write_text(text(), encoding="utf-8")
