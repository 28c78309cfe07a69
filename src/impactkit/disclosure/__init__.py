"""Statistical disclosure control: nothing in a release lets a reader count a few people.

`protect` runs once, last, over the whole evaluation; `audit` checks it by independent code.
"""

from __future__ import annotations

from impactkit.disclosure.attack import Audit, Exposed, audit
from impactkit.disclosure.profiles import check_stricter, core_profiles
from impactkit.disclosure.protection import protect
from impactkit.disclosure.text import mask_numbers, safe_id

__all__ = [
    "Audit",
    "Exposed",
    "audit",
    "check_stricter",
    "core_profiles",
    "mask_numbers",
    "protect",
    "safe_id",
]
