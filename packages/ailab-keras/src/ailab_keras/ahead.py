"""Reading the next batches in threads while the model trains on this one."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from ailab.data.batches import BatchLoader

__all__ = ["ReadAhead"]


class ReadAhead:
    """The batches of ``loader``, asked for one after the other, read by ``workers`` threads in advance."""

    def __init__(self, loader: BatchLoader, workers: int) -> None:
        self._loader = loader
        self._workers = workers
        self._pool: ThreadPoolExecutor | None = None
        self._pending: dict[tuple[int, int], Future[Any]] = {}

    def batch(self, number: int, epoch: int) -> Any:
        """Batch ``number`` of ``epoch``, and a start on those after it.

        Raises:
            Exception: what reading that batch raised.
        """
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self._workers, thread_name_prefix="ailab-batches")
        wanted = range(number, min(number + self._workers + 1, len(self._loader)))
        for key in [key for key in self._pending if key[0] != epoch or key[1] not in wanted]:
            self._pending.pop(key).cancel()
        for ahead in wanted:
            if (epoch, ahead) not in self._pending:
                self._pending[epoch, ahead] = self._pool.submit(self._loader.batch, ahead, epoch)
        return self._pending.pop((epoch, number)).result()
