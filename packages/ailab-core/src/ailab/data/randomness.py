"""Random numbers that depend on (seed, epoch, index) and on no worker, framework or order of calls."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np

__all__ = ["BATCH", "generator", "reading", "rng", "sampling", "seeding"]

# What a generator is for. Streams for different purposes never overlap.
SAMPLE = 0
ORDER = 1
BATCH = 2


def generator(purpose: int, seed: int, epoch: int, index: int = 0) -> np.random.Generator:
    """A new generator for ``purpose`` (`SAMPLE`, `ORDER` or `BATCH`); all arguments in 0 .. 2**64 - 1.

    Philox is a counter-based generator (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011):
    the arguments are its key and the high half of its counter, so no two of them share numbers.
    """
    key = np.array((seed, epoch), np.uint64)
    counter = np.array((0, 0, index, purpose), np.uint64)
    return np.random.Generator(np.random.Philox(key=key, counter=counter))


class _Sample(threading.local):
    """The sample, or the whole batch, that this thread is reading at the moment."""

    key: tuple[int, int, int, int] | None = None
    made: np.random.Generator | None = None
    seeding = False


_sample = _Sample()


def rng() -> np.random.Generator:
    """The random generator of the sample that is being read, for use in ``__getitem__`` and in transformers.

    It depends on the seed, the epoch and the sample's index alone, so that augmentations are the same in
    every framework and for any number of workers. All calls for one sample share one generator: two
    transformers draw different numbers.

    Where a whole batch is read or transformed at once, all of it shares one generator, which depends on the
    seed, the epoch and the index of the batch's first sample.

    Outside of a batch (``dataset[3]`` typed by hand, say) there is no epoch and no seed: each call then gives
    a new generator seeded by the operating system. The same goes for threads that ``__getitem__`` itself
    starts; draw before handing over to them.
    """
    if _sample.made is None:
        if _sample.key is None:
            return np.random.default_rng()
        # Made only when asked for: most datasets use no random numbers, and making one takes microseconds.
        _sample.made = generator(*_sample.key)
    return _sample.made


def reading() -> tuple[int, int]:
    """The (seed, epoch) of the batch that this thread is making; (0, 0) outside of one."""
    return (0, 0) if _sample.key is None else _sample.key[1:3]


class sampling:
    """Within the block, call what it gives with a sample's index before reading that sample.

    Called with `BATCH` as well, the index is the first one of a batch that is read at once. What was set
    before comes back at the end, so that a dataset may itself read from a loader.
    """

    def __init__(self, seed: int, epoch: int) -> None:
        self._seed, self._epoch = seed, epoch

    def __enter__(self) -> Callable[..., None]:
        self._before = _sample.key, _sample.made
        return self._begin_seeded if _sample.seeding else self._beginner()

    def _beginner(self) -> Callable[..., None]:
        seed, epoch, here = self._seed, self._epoch, _sample

        def begin(index: int, purpose: int = SAMPLE) -> None:
            here.key = (purpose, seed, epoch, index)
            here.made = None

        return begin  # a closure and no method: this is called for every sample

    def _begin_seeded(self, index: int, purpose: int = SAMPLE) -> None:
        self._beginner()(index, purpose)
        # The first bits of `rng`'s generator, which the Mersenne Twister mixes beyond recognition.
        first = int(generator(purpose, self._seed, self._epoch, index).bit_generator.random_raw())
        random.seed(first)
        np.random.seed(first >> 32)  # it takes 32 bits

    def __exit__(self, *error: object) -> None:
        _sample.key, _sample.made = self._before


@contextmanager
def seeding() -> Iterator[None]:
    """Within the block, in this thread, `sampling` also seeds NumPy's and Python's global generators."""
    before = _sample.seeding
    _sample.seeding = True
    try:
        yield
    finally:
        _sample.seeding = before
