"""A plugin of our own: the progress of a run as a bar in an interactive terminal."""

from __future__ import annotations

import shutil
import sys
import time
from typing import TYPE_CHECKING, TextIO

from ailab.plugins import hookimpl

if TYPE_CHECKING:
    from ailab.experiment.run import ActiveRun

__all__ = ["Bar", "duration"]

_WIDTH = 30
_REDRAW_SECONDS = 0.1


class Bar:
    """A line at the bottom of a terminal, redrawn in place and wiped before anything else is printed."""

    def __init__(self, terminal: TextIO) -> None:
        self._terminal = terminal
        try:
            "━╌".encode(terminal.encoding or "utf-8")
            self._full, self._empty = "━", "╌"
        except UnicodeEncodeError:
            self._full, self._empty = "#", "-"
        self._drawn = False
        self._at = -_REDRAW_SECONDS

    def draw(self, label: str, value: float, eta_seconds: float | None) -> None:
        """Show ``value`` (0..1), at most ten times a second."""
        now = time.monotonic()
        if value < 1.0 and now - self._at < _REDRAW_SECONDS:
            return
        self._at = now
        full = round(value * _WIDTH)
        eta = "" if eta_seconds is None or value >= 1.0 else f"  {duration(eta_seconds)} left"
        bar = f" {self._full * full}{self._empty * (_WIDTH - full)} {value:4.0%}{eta}"
        # A line that wraps cannot be wiped: the name gives way first, then the rest.
        room = shutil.get_terminal_size().columns - 1
        name = label.encode(self._terminal.encoding or "utf-8", "replace").decode(self._terminal.encoding or "utf-8")
        line = (name[: max(0, room - len(bar))] + bar)[:room]
        self._terminal.write(f"\r\x1b[K{line}")
        self._terminal.flush()
        self._drawn = True

    def wipe(self) -> None:
        if self._drawn:
            self._drawn = False
            self._terminal.write("\r\x1b[K")
            self._terminal.flush()


def duration(seconds: float) -> str:
    """``75`` as ``1:15``, ``3675`` as ``1:01:15``."""
    whole = round(seconds)
    hours, rest = divmod(whole, 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}" if hours else f"{rest // 60}:{rest % 60:02}"


_bars: dict[int, Bar] = {}


@hookimpl
def ailab_run_started(run: ActiveRun) -> None:
    terminal = sys.__stderr__
    # Without the capture nobody would wipe the bar before something is printed.
    if terminal is not None and terminal.isatty() and run.output.started:
        bar = _bars[id(run)] = Bar(terminal)
        run.output.before_terminal = bar.wipe


@hookimpl
def ailab_progress_updated(run: ActiveRun, value: float, eta_seconds: float | None) -> None:
    bar = _bars.get(id(run))
    if bar is not None and not run.output.mid_line:
        bar.draw(run.name or run.experiment, value, eta_seconds)


@hookimpl
def ailab_run_finished(run: ActiveRun) -> None:
    bar = _bars.pop(id(run), None)
    if bar is not None:
        bar.wipe()
