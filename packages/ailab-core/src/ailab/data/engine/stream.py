"""Batches in order, made ahead of their consumer."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import Any

from ailab.data.engine.pool import Pool
from ailab.data.engine.results import Result
from ailab.data.engine.threads import concurrent_batches, load_with_threads
from ailab.data.engine.worker import Failed, Key, Load

__all__ = ["Key", "PoolStream", "Stream", "ThreadStream"]


class Stream(Iterator[Any]):
    """Batches for keys, in the keys' order. An exception, the end or `close` lets go of all that it has begun."""

    def close(self) -> None:
        """No more batches are wanted."""

    def __iter__(self) -> Stream:
        return self

    def __del__(self) -> None:
        self.close()


class PoolStream(Stream):
    """Batches from the worker processes of ``pool``; the work begins at once.

    Args:
        pool: whose batches these are; only one stream at a time may use it.
        keys: which batches; read as far ahead as the workers work.
        keep: leave the pool open when this stream ends.
        timeout: seconds to wait for one batch; 0: for ever.
        patience: as ``timeout``, for the first batch; None: no other.
    """

    def __init__(
        self,
        pool: Pool,
        keys: Iterable[Key],
        *,
        keep: bool = False,
        timeout: float = 0,
        patience: float | None = None,
    ) -> None:
        self._pool: Pool | None = pool
        self._keys = iter(keys)
        self._next_keys: list[Key] = []  # of a task that no worker has taken yet
        self._keep = keep
        self._timeout = timeout
        self._patience = timeout if patience is None else patience
        self._expected: deque[int] = deque()
        self._arrived: dict[int, Result] = {}
        self._ready: deque[Any] = deque()
        pool.forget()
        self._fill()

    @property
    def closed(self) -> bool:
        """Whether the pool may serve another stream."""
        return self._pool is None

    def __next__(self) -> Any:
        if self._pool is None:
            raise StopIteration
        try:
            return self._batch()
        except StopIteration:
            self._end(wait=False)  # the next epoch need not wait for workers that have nothing left to do
            raise
        except BaseException:
            # The traceback keeps this object. Its workers are to end now and not when the error is forgotten.
            self.close()
            raise

    def close(self) -> None:
        self._end(wait=True)

    def _end(self, wait: bool) -> None:
        pool, self._pool = getattr(self, "_pool", None), None
        if pool is None:
            return
        if not pool.closed:  # else nothing is in its slots any more
            for result in self._arrived.values():
                result.discard()
        self._arrived.clear()
        self._ready.clear()
        if self._keep:
            pool.forget()
        else:
            pool.close(wait)

    def _batch(self) -> Any:
        if not self._ready:
            self._ready.extend(self._next_result().batches())
        batch = self._ready.popleft()
        if type(batch) is Failed:
            raise batch.error
        return batch

    def _next_result(self) -> Result:
        assert self._pool is not None
        self._fill()
        timeout, self._patience = self._patience, self._timeout
        deadline = time.monotonic() + timeout if timeout else None
        # Nothing expected but more to come: the workers still have all hands full with what nobody wants.
        while not self._arrived or self._expected[0] not in self._arrived:
            if not self._expected and not self._next_keys:
                raise StopIteration
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left <= 0:
                raise RuntimeError(f"DataLoader timed out after {timeout} seconds: no batch came in that time")
            self._arrived.update(self._pool.receive(left))
            self._fill()
        number = self._expected.popleft()
        self._fill()  # the workers go on while the consumer uses these batches
        return self._arrived.pop(number)

    def _fill(self) -> None:
        """Give the workers as much as they take, but no more than the consumer can be behind."""
        assert self._pool is not None
        while len(self._expected) < self._pool.capacity:
            self._next_keys = self._next_keys or list(islice(self._keys, self._pool.group))
            if not self._next_keys:
                return
            number = self._pool.submit(self._next_keys)
            if number is None:
                return
            self._next_keys = []
            self._expected.append(number)


class ThreadStream(Stream):
    """Batches made by threads of this process; the work begins at once.

    Args:
        load: makes a batch, and reads its samples by `read_samples`.
        keys: which batches.
        threads: to read samples.
        batch_size: samples in a usual batch.
        prefetch: batches in advance, at least.
    """

    def __init__(self, load: Load, keys: Iterable[Key], threads: int, batch_size: int, *, prefetch: int = 2) -> None:
        batches = max(concurrent_batches(batch_size, threads), prefetch)
        self._pool = ThreadPoolExecutor(batches, thread_name_prefix="ailab-batches")
        self._load = load_with_threads(load, threads)
        self._keys = iter(keys)
        self._pending: deque[Future[Any]] = deque()
        for _ in range(batches):
            self._fill()

    def __next__(self) -> Any:
        try:
            if not self._pending:
                raise StopIteration
            batch = self._pending[0].result()
            self._pending.popleft()
        except BaseException:
            self.close()
            raise
        self._fill()
        return batch

    def close(self) -> None:
        pending = getattr(self, "_pending", None)
        if pending is None:
            return
        pending.clear()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _fill(self) -> None:
        key = next(self._keys, None)
        if key is not None:
            epoch, indices = key
            self._pending.append(self._pool.submit(self._load, indices, epoch))
