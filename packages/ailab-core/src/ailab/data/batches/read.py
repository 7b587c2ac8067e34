"""Reading samples one by one, each with its own random numbers and its index in any error."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Sized
from contextlib import contextmanager
from typing import Any

from ailab.data.batches.collate import collate, collate_columns
from ailab.data.batches.flat import Flat
from ailab.data.batches.rows import Rows
from ailab.data.randomness import reading

__all__ = ["read_batch", "read_samples"]


def read_samples(dataset: Any, indices: Sequence[int], *, seed: int, epoch: int) -> list[Any]:
    """``[dataset[index] for index in indices]``, with `ailab.data.rng` set for each.

    Raises:
        Exception: what the dataset raises, as it is, with a note that names the dataset and the index.
    """
    samples: list[Any] = []
    with reading(seed, epoch, indices, samples), _noting(dataset, indices, samples):
        for index in indices:
            samples.append(dataset[index])  # noqa: PERF401 - its length says where the reading is
    return samples


def read_batch(dataset: Any, indices: Sequence[int], *, seed: int, epoch: int) -> Any:
    """``collate(read_samples(...), indices)``, with less copying.

    Raises:
        Exception: what the two raise, with a note that names the dataset.
    """
    rows = Rows(len(indices))
    samples: list[Any] = []  # of which `reading` needs the length alone: `Flat` keeps something else in it
    rest = iter(indices)
    flat: Flat | None = None
    with reading(seed, epoch, indices, samples), _noting(dataset, indices, samples):
        for first in rest:
            large, sample = rows.begin(dataset[first])
            samples.append(sample)
            if large:
                for position, index in enumerate(rest, 1):
                    samples.append(rows.place(dataset[index], position))
            elif Flat.fits(sample):
                flat = Flat(sample, samples)
                mixed = flat.read(dataset, rest)
                if mixed is not None:
                    flat, samples[:] = None, mixed
            for index in rest:
                samples.append(dataset[index])  # noqa: PERF401
    try:
        if flat is not None:
            return collate_columns(flat.features, flat.labels, indices)
        return collate(samples, indices, rows=rows)
    except (TypeError, ValueError) as error:
        error.add_note(f"while making a batch of {type(dataset).__qualname__}")
        raise


@contextmanager
def _noting(dataset: Any, indices: Sequence[int], done: Sized) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        error.add_note(f"while reading sample {indices[len(done)]} of {type(dataset).__qualname__}")
        raise
