"""One process's part in a run: a pair of stream files, kept alive and on the disk by a thread."""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

from ailab.experiment.record import scalars
from ailab.experiment.record.append import AppendFile
from ailab.experiment.record.layout import RunFolder

__all__ = ["HEARTBEAT_SECONDS", "RecordWriter"]

HEARTBEAT_SECONDS = 5.0
_SYNC_SECONDS = 1.0
_PROGRESS_SECONDS = 0.1


class RecordWriter:
    """Writes scalars and events of this process into a run's ``streams/``.

    Every process of a run (ranks, forked workers) has a writer of its own, since no file may have two. All methods may
    be called from any thread.

    Args:
        folder: the run's.
        problem: called with a message and the error when the file system refuses something.
        clock: seconds since the epoch.
    """

    def __init__(
        self,
        folder: RunFolder,
        problem: Callable[[str, OSError], None],
        clock: Callable[[], float] = time.time,
    ) -> None:
        host = re.sub(r"[^A-Za-z0-9-]", "-", socket.gethostname())[:60] or "host"
        self.name = f"{host}-{os.getpid()}-{secrets.token_hex(3)}"
        self._clock = clock
        self._metrics: dict[str, int] = {}
        self._primary: set[str] = set()
        self._steps: dict[str, int] = {}
        self._lock = threading.RLock()  # reentrant, as AppendFile's
        self._scalars = AppendFile(folder.streams / f"{self.name}.scalars", problem)
        self._events = AppendFile(folder.streams / f"{self.name}.jsonl", problem)
        self._progress: float | None = None
        self._progress_time = -_PROGRESS_SECONDS
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="ailab-record", daemon=True)
        self._thread.start()

    def scalar(self, name: str, value: float, step: int | None, primary: bool) -> tuple[int, float]:
        """Append one number; without a ``step`` the metric's next one. Returns the step and the time it was given."""
        now = self._clock()
        with self._lock:
            metric = self._metrics.get(name)
            if metric is None or (primary and name not in self._primary):
                metric = self._metrics.setdefault(name, len(self._metrics))
                if primary:
                    self._primary.add(name)
                # Before the first record that needs it: a reader knows the name of every id it meets.
                self.event("metric", id=metric, name=name, primary=primary)
            if step is None:
                step = self._steps.get(name, -1) + 1
            self._steps[name] = step
            self._scalars.write(scalars.pack(metric, step, now, value))
        return step, now

    def event(self, type: str, **fields: Any) -> None:
        """Append one event.

        Raises:
            ValueError: a field is not finite or not JSON.
        """
        line = json.dumps({"type": type, "time": self._clock(), **fields}, allow_nan=False)
        self._events.write(line.encode() + b"\n")

    def progress(self, value: float) -> None:
        """Append a progress event, at most ten a second; of those in between only the latest is written."""
        now = time.monotonic()
        with self._lock:
            self._progress = value
            if value >= 1.0 or now - self._progress_time >= _PROGRESS_SECONDS:
                self._progress_time = now
                self._write_progress()

    def _write_progress(self) -> None:
        value, self._progress = self._progress, None
        if value is not None:
            self.event("progress", value=value)

    def close(self) -> None:
        """Write and sync what waits, then stop."""
        self._stop.set()
        if self._thread is not threading.current_thread():
            self._thread.join(timeout=2.0)
        with self._lock:
            self._write_progress()
        self._scalars.close()
        self._events.close()

    def abandon(self) -> None:
        """In a forked child: let go of the parent's files without touching them."""
        with contextlib.suppress(OSError):
            self._scalars.abandon()
            self._events.abandon()

    @property
    def lost(self) -> int:
        """Bytes that neither the disk nor memory had room for."""
        return self._scalars.lost + self._events.lost

    def _keep(self) -> None:
        beat = time.monotonic()
        while not self._stop.wait(_SYNC_SECONDS):
            if time.monotonic() - beat >= HEARTBEAT_SECONDS:
                beat = time.monotonic()
                self.event("heartbeat")
            with self._lock:
                self._write_progress()
            self._scalars.sync()
            self._events.sync()
