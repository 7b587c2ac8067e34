"""The thread that follows all runs of a workspace by cheap polling (network shares send no notifications)."""

import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from ailab_server.workspace.cache import SummaryCache
from ailab_server.workspace.entry import Entry
from ailab_server.workspace.kept import Kept
from ailab_server.workspace.listing import Listing, is_local
from ailab_server.workspace.poll import SETTLE_SECONDS, Poller, grown
from ailab_server.workspace.row import renumbered, run_id
from ailab_server.workspace.signature import signature
from ailab_server.workspace.store import RunStore
from ailab_server.workspace.sweep import Sweep, helpers_for

__all__ = ["Follower"]

_log = logging.getLogger(__name__)

_PEEK_SECONDS = 0.05
_POLL_SECONDS = 0.25
_LOCAL_POLL_SECONDS = 1.0
_LIST_SECONDS = 1.0
_LOOKS_PER_ROUND = 25


class Follower:
    """Keeps ``store`` up to date.

    Live runs are read every ``poll_seconds`` by opening their files anew, as a network share needs it; on a file system
    of this machine their sizes are looked at twenty times a second, and a run is read as soon as one has grown. Folders
    are listed about once a second. A run that is over, or stale, is read once; from then on only its row is kept, and
    the run looked at now and then, in turn, in case it is resumed.

    Args:
        only: show these experiments and no others; None shows all.
        changed: called from the thread with the ids of runs that changed, appeared or went.
        availability_changed: called from the thread when the workspace has gone or come back.
        renewed: called from the thread with a run whose files are not those that were read before, or are gone.
        cache: keeps the rows of runs that are over for the next start; None: nothing is kept.
        poll_seconds: between two looks at a run on a network share; 0.25 by default.

    Attributes:
        available: the workspace can be listed.
    """

    def __init__(
        self,
        root: Path,
        store: RunStore,
        only: Sequence[str] | None,
        changed: Callable[[list[str]], None],
        availability_changed: Callable[[], None],
        renewed: Callable[[str], None],
        cache: SummaryCache | None = None,
        poll_seconds: float | None = None,
    ) -> None:
        self.available = True
        self.poll_seconds = _POLL_SECONDS if poll_seconds is None else poll_seconds
        self._root = root
        self._store = store
        self._poller = Poller(store)
        self._only = None if only is None else {Path(name).as_posix() for name in only}
        self._changed = changed
        self._availability_changed = availability_changed
        self._renewed = renewed
        self._cache = cache
        self._listing = Listing(root)
        self._local = False
        self._turn: list[Entry] = []
        self._loaded = False
        self._sweep: Sweep | None = None
        self._wakeup = threading.Event()
        self._asked: deque[tuple[tuple[str, ...], bool, threading.Event]] = deque()
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
        sweep = self._sweep
        if sweep is not None:
            sweep.stop()
        self._wakeup.set()
        if self._thread.ident is not None:
            self._thread.join(timeout=1.0)  # a dead network share may hold it; it is a daemon

    def look_again(self, ids: Sequence[str] = (), listing: bool = False) -> threading.Event:
        """Look at these runs, and at which runs there are, now and not when their turn comes.

        Returns:
            What is set when that has been done and told; nobody is promised when, on a share that hangs.
        """
        done = threading.Event()
        self._asked.append((tuple(ids), listing, done))
        self._wakeup.set()
        return done

    def look_for_runs(self) -> None:
        """List the folders: runs that appeared are followed, those that went are forgotten."""
        cached = {}
        if self._cache is not None and not self._loaded:
            cached = self._cache.load()
        if not self._swept.is_set() or not self._local:
            self._local = is_local(self._root)
        try:
            appeared, gone = self._listing.look(cached, self._local)
            available = True
        except OSError as error:
            if self.available:
                _log.warning("the workspace %s is not available: %s", self._root, error.strerror)
            available = False
        if available != self.available:
            self.available = available
            if available:
                _log.warning("the workspace %s is back", self._root)
            self._availability_changed()
        if not available:
            return  # what was known stays to be seen
        known = self._store.forget([run_id(relative) for relative in gone])
        for id in known:
            self._renewed(id)
        if known:
            self._changed(known)
        self._loaded = True
        restored = []
        for relative in appeared:
            if self._only is not None and relative.rpartition("/")[0] not in self._only:
                continue
            id = run_id(relative)
            entry = Entry(id, f"{self._root}/{relative}", relative)
            kept = cached.pop(relative, None)
            self._store.entries[id] = entry
            if kept is not None and kept.signature == signature(entry.path):
                entry.restore(kept)
                self._store.quiet[id] = entry
                self._store.note_task(entry)
                restored.append(id)
            else:
                self._store.live[id] = entry
        if restored:
            self._changed(restored)

    def poll_runs(self) -> None:
        """Read what is new of live runs, and look at some of the quiet ones."""
        first = not self._swept.is_set()
        if first:
            self._sweep_through()
        changed = []
        now = time.monotonic()
        for entry in list(self._store.live.values()):
            if self._stopping:
                return
            if first and entry.row:
                continue
            # On a local file system peeking tells of growth; now and then is enough for all else.
            if self._local and entry.polled > now - _LOCAL_POLL_SECONDS and not grown(entry):
                continue
            if self._poller.poll(entry):
                changed.append(entry.id)
            changed = self._tell(changed)
        changed += [entry.id for entry in self._in_turn() if self._look(entry)]
        if changed:
            self._changed(changed)
        self._swept.set()
        self._save(first)

    def _follow(self) -> None:
        list_at = poll_at = 0.0
        while not self._stopping:
            began = time.monotonic()
            asked = [self._asked.popleft() for _ in range(len(self._asked))]
            try:
                if any(listing for _, listing, _ in asked):
                    list_at = poll_at = 0.0
                if began >= list_at:
                    self.look_for_runs()
                    took = time.monotonic() - began
                    # On a slow share or a vast workspace, listing gets at most a twentieth of the time.
                    # One that is away is looked for again soon, however long it took to say so.
                    list_at = time.monotonic() + max(_LIST_SECONDS, min(20 * took, 30.0) if self.available else 0.0)
                self._look_at({id for ids, _, _ in asked for id in ids})
                if began >= poll_at:
                    self.poll_runs()
                    pause = self.poll_seconds
                    poll_at = time.monotonic() + (pause if self._store.live else max(_LIST_SECONDS, pause))
                elif self._local:
                    self._peek()
            except Exception:  # noqa: BLE001 - the thread must live on
                _log.exception("following the workspace failed; trying again")
            for _, _, done in asked:
                done.set()
            now = time.monotonic()
            until = min(list_at, poll_at) - now
            if self._local and self._store.live:
                # However many runs log however fast, requests get three quarters of the time.
                until = min(until, max(_PEEK_SECONDS, 3 * (now - began)))
            self._wakeup.wait(max(0.01, until))
            self._wakeup.clear()

    def _look_at(self, ids: Iterable[str]) -> None:
        """Look at runs that somebody has just done something to."""
        entries = [entry for id in ids if (entry := self._store.entries.get(id)) is not None]
        quiet = self._store.quiet
        changed = [e.id for e in entries if (self._look(e) if e.id in quiet else self._poller.poll(e))]
        if changed:
            self._changed(changed)

    def _sweep_through(self) -> None:
        """Read very many runs together with helpers; what neither they nor this has read then is left without a row."""
        # The oldest of each experiment come first: those are the likeliest to be over.
        runs = {entry.relative: entry for entry in self._store.live.values()}
        helpers = helpers_for(len(runs), len(os.sched_getaffinity(0)))
        if not helpers:
            return
        try:
            sweep = self._sweep = Sweep(self._root, list(runs), helpers, 4 * SETTLE_SECONDS)
        except OSError as error:
            _log.warning("no helper can be started to read runs: %s", error.strerror)
            return
        try:
            changed: list[str] = []
            for batch in sweep.batches():
                if self._stopping:
                    return
                changed += [runs[one].id for one in batch if self._poller.poll(runs[one])]
                changed += [entry.id for kept in sweep.ready() if (entry := self._take(runs, kept)) is not None]
                changed = self._tell(changed)
            for kept in sweep.rest():
                if self._stopping:
                    return
                if (entry := self._take(runs, kept)) is not None:
                    changed = self._tell([*changed, entry.id])
            if changed:
                self._changed(changed)
        finally:
            self._sweep = None
            sweep.close()

    def _take(self, runs: dict[str, Entry], kept: Kept) -> Entry | None:
        """Show a run as a helper has read it."""
        entry = runs.get(kept.relative)
        if entry is None or entry.row:
            return None
        revision = self._store.revision + 1
        entry.restore(kept._replace(revision=revision, row=renumbered(kept.row, kept.revision, revision)))
        entry.kept = False
        self._store.settle(entry)
        self._store.note_task(entry)
        self._store.revision = revision  # afterwards, as in `Poller.poll`
        return entry

    def _tell(self, changed: list[str]) -> list[str]:
        """Show a large workspace while it is still being read: what is yet to be told."""
        if len(changed) < 100:
            return changed
        self._changed(changed)
        return []

    def _peek(self) -> None:
        """Read those live runs whose files have grown, by the word of the local file system."""
        changed = [e.id for e in list(self._store.live.values()) if grown(e) and self._poller.poll(e)]
        if changed:
            self._changed(changed)

    def _in_turn(self) -> list[Entry]:
        if not self._turn:
            self._turn = list(self._store.quiet.values())
        turn = self._turn[-_LOOKS_PER_ROUND:]
        del self._turn[-_LOOKS_PER_ROUND:]
        return turn

    def _look(self, entry: Entry) -> bool:
        """Whether a quiet run has changed; it is followed again then."""
        if entry.id not in self._store.quiet or signature(entry.path) == entry.signature != "":
            return False
        self._store.wake(entry)
        self._renewed(entry.id)
        return self._poller.poll(entry)

    def _save(self, first: bool) -> None:
        """Keep the rows of runs that are over; after the first round all at once, then a few at a time."""
        if self._cache is None or not self.available:
            return
        store = self._store
        new = [e for e in store.quiet.values() if not e.kept and not e.doubtful] if first or store.settled else []
        store.settled = 0
        if new:
            sure = [entry for entry in store.quiet.values() if not entry.doubtful]
            self._cache.add((entry.keep() for entry in new), (entry.keep() for entry in sure), len(sure))
            for entry in new:
                entry.kept = True
