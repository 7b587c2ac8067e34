"""Copying what a program prints into its run's ``output.log``."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Callable, Iterable
from typing import Any

from ailab.experiment.lines import PrintedLines

__all__ = ["OutputCapture"]


class OutputCapture:
    """While started, everything printed to ``sys.stdout`` and ``sys.stderr`` also goes to ``write``, line by line.

    Progress bars, which draw over themselves, count in their last form only. What C code prints past Python is not
    seen.

    Args:
        write: takes the encoded lines, newline included; must not raise and not print.
    """

    def __init__(self, write: Callable[[bytes], None]) -> None:
        self.before_terminal: Callable[[], None] | None = None
        """Called before anything goes to the terminal: whoever draws a progress bar there wipes it."""
        self.started = False
        self.mid_line = False
        """Whether the terminal's cursor stands behind text without a newline: a progress bar would overwrite it."""
        self.lock = threading.RLock()
        """One for all streams: what they print is one text."""
        self._write = write
        self._tees: list[tuple[str, _Tee]] = []

    def start(self) -> None:
        self.started = True
        for name in ("stdout", "stderr"):
            stream = getattr(sys, name)
            if stream is not None:  # pythonw and some services have none
                tee = _Tee(stream, self)
                self._tees.append((name, tee))
                setattr(sys, name, tee)

    def stop(self) -> None:
        self.started = False
        for name, tee in self._tees:
            tee.end()
            if (
                getattr(sys, name) is tee
            ):  # else somebody has put a stream of their own on top; it keeps working through ours
                setattr(sys, name, tee.stream)
        self._tees.clear()

    def write_line(self, line: str) -> None:
        self._write(line.encode("utf-8", "replace") + b"\n")

    def settle(self, printing: _Tee) -> None:
        """Write what stands above the cursor of the other streams: they share a terminal with the one that prints."""
        for _, tee in self._tees:
            for line in [] if tee is printing else tee.settle():
                self.write_line(line)


class _Tee:
    """A text stream that passes everything on to ``stream`` and complete lines to the capture."""

    def __init__(self, stream: Any, capture: OutputCapture) -> None:
        self.stream = stream
        self._capture: OutputCapture | None = capture
        self._lines = PrintedLines()
        self._lock = capture.lock

    def write(self, text: str) -> int:
        capture = self._capture
        if capture is not None and capture.before_terminal is not None:
            capture.before_terminal()
        written = self.stream.write(text)
        if capture is not None and isinstance(text, str):
            if text:
                capture.mid_line = not text.endswith(("\n", "\r"))
            with self._lock:
                lines = self._lines.feed(text)
                if lines:
                    capture.settle(self)
                for line in lines:
                    capture.write_line(line)
        return len(text) if written is None else int(written)

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def settle(self) -> list[str]:
        return self._lines.settle()

    def end(self) -> None:
        with self._lock:
            capture, self._capture = self._capture, None
            if capture is not None:
                for line in self._lines.end():
                    capture.write_line(line)
        with contextlib.suppress(ValueError, OSError):  # closed by its owner
            self.stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)

    def __iter__(self) -> Any:
        return iter(self.stream)
