"""Following all runs of a workspace by cheap polling (network shares send no notifications)."""

import logging
import math
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import numpy.typing as npt

from ailab.experiment.record import RunReader, discover
from ailab_server.models import RunDetail, RunSummary
from ailab_server.workspace import view
from ailab_server.workspace.files import read_inside
from ailab_server.workspace.series import NoSuchMetric

__all__ = ["Workspace"]

_log = logging.getLogger(__name__)

_POLL_SECONDS = 0.25
_LIST_SECONDS = 1.0
_SETTLE_SECONDS = 15.0
_LOOKS_PER_ROUND = 25
_LARGEST_IMAGE = 32 * 2**20


@dataclass
class _Entry:
    """One run. ``lock`` guards the reader, which routes use while the thread polls it."""

    path: Path
    relative: str
    reader: RunReader
    lock: threading.Lock = field(default_factory=threading.Lock)
    summary: RunSummary | None = None
    over_since: float | None = None
    streams_changed: int = 0

    @property
    def settled(self) -> bool:
        """Over for long enough that no other process of it is still writing its last lines."""
        return self.over_since is not None and time.monotonic() - self.over_since > _SETTLE_SECONDS

    @property
    def quiet(self) -> bool:
        """Nothing is expected of it: looking at it in turn is enough."""
        return self.settled or (self.summary is not None and self.summary.state == "stale")


