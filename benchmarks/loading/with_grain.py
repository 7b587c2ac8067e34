"""grain, batching with the same hand-written function as the others: it would take lists apart."""

from __future__ import annotations

from typing import Any

import grain

from loading.workloads import collate

__all__ = ["make"]


def make(dataset: Any, batch_size: int, threads: int = 0, processes: int = 0) -> Any:
    """``threads`` read ahead in the process, or ``processes`` load batches in turn."""
    samples = grain.MapDataset.source(dataset)
    if processes:
        # Batched before the workers divide them: else each makes batches of every other sample.
        batches = samples.batch(batch_size, batch_fn=_collated).to_iter_dataset(grain.ReadOptions(num_threads=0))
        return batches.mp_prefetch(grain.MultiprocessingOptions(num_workers=processes))
    read = grain.ReadOptions(num_threads=threads, prefetch_buffer_size=4 * threads)
    return samples.to_iter_dataset(read).batch(batch_size, batch_fn=_collated)


def _collated(samples: Any) -> Any:
    return collate(list(samples))
