"""Reading the samples of a batch: at once where the dataset can, else one by one, each with its own random numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Sized
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from ailab.data.batches.collate import collate, collate_columns
from ailab.data.batches.flat import flat
from ailab.data.batches.padding import padded
from ailab.data.batches.rows import Rows
from ailab.data.batches.skipping import Nothing
from ailab.data.batches.spread import spread_here
from ailab.data.batches.whole import checked, whole_reader
from ailab.data.randomness import BATCH, reading, sampling, seed_globals, seeded

__all__ = ["Indices", "read_batch", "read_samples"]

Indices = Sequence[int] | npt.NDArray[np.int64]


def read_batch(
    dataset: Any, indices: Indices, *, seed: int, epoch: int, pad: Any = None, skipped: list[int] | None = None
) -> Any:
    """The samples at ``indices``, at least one, as a finished batch by the rules of `collate`.

    ``dataset.__getitems__`` is used where there is one. What it returns is taken as it is, except for two
    things, after which the samples are read one by one: NotImplemented, and a list, which is what torch means
    by this method's name: a list of samples.

    Args:
        pad: samples whose shapes differ are filled up with it, see `padded`; None: they are an error.
        skipped: if given, samples whose reading fails are left out and their indices appended here, and
            `Nothing` is returned if no sample is left.

    Raises:
        Exception: what the dataset or `collate` raises, with a note that names the dataset and the index.
    """
    reader = whole_reader(dataset)
    if reader is not None:
        try:
            batch = _read_whole(dataset, reader, np.asarray(indices, np.int64), seed, epoch)
        except Exception:
            if skipped is None:
                raise
            batch = NotImplemented  # one by one it will turn out which of them it was
        if batch is not NotImplemented:
            return batch
    # As Python ints: not every dataset takes NumPy's.
    numbers = indices.tolist() if isinstance(indices, np.ndarray) else indices
    if pad is None and skipped is None and not seeded() and spread_here() is None:
        return _read_and_collate(dataset, numbers, seed, epoch)
    if skipped is None:
        samples = read_samples(dataset, numbers, seed=seed, epoch=epoch)
    else:
        samples, numbers = _read_good_samples(dataset, numbers, seed, epoch, skipped)
        if not samples:
            return Nothing
    with _noting_batch(dataset):
        return _collated(samples, numbers, pad)


def read_samples(dataset: Any, indices: Sequence[int], *, seed: int, epoch: int) -> list[Any]:
    """``[dataset[index] for index in indices]``, with `ailab.data.rng` set for each.

    Raises:
        Exception: what the dataset raises, as it is, with a note that names the dataset and the index.
    """
    spread = spread_here()
    if spread is None or seeded():  # the global generators can serve one sample at a time
        return _read(dataset, seed, epoch, indices)
    return spread(partial(_read, dataset, seed, epoch), indices)


def _read(dataset: Any, seed: int, epoch: int, indices: Sequence[int]) -> list[Any]:
    samples: list[Any] = []
    if seeded():
        with sampling(seed, epoch) as begin, _noting(dataset, indices, samples):
            for index in indices:
                begin(index)
                samples.append(dataset[index])
        return samples
    with reading(seed, epoch, indices, samples), _noting(dataset, indices, samples):
        for index in indices:
            samples.append(dataset[index])  # noqa: PERF401 - its length says where the reading is
    return samples


def _read_and_collate(dataset: Any, indices: Sequence[int], seed: int, epoch: int) -> Any:
    """``collate(read_samples(...), indices)``, with less copying."""
    rows = Rows(len(indices))
    samples: list[Any] = []  # of which `reading` needs the length alone: `Flat` keeps something else in it
    rest = iter(indices)
    apart = None
    with reading(seed, epoch, indices, samples), _noting(dataset, indices, samples):
        for first in rest:
            large, sample = rows.begin(dataset[first])
            samples.append(sample)
            if large:
                for position, index in enumerate(rest, 1):
                    samples.append(rows.place(dataset[index], position))
            elif (apart := flat(sample, samples)) is not None:
                mixed = apart.read(dataset, rest)
                if mixed is not None:
                    apart, samples[:] = None, mixed
            for index in rest:
                samples.append(dataset[index])  # noqa: PERF401
    with _noting_batch(dataset):
        if apart is not None:
            return collate_columns(*apart.columns(), indices)
        return collate(samples, indices, rows=rows)


def _collated(samples: list[Any], numbers: Sequence[int], pad: Any) -> Any:
    if pad is None:
        return collate(samples, numbers)
    try:
        return collate(samples, numbers)
    except ValueError:
        # Tried first, as looking at all shapes costs more than collating equal ones. If it was not the shapes,
        # the same error comes again.
        return collate(padded(samples, pad), numbers)


def _read_good_samples(
    dataset: Any, indices: Sequence[int], seed: int, epoch: int, skipped: list[int]
) -> tuple[list[Any], list[int]]:
    samples, good = [], []
    for index in indices:
        try:
            samples += read_samples(dataset, [index], seed=seed, epoch=epoch)
            good.append(index)
        except Exception:  # noqa: BLE001 - whatever it was, the user asked for it to be passed over
            skipped.append(index)
    return samples, good


def _read_whole(dataset: Any, reader: Any, indices: npt.NDArray[np.int64], seed: int, epoch: int) -> Any:
    try:
        first = int(indices[0])
        with reading(seed, epoch, (first,), (), BATCH):
            seed_globals(BATCH, seed, epoch, first)
            batch = reader(indices)
        if batch is NotImplemented or isinstance(batch, list):
            return NotImplemented
        return checked(batch, len(indices))
    except Exception as error:
        some = ", ".join(map(str, indices[:8])) + (", …" if len(indices) > 8 else "")
        error.add_note(f"while reading samples {some} of {type(dataset).__qualname__} at once")
        raise


@contextmanager
def _noting(dataset: Any, indices: Sequence[int], done: Sized) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        error.add_note(f"while reading sample {indices[len(done)]} of {type(dataset).__qualname__}")
        raise


@contextmanager
def _noting_batch(dataset: Any) -> Iterator[None]:
    try:
        yield
    except (TypeError, ValueError) as error:
        error.add_note(f"while making a batch of {type(dataset).__qualname__}")
        raise
