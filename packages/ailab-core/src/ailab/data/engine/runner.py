"""The batches of a loader, made by as many processes and threads as the user said, or as pay."""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any, Literal, TypeAlias

from ailab import current
from ailab.data.batches import BatchLoader
from ailab.data.batches.checks import check_batch_size, check_whole
from ailab.data.batches.skipping import noted
from ailab.data.batches.waiting import Waiting
from ailab.data.engine.advice import advice
from ailab.data.engine.auto import Measured, choose, measure
from ailab.data.engine.pool import Pool
from ailab.data.engine.shelf import Shelf
from ailab.data.engine.stream import PoolStream, Stream, ThreadStream
from ailab.data.engine.threads import concurrent_batches
from ailab.data.engine.trial import Sight, Trial
from ailab.data.engine.worker import Initialize, Key

__all__ = ["Count", "Runner", "Workers", "check_count"]

_PREFETCH = 2  # batches, or groups of such as are quickly made, in advance
_MOST = 16  # batches of a group
_PATIENCE = 10.0  # seconds for the first batch of workers that nobody has asked for, and as many batches

Count: TypeAlias = int | Literal["auto"]


def check_count(value: Any, argument: str) -> Count:
    """``value`` as an int of at least 0, or "auto"; else a TypeError or ValueError that names ``argument``."""
    return "auto" if isinstance(value, str) and value == "auto" else check_whole(value, argument)


@dataclass(frozen=True)
class Workers:
    """Who makes batches.

    Attributes:
        processes: 0: this process. "auto": measured with the first batch.
        threads: that read samples, in this process or in each worker.
        context: how processes start, see `Pool`.
        prefetch: batches in advance, for each worker; None: what is best.
        timeout: seconds to wait for a batch from a worker; 0: for ever.
        persistent: workers live on from one stream to the next.
        initialize: see `Pool`.
    """

    processes: Count = "auto"
    threads: int = 1
    context: Any = None
    prefetch: int | None = None
    timeout: float = 0
    persistent: bool = False
    initialize: Initialize | None = None

    def __post_init__(self) -> None:
        check_count(self.processes, "processes")
        check_batch_size(self.threads, "threads_per_worker")


class Runner:
    """Makes streams of the batches of ``loader``, by ``workers``."""

    def __init__(self, loader: BatchLoader, workers: Workers) -> None:
        self._loader = loader
        self._load = loader.load if loader.on_error == "raise" else loader.load_thinned
        self._workers = workers
        self._chosen: tuple[int, int] | None = None
        self._pool: Pool | None = None
        self._shelf = Shelf()
        self._stream: weakref.ref[PoolStream] | None = None
        if workers.processes != "auto":
            self._chosen = workers.processes, workers.threads

    @property
    def chosen(self) -> tuple[int, int] | None:
        """The number of processes and of threads in each; None as long as "auto" has not measured."""
        return self._chosen

    def stream(self, keys: Iterable[Key]) -> Iterator[Any]:
        """The batches for ``keys``, in their order; with threads or processes the work begins at once.

        What is left out of a batch the loader notes as the batch is taken, whoever made it and however far ahead.
        """
        batches = self._begin(keys)
        return batches if self._loader.on_error == "raise" else noted(batches, self._loader.left_out)

    def _begin(self, keys: Iterable[Key]) -> Iterator[Any]:
        keys = iter(keys)
        load = self._load
        if self._chosen == (0, 1):
            return (load(indices, epoch) for epoch, indices in keys)
        first = next(keys, None)
        if first is None:
            return iter(())
        keys = chain((first,), keys)
        size = max(len(first[1]), 1)  # a batch sampler may have other ideas than the loader
        if self._chosen is not None:
            return self._open(keys, size)
        measured = self._measure(first)
        cost = measured.cost
        self._chosen = self._choose(measured, size)
        if cost is None or self._chosen == (0, 1):
            return self._open(keys, size)
        patience = max(_PATIENCE, cost.wall * size * _PATIENCE)
        sight = Sight(None, whole=False) if self._loader.pad is not None else measured.sight
        return Trial(lambda keys: self._open_workers(iter(keys), size, patience), keys, load, sight, self._stay)

    def _open(self, keys: Iterator[Key], size: int) -> Iterator[Any]:
        if self._chosen == (0, 1):
            return (self._load(indices, epoch) for epoch, indices in keys)
        return self._open_workers(keys, size)

    def _open_workers(self, keys: Iterator[Key], size: int, patience: float | None = None) -> Stream:
        assert self._chosen is not None
        processes, threads = self._chosen
        if not processes:
            prefetch = self._workers.prefetch or _PREFETCH
            return ThreadStream(self._load, keys, threads, size, prefetch=prefetch)
        before = self._stream() if self._stream is not None else None
        # Persistent workers serve one stream at a time; a second at the same time gets workers of its own.
        keep = self._workers.persistent and (before is None or before.closed)
        pool = self._kept(processes, threads, size) if keep else self._pool_of(processes, threads, size)
        stream = PoolStream(pool, keys, keep=keep, timeout=self._workers.timeout, patience=patience)
        if keep:
            self._stream = weakref.ref(stream)
        return stream

    def _stay(self) -> None:
        """Workers that were chosen do not work."""
        self._chosen = 0, 1

    def report(self, waiting: Waiting) -> None:
        """Tell the run in progress, if any, how long an epoch of these batches was waited for, and what would help."""
        current.note_waiting(waiting.fraction, None if self._chosen is None else advice(waiting, *self._chosen))

    def close(self) -> None:
        """End persistent workers."""
        if self._pool is not None:
            self._pool.close()

    def _measure(self, first: Key) -> Measured:
        epoch, indices = first
        return measure(self._load, indices, epoch)

    def _choose(self, measured: Measured, size: int) -> tuple[int, int]:
        loader, context = self._loader, self._workers.context
        processes, threads = choose(
            loader.dataset, measured.cost, loader.samples, size, context=context, same=measured.same
        )
        return processes, max(threads, self._workers.threads)

    def _kept(self, processes: int, threads: int, size: int) -> Pool:
        if self._pool is None or self._pool.closed:
            self._pool = self._pool_of(processes, threads, size)
        return self._pool

    def _pool_of(self, processes: int, threads: int, size: int) -> Pool:
        return Pool(
            self._load,
            processes,
            context=self._workers.context,
            threads=threads,
            prefetch=self._workers.prefetch or _PREFETCH,
            most=_MOST if self._workers.prefetch is None else 1,
            initialize=self._workers.initialize,
            concurrent=concurrent_batches(size, threads) if threads > 1 else 1,
            shelf=self._shelf,
        )
