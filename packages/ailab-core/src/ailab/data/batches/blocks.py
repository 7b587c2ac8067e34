"""Memory for large arrays, used again once nobody refers to the array that was in it.

The system hands out large memory page by page as it is first touched, which for a batch of images takes longer
than writing the images. That an array is no longer referred to is known from its base going away: the very
moment at which NumPy would free it. So a consumer may keep batches as long as it likes.

The memory is aligned as frameworks want it: TensorFlow, and at times JAX, take such an array over as a tensor and
copy any other.
"""

from __future__ import annotations

import weakref
from collections import deque
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["empty"]

LEAST = 2**20  # bytes; what is smaller the C library keeps for us
ALIGNMENT = 64  # bytes

# What is free, at most two blocks: the consumer has a batch, the next one is made, and at times both are let go.
# A deque needs no lock, which an array that dies while we hold it could not get.
_free: deque[bytearray] = deque(maxlen=2)
_leases: dict[int, Any] = {}


class _Lease(np.ndarray[Any, Any]):
    """The base of an array in a block.

    NumPy makes the base of a view whatever owns the memory, passing over arrays of the view's own class on the
    way. It stops here, as this is of another class and what is under it, a bytearray, is no array.
    """


def empty(shape: Sequence[int], dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    """``np.empty(shape, dtype)``, possibly where an array of the same size has been."""
    size = dtype.itemsize
    for length in shape:
        size *= length
    if size < LEAST:
        return np.empty(shape, dtype)
    memory = _taken(size)
    start = -np.frombuffer(memory, np.uint8).ctypes.data % ALIGNMENT
    lease = np.ndarray.__new__(_Lease, size, np.uint8, memory, start)
    array: npt.NDArray[Any] = np.ndarray(tuple(shape), dtype, buffer=lease)
    key = id(memory)

    # The defaults are there even while the interpreter ends and takes its modules apart.
    def ended(_: object, free: deque[Any] = _free, leases: dict[int, Any] = _leases) -> None:
        leases.pop(key, None)
        free.append(memory)

    _leases[key] = weakref.ref(lease, ended)
    return array


def _taken(size: int) -> bytearray:
    size += ALIGNMENT - 1
    while True:
        try:
            memory = _free.pop()
        except IndexError:
            return bytearray(size)
        if len(memory) == size:
            return memory
