"""One process's part in a run: a pair of stream files, kept alive and on the disk by a thread."""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from ailab.experiment.record.append import AppendFile
from ailab.experiment.record.layout import RunFolder
from ailab.experiment.record.metric import AppendMany, Series, appender, batch_appender
from ailab.experiment.record.network import is_network
from ailab.experiment.record.packing import pack

__all__ = ["HEARTBEAT_SECONDS", "RecordWriter"]

HEARTBEAT_SECONDS = 5.0
_SYNC_SECONDS = 1.0
_PROGRESS_SECONDS = 0.1
_STALL_SECONDS = 1.0
"""A network file system that has not answered for so long hangs: from then on callers write to memory."""
_CLOSE_SECONDS = 10.0
_LAST_TRIES = 10
_LAST_SECONDS = 0.1
"""A disk that refuses the last of a run is asked again so often, with a pause in between."""


class RecordWriter:
    """Writes scalars and events of this process into a run's ``streams/``.

    Every process of a run (ranks, forked workers) has a writer of its own, since no file may have two. All methods may
    be called from any thread.

    Args:
        folder: the run's.
        problem: called with a message and the error when the file system refuses something.
        clock: seconds since the epoch.
        steps: the last step of each metric in earlier segments of the run.
        alive: write heartbeats; a writer beside another one of the same process need not.
        rank: this process's among those of a distributed run, which readers may tell its values apart by.

    Attributes:
        append_many: `batch_appender`'s function: several numbers of known series at once.
    """

    def __init__(
        self,
        folder: RunFolder,
        problem: Callable[[str, OSError], None],
        clock: Callable[[], float] = time.time,
        steps: Mapping[str, int] | None = None,
        alive: bool = True,
        rank: int | None = None,
    ) -> None:
        self._folder = folder
        self._problem = problem
        self._clock = clock
        self._alive = alive
        self._earlier = dict(steps or {})
        self._series: dict[str, Series] = {}
        self._lock = threading.RLock()  # reentrant, as AppendFile's
        self.name = _new_name()
        self._scalars = AppendFile(folder.streams / f"{self.name}.scalars", problem)
        self._events = AppendFile(folder.streams / f"{self.name}.jsonl", problem)
        self._others: list[AppendFile] = []
        self._append = appender(self._scalars, clock)
        self.append_many: AppendMany = batch_appender(self._scalars, clock)
        self._progress: float | None = None
        self._progress_time = -_PROGRESS_SECONDS
        self._rank = rank
        if rank is not None:
            self.event("writer", rank=rank)
        self._stop = threading.Event()
        self._busy_since: float | None = None
        try:
            self._may_hang = is_network(folder.streams)
        except OSError:
            self._may_hang = True  # it does not answer even now
        for file in self._files():
            file.may_hang = self._may_hang
        self._thread = threading.Thread(target=self._keep, name="ailab-record", daemon=True)
        self._thread.start()
        if self._may_hang:
            threading.Thread(target=self._watch, name="ailab-stall", daemon=True).start()

    def series(self, name: str, primary: bool = False) -> Series:
        """The series of a metric, which readers know of when this returns: ``series.write(series, value, step)``."""
        with self._lock:
            series = self._series.get(name)
            if series is None or (primary and not series.primary):
                # Before the first record that needs it: a reader knows the name of every id it meets.
                metric = len(self._series) if series is None else series.metric
                self.event("metric", id=metric, name=name, primary=primary)
                if series is None:
                    series = self._series[name] = Series(
                        name, metric, primary, self._earlier.get(name, -1), self._append
                    )
                series.primary = primary
            return series

    def scalar(self, name: str, value: float, step: int | None, primary: bool) -> tuple[int, float]:
        """Append one number; without a ``step`` the metric's next one. Returns the step and the time it was given."""
        with self._lock:
            series = self.series(name, primary)
            now = self._clock()
            if step is None:
                step = series.last + 1
            self._scalars.write(pack(series.metric, step, now, value))
            series.last = step
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

    def also_sync(self, file: AppendFile) -> None:
        """Bring another file of this process to the disk as well, about once a second, and close it at the end."""
        file.may_hang = self._may_hang
        self._others.append(file)

    def close(self) -> None:
        """Write and sync what waits, then stop; a share that does not answer is waited for, ten seconds."""
        with self._lock:
            self._write_progress()
        self._stop.set()
        if self._thread is not threading.current_thread():
            self._thread.join(timeout=_CLOSE_SECONDS)

    def abandon(self) -> None:
        """In a forked child: let go of the parent's files without touching them."""
        with contextlib.suppress(OSError):
            for file in self._files():
                file.abandon()

    @property
    def lost(self) -> int:
        """Bytes that neither the disk nor memory had room for; after `close` also those that still wait."""
        waits = sum(file.waiting() for file in self._files()) if self._stop.is_set() else 0
        return sum(file.lost for file in self._files()) + waits

    def _files(self) -> list[AppendFile]:
        return [self._scalars, self._events, *self._others]

    def _keep(self) -> None:
        beat = time.monotonic()
        stopping = False
        while not stopping:
            stopping = self._stop.wait(_SYNC_SECONDS)
            self._busy_since = time.monotonic()
            if self._alive and not stopping and time.monotonic() - beat >= HEARTBEAT_SECONDS:
                beat = time.monotonic()
                self.event("heartbeat")
            with self._lock:
                self._write_progress()
            for file in self._files():
                file.answered()
                file.sync()
                if file.gone:
                    self._move()
            self._busy_since = None
        for _ in range(_LAST_TRIES):
            if not any(file.waiting() for file in self._files()):
                break
            time.sleep(_LAST_SECONDS)
            for file in self._files():
                file.sync()
        for file in self._files():
            file.abandon()

    def _watch(self) -> None:
        while not self._stop.wait(_STALL_SECONDS / 4):
            since = self._busy_since
            if since is not None and time.monotonic() - since > _STALL_SECONDS:
                for file in self._files():
                    file.stalled()

    def _move(self) -> None:
        """Somebody deleted files of ours: go on in new ones, as soon as the run's folder is there."""
        try:
            if self._scalars.gone or self._events.gone:
                self._folder.streams.mkdir(exist_ok=True)
                name = _new_name()
                with self._lock:
                    known = list(self._series.values())
                    self._events.move_to(self._folder.streams / f"{name}.jsonl", self._names(known))
                    self._scalars.move_to(self._folder.streams / f"{name}.scalars")
                self.name = name
            for file in self._others:
                if file.gone:
                    file.move_to(file.path)
        except OSError as error:
            self._problem(f"the files of the run were deleted and cannot be made again in {self._folder.path}", error)

    def _names(self, known: list[Series]) -> bytes:
        now = self._clock()
        events: list[dict[str, Any]] = (
            [] if self._rank is None else [{"type": "writer", "time": now, "rank": self._rank}]
        )
        if not self._rank:  # or a rank whose files were deleted would set a failed run running again
            events.append({"type": "status", "time": now, "state": "running"})
        events += [{"type": "metric", "time": now, "id": s.metric, "name": s.name, "primary": s.primary} for s in known]
        return b"".join(json.dumps(event).encode() + b"\n" for event in events)


def _new_name() -> str:
    host = re.sub(r"[^A-Za-z0-9-]", "-", socket.gethostname())[:60] or "host"
    return f"{host}-{os.getpid()}-{os.urandom(3).hex()}"
