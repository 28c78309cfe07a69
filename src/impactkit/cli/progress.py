"""A progress bar on stderr; a plain line for each stage where nobody is watching a terminal."""

from __future__ import annotations

import sys
from types import TracebackType

WIDTH = 24


class Progress:
    """Called with (stage, done, total); leaves the line clean at the end.

    Where stderr is not a terminal nothing is drawn, so that logs stay short.
    """

    def __init__(self) -> None:
        self.shown = sys.stderr.isatty()
        self.length = 0

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.shown:
            self._draw("")

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Show how far the stage has come."""
        if not self.shown:
            return
        filled = round(WIDTH * done / max(total, 1))
        self._draw(f"[{'#' * filled}{'.' * (WIDTH - filled)}] {stage}")

    def _draw(self, line: str) -> None:
        line = line[:100]
        sys.stderr.write("\r" + line.ljust(self.length) + ("" if line else "\r"))
        sys.stderr.flush()
        self.length = len(line)
