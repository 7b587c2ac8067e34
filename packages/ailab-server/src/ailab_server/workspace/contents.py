"""What the files of one run hold beyond its row, read when somebody asks."""

import errno
import logging
import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ailab.experiment.record import RunReader
from ailab_server.models import RunDetail, RunSummary
from ailab_server.workspace import view
from ailab_server.workspace.columns import ColumnsCache
from ailab_server.workspace.entry import Entry
from ailab_server.workspace.files import read_inside
from ailab_server.workspace.series import Axis, NoSuchMetric, part
from ailab_server.workspace.store import RunStore

__all__ = ["RunContents"]

_log = logging.getLogger(__name__)

_LARGEST_IMAGE = 32 * 2**20
_RECENT = 8
"""So many readers of runs that are over are kept for whoever looks at them,"""
_RECENT_METRICS = 20_000
"""or fewer, but one: each of their metrics takes about 800 bytes."""


class RunContents:
    """Answers from the files of the runs in ``store``. Slow: not for the event loop."""

    def __init__(self, root: Path, store: RunStore) -> None:
        self._root = root
        self._store = store
        self._columns = ColumnsCache()
        self._recent: OrderedDict[str, tuple[str, RunReader]] = OrderedDict()
        self._recent_lock = threading.Lock()

    def forget(self, id: str) -> None:
        """A run went, or its files are not those that were read."""
        self._columns.forget(id)
        with self._recent_lock:
            self._recent.pop(id, None)

    def detail(self, id: str) -> RunDetail:
        """One run in full.

        Raises:
            KeyError: no such run.
            OSError: its files cannot be read.
        """
        entry = self._store.known(id)
        with entry.lock:
            reader = self._reader(entry)
            return view.detail(reader, RunSummary.model_validate_json(entry.row))

    def latest(self, id: str) -> dict[str, float]:
        """The newest value of each of a run's metrics.

        Raises:
            KeyError: no such run.
            OSError: its files cannot be read.
        """
        entry = self._store.known(id)
        with entry.lock:
            return {metric.name: metric.last for metric in self._reader(entry).metrics.values()}

    def values(self, id: str, metrics: Sequence[str]) -> dict[str, npt.NDArray[np.float64]]:
        """Steps, times and values of some metrics, shape (3, n) each.

        Raises:
            KeyError: no such run.
            NoSuchMetric: the run has no such metric.
            OSError: the files cannot be read.
        """
        entry = self._store.known(id)
        columns = self._columns.get(id, f"{entry.path}/streams")
        with columns.lock:
            columns.refresh()
            found = {}
            for metric in metrics:
                series = columns.get(metric)
                if series is None and columns.failed:
                    raise OSError(errno.EIO, "not every file of the run can be read at the moment")
                if series is None:
                    raise NoSuchMetric(metric)
                found[metric] = series.copy()  # the next request adds to them
            self._columns.keep(id, columns)
        return found

    def parts(
        self, ids: Sequence[str], metrics: Sequence[str], axis: Axis, low: float | None, high: float | None
    ) -> Iterator[tuple[str, str, npt.NDArray[np.float64]]]:
        """x and values, shape (2, n), of some metrics of some runs, as (run, metric, x and values).

        What is not there, a run, a metric of it, or its files at the moment, is left out. One run after the other, so
        that never more than one's whole series are in memory.
        """
        for id in ids:
            found = []
            entry = self._store.entries.get(id)
            if entry is None:
                continue
            columns = self._columns.get(id, f"{entry.path}/streams")
            with columns.lock:
                try:
                    columns.refresh()
                except OSError:
                    continue
                start = columns.start()
                for metric in metrics:
                    series = columns.get(metric)
                    if series is not None:
                        found.append((id, metric, part(series, axis, start, low, high)))
                self._columns.keep(id, columns)
            yield from found

    def image(self, id: str, image: str) -> bytes:
        """The bytes of one image.

        Raises:
            KeyError: no such run or image.
            OSError: its file is gone, or is none.
            FileTooLarge: it is larger than 32 MiB.
        """
        entry = self._store.known(id)
        with entry.lock:
            file = view.image_file(self._reader(entry), id, image)
        steps = [*Path(entry.relative).parts, "images", file]
        return read_inside(self._root, steps, largest=_LARGEST_IMAGE)[0]

    def log_tail(self, id: str, limit: int) -> tuple[str, int]:
        """The last ``limit`` bytes of a run's output, and how many there are.

        Raises:
            KeyError: no such run.
            OSError: there is none, or the workspace is away.
        """
        entry = self._store.known(id)
        data, size = read_inside(self._root, [*Path(entry.relative).parts, "output.log"], last=limit)
        return data.decode("utf-8", "replace"), size

    def _reader(self, entry: Entry) -> RunReader:
        """What follows a run, or, for one that is over, a reader that has just read it. With the entry's lock held."""
        if entry.reader is not None:
            return entry.reader
        with self._recent_lock:
            found, reader = self._recent.get(entry.id, ("", None))
        if reader is None or found != entry.signature:
            reader = RunReader(entry.path)
            try:
                reader.poll()
            except OSError:
                raise
            except Exception:  # noqa: BLE001 - whatever a damaged file makes of the reader is this run's trouble
                _log.exception("reading %s failed", entry.path)
        with self._recent_lock:
            self._recent[entry.id] = (entry.signature, reader)
            self._recent.move_to_end(entry.id)
            while len(self._recent) > _RECENT or (len(self._recent) > 1 and self._recent_metrics() > _RECENT_METRICS):
                self._recent.popitem(last=False)
        return reader

    def _recent_metrics(self) -> int:
        return sum(len(reader.metrics) for _, reader in self._recent.values())
