"""Following one writer's pair of stream files."""

from __future__ import annotations

import errno
import itertools
import os
import stat
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from ailab.experiment.record import scalars
from ailab.experiment.record.parsing import parsed

__all__ = ["StreamTail"]

_EVENTS_AT_ONCE = 64 << 20
_RECORDS_AT_ONCE = 1 << 20  # bytes: what follows fits a processor's cache, and a long run costs no more memory

_FEW = 16
"""Up to so many metrics are picked out one by one; more are sorted by metric."""
_SMALL = 1 << 12
"""Ids below that are counted to tell which there are, in a fifth of the time that sorting them takes."""


class StreamTail:
    """Where reading of a pair of files has got to, and the names the writer gave its metric ids.

    `fetch` reads what is new; then `events` and `records` yield the whole lines and records among it. What is not whole
    is read again at the next fetch.

    Attributes:
        opened: what the scalars' file and the events' were when the last fetch opened them; None: it could not.
    """

    def __init__(self, folder: str | os.PathLike[str], writer: str) -> None:
        self.names: dict[int, str] = {}
        self.scalars_read = 0
        self.bad_lines = 0
        self.grew = False
        # Strings: a Path costs as much to make as a file to open, and there are thousands of runs.
        start = f"{os.fspath(folder)}/{writer}"
        self._scalars, self._events = f"{start}.scalars", f"{start}.jsonl"
        self.opened: tuple[os.stat_result | None, os.stat_result | None] = None, None
        self._events_read = 0
        self._new_scalars = b""
        self._scalars_end = 0
        self._new_events = b""
        self._unread = 0
        self._failed = False
        self._seen = (0, 0)

    @property
    def damaged(self) -> bool:
        """Something before or at the end cannot be read; only the end of a run tells damage from "not there yet"."""
        return self.bad_lines > 0 or self._unread > 0 or self._failed

    @property
    def failed(self) -> bool:
        """The last fetch could not read one of the files."""
        return self._failed

    @property
    def expected(self) -> int:
        """How many records the file held at the last fetch."""
        return self._scalars_end // scalars.SIZE

    def fetch(self) -> None:
        """Read the new bytes of both files, the scalars first: whatever id they hold was named before that."""
        self._failed = False
        self._new_scalars, self._scalars_end, scalars_file = self._read(
            self._scalars, self.scalars_read, _RECORDS_AT_ONCE
        )
        self._new_events, _, events_file = self._read(self._events, self._events_read, _EVENTS_AT_ONCE)
        self.opened = scalars_file, events_file
        seen = (self._scalars_end, self._events_read + len(self._new_events))
        self.grew = seen != self._seen
        self._seen = seen

    def events(self) -> Iterator[dict[str, Any]]:
        """The whole lines among what was fetched, as objects; a line that is none is counted and passed over."""
        whole = self._new_events.rfind(b"\n") + 1
        self._events_read += whole
        self._unread = len(self._new_events) - whole
        for line in self._new_events[:whole].split(b"\n")[:-1]:
            try:
                event = parsed(line.decode())
            except (ValueError, RecursionError):
                self.bad_lines += 1
                continue
            if isinstance(event, dict):
                yield event
            else:
                self.bad_lines += 1

    def records(self) -> Iterator[tuple[int, npt.NDArray[Any]]]:
        """The valid records up to the first that is not, as (metric id, its records in order). Call after `events`.

        A long file comes in several pieces, and so does each of its metrics.
        """
        data = self._new_scalars
        while True:
            records = np.frombuffer(data, scalars.RECORD, len(data) // scalars.SIZE)
            good, ids = self._good(records)
            self.scalars_read += good * scalars.SIZE
            yield from _by_metric(records[:good], ids)
            if good < len(records) or self._scalars_end - self.scalars_read < scalars.SIZE:
                break
            # No further than the file went when it was fetched: the events read since then name every id up to there.
            rest = self._scalars_end - self.scalars_read
            data, _, _ = self._read(self._scalars, self.scalars_read, min(_RECORDS_AT_ONCE, rest))
            if len(data) < scalars.SIZE:
                break
        self._new_scalars = b""
        self._unread += self._scalars_end - self.scalars_read

    def _read(self, path: str, offset: int, limit: int) -> tuple[bytes, int, os.stat_result | None]:
        try:
            return _read(path, offset, limit)
        except FileNotFoundError:
            return b"", offset, None  # not there yet
        except OSError:
            self._failed = True  # not now: the next fetch tries again
            return b"", offset, None

    def _good(self, records: npt.NDArray[Any]) -> tuple[int, list[int]]:
        """How many of the records there are before the first that is not whole or whose metric has no name.

        And the ids among them.
        """
        bad = scalars.valid(records).tobytes().find(0)  # of a few records a byte is found sooner than NumPy begins
        good = len(records) if bad < 0 else bad
        ids = records["metric"][:good]
        there = _different(ids)
        unnamed = [id for id in there if id not in self.names]
        if not unnamed:
            return good, there
        good = int(np.isin(ids, unnamed).argmax())
        return good, _different(ids[:good])


def _different(ids: npt.NDArray[np.uint32]) -> list[int]:
    """The ids that there are, each once."""
    few = len(ids) > 0 and int(ids.max()) < _SMALL
    found: list[int] = np.bincount(ids).nonzero()[0].tolist() if few else np.unique(ids).tolist()
    return found


def _by_metric(records: npt.NDArray[Any], there: list[int]) -> Iterator[tuple[int, npt.NDArray[Any]]]:
    if not len(records):
        return
    ids = records["metric"]
    if len(there) == 1:
        yield there[0], records
        return
    if len(there) <= _FEW:
        for id in there:
            yield id, records.compress(ids == id)
        return
    order = ids.argsort(kind="stable")
    ids = ids.take(order)
    starts = [0, *(np.flatnonzero(ids[1:] != ids[:-1]) + 1).tolist(), len(ids)]
    for start, end in itertools.pairwise(starts):
        yield int(ids[start]), records.take(order[start:end])  # indexing copies a record in ten times as long


def _read(path: str, offset: int, limit: int) -> tuple[bytes, int, os.stat_result]:
    """At most ``limit`` bytes from ``offset`` on, where the file ends, and what it was when it was opened.

    Opened anew: NFS shows nothing new else.
    """
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)  # as `files.open_regular`
    try:
        found = os.fstat(fd)
        if not stat.S_ISREG(found.st_mode):
            raise OSError(errno.EINVAL, "not a regular file", path)
        end = max(offset, found.st_size)
        want = min(limit, end - offset)
        data = os.pread(fd, want, offset) if want else b""
        while len(data) < want and (part := os.pread(fd, want - len(data), offset + len(data))):
            data += part
        return data, end, found
    finally:
        os.close(fd)
