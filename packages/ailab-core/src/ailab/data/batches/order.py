"""Which samples come when: the order of an epoch and its cutting into batches."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ailab.data.randomness import ORDER, generator

__all__ = ["batch_count", "epoch_order"]


def epoch_order(length: int, seed: int, epoch: int, shuffle: bool) -> npt.NDArray[np.int64]:
    """The indices 0 .. length - 1 in the order of ``epoch``, shape (length,); from the arguments alone."""
    if not shuffle:
        return np.arange(length, dtype=np.int64)
    return generator(ORDER, seed, epoch).permutation(np.arange(length, dtype=np.int64))


def batch_count(length: int, batch_size: int, drop_last: bool) -> int:
    """How many batches ``length`` samples make; the last, smaller one counts unless ``drop_last``."""
    return length // batch_size if drop_last else -(-length // batch_size)
