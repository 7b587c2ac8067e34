"""Following all runs of a workspace by cheap polling (network shares send no notifications)."""

import errno
import logging
import os
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Container, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ailab.experiment.record import RunReader
from ailab_server.models import RunDetail, RunSummary
from ailab_server.workspace import view
from ailab_server.workspace.cache import SummaryCache
from ailab_server.workspace.columns import ColumnsCache
from ailab_server.workspace.entry import Entry
from ailab_server.workspace.files import read_inside
from ailab_server.workspace.listing import Listing, is_local
from ailab_server.workspace.series import Axis, NoSuchMetric, part
from ailab_server.workspace.signature import look, signature
from ailab_server.workspace.sweep import Sweep, shares

__all__ = ["Glance", "Workspace"]

_log = logging.getLogger(__name__)

_PEEK_SECONDS = 0.05
_POLL_SECONDS = 0.25
_LOCAL_POLL_SECONDS = 1.0
_LIST_SECONDS = 1.0
_SETTLE_SECONDS = 15.0
_LOOKS_PER_ROUND = 25
_LARGEST_IMAGE = 32 * 2**20
_RECENT = 8
"""So many readers of runs that are over are kept for whoever looks at them,"""
_RECENT_METRICS = 20_000
"""or fewer, but one: each of their metrics takes about 800 bytes."""
_MOST_GONE = 10_000
_OVER = ("finished", "failed", "killed")


class Glance(NamedTuple):
    """What is told of a run without its whole summary."""

    state: str
    task: str | None


