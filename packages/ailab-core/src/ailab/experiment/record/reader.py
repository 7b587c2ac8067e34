"""Reading a run while it is being written, on this machine or another."""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ailab.experiment.record import scalars
from ailab.experiment.record.eta import EtaEstimator
from ailab.experiment.record.files import read_regular
from ailab.experiment.record.layout import RunFolder
from ailab.experiment.record.summary import ImageEvent, MetricSummary
from ailab.experiment.record.tail import StreamTail
from ailab.experiment.record.writer import HEARTBEAT_SECONDS

__all__ = ["STALE_SECONDS", "VALUES", "RunReader"]

STALE_SECONDS = 30.0
"""A running run whose streams have not grown for so long is stale: six missed heartbeats."""

_SILENT_SECONDS = 2.5 * HEARTBEAT_SECONDS
"""After so long without a heartbeat nobody knows how much time remains."""

VALUES = np.dtype([("step", "<i8"), ("time", "<f8"), ("value", "<f8")])

_OVER = ("finished", "failed", "killed")
_LARGEST_JSON = 64 << 20


class RunReader:
    """What a run's folder says, kept up to date by `poll`.

    Files are opened anew at each poll and read from where the last one ended; a bad tail is "not there yet". In memory
    stays a summary, never the
    series: `values` reads those when asked.

    Attributes:
        info, config: the contents of ``run.json`` and ``config.json`` (empty until they can be read).
        state: running, finished, failed, killed or stale.
        progress: 0..1, or None if never reported.
        metrics, images: by name; in the order they were logged.
        error, traceback: how a failed run ended.
        created, updated, finished: seconds since the epoch, by the clocks of the machines that wrote; None while
            unknown.
        damaged: the run is over and something in it cannot be read.
    """

    def __init__(self, path: Path, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.folder = RunFolder(Path(path))
        self.info: dict[str, Any] = {}
        self.config: Any = {}
        self.metrics: dict[str, MetricSummary] = {}
        self.images: list[ImageEvent] = []
        self.progress: float | None = None
        self.error: str | None = None
        self.traceback: str | None = None
        self.created: float | None = None
        self.updated: float | None = None
        self.finished: float | None = None
        self.damaged = False
        self._monotonic = monotonic
        self._status = "running"
        self._status_time = -math.inf
        self._progress_time = -math.inf
        self._eta = EtaEstimator()
        self._tails: dict[str, StreamTail] = {}
        self._grown = -math.inf  # when the streams last grew, on the reader's own clock
        self._json_read: dict[str, tuple[int, int]] = {}
        self._bad_json: set[str] = set()
        self._shown_state = ""

    @property
    def state(self) -> str:
        if self._status == "running" and self._monotonic() - self._grown > STALE_SECONDS:
            return "stale"
        return self._status

    @property
    def over(self) -> bool:
        """The run said that it ended."""
        return self._status in _OVER

    def poll(self) -> bool:
        """Read what is new; True if anything changed, the state's turning stale included.

        Never raises for what the files contain.

        Raises:
            FileNotFoundError: the run's folder is gone.
        """
        changed = self._read_json("run.json") | self._read_json("config.json")
        first = self._grown == -math.inf
        grown = self._read_streams()
        if grown:
            # At first sight nobody knows when they grew. An old run is stale at once, a young one gets the benefit of
            # the doubt.
            old = first and self.updated is not None and time.time() - self.updated > STALE_SECONDS
            self._grown = self._monotonic() - (2 * STALE_SECONDS if old else 0.0)
        elif first:
            self._grown = self._monotonic()
        damaged = bool(self._bad_json) or (
            self.state in (*_OVER, "stale") and any(tail.damaged for tail in self._tails.values())
        )
        changed |= grown or damaged != self.damaged or self.state != self._shown_state
        self.damaged, self._shown_state = damaged, self.state
        return changed

    def eta_seconds(self) -> float | None:
        """Seconds until the run is done, by its recent progress; None while unknown, not running or silent."""
        silent = self._monotonic() - self._grown
        remaining = self._eta.remaining() if self.state == "running" and silent <= _SILENT_SECONDS else None
        return None if remaining is None else max(0.0, remaining - silent)

    def primary(self) -> MetricSummary | None:
        """The metric for the front page: the first logged as primary."""
        return next((metric for metric in self.metrics.values() if metric.primary), None)

    def spark(self, name: str) -> tuple[list[int], list[float]]:
        """At most 60 points of a metric: its steps and values. KeyError for an unknown name."""
        return self.metrics[name].points()

    def values(self, name: str) -> npt.NDArray[Any]:
        """All values of a metric, of every writer, sorted by step, then time.

        Returns:
            Shape (n,), dtype ``VALUES``: fields ``step``, ``time`` (seconds since the epoch), ``value``.

        Raises:
            KeyError: no such metric has been read yet.
            OSError: the streams cannot be read.
        """
        if name not in self.metrics:
            raise KeyError(name)
        parts = []
        for writer, tail in list(self._tails.items()):
            wanted = [id for id, metric in tail.names.items() if metric == name]
            if not wanted:
                continue
            data = read_regular(self.folder.streams / f"{writer}.scalars", limit=tail.scalars_read)
            records = np.frombuffer(data[: len(data) - len(data) % scalars.SIZE], dtype=scalars.RECORD)
            records = records[np.isin(records["metric"], wanted)]
            parts.append(records[scalars.valid(records)])
        together = np.concatenate(parts) if parts else np.empty(0, scalars.RECORD)
        result = np.empty(len(together), VALUES)
        for field in ("step", "time", "value"):
            result[field] = together[field]
        steps = result["step"]
        if len(parts) > 1 or (steps[1:] < steps[:-1]).any():
            result = result[np.lexsort((result["time"], steps))]
        return result

    def _read_json(self, name: str) -> bool:
        path = self.folder.path / name
        try:
            stat = os.stat(path, follow_symlinks=False)
            seen = (stat.st_mtime_ns, stat.st_size)
            if self._json_read.get(name) == seen:
                return False
            content = json.loads(read_regular(path, limit=_LARGEST_JSON))
            if name == "run.json" and not isinstance(content, dict):
                raise ValueError("run.json is not an object")
        except FileNotFoundError:
            if not self.folder.path.is_dir():
                raise
            return False
        except (OSError, ValueError, RecursionError):
            known = name in self._bad_json
            self._bad_json.add(name)
            return not known
        self._json_read[name] = seen
        self._bad_json.discard(name)
        if name == "run.json":
            self.info = content
            created = content.get("created")
            if _is_time(created):
                self.created = float(created)
        else:
            self.config = content
        return True

    def _read_streams(self) -> bool:
        try:
            if self.folder.streams.is_symlink():  # what lies in a workspace is not trusted to stay in it
                return False
            names = sorted(os.listdir(self.folder.streams))
        except OSError:
            return False
        grown = False
        for name in names:
            if name.endswith(".jsonl") and not name.startswith("."):
                writer = name.removesuffix(".jsonl")
                tail = self._tails.get(writer)
                if tail is None:
                    tail = self._tails[writer] = StreamTail(self.folder.streams, writer)
                grown |= self._read_tail(tail)
        return grown

    def _read_tail(self, tail: StreamTail) -> bool:
        # The scalars first: whatever id they hold was named before, so the events read next name it.
        tail.fetch()
        for event in tail.events():
            self._take_event(tail, event)
        for id, records in tail.records():
            metric = self.metrics[tail.names[id]]
            metric.add(records)
            self._touch(float(records["time"][-1]))
        return tail.grew

    def _touch(self, when: float) -> None:
        if math.isfinite(when) and (self.updated is None or when > self.updated):
            self.updated = when

    def _take_event(self, tail: StreamTail, event: dict[str, Any]) -> None:
        when = event.get("time")
        if not _is_time(when):
            tail.bad_lines += 1
            return
        when = float(when)  # type: ignore[arg-type]
        self._touch(when)
        match event:
            case {"type": "metric", "id": int(id), "name": str(name)} if 0 <= id < 2**32:
                tail.names[id] = name
                metric = self.metrics.setdefault(name, MetricSummary(name, False))
                metric.primary = metric.primary or event.get("primary") is True
            case {"type": "progress", "value": float() | int() as value} if (
                0 <= value <= 1 and when >= self._progress_time
            ):
                self.progress, self._progress_time = float(value), when
                self._eta.add(when, float(value))
            case {"type": "image", "name": str(name), "file": str(file)}:
                step = event.get("step")
                self.images.append(ImageEvent(name, step if _is_step(step) else None, when, file))
            case {"type": "status", "state": str(state)} if when >= self._status_time and (
                state == "running" or state in _OVER
            ):
                # Writers are read one after the other, so a resumed run's news may come first.
                self._status, self._status_time = state, when
                self.finished = when if state in _OVER else None
                self.error = _text(event.get("error"))
                self.traceback = _text(event.get("traceback"))


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _is_step(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and -(2**63) <= value < 2**63


def _is_time(value: object) -> bool:
    # Compared, not converted: JSON may hold an int that no float can.
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e12
