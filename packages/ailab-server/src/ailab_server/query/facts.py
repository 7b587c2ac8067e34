"""What is kept of one run for filters, sort keys and columns."""

import json
import zlib
from array import array
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import numpy as np

from ailab.experiment.filter_subject import RunSubject
from ailab.experiment.record import RunReader
from ailab.experiment.record.layout import RunFolder
from ailab.experiment.recorded import Run
from ailab_server.query.sharing import Sharing
from ailab_server.workspace.entry import Entry

__all__ = ["Deep", "KnownRun", "KnownSubject", "Reductions"]

Reductions = tuple[int, float, float, float, float]
"""Of a metric: count; first; minimum, maximum and mean without NaN, each NaN where there is none."""


class Deep:
    """What a run's files say beyond its row.

    Attributes:
        revision: that of the run when this was read.
        signature: of the files that it was read from; empty for a run that is still followed.
        metrics: name → place in ``lasts``.
        lasts: the value of each metric at its latest time; NaN where there is none.
        reduced: what was asked of all values of a metric so far.
    """

    __slots__ = ("config", "error", "info", "lasts", "metrics", "notes", "reduced", "revision", "signature", "tags")

    def __init__(
        self,
        config: Any,
        info: dict[str, Any],
        tags: list[str],
        notes: str,
        error: str | None,
        metrics: dict[str, int],
        lasts: "array[float]",
    ) -> None:
        self.config, self.info, self.tags, self.notes, self.error = config, info, tags, notes, error
        self.metrics, self.lasts = metrics, lasts
        self.reduced: dict[str, Reductions] = {}
        self.revision = -1
        self.signature = ""

    @classmethod
    def of_reader(cls, reader: RunReader) -> "Deep":
        """Of a run that is followed; its lock is the caller's to hold. Shares the reader's objects."""
        names = {name: place for place, name in enumerate(reader.metrics)}
        lasts = array("d", (metric.last for metric in reader.metrics.values()))
        return cls(reader.config, reader.info, reader.tags, reader.notes, reader.error, names, lasts)

    @classmethod
    def of_files(cls, path: str, sharing: Sharing) -> "Deep":
        """Of a run that is over: from its files."""
        run = Run.at(Path(path))
        lasts = run.lasts()
        return cls._shared(sharing, run.config, run.info, run.tags, run.notes, run.error, lasts)

    @classmethod
    def of_bytes(cls, data: bytes, sharing: Sharing) -> "Deep":
        """What `to_bytes` made."""
        config, info, tags, notes, error, lasts, reduced = json.loads(zlib.decompress(data))
        made = cls._shared(sharing, config, info, tags, notes, error, lasts)
        made.reduced = {name: tuple(values) for name, values in reduced.items()}
        return made

    def to_bytes(self) -> bytes:
        """For the cache on the local disk."""
        lasts = dict(zip(self.metrics, self.lasts, strict=True))
        content = [self.config, self.info, self.tags, self.notes, self.error, lasts, self.reduced]
        return zlib.compress(json.dumps(content).encode(), 1)

    @classmethod
    def _shared(
        cls, sharing: Sharing, config: Any, info: Any, tags: Any, notes: str, error: Any, lasts: dict[str, float]
    ) -> "Deep":
        names = sharing.of({name: place for place, name in enumerate(lasts)})
        values = array("d", lasts.values())
        config, info, tags, notes, error = (sharing.of(part) for part in (config, info, tags, notes, error))
        return cls(config, info, tags, notes, error, names, values)


class KnownRun:
    """One run: its entry's row in parts, and its `Deep` facts once somebody has asked for them.

    It has the attributes of `ailab.experiment.Run` that filters look at.
    """

    __slots__ = ("_load", "created", "entry", "finished", "held", "host", "progress", "row", "updated", "user")

    def __init__(self, entry: Entry, load: "Callable[[KnownRun], Deep]") -> None:
        self.entry = entry
        self.held: Deep | None = None
        self._load = load
        self.row = b""
        self.refresh()

    def refresh(self) -> None:
        """Take the entry's newest row."""
        row = self.entry.row
        if row is self.row:
            return
        content = json.loads(row)
        self.created, self.updated, self.finished = content["created"], content["updated"], content["finished"]
        self.progress = content["progress"]
        self.host, self.user = content["host"] or None, content["user"] or None
        self.row = row

    @property
    def folder(self) -> RunFolder:
        return RunFolder(Path(self.entry.path))

    @property
    def experiment(self) -> str:
        return self.entry.relative.rpartition("/")[0]

    @property
    def id(self) -> str:
        """The run folder's name, as filters call it."""
        return self.entry.relative.rpartition("/")[2]

    @property
    def state(self) -> str:
        return self.entry.state

    @property
    def deep(self) -> Deep:
        """What needs the run's files."""
        held = self.held
        if held is None or held.revision != self.entry.revision:
            held = self._load(self)
        return held

    @property
    def config(self) -> Any:
        return self.deep.config

    @property
    def info(self) -> dict[str, Any]:
        return self.deep.info

    @property
    def tags(self) -> list[str]:
        return self.deep.tags

    @property
    def notes(self) -> str:
        return self.deep.notes

    @property
    def error(self) -> str | None:
        return self.deep.error

    @property
    def metrics(self) -> dict[str, int]:
        return self.deep.metrics

    def last(self, metric: str) -> float:
        deep = self.deep
        return deep.lasts[deep.metrics[metric]]


# What the row says, so that whoever asks for no more never waits for files.
_OF_ROW: dict[str, Callable[[KnownRun], Any]] = {
    "id": lambda run: run.id,
    "experiment": lambda run: run.experiment,
    "host": lambda run: run.host,
    "user": lambda run: run.user,
    "task": lambda run: run.entry.task,
}


class KnownSubject(RunSubject):
    """A `KnownRun` as filters see it: `RunSubject`, but for what the row says and what is kept of all values.

    Args:
        reduce: what is asked of all values of a metric that the run has.
    """

    __slots__ = ("_known", "_reduce")

    def __init__(self, run: KnownRun, reduce: Callable[[KnownRun, str], Reductions]) -> None:
        super().__init__(cast(Any, run))  # which has what they look at
        self._known = run
        self._reduce = reduce

    def look_up(self, name: str) -> Any:
        """The value behind a name; None if the run has nothing of this name."""
        found = _OF_ROW.get(name)
        return super().look_up(name) if found is None else found(self._known)

    def reduce(self, metric: str, how: str) -> float | None:
        """One of ``filters.REDUCTIONS`` of a metric's values; None if there is no such metric or it has no values."""
        if metric not in self._known.metrics:
            return None
        if how == "last":
            return self._last(metric)
        count, first, low, high, mean = self._reduce(self._known, metric)
        if how == "count":
            return count
        if how == "first":
            return first if count else None
        value = {"min": low, "max": high, "mean": mean}[how]
        return None if np.isnan(value) else value

    def names(self) -> Iterator[str]:
        """What there is to look up."""
        try:
            yield from super().names()
        except RecursionError:  # nested as no configuration is: none of its paths is a name
            return
