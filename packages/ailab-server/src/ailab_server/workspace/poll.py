"""Reading what is new of one run, and telling when nothing more is to be expected of it."""

import logging
import os
import time

from ailab.experiment.record import RunReader
from ailab_server.workspace import row
from ailab_server.workspace.entry import Entry
from ailab_server.workspace.signature import look, poll_and_look
from ailab_server.workspace.store import RunStore

__all__ = ["SETTLE_SECONDS", "Poller", "grown"]

_log = logging.getLogger(__name__)

SETTLE_SECONDS = 15.0
_OVER = ("finished", "failed", "killed")


class Poller:
    """Brings the runs of ``store`` up to date, one at a time."""

    def __init__(self, store: RunStore) -> None:
        self._store = store

    def poll(self, entry: Entry) -> bool:
        """Read what is new of a run; whether its summary changed. A run of which no more is expected is settled."""
        now = time.monotonic()
        store = self._store
        first = not entry.row
        first_seen = time.time() if first else entry.created
        with entry.lock:
            polled = None if entry.reader is not None else self._first(entry, now)
            if polled is None:
                # Before reading: what changes meanwhile differs from it afterwards.
                _note(entry, *look(entry.path), now)
            entry.polled = now
            reader = entry.reader
            if reader is None:
                reader = entry.reader = RunReader(entry.path)
            try:
                changed = (reader.poll() if polled is None else polled) or first
                run = row.of_run(reader, entry.id, entry.relative, first_seen, store.revision + 1) if changed else None
            except OSError:
                return False  # gone, or not now: the next listing tells
            except Exception:  # noqa: BLE001
                # Whatever a damaged file makes of the reader is this run's trouble and nobody else's.
                _log.exception("reading %s failed; it is shown as damaged", entry.path)
                run = row.unreadable(entry.id, entry.relative, first_seen, store.revision + 1)
                store.settle(entry)
            if run is not None:
                entry.show(run)
                store.revision += 1  # afterwards: whoever reads it first and the rows then misses nothing
            if entry.reader is not None and self._is_quiet(entry, reader, first, now):
                store.settle(entry)
        if run is None:
            return False
        store.note_task(entry)
        return True

    def _first(self, entry: Entry, now: float) -> bool | None:
        """Read a run that is not followed yet, and tell its files apart on the way: whether there was anything.

        None if that does not go in one: `poll` looks first, reads then, and says what is wrong.
        """
        reader = RunReader(entry.path)
        try:
            changed, found, sizes = poll_and_look(reader, entry.path)
        except Exception:  # noqa: BLE001 - it is read again at once, by what tells of it
            return None
        if not found:
            return None
        _note(entry, found, sizes, now)
        entry.reader = reader
        return changed

    def _is_quiet(self, entry: Entry, reader: RunReader, first: bool, now: float) -> bool:
        """Over or stale for so long that no other process of it is still writing its last lines."""
        if entry.state not in (*_OVER, "stale") or not entry.signature:
            return False
        # One that is damaged gets a second chance: its files may have been unreadable for a moment only.
        long_over = (
            first
            and not entry.doubtful
            and reader.updated is not None
            and time.time() - reader.updated > 4 * SETTLE_SECONDS
        )
        return long_over or now - entry.unchanged_since > SETTLE_SECONDS


def _note(entry: Entry, found: str, sizes: dict[str, int], now: float) -> None:
    if found != entry.signature:
        entry.signature, entry.unchanged_since = found, now
        entry.streams = sizes


def grown(entry: Entry) -> bool:
    """Whether the files of a live run have grown since they were read, by the word of the local file system."""
    try:
        return any(os.stat(file, follow_symlinks=False).st_size != size for file, size in entry.streams.items())
    except OSError:
        return True
