"""How many partnerships have which share: a picture that stays small however many there are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from impactkit import Chart, Table
from impactkit_partnership import columns as c

BANDS = ("0 to 20%", "20 to 40%", "40 to 60%", "60 to 80%", "80 to 100%")


def band(percent: float) -> str:
    """Return the band of a share; a share between two is in the higher one, and 100 in the last.

    Examples
    --------
    >>> band(0.0), band(20.0), band(100.0)
    ('0 to 20%', '20 to 40%', '80 to 100%')
    """
    return BANDS[min(len(BANDS) - 1, int(percent // 20))]


def spread(percents: Iterable[float], title: str) -> Iterator[Table | Chart]:
    """Yield partnerships by their share, and the picture; nothing where there are none."""
    counts = Counter(map(band, percents))
    if not counts:
        return
    yield Table(
        id="spread",
        title=title,
        columns=(c.what("band", "Share in the partnership"), c.partnerships()),
        rows=[(name, counts[name]) for name in BANDS],
    )
    yield Chart(
        id="spread",
        kind="bar",
        title=title,
        data="spread",
        x="band",
        y="partnerships",
        y_title="Partnerships",
    )
