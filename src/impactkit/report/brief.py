"""The summary alone, for a terminal: the sentences that the report begins with."""

from __future__ import annotations

from impactkit.report.strength import line
from impactkit.report.summary import answers, directions_of, labels_of, summarise
from impactkit.results import Evaluation


def summary_sentences(evaluation: Evaluation) -> list[str]:
    """Return the line on the strength of the evidence, and the sentences that sum it up."""
    directions, labels = directions_of(evaluation), labels_of(evaluation)
    found = [a for result in evaluation.results for a in answers(result, directions, labels)]
    strength = line(evaluation)
    return [*([strength] if strength else []), *summarise(evaluation, found)]
