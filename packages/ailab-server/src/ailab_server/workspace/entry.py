"""What is kept in memory of each run: once it is over, hardly more than its row of the list."""

import threading
import time
from dataclasses import dataclass, field

from ailab.experiment.record import RunReader
from ailab_server.workspace.kept import Kept
from ailab_server.workspace.row import Row

__all__ = ["Entry"]


@dataclass(slots=True)
class Entry:
    """One run. ``lock`` guards the reader, which routes use while the thread polls it.

    Attributes:
        row: the JSON of its `RunSummary`, empty until it was read.
        reader: what follows it while it is live; None once nothing more is expected.
        signature: of the files as they were when they were last read.
        streams: its stream files and their sizes, by which growth shows.
        unchanged_since: on the monotonic clock.
        kept: the cache has this row.
        doubtful: something could not be read: not for the cache.
    """

    id: str
    path: str
    relative: str
    row: bytes = b""
    created: float = 0.0
    revision: int = 0
    state: str = ""
    task: str | None = None
    reader: RunReader | None = None
    signature: str = ""
    streams: dict[str, int] = field(default_factory=dict)
    unchanged_since: float = field(default_factory=time.monotonic)
    polled: float = 0.0
    kept: bool = False
    doubtful: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)

    def show(self, row: Row) -> None:
        """Take a new row."""
        self.row, self.created, self.revision, self.state, self.task, self.doubtful = row
        self.kept = False

    def keep(self) -> Kept:
        """What the cache keeps of it."""
        return Kept(self.relative, self.signature, self.created, self.revision, self.state, self.task, self.row)

    def restore(self, kept: Kept) -> None:
        """Take over what the cache kept; ``kept.signature`` is that of the files as they are."""
        self.row, self.signature, self.kept = kept.row, kept.signature, True
        self.created, self.revision, self.state, self.task = kept.created, kept.revision, kept.state, kept.task
