"""Which reader takes a file, by what is in it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from impactkit.declarations import Reader, Recognised, load_code
from impactkit.engine.files import head
from impactkit.errors import DataError


def recognise_file(
    path: str | Path, readers: Iterable[Reader], *, shown: str = ""
) -> list[tuple[Reader, Recognised]]:
    """Return the readers that know a file, the surest first.

    Raises
    ------
    DataError
        The file cannot be read at all.
    """
    path = Path(path)
    top, problems = head(path, shown=shown)
    if top is None:
        raise DataError(problems)
    found = [(reader, load_code(reader.recognise)(path, top)) for reader in readers]
    known = [(reader, recognised) for reader, recognised in found if recognised is not None]
    return sorted(known, key=lambda pair: (-pair[1].confidence, pair[0].id))
