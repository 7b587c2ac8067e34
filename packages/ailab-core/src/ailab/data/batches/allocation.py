"""Where the arrays of a batch are made: in ordinary memory, or where a worker process says."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from ailab.data.batches import blocks

__all__ = ["Allocate", "allocating", "empty"]

Allocate: TypeAlias = Callable[[tuple[int, ...], np.dtype[Any]], npt.NDArray[Any]]


class _Here(threading.local):
    """What this thread makes arrays with."""

    allocate: Allocate = staticmethod(blocks.empty)


_here = _Here()


def empty(shape: tuple[int, ...], dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    """A new array like ``np.empty``'s, for a leaf of a batch; within `allocating` in the memory meant for it."""
    return _here.allocate(shape, dtype)


@contextmanager
def allocating(allocate: Allocate) -> Iterator[None]:
    """Within the block, `empty` is ``allocate`` in this thread."""
    before = _here.allocate
    _here.allocate = allocate
    try:
        yield
    finally:
        _here.allocate = before
