"""Random numbers that depend on (seed, epoch, index) and on no worker, framework or order of calls."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator, Sequence, Sized
from contextlib import contextmanager

import numpy as np

__all__ = ["BATCH", "epoch_here", "generator", "reading", "rng", "sampling", "seed_globals", "seeded", "seeding"]

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


class _Current(threading.local):
    """What this thread is reading at the moment: the samples ``indices``, of which ``done`` are read."""

    key: tuple[int, int] | None = None  # seed and epoch
    indices: Sequence[int] = ()
    done: Sized = ()
    purpose = SAMPLE
    made: tuple[int, np.random.Generator] | None = None  # the generator, and of which sample: how many are before
    seeding = False


_current = _Current()


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
    current = _current
    if current.key is None:
        return np.random.default_rng()
    position = len(current.done)
    # Made only when asked for: most datasets use no random numbers, and making one takes microseconds.
    if current.made is None or current.made[0] != position:
        current.made = position, generator(current.purpose, *current.key, current.indices[position])
    return current.made[1]


def epoch_here() -> tuple[int, int]:
    """The (seed, epoch) of the batch that this thread is making; (0, 0) outside of one."""
    return _current.key or (0, 0)


class reading:  # in lower case, as what it is used like
    """Within the block, the sample being read is ``indices[len(done)]``; ``done`` is a list that grows.

    So the reading of a sample that uses no random numbers costs nothing here. What was set before comes back
    at the end, so that a dataset may itself read from a loader.

    Args:
        purpose: `BATCH` for a batch that is read at once; all of it has one generator, the first sample's.
    """

    # A class: a generator as a context manager costs as much as reading a batch at once.
    __slots__ = ("_before", "_now")

    def __init__(self, seed: int, epoch: int, indices: Sequence[int], done: Sized, purpose: int = SAMPLE) -> None:
        self._now = (seed, epoch), indices, done, purpose

    def __enter__(self) -> None:
        current = _current
        self._before = current.key, current.indices, current.done, current.purpose, current.made
        current.key, current.indices, current.done, current.purpose = self._now
        current.made = None

    def __exit__(self, *exception: object) -> None:
        current = _current
        current.key, current.indices, current.done, current.purpose, current.made = self._before


def seed_globals(purpose: int, seed: int, epoch: int, index: int) -> None:
    """Seed NumPy's and Python's generators for a sample, or a batch read at once, if this is within `seeding`."""
    if _current.seeding:
        # The first bits of `rng`'s generator, which the Mersenne Twister mixes beyond recognition.
        first = int(generator(purpose, seed, epoch, index).bit_generator.random_raw())
        random.seed(first)
        np.random.seed(first >> 32)  # it takes 32 bits


@contextmanager
def sampling(seed: int, epoch: int) -> Iterator[Callable[..., None]]:
    """`reading` sample by sample: call the yielded function with a sample's index before reading that sample.

    Called with `BATCH` as well, the index is the first one of a batch that is read at once.
    """
    indices: list[int] = []

    def begin(index: int, purpose: int = SAMPLE) -> None:
        indices[:] = [index]
        _current.made = None
        _current.purpose = purpose
        _current.key = (seed, epoch)
        seed_globals(purpose, seed, epoch, index)

    with reading(seed, epoch, indices, ()):
        _current.key = None  # until there is a first sample
        yield begin


def seeded() -> bool:
    """Whether this thread is within `seeding`."""
    return _current.seeding


@contextmanager
def seeding() -> Iterator[None]:
    """Within the block, in this thread, `sampling` also seeds NumPy's and Python's global generators."""
    before = _current.seeding
    _current.seeding = True
    try:
        yield
    finally:
        _current.seeding = before
