"""What is known of all runs: their rows, which of them are live, and which went."""

import time
from collections import deque
from collections.abc import Container, Iterable
from typing import NamedTuple

from ailab_server.workspace.entry import Entry

__all__ = ["Glance", "RunStore"]

_MOST_GONE = 10_000


class Glance(NamedTuple):
    """What is told of a run without its whole summary."""

    state: str
    task: str | None


class RunStore:
    """All runs by id. One thread changes it, any may ask it.

    Attributes:
        entries: every run.
        live: those that are followed.
        quiet: those that are over, or stale, of which only the row is kept.
        revision: grows with every change of any run.
        settled: so many became quiet since the rows were last kept.
    """

    def __init__(self) -> None:
        self.entries: dict[str, Entry] = {}
        self.live: dict[str, Entry] = {}
        self.quiet: dict[str, Entry] = {}
        # Grows across restarts too, so that a page which was open all the time sees every change.
        self.revision = time.time_ns() // 1_000_000
        self.settled = 0
        self._by_task: dict[str, str] = {}
        self._gone: deque[tuple[int, str]] = deque()
        self._gone_from = self.revision

    def known(self, id: str) -> Entry:
        """A run that has been read; KeyError if there is none of this id."""
        entry = self.entries[id]
        if not entry.row:
            raise KeyError(id)
        return entry

    def rows(self, only: Container[str] | None = None, since: int = -1) -> list[bytes]:
        """The JSON of the summaries of all runs, or some, that changed after a revision; newest first."""
        known = [
            entry
            for entry in list(self.entries.values())
            if entry.row and entry.revision > since and (only is None or entry.id in only)
        ]
        known.sort(key=lambda entry: (entry.created, entry.id), reverse=True)
        return [entry.row for entry in known]

    def removed(self, since: int) -> list[str] | None:
        """The runs that went after a revision; None if that is too long ago to know, or was never."""
        gone = list(self._gone)
        if not self._gone_from <= since <= self.revision:
            return None
        return [id for revision, id in gone if revision > since]

    def row(self, id: str) -> bytes | None:
        """The JSON of one run's summary, or None if there is none of this id."""
        entry = self.entries.get(id)
        return entry.row or None if entry is not None else None

    def glance(self, id: str) -> Glance | None:
        """One run's state and task, or None if there is none of this id."""
        entry = self.entries.get(id)
        return Glance(entry.state, entry.task) if entry is not None and entry.row else None

    def run_of_task(self, task: str) -> str | None:
        """The newest run that names this task as its own."""
        id = self._by_task.get(task)
        return id if id in self.entries else None

    def settle(self, entry: Entry) -> None:
        """Nothing more is expected of a run: keep its row only."""
        entry.reader = None
        entry.streams = {}
        self.live.pop(entry.id, None)
        self.quiet[entry.id] = entry
        self.settled += 1

    def wake(self, entry: Entry) -> None:
        """Follow a quiet run again."""
        del self.quiet[entry.id]
        self.live[entry.id] = entry
        entry.unchanged_since = time.monotonic()

    def note_task(self, entry: Entry) -> None:
        """Remember which task a run that was read belongs to."""
        if entry.task:
            other = self.entries.get(self._by_task.get(entry.task, ""))
            if other is None or other.created <= entry.created:
                self._by_task[entry.task] = entry.id

    def forget(self, gone: Iterable[str]) -> list[str]:
        """Runs went; those among them that were known."""
        known = [id for id in gone if self.entries.pop(id, None) is not None]
        for id in known:
            self.live.pop(id, None)
            self.quiet.pop(id, None)
            self._gone.append((self.revision + 1, id))
            self.revision += 1
        while len(self._gone) > _MOST_GONE:
            self._gone_from = self._gone.popleft()[0]
        if known:
            self._by_task = {task: id for task, id in self._by_task.items() if id in self.entries}
        return known
