"""How far the building of a cache is, on one line of a terminal."""

from __future__ import annotations

import sys
import time

__all__ = ["Progress"]

PERIOD = 0.2  # seconds between two changes of the line


class Progress:
    """Tells on stderr about ``length`` samples of the dataset ``name``; used in a ``with`` block.

    ``wanted``: None if it depends on whether stderr is a terminal.
    """

    def __init__(self, name: str, length: int, wanted: bool | None) -> None:
        self._name, self._length = name, length
        self._wanted = sys.stderr.isatty() if wanted is None else wanted
        self._begun: float | None = None
        self._due = 0.0
        self._told = False

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *error: object) -> None:
        if self._told:
            sys.stderr.write("\n")

    def done(self, count: int) -> None:
        """So many samples are written."""
        now = time.monotonic()
        if self._begun is None:
            self._begun = now
        elif not self._wanted or (now < self._due and count < self._length):
            return
        left = (now - self._begun) / count * (self._length - count)
        self._tell(f"{count / self._length:4.0%}, {count} of {self._length} samples, {left:.0f} s left")

    def waiting(self) -> None:
        """Somebody else is building it."""
        if time.monotonic() >= self._due:
            self._tell("another process is building it")

    def _tell(self, text: str) -> None:
        if self._wanted:
            self._due = time.monotonic() + PERIOD
            self._told = True
            sys.stderr.write(f"\rcaching {self._name}: {text}\x1b[K")
            sys.stderr.flush()
