"""The runs of one workspace: the store of what is known, the thread that follows them, and what their files hold."""

from collections.abc import Callable, Container, Iterator, Sequence
from pathlib import Path
from threading import Event

import numpy as np
import numpy.typing as npt

from ailab_server.models import RunDetail, RunSummary
from ailab_server.workspace.cache import SummaryCache
from ailab_server.workspace.contents import RunContents
from ailab_server.workspace.follower import Follower
from ailab_server.workspace.series import Axis
from ailab_server.workspace.store import Glance, RunStore

__all__ = ["Workspace"]


class Workspace:
    """The runs below ``root``, as a thread of its own sees them; the arguments are those of `Follower`.

    What is known of all runs is answered from memory at once (`RunStore`). What needs their files is read when asked
    (`RunContents`), which is slow: not for the event loop.
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
        self.store = RunStore()
        self.contents = RunContents(root, self.store)
        self.follower = Follower(
            root, self.store, only, changed, availability_changed, self.contents.forget, cache, poll_seconds
        )

    def start(self) -> None:
        """Begin to follow."""
        self.follower.start()

    def wait_until_read(self, seconds: float) -> bool:
        """Wait until every run has been read once; False if that takes longer."""
        return self.follower.wait_until_read(seconds)

    def close(self) -> None:
        """Stop following."""
        self.follower.close()

    @property
    def available(self) -> bool:
        """The workspace can be listed."""
        return self.follower.available

    def look_again(self, ids: Sequence[str] = (), listing: bool = False) -> Event:
        """Look at these runs, and at which runs there are, now and not when their turn comes.

        Returns:
            What is set when that has been done and told; nobody is promised when, on a share that hangs.
        """
        return self.follower.look_again(ids, listing)

    def folder(self, id: str) -> Path:
        """Where a run lies.

        Raises:
            KeyError: no such run.
        """
        return Path(self.store.known(id).path)

    def places(self) -> dict[str, str]:
        """Id → the folder of each run that is shown."""
        return {entry.id: entry.path for entry in list(self.store.entries.values()) if entry.row}

    @property
    def revision(self) -> int:
        """Grows with every change of any run."""
        return self.store.revision

    def rows(self, only: Container[str] | None = None, since: int = -1) -> list[bytes]:
        """The JSON of the summaries of all runs, or some, that changed after a revision; newest first."""
        return self.store.rows(only, since)

    def removed(self, since: int) -> list[str] | None:
        """The runs that went after a revision; None if that is too long ago to know, or was never."""
        return self.store.removed(since)

    def row(self, id: str) -> bytes | None:
        """The JSON of one run's summary, or None if there is none of this id."""
        return self.store.row(id)

    def glance(self, id: str) -> Glance | None:
        """One run's state and task, or None if there is none of this id."""
        return self.store.glance(id)

    def summaries(self) -> list[RunSummary]:
        """All runs, newest first."""
        return [RunSummary.model_validate_json(row) for row in self.rows()]

    def summary(self, id: str) -> RunSummary | None:
        """One run, or None if there is none of this id."""
        row = self.row(id)
        return None if row is None else RunSummary.model_validate_json(row)

    def run_of_task(self, task: str) -> str | None:
        """The newest run that names this task as its own."""
        return self.store.run_of_task(task)

    def detail(self, id: str) -> RunDetail:
        """One run in full.

        Raises:
            KeyError: no such run.
            OSError: its files cannot be read.
        """
        return self.contents.detail(id)

    def latest(self, id: str) -> dict[str, float]:
        """The newest value of each of a run's metrics.

        Raises:
            KeyError: no such run.
            OSError: its files cannot be read.
        """
        return self.contents.latest(id)

    def values(self, id: str, metrics: Sequence[str]) -> dict[str, npt.NDArray[np.float64]]:
        """Steps, times and values of some metrics, shape (3, n) each.

        Raises:
            KeyError: no such run.
            NoSuchMetric: the run has no such metric.
            OSError: the files cannot be read.
        """
        return self.contents.values(id, metrics)

    def parts(
        self, ids: Sequence[str], metrics: Sequence[str], axis: Axis, low: float | None, high: float | None
    ) -> Iterator[tuple[str, str, npt.NDArray[np.float64]]]:
        """x and values, shape (2, n), of some metrics of some runs, as (run, metric, x and values).

        What is not there, a run, a metric of it, or its files at the moment, is left out.
        """
        return self.contents.parts(ids, metrics, axis, low, high)

    def image(self, id: str, image: str) -> bytes:
        """The bytes of one image.

        Raises:
            KeyError: no such run or image.
            OSError: its file is gone, or is none.
            FileTooLarge: it is larger than 32 MiB.
        """
        return self.contents.image(id, image)

    def log_tail(self, id: str, limit: int) -> tuple[str, int]:
        """The last ``limit`` bytes of a run's output, and how many there are; empty without any.

        Raises:
            KeyError: no such run.
            OSError: the workspace is away.
        """
        try:
            return self.contents.log_tail(id, limit)
        except OSError:
            if not self.available:
                raise
            return "", 0
