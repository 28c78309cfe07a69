"""Write `catalogue.md`, the page of all metrics that come with impactkit, and `measures.md`.

Usage: python docs/reference/catalogue.py [--pictures]. With `--pictures` the full county of the
demonstration is evaluated and each metric's first figure drawn anew into `pictures/`.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from impactkit.cli.entries import entries
from impactkit.cli.page import page
from impactkit.pipeline import default_registry
from impactkit.pipeline.core import FIRST_PARTY, OURS

HERE = Path(__file__).resolve().parent
COUNTY = 2010


def text() -> str:
    """Return the page: cards of first-party metrics, with the pictures that there are."""
    registry = default_registry(allow=OURS)
    ours = [
        entry
        for entry in entries(registry, "metrics", None)
        if registry.owner("metrics", entry["id"]).first_party
    ]
    pictures = {
        entry["id"]: f"![{entry['title']}: a figure of the demonstration, of an invented county]"
        f"(pictures/{entry['id']}.svg)"
        for entry in ours
        if (HERE / "pictures" / f"{entry['id']}.svg").is_file()
    }
    return page("metrics", ours, pictures)


def measures() -> str:
    """Return the page of the measures that core knows."""
    registry = default_registry(allow=OURS)
    return page(
        "measures",
        [
            entry
            for entry in entries(registry, "measures", None)
            if registry.owner("measures", entry["id"]).name in FIRST_PARTY
        ],
    )


def draw() -> None:
    """Evaluate the full county and draw the first figure of each metric."""
    from impactkit import Evaluation
    from impactkit.cli.demo import command
    from impactkit.report.charts import draw as drawn
    from impactkit.report.figures import figures_of

    with tempfile.TemporaryDirectory() as name:
        out = Path(name) / "county"
        command.main([str(out), "--full", "--seed", str(COUNTY)], standalone_mode=False)
        evaluation = Evaluation.load(out / "evaluation" / "release")
    labels = {str(m["id"]): str(m["label"]) for m in evaluation.measures}
    (HERE / "pictures").mkdir(exist_ok=True)
    for result in evaluation.results:
        if result.status != "ok":
            sys.exit(f"{result.metric}: {result.status}, {result.reason}")
        figures = figures_of(result.charts, result.estimates, result.tables, result.metric, labels)
        if not figures:
            print(f"{result.metric} has no picture")
        else:
            path = HERE / "pictures" / f"{result.metric}.svg"
            path.write_text(drawn(figures[0].picture, 620) + "\n", encoding="utf-8")


if __name__ == "__main__":
    if "--pictures" in sys.argv[1:]:
        draw()
    (HERE / "catalogue.md").write_text(text(), encoding="utf-8")
    (HERE / "measures.md").write_text(measures(), encoding="utf-8")
