"""The report: an `Evaluation` as a page, a workbook and files to share. It sees nothing else."""

from __future__ import annotations

from impactkit.report.brief import summary_sentences
from impactkit.report.files import write_release
from impactkit.report.html import render_html
from impactkit.report.workbook import render_workbook

__all__ = ["render_html", "render_workbook", "summary_sentences", "write_release"]