class Workspace:
    """The runs below ``root``, as a thread of its own sees them.

    Running runs are polled every ``poll_seconds``; folders are listed about once a second; a run that is over is
    read once and then only looked at now and then, in turn, in case it is resumed.

    Args:
        only: show these experiments and no others; None shows all.
        changed: called from the thread with the ids of runs that changed, appeared or went.
        availability_changed: called from the thread when the workspace has gone or come back.
        poll_seconds: between two looks at a running run.
    """

    def __init__(
        self,
        root: Path,
        only: Sequence[str] | None,
        changed: Callable[[list[str]], None],
        availability_changed: Callable[[], None],
        poll_seconds: float | None = None,
    ) -> None:
        self.root = root
        self.available = True
        self._poll_seconds = _POLL_SECONDS if poll_seconds is None else poll_seconds
        self._only = None if only is None else {Path(name).as_posix() for name in only}
        self._changed = changed
        self._availability_changed = availability_changed
        self._entries: dict[str, _Entry] = {}
        self._by_task: dict[str, str] = {}
        # Grows across restarts too, so that a page which was open all the time sees every change.
        self._revision = time.time_ns() // 1_000_000
        self._wakeup = threading.Event()
        self._stopping = False
        self._swept = threading.Event()
        self._looked_at = 0
        self._thread = threading.Thread(target=self._follow, name="ailab-workspace", daemon=True)

    def start(self) -> None:
        """Begin to follow."""
        self._thread.start()

    def wait_until_read(self, seconds: float) -> bool:
        """Wait until every run has been read once; False if that takes longer."""
        return self._swept.wait(seconds)

    def close(self) -> None:
        """Stop following."""
        self._stopping = True
        self._wakeup.set()
        if self._thread.ident is not None:
            self._thread.join(timeout=1.0)  # a dead network share may hold it; it is a daemon

    def summaries(self) -> list[RunSummary]:
        """All runs, newest first."""
        known = [entry.summary for entry in list(self._entries.values()) if entry.summary is not None]
        return sorted(known, key=lambda run: (run.created, run.id), reverse=True)

    def summary(self, id: str) -> RunSummary | None:
        """One run, or None if there is none of this id."""
        entry = self._entries.get(id)
        return None if entry is None else entry.summary

    def run_of_task(self, task: str) -> str | None:
        """The newest run that names this task as its own."""
        id = self._by_task.get(task)
        return id if id in self._entries else None

    def detail(self, id: str) -> RunDetail:
        """One run in full; KeyError if unknown."""
        entry, run = self._known(id)
        with entry.lock:
            return view.detail(entry.reader, run)

    def latest(self, id: str) -> dict[str, float]:
        """The newest value of each of a run's metrics; KeyError if unknown."""
        entry, _ = self._known(id)
        with entry.lock:
            return {metric.name: metric.last for metric in entry.reader.metrics.values()}

    def values(self, id: str, metrics: Sequence[str]) -> dict[str, npt.NDArray[Any]]:
        """The series of some metrics.

        Raises:
            KeyError: no such run.
            NoSuchMetric: the run has no such metric.
            OSError: the files cannot be read.
        """
        entry, _ = self._known(id)
        with entry.lock:
            for metric in metrics:
                if metric not in entry.reader.metrics:
                    raise NoSuchMetric(metric)
            return {metric: entry.reader.values(metric) for metric in metrics}

    def image(self, id: str, image: str) -> bytes:
        """The bytes of one image.

        Raises:
            KeyError: no such run or image.
            OSError: its file is gone, or is none.
            FileTooLarge: it is larger than 32 MiB.
        """
        entry, _ = self._known(id)
        with entry.lock:
            file = view.image_file(entry.reader, id, image)
        steps = [*Path(entry.relative).parts, "images", file]
        return read_inside(self.root, steps, largest=_LARGEST_IMAGE)[0]

    def log_tail(self, id: str, limit: int) -> tuple[str, int]:
        """The last ``limit`` bytes of a run's output, and how many there are; empty without any.

        Raises:
            KeyError: no such run.
            OSError: the workspace is away.
        """
        entry, _ = self._known(id)
        try:
            data, size = read_inside(self.root, [*Path(entry.relative).parts, "output.log"], last=limit)
        except OSError:
            if not self.available:
                raise
            return "", 0
        return data.decode("utf-8", "replace"), size

    def _known(self, id: str) -> tuple[_Entry, RunSummary]:
        entry = self._entries[id]
        if entry.summary is None:
            raise KeyError(id)
        return entry, entry.summary

    def _follow(self) -> None:
        list_at = 0.0
        while not self._stopping:
            began = time.monotonic()
            try:
                if began >= list_at:
                    self._list()
                    took = time.monotonic() - began
                    # On a slow share or a vast workspace, listing gets at most a twentieth of the time.
                    # One that is away is looked for again soon, however long it took to say so.
                    list_at = time.monotonic() + max(_LIST_SECONDS, min(20 * took, 30.0) if self.available else 0.0)
                self._round()
            except Exception:  # noqa: BLE001 - the thread must live on
                _log.exception("following the workspace failed; trying again")
            live = any(not entry.quiet for entry in self._entries.values())
            pause = self._poll_seconds if live else max(_LIST_SECONDS, self._poll_seconds)
            self._wakeup.wait(max(0.01, pause - (time.monotonic() - began)))

    def _list(self) -> None:
        known = {entry.path: id for id, entry in self._entries.items()}
        try:
            found = {path: self._relative(path) for path in discover(self.root, known)}
            available = True
        except OSError as error:
            if self.available:
                _log.warning("the workspace %s is not available: %s", self.root, error.strerror)
            found, available = {}, False
        if available != self.available:
            self.available = available
            if available:
                _log.warning("the workspace %s is back", self.root)
            self._availability_changed()
        if not available:
            return  # what was known stays to be seen
        gone = [id for path, id in known.items() if path not in found]
        for id in gone:
            del self._entries[id]
        if gone:
            self._changed(gone)
        for path, relative in found.items():
            if path not in known and self._is_shown(relative):
                self._entries[view.run_id(relative)] = _Entry(path, relative, RunReader(path))

    def _relative(self, path: Path) -> str:
        return path.relative_to(self.root).as_posix()

    def _is_shown(self, relative: str) -> bool:
        return self._only is None or Path(relative).parent.as_posix() in self._only

    def _round(self) -> None:
        changed = []
        quiet = []
        for id, entry in list(self._entries.items()):
            if self._stopping:
                return
            if entry.quiet:
                quiet.append((id, entry))
            elif self._poll(id, entry):
                changed.append(id)
            if len(changed) >= 100:  # show a large workspace while it is still being read
                self._changed(changed)
                changed = []
        for id, entry in self._in_turn(quiet):
            # A run that is over is resumed with a new pair of stream files; a stale one may go on with those
            # it has.
            unchanged = entry.settled and _changed_at(entry.path / "streams") == entry.streams_changed
            if not unchanged and self._poll(id, entry):
                changed.append(id)
        if changed:
            self._changed(changed)
        self._swept.set()

    def _in_turn(self, quiet: list[tuple[str, _Entry]]) -> list[tuple[str, _Entry]]:
        if not quiet:
            return []
        start = self._looked_at % len(quiet)
        self._looked_at = start + _LOOKS_PER_ROUND
        return list(islice(quiet + quiet, start, start + min(_LOOKS_PER_ROUND, len(quiet))))

    def _poll(self, id: str, entry: _Entry) -> bool:
        """Read what is new of a run; whether its summary changed."""
        first_seen = entry.summary.created if entry.summary else time.time()
        with entry.lock:
            entry.streams_changed = _changed_at(entry.path / "streams")
            try:
                if not entry.reader.poll() and entry.summary is not None:
                    return False
                run = view.summary(entry.reader, id, entry.relative, first_seen, self._revision + 1)
            except OSError:
                return False  # gone, or not now: the next listing tells
            except Exception:  # noqa: BLE001
                # Whatever a damaged file makes of the reader is this run's trouble and nobody else's.
                _log.exception("reading %s failed; it is shown as damaged", entry.path)
                run = view.unreadable(id, entry.relative, first_seen, self._revision + 1)
                entry.over_since = -math.inf
            else:
                if not entry.reader.over:
                    entry.over_since = None
                elif entry.over_since is None:
                    entry.over_since = time.monotonic()
            self._revision += 1
            entry.summary = run
        if run.task:
            other = self.summary(self._by_task.get(run.task, ""))
            if other is None or other.created <= run.created:
                self._by_task[run.task] = id
        return True


def _changed_at(folder: Path) -> int:
    try:
        return folder.stat().st_mtime_ns
    except OSError:
        return 0
