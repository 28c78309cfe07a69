"""The report in a real browser: nothing fetched, no complaint, and no sideways scrolling."""

from __future__ import annotations

import html
import importlib.util
import itertools
import json
import re
import shutil
import struct
import subprocess
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest

from impactkit.report import render_html
from impactkit.results import Column, Evaluation, Table

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--hide-scrollbars",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--disable-features=NetworkTimeServiceQuerying",  # the browser's own clock, not the page
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--enable-logging=stderr",
]
PHONE, TABLET, DESK = 360, 768, 1200

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")


def _sample() -> Callable[[], object]:
    """Take the evaluation of the unit tests; test folders are no packages, so by its path."""
    path = Path(__file__).resolve().parents[1] / "unit" / "report" / "conftest.py"
    spec = importlib.util.spec_from_file_location("report_sample", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.evaluation  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the sample report, and return its path."""
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(render_html(_with_strength(_sample()())), encoding="utf-8")
    return path


def _with_strength(evaluation: Any) -> Evaluation:
    """Return the evaluation with the line at its top, and a theory of change of long words."""
    causes = ["Coaching of middle leaders", "Unterrichtsentwicklungsmassnahmen " * 3, "Results"]
    links = [
        {"cause": a, "effect": b, "grade": grade, "evidence": "records of the lessons observed"}
        for grade, (a, b) in enumerate(itertools.pairwise(causes))
    ]
    title = "Evidence of effect 2/5 · Theory T2 · Given as planned 78%"
    strength = Table(id="strength", title=title, columns=[Column(name="axis")], rows=[])
    changed: Evaluation = attrs.evolve(
        evaluation,
        study={**evaluation.study, "theory": {"links": links, "story": "It did."}},
        tables=(strength, *evaluation.tables),
    )
    return changed


def run(tmp_path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Chromium once with a profile of its own."""
    assert CHROMIUM is not None
    command = [CHROMIUM, *FLAGS, f"--user-data-dir={tmp_path / 'profile'}", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)


def pixels(png: bytes) -> tuple[int, int, int]:
    """Return width, height and the number of different byte values of a PNG."""
    width, height = struct.unpack(">II", png[16:24])
    data, at = b"", 8
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        if png[at + 4 : at + 8] == b"IDAT":
            data += png[at + 8 : at + 8 + length]
        at += length + 12
    return width, height, len(set(zlib.decompress(data)))


def show(page: Path, folder: Path) -> tuple[bytes, str, set[str]]:
    """Return a screenshot of a page, what the browser said, and the addresses it asked for."""
    folder.mkdir()
    shot, log = folder / "page.png", folder / "net.json"
    done = run(
        folder,
        f"--screenshot={shot}",
        f"--window-size={DESK},3000",
        f"--log-net-log={log}",
        page.as_uri(),
    )
    events = json.loads(log.read_text(encoding="utf-8"))["events"]
    asked = {
        event["params"]["url"]
        for event in events
        # The browser asks for things of its own; only a page's requests have an origin.
        if event.get("params", {}).get("initiator", "not an origin") != "not an origin"
    }
    return shot.read_bytes(), done.stderr, {url for url in asked if url.startswith("http")}


def test_a_browser_shows_it_without_a_fetch_or_a_complaint(page: Path, tmp_path: Path) -> None:
    """A page that does ask and complain is caught by the same means; the report does neither."""
    bad = tmp_path / "bad.html"
    bad.write_text("<img src='http://asked.invalid/x.png'><script>console.error('!')</script>")
    _, said, asked = show(bad, tmp_path / "bad")
    assert "http://asked.invalid/x.png" in asked
    assert "CONSOLE" in said
    png, said, asked = show(page, tmp_path / "good")
    assert asked == set()
    assert "CONSOLE" not in said
    width, height, shades = pixels(png)
    assert (width, height) == (DESK, 3000)
    assert shades > 20, "the page is blank"


@pytest.mark.parametrize("width", [PHONE, TABLET, DESK])
def test_it_fits_the_screen_and_shows_the_right_drawing(
    page: Path, tmp_path: Path, width: int
) -> None:
    """No sideways scrolling; one drawing a figure, and its letters at least 10 pixels high."""
    frame = tmp_path / "frame.html"
    frame.write_text(
        f"""<!doctype html><iframe src="{page.as_uri()}" style="border:0;width:{width}px;
        height:6000px"></iframe><pre id="out"></pre><script>
        document.querySelector("iframe").onload = e => {{
          const d = e.target.contentDocument, seen = x => x.getClientRects().length > 0;
          const svgs = [...d.querySelectorAll("figure svg")].filter(seen);
          document.querySelector("#out").textContent = JSON.stringify({{
            wide: d.documentElement.scrollWidth,
            figures: d.querySelectorAll("figure").length,
            drawings: svgs.length,
            outside: [...d.querySelectorAll("body *")].filter(x => seen(x) &&
              !x.closest(".scroll, svg, .skip") && x.getBoundingClientRect().right > {width} + 1
            ).map(x => x.tagName),
            smallest: Math.min(...svgs.flatMap(s => [...s.querySelectorAll("text")]
              .filter(t => t.textContent).map(t => parseFloat(t.getAttribute("font-size"))
              * s.getBoundingClientRect().width / s.viewBox.baseVal.width))),
            overflowing: [...d.querySelectorAll(".scroll")].every(x =>
              x.getBoundingClientRect().right <= {width})
          }});
        }};</script>""",
        encoding="utf-8",
    )
    done = run(
        tmp_path,
        "--allow-file-access-from-files",
        "--dump-dom",
        "--window-size=1400,900",
        frame.as_uri(),
    )
    found = re.search(r'<pre id="out">(.+?)</pre>', done.stdout, re.DOTALL)
    assert found, "the page did not load"
    measured = json.loads(html.unescape(found[1]))
    assert measured["wide"] <= width
    assert measured["outside"] == []
    assert measured["overflowing"]
    assert measured["drawings"] == measured["figures"] == 3
    assert measured["smallest"] >= 10


def test_printing_opens_what_is_folded(page: Path, tmp_path: Path) -> None:
    """On paper nobody can click: the collapsed parts are printed too, on a sane number of pages."""
    paper, closed = tmp_path / "page.pdf", tmp_path / "closed.pdf"
    run(tmp_path, f"--print-to-pdf={paper}", "--no-pdf-header-footer", page.as_uri())
    hidden = tmp_path / "hidden.html"
    text = page.read_text(encoding="utf-8")
    hidden.write_text(text.replace("<details", "<details hidden"), encoding="utf-8")
    run(tmp_path, f"--print-to-pdf={closed}", "--no-pdf-header-footer", hidden.as_uri())
    pages = [len(re.findall(rb"/Type /Page\b(?!s)", p.read_bytes())) for p in (paper, closed)]
    assert pages[1] < pages[0] < 20
