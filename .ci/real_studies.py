"""Hold the two real studies to an independent reading of the same files.

Usage: python .ci/real_studies.py OUT, where OUT has `study` and `national` as evaluate wrote them.
"""

import json
import sys
from pathlib import Path

# Read once by other means: the README beside the data, and the issue that asked for the study.
COUNTIES = {
    "urns": 1016,
    "schools": 777,
    "ever_treated": 57,
    "treated_in_window": 45,
    "two_before_two_after": 24,
    "never_treated": 720,
}


def main(out: Path) -> int:
    """Print what was found beside what was expected; return 1 when they differ."""
    wrong = 0
    counties = json.loads((out / "study/release/evaluation.json").read_text("utf-8"))
    for name, expected in COUNTIES.items():
        found = counties["exclusions"][name]["pupil_teacher_ratio"]
        wrong += found != expected
        print(f"two counties, pupil_teacher_ratio, {name}: {found:,} (expected {expected:,})")
    national = json.loads((out / "national/release/evaluation.json").read_text("utf-8"))
    for study in (counties, national):
        for result in study["results"]:
            wrong += result["status"] == "failed"
            headline = next((e for e in result["estimates"] if e["status"] == "ok"), None)
            print(f"{study['title']}: {result['metric']} {result['status']}")
            wrong += result["metric"] == "did.effect" and headline is None
    print("0 failed" if not wrong else f"{wrong} failed")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
