"""Reading the samples of a batch: at once where the dataset can, else one by one, each with its own random numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ailab.data.batches.collate import collate
from ailab.data.batches.whole import checked, whole_reader
from ailab.data.randomness import BATCH, sampling

__all__ = ["Indices", "read_batch", "read_samples"]

Indices = Sequence[int] | npt.NDArray[np.int64]


def read_batch(dataset: Any, indices: Indices, *, seed: int, epoch: int) -> Any:
    """The samples at ``indices``, at least one, as a finished batch by the rules of `collate`.

    ``dataset.__getitems__`` is used where there is one. What it returns is taken as it is, except for two
    things, after which the samples are read one by one: NotImplemented, and a list, which is what torch means
    by this method's name: a list of samples.

    Raises:
        Exception: what the dataset or `collate` raises, with a note that names the dataset and the index.
    """
    reader = whole_reader(dataset)
    if reader is not None:
        batch = _read_whole(dataset, reader, np.asarray(indices, np.int64), seed, epoch)
        if batch is not NotImplemented:
            return batch
    # As Python ints: not every dataset takes NumPy's.
    numbers = indices.tolist() if isinstance(indices, np.ndarray) else indices
    samples = read_samples(dataset, numbers, seed=seed, epoch=epoch)
    try:
        return collate(samples, numbers)
    except (TypeError, ValueError) as error:
        error.add_note(f"while making a batch of {type(dataset).__qualname__}")
        raise


def read_samples(dataset: Any, indices: Sequence[int], *, seed: int, epoch: int) -> list[Any]:
    """``[dataset[index] for index in indices]``, with `ailab.data.rng` set for each.

    Raises:
        Exception: what the dataset raises, as it is, with a note that names the dataset and the index.
    """
    samples = []
    with sampling(seed, epoch) as begin:
        for index in indices:
            begin(index)
            try:
                samples.append(dataset[index])
            except Exception as error:
                error.add_note(f"while reading sample {index} of {type(dataset).__qualname__}")
                raise
    return samples


def _read_whole(dataset: Any, reader: Any, indices: npt.NDArray[np.int64], seed: int, epoch: int) -> Any:
    try:
        with sampling(seed, epoch) as begin:
            begin(int(indices[0]), BATCH)
            batch = reader(indices)
        if batch is NotImplemented or isinstance(batch, list):
            return NotImplemented
        return checked(batch, len(indices))
    except Exception as error:
        some = ", ".join(map(str, indices[:8])) + (", …" if len(indices) > 8 else "")
        error.add_note(f"while reading samples {some} of {type(dataset).__qualname__} at once")
        raise
