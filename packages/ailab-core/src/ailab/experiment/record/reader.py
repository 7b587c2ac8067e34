"""Reading a run while it is being written, on this machine or another."""

from __future__ import annotations

import functools
import math
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy.typing as npt

from ailab.experiment.record.eta import EtaEstimator
from ailab.experiment.record.facts import OVER, RunFacts, is_time
from ailab.experiment.record.files import read_seen
from ailab.experiment.record.layout import RunFolder
from ailab.experiment.record.parsing import parsed_file
from ailab.experiment.record.series import VALUES, join, read_series
from ailab.experiment.record.tail import StreamTail
from ailab.experiment.record.writer import HEARTBEAT_SECONDS

__all__ = ["STALE_SECONDS", "VALUES", "RunReader"]

STALE_SECONDS = 30.0
"""A running run whose streams have not grown for so long is stale: six missed heartbeats."""

_SILENT_SECONDS = 2.5 * HEARTBEAT_SECONDS
"""After so long without a heartbeat nobody knows how much time remains."""

_LARGEST_JSON = 64 << 20


class RunReader(RunFacts):
    """What a run's folder says, kept up to date by `poll`.

    Files are opened anew at each poll and read from where the last one ended; a bad tail is "not there yet". In memory
    stays a summary, never the
    series: `values` reads those when asked.

    Attributes (beside those of `RunFacts`):
        info, config: the contents of ``run.json`` and ``config.json`` (empty until they can be read).
        state: running, finished, failed, killed or stale.
        created: seconds since the epoch, by the clock of the machine that wrote; None while unknown.
        damaged: the run is over and something in it cannot be read.
        seen: the files that the last poll tried to open, by name below the folder: what each was then, before it was
            read; None for one that was not there, or a stream that could not be opened. A JSON file is opened only
            once it has changed, and left out if it could not be.
        listed: the names in ``streams`` at the last poll; None: they could not be listed.
    """

    def __init__(self, path: str | os.PathLike[str], monotonic: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        # Strings: a Path costs as much to make as a file to open, and there are thousands of runs.
        self._path = os.fspath(path)
        self._streams = f"{self._path}/streams"
        self.info: dict[str, Any] = {}
        self.config: Any = {}
        self.created: float | None = None
        self.damaged = False
        self._monotonic = monotonic
        self._eta = EtaEstimator()
        self._tails: dict[str, StreamTail] = {}
        self._grown = -math.inf  # when the streams last grew, on the reader's own clock
        self._json_read: dict[str, tuple[int, int]] = {}
        self._bad_json: set[str] = set()
        self._shown_state = ""
        self.seen: dict[str, os.stat_result | None] = {}
        self.listed: list[str] | None = None
        self._edited = False  # since the last poll: tags or notes, which are no sign of the run's life

    @functools.cached_property
    def folder(self) -> RunFolder:
        """The run's folder."""
        return RunFolder(Path(self._path))

    @property
    def state(self) -> str:
        if self.status == "running" and self._monotonic() - self._grown > STALE_SECONDS:
            return "stale"
        return self.status

    @property
    def over(self) -> bool:
        """The run said that it ended."""
        return self.status in OVER

    def poll(self) -> bool:
        """Read what is new; True if anything changed, the state's turning stale included.

        Never raises for what the files contain.

        Raises:
            FileNotFoundError: the run's folder is gone.
        """
        self.seen = {}
        changed = self._read_json("run.json") | self._read_json("config.json")
        first = self._grown == -math.inf
        self._edited = False
        grown = self._read_streams()
        if grown:
            # At first sight nobody knows when they grew. An old run is stale at once, a young one gets the benefit of
            # the doubt.
            old = first and self.updated is not None and time.time() - self.updated > STALE_SECONDS
            self._grown = self._monotonic() - (2 * STALE_SECONDS if old else 0.0)
        elif first:
            self._grown = self._monotonic()
        damaged = bool(self._bad_json) or (
            self.state in (*OVER, "stale") and any(tail.damaged for tail in self._tails.values())
        )
        changed |= grown or self._edited or damaged != self.damaged or self.state != self._shown_state
        self.damaged, self._shown_state = damaged, self.state
        return changed

    def eta_seconds(self) -> float | None:
        """Seconds until the run is done, by its recent progress; None while unknown, not running or silent."""
        silent = self._monotonic() - self._grown
        remaining = self._eta.remaining() if self.state == "running" and silent <= _SILENT_SECONDS else None
        return None if remaining is None else max(0.0, remaining - silent)

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
        parts: list[npt.NDArray[Any]] = []
        for writer, tail in list(self._tails.items()):
            if name in tail.names.values():
                path = self.folder.streams / f"{writer}.scalars"
                found, _ = read_series(path, dict(tail.names), (name,), tail.scalars_read)
                parts += found.values()
        return join(parts)

    def _read_json(self, name: str) -> bool:
        path = f"{self._path}/{name}"
        try:
            before = self._json_read.get(name)
            if before is not None:
                stat = os.stat(path, follow_symlinks=False)
                if before == (stat.st_mtime_ns, stat.st_size):
                    return False
            data, stat = read_seen(path, limit=_LARGEST_JSON)
            self.seen[name] = stat
            content = parsed_file(data)
            if name == "run.json" and not isinstance(content, dict):
                raise ValueError("run.json is not an object")
        except FileNotFoundError:
            self.seen[name] = None
            if not self.folder.path.is_dir():
                raise
            return False
        except (OSError, ValueError, RecursionError):
            known = name in self._bad_json
            self._bad_json.add(name)
            return not known
        self._json_read[name] = (stat.st_mtime_ns, stat.st_size)
        self._bad_json.discard(name)
        if name == "run.json":
            self.info = content
            created = content.get("created")
            if is_time(created):
                self.created = float(created)
        else:
            self.config = content
        return True

    def _read_streams(self) -> bool:
        self.listed = None
        try:
            if os.path.islink(self._streams):  # noqa: PTH114 - what lies in a workspace is not trusted to stay in it
                return False
            names = sorted(os.listdir(self._streams))
        except OSError:
            return False
        self.listed = names
        grown = False
        for name in names:
            if name.endswith(".jsonl") and not name.startswith("."):
                writer = name.removesuffix(".jsonl")
                tail = self._tails.get(writer)
                if tail is None:
                    tail = self._tails[writer] = StreamTail(self._streams, writer)
                grown |= self._read_tail(tail)
                self.seen[f"streams/{writer}.scalars"], self.seen[f"streams/{name}"] = tail.opened
        return grown

    def _read_tail(self, tail: StreamTail) -> bool:
        # The scalars first: whatever id they hold was named before, so the events read next name it.
        tail.fetch()
        alive = edited = False
        for event in tail.events():
            sign = self.take(tail.names, event)
            tail.bad_lines += sign is None
            alive |= sign is not False
            edited |= sign is False
        for id, records in tail.records():
            metric = self.metrics[tail.names[id]]
            metric.add(records, tail)
            self.touch(float(records["time"][-1]))
            alive = True
        self._edited |= edited
        return tail.grew and (alive or not edited)

    def progressed(self, when: float, value: float) -> None:
        self._eta.add(when, value)
