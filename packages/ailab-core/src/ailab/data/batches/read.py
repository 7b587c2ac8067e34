"""Reading samples one by one, each with its own random numbers and its index in any error."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ailab.data.batches.collate import collate
from ailab.data.batches.rows import Rows
from ailab.data.randomness import reading

__all__ = ["read_batch", "read_samples"]


def read_samples(dataset: Any, indices: Sequence[int], *, seed: int, epoch: int, rows: Rows | None = None) -> list[Any]:
    """``[dataset[index] for index in indices]``, with `ailab.data.rng` set for each.

    Args:
        dataset: what is read.
        indices: Python ints.
        seed: of `ailab.data.rng`.
        epoch: of `ailab.data.rng`.
        rows: where large arrays go as soon as they are read; None leaves the samples alone.

    Raises:
        Exception: what the dataset raises, as it is, with a note that names the dataset and the index.
    """
    samples: list[Any] = []
    rest = iter(indices)
    with reading(seed, epoch, indices, samples):
        try:
            if rows is not None:
                for index in rest:
                    large, sample = rows.begin(dataset[index])
                    samples.append(sample)
                    if not large:
                        break
                    for position, number in enumerate(rest, 1):
                        samples.append(rows.place(dataset[number], position))
            for index in rest:
                samples.append(dataset[index])  # noqa: PERF401 - its length says where the reading is
        except Exception as error:
            error.add_note(f"while reading sample {indices[len(samples)]} of {type(dataset).__qualname__}")
            raise
    return samples


def read_batch(dataset: Any, indices: Sequence[int], *, seed: int, epoch: int) -> Any:
    """``collate(read_samples(...), indices)``, with less copying.

    Raises:
        Exception: what the two raise, with a note that names the dataset.
    """
    rows = Rows(len(indices))
    samples = read_samples(dataset, indices, seed=seed, epoch=epoch, rows=rows)
    try:
        return collate(samples, indices, rows=rows)
    except (TypeError, ValueError) as error:
        error.add_note(f"while making a batch of {type(dataset).__qualname__}")
        raise