class Workspace:
    """The runs below ``root``, as a thread of its own sees them.

    Live runs are read every ``poll_seconds`` by opening their files anew, as a network share needs it; on a file system
    of this machine their sizes are looked at twenty times a second, and a run is read as soon as one has grown. Folders
    are listed about once a second. A run that is over, or stale, is read once; from then on only its row is kept, and
    the run looked at now and then, in turn, in case it is resumed.

    Args:
        only: show these experiments and no others; None shows all.
        changed: called from the thread with the ids of runs that changed, appeared or went.
        availability_changed: called from the thread when the workspace has gone or come back.
        cache: keeps the rows of runs that are over for the next start; None: nothing is kept.
        poll_seconds: between two looks at a run on a network share; 0.25 by default.
    """

    def __init__(
        self,
        root: Path,
        only: Sequence[str] | None,
        changed: Callable[[list[str]], None],
        availability_changed: Callable[[], None],
        cache: SummaryCache | None = None,
        poll_seconds: float | None = None,
    ) -> None:
        self.root = root
        self.available = True
        self._poll_seconds = _POLL_SECONDS if poll_seconds is None else poll_seconds
        self._only = None if only is None else {Path(name).as_posix() for name in only}
        self._changed = changed
        self._availability_changed = availability_changed
        self._cache = cache
        self._listing = Listing(root)
        self._local = False
        self._entries: dict[str, Entry] = {}
        self._live: dict[str, Entry] = {}
        self._quiet: dict[str, Entry] = {}
        self._turn: list[Entry] = []
        self._unsaved = 0
        self._loaded = False
        self._columns = ColumnsCache()
        self._recent: OrderedDict[str, tuple[str, RunReader]] = OrderedDict()
        self._recent_lock = threading.Lock()
        self._by_task: dict[str, str] = {}
        # Grows across restarts too, so that a page which was open all the time sees every change.
        self._revision = time.time_ns() // 1_000_000
        self._sweeps: list[Sweep] = []
        self._gone: deque[tuple[int, str]] = deque()
        self._gone_from = self._revision
        self._wakeup = threading.Event()
        self._stopping = False
        self._swept = threading.Event()
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
        for sweep in list(self._sweeps):
            sweep.stop()
        self._wakeup.set()
        if self._thread.ident is not None:
            self._thread.join(timeout=1.0)  # a dead network share may hold it; it is a daemon

    @property
    def revision(self) -> int:
        """Grows with every change of any run."""
        return self._revision

    def rows(self, only: Container[str] | None = None, since: int = -1) -> list[bytes]:
        """The JSON of the summaries of all runs, or some, that changed after a revision; newest first."""
        known = [
            entry
            for entry in list(self._entries.values())
            if entry.row and entry.revision > since and (only is None or entry.id in only)
        ]
        known.sort(key=lambda entry: (entry.created, entry.id), reverse=True)
        return [entry.row for entry in known]

    def removed(self, since: int) -> list[str] | None:
        """The runs that went after a revision; None if that is too long ago to know, or was never."""
        gone = list(self._gone)
        if not self._gone_from <= since <= self._revision:
            return None
        return [id for revision, id in gone if revision > since]

    def row(self, id: str) -> bytes | None:
        """The JSON of one run's summary, or None if there is none of this id."""
        entry = self._entries.get(id)
        return entry.row or None if entry is not None else None

    def glance(self, id: str) -> Glance | None:
        """One run's state and task, or None if there is none of this id."""
        entry = self._entries.get(id)
        return Glance(entry.state, entry.task) if entry is not None and entry.row else None

    def summaries(self) -> list[RunSummary]:
        """All runs, newest first."""
        return [RunSummary.model_validate_json(row) for row in self.rows()]

    def summary(self, id: str) -> RunSummary | None:
        """One run, or None if there is none of this id."""
        row = self.row(id)
        return None if row is None else RunSummary.model_validate_json(row)

    def run_of_task(self, task: str) -> str | None:
        """The newest run that names this task as its own."""
        id = self._by_task.get(task)
        return id if id in self._entries else None

    def detail(self, id: str) -> RunDetail:
        """One run in full.

        Raises:
            KeyError: no such run.
            OSError: its files cannot be read.
        """
        entry = self._known(id)
        with entry.lock:
            reader = self._reader(entry)
            return view.detail(reader, RunSummary.model_validate_json(entry.row))

    def latest(self, id: str) -> dict[str, float]:
        """The newest value of each of a run's metrics.

        Raises:
            KeyError: no such run.
            OSError: its files cannot be read.
        """
        entry = self._known(id)
        with entry.lock:
            return {metric.name: metric.last for metric in self._reader(entry).metrics.values()}

    def values(self, id: str, metrics: Sequence[str]) -> dict[str, npt.NDArray[np.float64]]:
        """Steps, times and values of some metrics, shape (3, n) each.

        Raises:
            KeyError: no such run.
            NoSuchMetric: the run has no such metric.
            OSError: the files cannot be read.
        """
        entry = self._known(id)
        columns = self._columns.get(id, Path(entry.path, "streams"))
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
            entry = self._entries.get(id)
            if entry is None:
                continue
            columns = self._columns.get(id, Path(entry.path, "streams"))
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
        entry = self._known(id)
        with entry.lock:
            file = view.image_file(self._reader(entry), id, image)
        steps = [*Path(entry.relative).parts, "images", file]
        return read_inside(self.root, steps, largest=_LARGEST_IMAGE)[0]

    def log_tail(self, id: str, limit: int) -> tuple[str, int]:
        """The last ``limit`` bytes of a run's output, and how many there are; empty without any.

        Raises:
            KeyError: no such run.
            OSError: the workspace is away.
        """
        entry = self._known(id)
        try:
            data, size = read_inside(self.root, [*Path(entry.relative).parts, "output.log"], last=limit)
        except OSError:
            if not self.available:
                raise
            return "", 0
        return data.decode("utf-8", "replace"), size

    def _known(self, id: str) -> Entry:
        entry = self._entries[id]
        if not entry.row:
            raise KeyError(id)
        return entry

    def _reader(self, entry: Entry) -> RunReader:
        """What follows a run, or, for one that is over, a reader that has just read it. With the entry's lock held."""
        if entry.reader is not None:
            return entry.reader
        with self._recent_lock:
            found, reader = self._recent.get(entry.id, ("", None))
        if reader is None or found != entry.signature:
            reader = RunReader(Path(entry.path))
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

    def _follow(self) -> None:
        list_at = poll_at = 0.0
        while not self._stopping:
            began = time.monotonic()
            try:
                if began >= list_at:
                    self._list()
                    took = time.monotonic() - began
                    # On a slow share or a vast workspace, listing gets at most a twentieth of the time.
                    # One that is away is looked for again soon, however long it took to say so.
                    list_at = time.monotonic() + max(_LIST_SECONDS, min(20 * took, 30.0) if self.available else 0.0)
                if began >= poll_at:
                    self._round()
                    pause = self._poll_seconds
                    poll_at = time.monotonic() + (pause if self._live else max(_LIST_SECONDS, pause))
                elif self._local:
                    self._peek()
            except Exception:  # noqa: BLE001 - the thread must live on
                _log.exception("following the workspace failed; trying again")
            now = time.monotonic()
            until = min(list_at, poll_at) - now
            if self._local and self._live:
                # However many runs log however fast, requests get three quarters of the time.
                until = min(until, max(_PEEK_SECONDS, 3 * (now - began)))
            self._wakeup.wait(max(0.01, until))

    def _list(self) -> None:
        cached = {}
        if self._cache is not None and not self._loaded:
            cached = self._cache.load()
        try:
            appeared, gone = self._listing.look(cached)
            available = True
        except OSError as error:
            if self.available:
                _log.warning("the workspace %s is not available: %s", self.root, error.strerror)
            available = False
        if available != self.available:
            self.available = available
            if available:
                _log.warning("the workspace %s is back", self.root)
            self._availability_changed()
        if not available:
            return  # what was known stays to be seen
        if not self._swept.is_set() or not self._local:
            self._local = is_local(self.root)
        self._forget([view.run_id(relative) for relative in gone])
        self._loaded = True
        restored = []
        for relative in appeared:
            if self._only is not None and relative.rpartition("/")[0] not in self._only:
                continue
            id = view.run_id(relative)
            entry = Entry(id, f"{self.root}/{relative}", relative)
            kept = cached.pop(relative, None)
            self._entries[id] = entry
            if kept is not None and kept.signature == signature(entry.path):
                entry.restore(kept)
                self._quiet[id] = entry
                self._note_task(entry)
                restored.append(id)
            else:
                self._live[id] = entry
        if restored:
            self._changed(restored)

    def _forget(self, gone: list[str]) -> None:
        known = [id for id in gone if self._entries.pop(id, None) is not None]
        for id in known:
            self._live.pop(id, None)
            self._quiet.pop(id, None)
            self._columns.forget(id)
            with self._recent_lock:
                self._recent.pop(id, None)
            self._gone.append((self._revision + 1, id))
            self._revision += 1
        while len(self._gone) > _MOST_GONE:
            self._gone_from = self._gone.popleft()[0]
        if known:
            self._by_task = {task: id for task, id in self._by_task.items() if id in self._entries}
            self._changed(known)

    def _round(self) -> None:
        changed = []
        now = time.monotonic()
        live = list(self._live.items())
        if not self._swept.is_set():
            live = self._share(live)
        for id, entry in live:
            if self._stopping:
                return
            # On a local file system peeking tells of growth; now and then is enough for all else.
            if self._local and entry.polled > now - _LOCAL_POLL_SECONDS and not _grown(entry):
                continue
            if self._poll(entry):
                changed.append(id)
            if len(changed) >= 100:  # show a large workspace while it is still being read
                self._changed(changed)
                changed = []
        changed += self._collect()
        changed += [entry.id for entry in self._in_turn() if self._look(entry)]
        if changed:
            self._changed(changed)
        first = not self._swept.is_set()
        self._swept.set()
        self._save(first)

    def _share(self, live: list[tuple[str, Entry]]) -> list[tuple[str, Entry]]:
        """Have helpers read a part of very many runs; the rest is returned."""
        # The oldest of each experiment come first: those are the likeliest to be over.
        runs = [entry.relative for _, entry in live]
        given = 0
        for share in shares(runs, len(os.sched_getaffinity(0))):
            try:
                self._sweeps.append(Sweep(self.root, share, self._revision + 1, 4 * _SETTLE_SECONDS))
            except OSError as error:
                _log.warning("no helper can be started to read runs: %s", error.strerror)
                break
            given += len(share)
            self._revision += len(share)
        return live[given:]

    def _collect(self) -> list[str]:
        """Take what helpers have read; what they have not stays to be read here."""
        taken = []
        while self._sweeps and not self._stopping:
            for kept in self._sweeps[0].results():
                entry = self._live.get(view.run_id(kept.relative))
                if entry is not None and not entry.row:
                    entry.restore(kept)
                    entry.kept = False
                    self._settle(entry)
                    self._note_task(entry)
                    taken.append(entry.id)
            self._sweeps.pop(0)
            for id, entry in list(self._live.items()):
                if not self._sweeps and not entry.row and self._poll(entry):
                    taken.append(id)
        return taken

    def _peek(self) -> None:
        """Read those live runs whose files have grown, by the word of the local file system."""
        changed = [entry.id for entry in list(self._live.values()) if _grown(entry) and self._poll(entry)]
        if changed:
            self._changed(changed)

    def _in_turn(self) -> list[Entry]:
        if not self._turn:
            self._turn = list(self._quiet.values())
        turn = self._turn[-_LOOKS_PER_ROUND:]
        del self._turn[-_LOOKS_PER_ROUND:]
        return turn

    def _look(self, entry: Entry) -> bool:
        """Whether a quiet run has changed; it is followed again then."""
        if entry.id not in self._quiet or signature(entry.path) == entry.signature != "":
            return False
        del self._quiet[entry.id]
        self._live[entry.id] = entry
        self._columns.forget(entry.id)
        entry.unchanged_since = time.monotonic()
        return self._poll(entry)

    def _save(self, first: bool) -> None:
        """Keep the rows of runs that are over; after the first round all at once, then a few at a time."""
        if self._cache is None or not self.available:
            return
        new = [e for e in self._quiet.values() if not e.kept and not e.doubtful] if first or self._unsaved else []
        self._unsaved = 0
        if new:
            sure = [entry for entry in self._quiet.values() if not entry.doubtful]
            self._cache.add((entry.keep() for entry in new), (entry.keep() for entry in sure), len(sure))
            for entry in new:
                entry.kept = True

    def _poll(self, entry: Entry) -> bool:
        """Read what is new of a run; whether its summary changed."""
        now = time.monotonic()
        first = not entry.row
        first_seen = time.time() if first else entry.created
        with entry.lock:
            # Before reading: what changes meanwhile differs from it afterwards.
            found, sizes = look(entry.path)
            if found != entry.signature:
                entry.signature, entry.unchanged_since = found, now
                entry.streams = sizes
            entry.polled = now
            reader = entry.reader
            if reader is None:
                reader = entry.reader = RunReader(Path(entry.path))
            try:
                changed = reader.poll() or first
                run = (
                    view.summary(reader, entry.id, entry.relative, first_seen, self._revision + 1) if changed else None
                )
            except OSError:
                return False  # gone, or not now: the next listing tells
            except Exception:  # noqa: BLE001
                # Whatever a damaged file makes of the reader is this run's trouble and nobody else's.
                _log.exception("reading %s failed; it is shown as damaged", entry.path)
                run = view.unreadable(entry.id, entry.relative, first_seen, self._revision + 1)
                self._settle(entry)
            if run is not None:
                entry.show(run)
                self._revision += 1  # afterwards: whoever reads it first and the rows then misses nothing
            if entry.reader is not None and self._is_quiet(entry, reader, first, now):
                self._settle(entry)
        if run is None:
            return False
        self._note_task(entry)
        return True

    def _is_quiet(self, entry: Entry, reader: RunReader, first: bool, now: float) -> bool:
        """Over or stale for so long that no other process of it is still writing its last lines."""
        if entry.state not in (*_OVER, "stale") or not entry.signature:
            return False
        # One that is damaged gets a second chance: its files may have been unreadable for a moment only.
        long_over = (
            first
            and not entry.doubtful
            and reader.updated is not None
            and time.time() - reader.updated > 4 * _SETTLE_SECONDS
        )
        return long_over or now - entry.unchanged_since > _SETTLE_SECONDS

    def _settle(self, entry: Entry) -> None:
        entry.reader = None
        entry.streams = {}
        self._live.pop(entry.id, None)
        self._quiet[entry.id] = entry
        self._unsaved += 1

    def _note_task(self, entry: Entry) -> None:
        if entry.task:
            other = self._entries.get(self._by_task.get(entry.task, ""))
            if other is None or other.created <= entry.created:
                self._by_task[entry.task] = entry.id


def _grown(entry: Entry) -> bool:
    try:
        return any(os.stat(file, follow_symlinks=False).st_size != size for file, size in entry.streams.items())
    except OSError:
        return True
