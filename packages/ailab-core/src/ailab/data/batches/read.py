"""Reading samples one by one, each with its own random numbers and its index in any error."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeAlias

from ailab.data.randomness import sampling

__all__ = ["read_samples", "reading_by"]

Spread: TypeAlias = Callable[[Callable[[Sequence[int]], list[Any]], Sequence[int]], list[Any]]


class _Here(threading.local):
    """Who reads the samples that this thread asks for; None: this thread itself."""

    spread: Spread | None = None


_here = _Here()


def read_samples(dataset: Any, indices: Sequence[int], *, seed: int, epoch: int) -> list[Any]:
    """``[dataset[index] for index in indices]``, with `ailab.data.rng` set for each.

    Raises:
        Exception: what the dataset raises, as it is, with a note that names the dataset and the index.
    """
    read = partial(_read, dataset, seed, epoch)
    return read(indices) if _here.spread is None else _here.spread(read, indices)


def _read(dataset: Any, seed: int, epoch: int, indices: Sequence[int]) -> list[Any]:
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


@contextmanager
def reading_by(spread: Spread) -> Iterator[None]:
    """Within the block, `read_samples` in this thread is ``spread(read, indices)``.

    It may call ``read`` for parts of the indices in other threads, and gives all samples in the indices' order.
    """
    before = _here.spread
    _here.spread = spread
    try:
        yield
    finally:
        _here.spread = before
