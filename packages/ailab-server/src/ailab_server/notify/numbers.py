"""The numbers that a run has logged since they were last looked at: between two looks may be a thousand."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ailab.experiment.record import scalars
from ailab.experiment.record.tail import StreamTail

__all__ = ["NewNumbers", "Range"]


@dataclass
class Range:
    """Some numbers of a metric: the least and the largest that is not NaN (NaN if all are), and the first that is NaN
    or infinite (None if all are finite).
    """

    low: float
    high: float
    odd: float | None

    @classmethod
    def of(cls, values: npt.NDArray[np.float64]) -> "Range":
        """Of at least one number, shape (n,)."""
        odd = values[~np.isfinite(values)]
        return cls(float(np.fmin.reduce(values)), float(np.fmax.reduce(values)), float(odd[0]) if len(odd) else None)

    def joined(self, later: "Range") -> "Range":
        """Of these numbers and later ones."""
        return Range(
            float(np.fmin(self.low, later.low)),
            float(np.fmax(self.high, later.high)),
            later.odd if self.odd is None else self.odd,
        )


class NewNumbers:
    """Follows the stream files of one run. In memory it keeps the metrics' names, and no number.

    Args:
        streams: the run's folder of that name.
        skip: what is there already is not new.

    Raises:
        OSError: to skip, the folder cannot be listed.
    """

    def __init__(self, streams: str | os.PathLike[str], skip: bool = False) -> None:
        self._streams = os.fspath(streams)
        self._tails: dict[str, StreamTail] = {}
        if skip:
            for writer in self._writers():
                try:
                    size = os.stat(f"{self._streams}/{writer}.scalars", follow_symlinks=False).st_size
                except OSError:
                    continue  # it has logged no number, or cannot be read just now
                self._tail(writer).scalars_read = size // scalars.SIZE * scalars.SIZE

    def read(self) -> Mapping[str, Range]:
        """Each metric that was logged since the last time, with its numbers.

        Raises:
            OSError: the folder cannot be listed.
        """
        found: dict[str, Range] = {}
        for writer in self._writers():
            tail = self._tail(writer)
            tail.fetch()
            for event in tail.events():
                _take_name(tail, event)
            for id, records in tail.records():
                metric, some = tail.names[id], Range.of(records["value"])
                found[metric] = found[metric].joined(some) if metric in found else some
        return found

    def _writers(self) -> list[str]:
        if os.path.islink(self._streams):  # noqa: PTH114 - what lies in a workspace is not trusted to stay in it
            return []
        names = sorted(os.listdir(self._streams))
        return [name.removesuffix(".jsonl") for name in names if name.endswith(".jsonl") and not name.startswith(".")]

    def _tail(self, writer: str) -> StreamTail:
        if writer not in self._tails:
            self._tails[writer] = StreamTail(self._streams, writer)
        return self._tails[writer]


def _take_name(tail: StreamTail, event: dict[str, Any]) -> None:
    match event:
        case {"type": "metric", "id": int(id), "name": str(name)} if 0 <= id < 2**32:
            tail.names[id] = name
