"""Random numbers that depend on (seed, epoch, index) and on no worker, framework or order of calls."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence, Sized
from contextlib import contextmanager

import numpy as np

__all__ = ["generator", "reading", "rng", "sampling"]

# What a generator is for. Streams for different purposes never overlap.
SAMPLE = 0
ORDER = 1


def generator(purpose: int, seed: int, epoch: int, index: int = 0) -> np.random.Generator:
    """A new generator for ``purpose`` (`SAMPLE` or `ORDER`); all arguments in 0 .. 2**64 - 1.

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
    made: tuple[int, np.random.Generator] | None = None  # the generator, and of which sample: how many are before


_current = _Current()


def rng() -> np.random.Generator:
    """The random generator of the sample that is being read, for use in ``__getitem__`` and in transformers.

    It depends on the seed, the epoch and the sample's index alone, so that augmentations are the same in
    every framework and for any number of workers. All calls for one sample share one generator: two
    transformers draw different numbers.

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
        current.made = position, generator(SAMPLE, *current.key, current.indices[position])
    return current.made[1]


@contextmanager
def reading(seed: int, epoch: int, indices: Sequence[int], done: Sized) -> Iterator[None]:
    """Within the block, the sample being read is ``indices[len(done)]``; ``done`` is a list that grows.

    So the reading of a sample that uses no random numbers costs nothing here. What was set before comes back
    at the end, so that a dataset may itself read from a loader.
    """
    current = _current
    before = current.key, current.indices, current.done, current.made
    current.key, current.indices, current.done, current.made = (seed, epoch), indices, done, None
    try:
        yield
    finally:
        current.key, current.indices, current.done, current.made = before


@contextmanager
def sampling(seed: int, epoch: int) -> Iterator[Callable[[int], None]]:
    """`reading` sample by sample: call the yielded function with a sample's index before reading that sample."""
    indices: list[int] = []

    def begin(index: int) -> None:
        indices[:] = [index]
        _current.made = None
        _current.key = (seed, epoch)

    with reading(seed, epoch, indices, ()):
        _current.key = None  # until there is a first sample
        yield begin
