"""A thread that logs what the machine does, with a writer of its own: `log_value` never waits for it."""

from __future__ import annotations

import threading
from collections.abc import Callable

from ailab.experiment.record.layout import RunFolder
from ailab.experiment.record.metric import Keys
from ailab.experiment.record.writer import RecordWriter
from ailab.experiment.system.machine import Machine

__all__ = ["Sampler"]


class Sampler:
    """Logs ``system/...`` metrics every ``seconds``, the first after one such interval.

    Args:
        folder: the run's.
        problem: takes what the file system refuses.
        seconds: between two samples.
        prefix: what the metrics' names begin with; the other machines of a distributed run have one each.
    """

    def __init__(
        self,
        folder: RunFolder,
        problem: Callable[[str, OSError], None],
        seconds: float,
        prefix: str = "system/",
    ) -> None:
        self._folder = folder
        self._problem = problem
        self._seconds = seconds
        self._prefix = prefix
        self._stop = threading.Event()
        self._writer: RecordWriter | None = None
        self._thread = threading.Thread(target=self._work, name="ailab-system", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Log no more; what was logged is on the disk."""
        self._stop.set()
        self._thread.join(timeout=5.0)
        if self._writer is not None and not self._thread.is_alive():
            self._writer.close()

    def abandon(self) -> None:
        """In a forked child, where the thread does not exist."""
        if self._writer is not None:
            self._writer.abandon()

    def _work(self) -> None:
        from ailab.experiment.system.gpu import Gpus

        machine, gpus = Machine(self._folder.path), None
        machine.sample()
        while not self._stop.wait(self._seconds):
            gpus = gpus or Gpus()  # after an interval: loading the driver's library takes a moment
            numbers = machine.sample() | gpus.sample()
            if self._writer is None:
                self._writer = RecordWriter(self._folder, self._problem, alive=False)
            writer = self._writer
            keys = Keys({name: writer.series(self._prefix + name) for name in numbers})
            writer.append_many(keys, numbers, None, {int: float})
