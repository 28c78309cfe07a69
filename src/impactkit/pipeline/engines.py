"""Tables that a plugin's engine opens: a database, a vault, whatever no file reader can."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from impactkit.declarations import Reader, ReadResult, Source, TableSpec, load_code
from impactkit.errors import PluginError
from impactkit.plugins import spare, words_of

if TYPE_CHECKING:
    import polars as pl

PLAIN = "plain.table"
"""The reader of a study's entry that names none."""


def engine_reader(source: Source) -> Reader:
    """Return an engine as a reader, so that what it opens goes the way of every file.

    Examples
    --------
    >>> import polars as pl
    >>> vault = Source(scheme="vault", title="A vault", open=lambda path, options: pl.DataFrame())
    >>> engine_reader(vault).read("kent/outcomes", {}).n_rows
    0
    """

    def read(
        path: str, options: Mapping[str, Any], spec: TableSpec | None = None, *, shown: str = ""
    ) -> ReadResult:
        found = load_code(source.open)(path, options)
        try:
            frame = _framed(found, source)
        except PluginError:
            raise
        except BaseException as error:  # a lazy frame does its work only here
            spare(error)
            raise PluginError(f"engine {source.scheme} raised {words_of(error)}") from error
        return ReadResult(frame=frame, table=spec.name if spec else "", n_rows=frame.height)

    return Reader(
        id=f"engine.{source.scheme}",
        title=source.title,
        table="",
        recognise=lambda path, head: None,
        read=read,
    )


def _framed(found: Any, source: Source) -> pl.DataFrame:
    import polars as pl

    if isinstance(found, pl.LazyFrame):
        return found.collect()
    if isinstance(found, pl.DataFrame):
        return found
    if hasattr(found, "__arrow_c_stream__"):
        return pl.DataFrame(found)
    raise PluginError(
        f"engine {source.scheme} gave a {type(found).__name__}; an engine gives a polars frame, "
        "or something with Arrow's C stream"
    )


def digest(path: Path | str, frame: pl.DataFrame) -> tuple[str, int]:
    """Return the SHA-256 and the bytes of what was read: of the file, or of an engine's rows."""
    if isinstance(path, Path):
        from impactkit.engine.files import sha256

        return sha256(path), path.stat().st_size
    rows = frame.write_ndjson().encode()
    return hashlib.sha256(rows).hexdigest(), len(rows)
