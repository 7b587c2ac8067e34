"""Threads for samples that wait: on a disk, a network, another process."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ailab.data.batches.read import Indices
from ailab.data.batches.spread import reading_by

__all__ = ["chunk_size", "concurrent_batches", "load_with_threads"]

_LEAST = 8  # samples: handing over fewer to a thread costs more than it helps once all threads are busy


def chunk_size(batch_size: int, threads: int) -> int:
    """How many samples of a batch one thread reads: a batch spreads over all threads unless they are many."""
    return min(max(-(-batch_size // threads), _LEAST), batch_size)


def concurrent_batches(batch_size: int, threads: int) -> int:
    """How many batches must be under way for every thread to be busy, and one more."""
    return -(-threads * chunk_size(batch_size, threads) // batch_size) + 1


def load_with_threads(load: Callable[[Indices, int], Any], threads: int) -> Callable[[Indices, int], Any]:
    """``load``, its samples read by ``threads`` threads; may itself be called from several threads.

    ``load`` must read its samples by `read_samples`.
    """
    pool = ThreadPoolExecutor(threads, thread_name_prefix="ailab-samples")

    def spread(read: Callable[[Sequence[int]], list[Any]], indices: Sequence[int]) -> list[Any]:
        size = chunk_size(len(indices), threads)
        chunks = [indices[start : start + size] for start in range(0, len(indices), size)]
        futures = [pool.submit(read, chunk) for chunk in chunks]
        try:
            return [sample for future in futures for sample in future.result()]
        except BaseException:
            for future in futures:
                future.cancel()
            raise

    def load_spread(indices: Indices, epoch: int) -> Any:
        with reading_by(spread):
            return load(indices, epoch)

    return load_spread
