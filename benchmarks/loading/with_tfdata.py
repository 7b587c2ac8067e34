"""tf.data from a generator of whole batches, collated by hand."""

from __future__ import annotations

from collections.abc import Iterator
from multiprocessing.pool import ThreadPool
from typing import Any

import tensorflow as tf

from loading.workloads import collate

__all__ = ["generator"]


def generator(dataset: Any, batch_size: int, threads: int = 0) -> Any:
    """``threads``: how many read the samples of a batch at a time; 0: none."""
    pool = ThreadPool(threads) if threads else None

    def batches() -> Iterator[Any]:
        for start in range(0, len(dataset), batch_size):
            indices = range(start, start + batch_size)
            yield collate(pool.map(dataset.__getitem__, indices, 1) if pool else [dataset[i] for i in indices])

    features, labels = collate([dataset[0]])
    signature = tuple(
        {key: tf.TensorSpec((batch_size, *value.shape[1:]), value.dtype) for key, value in part.items()}
        for part in (features, labels)
    )
    return tf.data.Dataset.from_generator(batches, output_signature=signature).prefetch(tf.data.AUTOTUNE)
