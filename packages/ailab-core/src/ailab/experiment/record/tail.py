"""Following one writer's pair of stream files."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ailab.experiment.record import scalars
from ailab.experiment.record.files import read_regular

__all__ = ["StreamTail"]

_MOST_AT_ONCE = 64 << 20


class StreamTail:
    """Where reading of a pair of files has got to, and the names the writer gave its metric ids.

    `fetch` reads what is new; then `events` and `records` yield the whole lines and records among it. What is not whole
    is read again at the next fetch.
    """

    def __init__(self, folder: Path, writer: str) -> None:
        self.names: dict[int, str] = {}
        self.scalars_read = 0
        self.bad_lines = 0
        self.grew = False
        self._scalars = folder / f"{writer}.scalars"
        self._events = folder / f"{writer}.jsonl"
        self._events_read = 0
        self._new_scalars = b""
        self._new_events = b""
        self._unread = 0
        self._seen = (0, 0)

    @property
    def damaged(self) -> bool:
        """Something before or at the end cannot be read; only the end of a run tells damage from "not there yet"."""
        return self.bad_lines > 0 or self._unread > 0

    def fetch(self) -> None:
        """Read the new bytes of both files, the scalars first: whatever id they hold was named before that."""
        self._new_scalars = _read(self._scalars, self.scalars_read)
        self._new_events = _read(self._events, self._events_read)
        seen = (self.scalars_read + len(self._new_scalars), self._events_read + len(self._new_events))
        self.grew = seen != self._seen
        self._seen = seen

    def events(self) -> Iterator[dict[str, Any]]:
        """The whole lines among what was fetched, as objects; a line that is none is counted and passed over."""
        whole = self._new_events.rfind(b"\n") + 1
        self._events_read += whole
        self._unread = len(self._new_events) - whole
        for line in self._new_events[:whole].split(b"\n")[:-1]:
            try:
                event = json.loads(line)
            except (ValueError, RecursionError):
                self.bad_lines += 1
                continue
            if isinstance(event, dict):
                yield event
            else:
                self.bad_lines += 1

    def records(self) -> Iterator[tuple[int, npt.NDArray[Any]]]:
        """The valid records up to the first that is not, as (metric id, its records in order). Call after `events`."""
        data = self._new_scalars
        records = np.frombuffer(data[: len(data) - len(data) % scalars.SIZE], dtype=scalars.RECORD)
        good = scalars.valid(records) & np.isin(records["metric"], list(self.names))
        bad = np.flatnonzero(~good)
        records = records[: bad[0]] if len(bad) else records
        self.scalars_read += records.nbytes
        self._unread += len(data) - records.nbytes
        for id in np.unique(records["metric"]).tolist():
            yield id, records[records["metric"] == id]


def _read(path: Path, offset: int) -> bytes:
    try:
        return read_regular(path, offset, _MOST_AT_ONCE)
    except OSError:
        return b""  # not there yet, or not now: the next fetch tries again
