"""The report as one HTML file: no script, no request to anywhere, fit for phone and paper."""

from __future__ import annotations

from typing import Any

from impactkit.report import theme
from impactkit.report.chart_frame import NARROW, WIDE
from impactkit.report.charts import draw
from impactkit.report.parts import Part
from impactkit.report.phrases import clean
from impactkit.report.sections import IN_PAGE, build
from impactkit.report.tables import heading, shown, symbols_in
from impactkit.results import Evaluation


def render_html(evaluation: Evaluation) -> str:
    """Return the whole report as one self-contained page.

    Parameters
    ----------
    evaluation
        A finished evaluation, after disclosure control. Nothing else is read.

    Returns
    -------
    str
        HTML with inline CSS and SVG. The same evaluation gives the same text.

    Examples
    --------
    >>> page = render_html(Evaluation(title="Two <counties>"))
    >>> "<h1>Two &lt;counties&gt;</h1>" in page, "<script" in page, "://" in page
    (True, False, False)
    """
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("impactkit.report"),
        autoescape=True,
        finalize=_fit_to_print,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    report = build(evaluation)
    return environment.get_template("report.html.j2").render(
        report=report,
        symbols=symbols_in(report.tables),
        shown=shown,
        heading=heading,
        drawing=_drawing,
        long=IN_PAGE,
        theme=theme,
        contents=[(part.id, part.title, _children(part)) for part in report.parts],
    )


def _fit_to_print(value: Any) -> Any:
    import markupsafe

    is_text = isinstance(value, str) and not isinstance(value, markupsafe.Markup)
    return clean(value) if is_text else value


def _children(part: Part) -> list[tuple[str, str]]:
    return [(child.id, child.title) for child in part.parts if not child.folded]


def _drawing(figure: Any) -> list[tuple[str, Any]]:
    import markupsafe

    # vega escapes all text of the data; what it returns is the only markup that is not ours.
    return [
        (name, markupsafe.Markup(draw(figure.picture, width)))
        for name, width in (("wide", WIDE), ("narrow", NARROW))
    ]
