"""Lineage: a school keeps one `school_key` while its number (URN) changes.

An academy conversion closes one URN and opens another for the same pupils in the same building.
The register (GIAS) records that as a link of type *Predecessor* or *Successor*. URNs whose links
are one to one form a chain, and a chain is one school. Mergers, splits and amalgamations are not
chains: two schools became one, and no single history is theirs, so they are counted, not joined.

The `school_key` is the URN at which the chain starts, as text. A later conversion adds to the end
of the chain, so the key of a school never changes when the register is read again.
"""

from __future__ import annotations

from impactkit.lineage.build import Lineage, build_lineage
from impactkit.lineage.vanished import Vanished, vanished

__all__ = ["Lineage", "Vanished", "build_lineage", "vanished"]
