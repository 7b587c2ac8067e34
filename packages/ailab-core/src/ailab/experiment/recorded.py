"""A run that was recorded, read back: ``from ailab.experiment import Run``."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ailab.experiment.lazy import lazy
from ailab.experiment.record.events import read_events
from ailab.experiment.record.facts import OVER, RunFacts, is_time
from ailab.experiment.record.files import read_regular
from ailab.experiment.record.layout import RunFolder
from ailab.experiment.settings import Settings

if TYPE_CHECKING:
    import numpy.typing as npt

    from ailab.experiment.record.summary import ImageEvent

__all__ = ["NoSuchMetric", "Run"]

_STALE_SECONDS = 30.0
_KEPT_BYTES = 1 << 20
"""Streams up to this size stay in memory once read, so that a run's ten metrics cost one reading and not ten."""


class NoSuchMetric(KeyError):
    """The run has no metric of this name."""

    def __str__(self) -> str:
        return str(self.args[0])


class Run:
    """A run's folder, finished or not, as it is when first looked at; `reload` looks again.

    Nothing is read before it is asked for, so a list of a thousand runs is quick to make. Files of the run's writers
    are never changed; tags and notes are added in files of their own.

    Args:
        log_dir: the run's folder, as ``log.setup`` returned it.

    Attributes:
        path, id, experiment: the folder; its name; the name of the folder it lies in.

    Raises:
        FileNotFoundError: the folder holds no ``run.json``.
    """

    def __init__(self, log_dir: str | os.PathLike[str]) -> None:
        self._begin(Path(log_dir).absolute())
        try:
            names = os.listdir(self.path)  # listed, as NFS remembers a name that was once missing
        except (FileNotFoundError, NotADirectoryError):
            raise FileNotFoundError(f"there is no run's folder at {self.path}") from None
        if "run.json" not in names:
            raise FileNotFoundError(f"{self.path} is no run's folder: it holds no run.json")

    def _begin(self, path: Path) -> None:
        self.path = path
        self.folder = RunFolder(path)
        self._small: dict[str, tuple[int, dict[str, npt.NDArray[Any]]]] = {}

    @classmethod
    def at(cls, path: Path) -> Run:
        """A run at an absolute path that was just seen to hold one: another look takes time on a share."""
        run = object.__new__(cls)
        run._begin(path)
        return run

    @property
    def id(self) -> str:
        return self.path.name

    @property
    def experiment(self) -> str:
        return self.path.parent.name

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r})"

    def reload(self) -> None:
        """Forget what was read, so that the next look sees what is there now."""
        for name in ("info", "config", "facts", "problems", "_names", "_ranks", "_lasts"):
            self.__dict__.pop(name, None)
        self._small.clear()

    # --- what it is ---

    @lazy
    def info(self) -> Settings:
        """The contents of ``run.json``; empty while they cannot be read."""
        return Settings(self._read_json("run.json"))

    @lazy
    def config(self) -> Settings:
        """The configuration as recorded, for reading as ``run.config.train.batch_size``."""
        return Settings(self._read_json("config.json"))

    @lazy
    def facts(self) -> RunFacts:
        """Everything the events say; its attributes are this run's too."""
        facts = RunFacts()
        self._names, self._ranks = {}, {}
        for writer in self._writers():
            names = self._names[writer] = {}
            try:
                events, bad = read_events(self.folder.streams / f"{writer}.jsonl")
            except OSError as error:
                self.problems.append(f"streams/{writer}.jsonl cannot be read: {error.strerror or error}")
                continue
            bad += sum(facts.take(names, event) is None for event in events)
            if events and events[0].get("type") == "writer":
                self._ranks[writer] = events[0].get("rank")
            if bad:
                self.problems.append(f"streams/{writer}.jsonl: {bad} lines are no events")
        return facts

    @lazy
    def problems(self) -> list[str]:
        """What could not be read so far, a line for each."""
        return []

    @property
    def state(self) -> str:
        """running, finished, failed, killed, or stale: said to be running, and silent for 30 s."""
        status = self.facts.status
        if status == "running":
            updated = self.facts.updated if self.facts.updated is not None else self.created
            if updated is None or time.time() - updated > _STALE_SECONDS:
                return "stale"
        return status

    @property
    def over(self) -> bool:
        """Whether the run said that it ended."""
        return self.facts.status in OVER

    @property
    def created(self) -> float | None:
        """Seconds since the epoch, like ``updated`` and ``finished``."""
        created = self.info.get("created")
        return float(created) if is_time(created) else None

    @property
    def updated(self) -> float | None:
        return self.facts.updated

    @property
    def finished(self) -> float | None:
        return self.facts.finished

    @property
    def duration(self) -> float | None:
        """Seconds from the start to the end, or to the last sign of life."""
        end = self.finished if self.finished is not None else self.updated
        return None if end is None or self.created is None else max(0.0, end - self.created)

    @property
    def progress(self) -> float | None:
        return self.facts.progress

    @property
    def error(self) -> str | None:
        return self.facts.error

    @property
    def traceback(self) -> str | None:
        return self.facts.traceback

    @property
    def warnings(self) -> list[str]:
        return self.facts.warnings

    @property
    def images(self) -> list[ImageEvent]:
        """Every image that was logged, in order; its ``file`` lies in the folder ``images``."""
        return self.facts.images

    @property
    def tags(self) -> list[str]:
        return self.facts.tags

    @property
    def notes(self) -> str:
        return self.facts.notes

    def output(self) -> str:
        """What was printed: the contents of ``output.log``; empty if nothing was kept."""
        try:
            return read_regular(self.folder.output).decode("utf-8", "replace")
        except FileNotFoundError:
            return ""

    # --- numbers ---

    @property
    def metrics(self) -> list[str]:
        """The metrics' names, in the order they were first logged."""
        return list(self.facts.metrics)

    @property
    def primary(self) -> str | None:
        """The metric for a list of runs: the first logged as primary."""
        metric = self.facts.primary()
        return None if metric is None else metric.name

    def values(self, name: str, rank: int | None = None) -> npt.NDArray[Any]:
        """All values of a metric, of every writer, sorted by step, then time.

        Args:
            rank: only what that process of a distributed run logged; none where another one did.

        Returns:
            A record array of shape (n,), yours to change: fields ``step`` (int64), ``time`` (seconds since the epoch,
            float64) and ``value`` (float64), as ``values["value"]`` or ``values.value``.

        Raises:
            NoSuchMetric: a KeyError that says what there is.
            OSError: the streams cannot be read.
        """
        return self._values((name,), rank)[name]

    def all_values(self, rank: int | None = None) -> dict[str, npt.NDArray[Any]]:
        """`values` of every metric, from a single reading."""
        return self._values(self.metrics, rank)

    def last(self, name: str) -> float:
        """The value of a metric at its latest time; NaN if it has none yet.

        Raises:
            NoSuchMetric: as `values`.
        """
        return self.lasts((name,))[name]

    def lasts(self, names: Iterable[str] | None = None) -> dict[str, float]:
        """`last` of these metrics (default: all), mostly from a look at the end of each file."""
        wanted = self.metrics if names is None else [self._known(name) for name in names]
        return {name: self._lasts.get(name, (0.0, float("nan")))[1] for name in wanted}

    @lazy
    def _lasts(self) -> dict[str, tuple[float, float]]:
        """Metric to its latest time and the value there."""
        from ailab.experiment.record.series import last_records

        found: dict[str, tuple[float, float]] = {}
        for writer, ids in self.writers().items():
            if not ids:
                continue
            try:
                ends = last_records(self.folder.streams / f"{writer}.scalars", ids)
                if ends is None:
                    ends = {name: values[-1] for name, values in self._read(writer, list(ids.values())).items()}
            except FileNotFoundError:
                continue  # named, and nothing logged yet: the file comes with the first value
            for name, record in ends.items():
                if name not in found or float(record["time"]) >= found[name][0]:
                    found[name] = float(record["time"]), float(record["value"])
        return found

    def writers(self) -> dict[str, dict[int, str]]:
        """The processes that wrote: the name of each one's stream files, and its metrics' ids."""
        _ = self.facts
        return dict(self._names)

    # --- what people add ---

    def set_tags(self, tags: Iterable[str]) -> None:
        """Replace the list of tags. Safe while the run is written and from any machine.

        Raises:
            TypeError, ValueError: a tag is no plain text of one line.
            OSError: the run's folder cannot be written to.
        """
        from ailab.experiment.edits import check_tags, write_edit

        write_edit(self.folder, "tags", tags=check_tags(tags))
        self.reload()

    def set_notes(self, text: str) -> None:
        """Replace the notes; empty for none. As `set_tags`."""
        from ailab.experiment.edits import check_notes, write_edit

        write_edit(self.folder, "notes", text=check_notes(text))
        self.reload()

    # --- inside ---

    def _known(self, name: str) -> str:
        if name not in self.facts.metrics:
            self.reload()  # it may have been logged since
        if name not in self.facts.metrics:
            known = ", ".join(self.metrics) or "none yet"
            raise NoSuchMetric(f"{self.id} has no metric {name!r}; it has: {known}")
        return name

    def _values(self, names: Iterable[str], rank: int | None = None) -> dict[str, npt.NDArray[Any]]:
        import numpy as np

        from ailab.experiment.record.series import join

        wanted = [self._known(name) for name in names]
        parts: dict[str, list[npt.NDArray[Any]]] = {name: [] for name in wanted}
        for writer, ids in self._names.items():
            # One that says no rank is the only process, or that of the machine's load.
            if rank is not None and (self._ranks.get(writer) or 0) != rank:
                continue
            if any(name in parts for name in ids.values()):
                for name, values in self._read(writer, wanted).items():
                    if name in parts:
                        parts[name].append(values)
        joined = {name: join(found) for name, found in parts.items()}
        # What is kept is copied, so that nobody who changes the values changes what the next one gets.
        return {
            name: (values.copy() if values.nbytes <= _KEPT_BYTES else values).view(np.recarray)
            for name, values in joined.items()
        }

    def _read(self, writer: str, wanted: list[str]) -> dict[str, npt.NDArray[Any]]:
        from ailab.experiment.record.series import read_series

        path = self.folder.streams / f"{writer}.scalars"
        try:
            size = os.stat(path, follow_symlinks=False).st_size
        except FileNotFoundError:
            return {}  # named, and nothing logged yet: the file comes with the first value
        kept_size, kept = self._small.get(writer, (-1, {}))
        if kept_size == size:
            return kept
        small = size <= _KEPT_BYTES
        names = self._names[writer]
        values, good = read_series(path, names, None if small else wanted)
        if good < size and (renamed := self._read_names(writer)) != names:
            # Metrics that were first logged since the events were read: their records end the reading otherwise.
            self._names[writer] = renamed
            values, _ = read_series(path, renamed, None if small else wanted)
        if small:
            self._small[writer] = size, values
        return values

    def _read_names(self, writer: str) -> dict[int, str]:
        names: dict[int, str] = {}
        facts = RunFacts()
        for event in read_events(self.folder.streams / f"{writer}.jsonl")[0]:
            facts.take(names, event)
        return names

    def _writers(self) -> list[str]:
        try:
            if self.folder.streams.is_symlink():  # what lies in a workspace is not trusted to stay in it
                raise OSError("it is a link")
            names = os.listdir(self.folder.streams)
        except OSError as error:
            self.problems.append(f"streams cannot be listed: {error.strerror or error}")
            return []
        return sorted(name.removesuffix(".jsonl") for name in names if name.endswith(".jsonl") and name[0] != ".")

    def _read_json(self, name: str) -> dict[str, Any]:
        try:
            content = json.loads(read_regular(self.path / name))
        except (OSError, ValueError, RecursionError) as error:
            self.problems.append(f"{name} cannot be read: {error}")
            return {}
        if not isinstance(content, dict):
            self.problems.append(f"{name} is not an object")
            return {}
        return content

    _names: dict[str, dict[int, str]]  # writer → its metric ids; set with `facts`
    _ranks: dict[str, Any]  # writer → its process's rank, where it says one
