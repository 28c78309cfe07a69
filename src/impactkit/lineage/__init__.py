"""Lineage: a school keeps one `school_key` while its number (URN) changes.

An academy conversion closes one URN and opens another for the same pupils in the same building.
The register (GIAS) records that as a link of type *Predecessor* or *Successor*. URNs whose links
are one to one form a chain, and a chain is one school. Mergers, splits and amalgamations are not
chains: two schools became one, and no single history is theirs. They are counted, and left apart,
left out or combined as the study wishes (`reorganised`).

The `school_key` is the URN at which the chain starts, as text. A later conversion adds to the end
of the chain, so the key of a school never changes when the register is read again.
"""

from __future__ import annotations

from impactkit.lineage.build import Lineage, build_lineage
from impactkit.lineage.given import disagreements
from impactkit.lineage.mergers import Reorganised, combined, reorganised, without
from impactkit.lineage.snapshots import combine_snapshots, snapshot_findings
from impactkit.lineage.vanished import Vanished, vanished

__all__ = [
    "Lineage",
    "Reorganised",
    "Vanished",
    "build_lineage",
    "combine_snapshots",
    "combined",
    "disagreements",
    "reorganised",
    "snapshot_findings",
    "vanished",
    "without",
]
