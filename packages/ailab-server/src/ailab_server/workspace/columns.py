"""The numbers of a run as arrays, read on from where the last request stopped."""

import os
import threading
from collections import OrderedDict
from typing import Any

import numpy as np
import numpy.typing as npt

from ailab.experiment.record.tail import StreamTail

__all__ = ["Columns", "ColumnsCache"]

_MOST_BYTES = 32 << 20
_COLUMN_BYTES = 650
"""What a metric takes besides its numbers and its name; of a hundred thousand of them it is most."""
_TIMES_LIMIT = 1e12

Floats = npt.NDArray[np.float64]


class _Column:
    """One metric of one writer: steps, times and values, shape (3, count)."""

    def __init__(self) -> None:
        self.count = 0
        self._room = np.empty((3, 0))

    @property
    def nbytes(self) -> int:
        return self._room.nbytes

    def add(self, records: npt.NDArray[Any], expected: int) -> None:
        """Append; ``expected`` is how many there may be in the end."""
        count = self.count + len(records)
        if count > self._room.shape[1]:
            spare = count // 4 if self.count else 0  # a run that grows is live
            room = np.empty((3, max(count + spare, min(expected, 4 * count))))
            room[:, : self.count] = self._room[:, : self.count]
            self._room = room
        for row, field in enumerate(("step", "time", "value")):
            self._room[row, self.count : count] = records[field]
        self.count = count

    def filled(self) -> Floats:
        return self._room[:, : self.count]


class Columns:
    """All series of one run. ``refresh`` reads what is new; the lock is the caller's to hold."""

    def __init__(self, streams: str | os.PathLike[str]) -> None:
        self.lock = threading.Lock()
        self._streams = streams
        self._tails: dict[str, StreamTail] = {}
        self._columns: dict[str, dict[str, _Column]] = {}  # metric → writer → numbers

    @property
    def nbytes(self) -> int:
        """The memory they take."""
        numbers = sum(
            column.nbytes + _COLUMN_BYTES for writers in self._columns.values() for column in writers.values()
        )
        return numbers + sum(map(len, self._columns))

    @property
    def failed(self) -> bool:
        """Whether a file could not be read just now: what is missing may be in there."""
        return any(tail.failed for tail in self._tails.values())

    def refresh(self) -> None:
        """Read what was logged since the last time.

        Raises:
            OSError: the streams cannot be listed.
        """
        if os.path.islink(self._streams):  # noqa: PTH114 - what lies in a workspace is not trusted to stay in it
            return
        for name in sorted(os.listdir(self._streams)):
            if name.endswith(".jsonl") and not name.startswith("."):
                writer = name.removesuffix(".jsonl")
                tail = self._tails.get(writer)
                if tail is None:
                    tail = self._tails[writer] = StreamTail(self._streams, writer)
                self._read(writer, tail)

    def get(self, metric: str) -> Floats | None:
        """Steps, times (seconds since the epoch) and values, shape (3, n), by step, then time; None without such a
        metric.
        """
        writers = self._columns.get(metric)
        if writers is None:
            return None
        parts = [column.filled() for column in writers.values() if column.count]
        if not parts:
            return np.empty((3, 0))
        together = parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)
        steps = together[0]
        if len(parts) > 1 or (steps[1:] < steps[:-1]).any():
            together = together[:, np.lexsort((together[1], steps))]
        return together

    def start(self) -> float:
        """The time of the earliest number of any metric; 0 without one."""
        first = [c.filled()[1, 0] for writers in self._columns.values() for c in writers.values() if c.count]
        return float(min(first, default=0.0))

    def _read(self, writer: str, tail: StreamTail) -> None:
        tail.fetch()
        for event in tail.events():
            match event:
                case {"type": "metric", "id": int(id), "name": str(name), "time": int() | float() as time} if (
                    0 <= id < 2**32 and not isinstance(time, bool) and abs(time) < _TIMES_LIMIT
                ):
                    tail.names[id] = name
                    self._columns.setdefault(name, {})
        for id, records in tail.records():
            column = self._columns[tail.names[id]].setdefault(writer, _Column())
            column.add(records, tail.expected // max(1, len(tail.names)))


class ColumnsCache:
    """The runs that were asked for last, as far as they fit 32 MiB."""

    def __init__(self, most: int = _MOST_BYTES) -> None:
        self._most = most
        self._kept: OrderedDict[str, tuple[Columns, int]] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def get(self, run: str, streams: str | os.PathLike[str]) -> Columns:
        """The columns of a run, new ones if it is not kept."""
        with self._lock:
            found = self._kept.get(run)
            return found[0] if found is not None else Columns(streams)

    def keep(self, run: str, columns: Columns) -> None:
        """Remember a run that was used, and forget those that were not for longest. The caller holds its lock."""
        size = columns.nbytes
        with self._lock:
            self._bytes -= self._kept.pop(run, (columns, 0))[1]
            if size > self._most:
                return
            self._kept[run] = (columns, size)
            self._bytes += size
            while self._bytes > self._most:
                self._bytes -= self._kept.popitem(last=False)[1][1]

    def forget(self, run: str) -> None:
        """A run went, or its files are not those that were read."""
        with self._lock:
            self._bytes -= self._kept.pop(run, (None, 0))[1]
