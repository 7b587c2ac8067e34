"""A slot as its worker sees it: collation makes its arrays right there."""

from __future__ import annotations

import math
import os
import weakref
from collections.abc import Sequence
from typing import Any

import numpy as np

from ailab.data.engine.lease import lease
from ailab.data.engine.memory import Memory, create
from ailab.data.engine.wire import Array, Field

__all__ = ["Arena"]

_ALIGNMENT = 64  # bytes: a cache line, and what vector instructions like
_GROWTH = 1.25  # shapes that vary shall not cost new memory each time


class Arena:
    """Memory for one batch at a time, allocated when the first is known and made larger as needed.

    Args:
        memory: to begin with.
    """

    def __init__(self, memory: Memory | None = None) -> None:
        self._memory = memory
        self._touched = False
        self._lease: weakref.ref[Any] | None = None  # alive while something here refers to the batch before
        self._bytes: Array | None = None
        self._next = 0
        self._given: dict[int, tuple[Array, int]] = {}  # by id: arrays in the slot and where they are

    def begin(self) -> None:
        """Forget the batch before."""
        self._bytes = None
        self._next = 0
        self._given.clear()
        if self._lease is not None and self._lease() is not None:
            # Whoever keeps a batch in the worker, as a transformer with a memory may, keeps its memory as well.
            self._memory = None
        if self._memory is not None:
            self._open(self._memory)

    def take(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
        """A new array in the slot, or in ordinary memory if there is no room."""
        size = math.prod(shape) * dtype.itemsize
        start = self._next
        if self._bytes is None or start + size > len(self._bytes) or dtype.hasobject:
            return np.empty(shape, dtype)
        self._next = _aligned(start + size)
        array: Array = np.ndarray(shape, dtype, self._bytes, start)
        self._given[id(array)] = array, start
        return array

    def place(self, arrays: Sequence[Array]) -> tuple[list[Field], tuple[int, int] | None]:
        """Where ``arrays`` are in the slot; those that are not yet there are copied.

        Returns:
            Offset, dtype and shape of each, and (descriptor, bytes) if the slot has new memory; close the
            descriptor.

        Raises:
            NoSharedMemory: there is none for them.
        """
        fields = [self._field(array) for array in arrays]
        missing = sum(_aligned(array.nbytes) for array, field in zip(arrays, fields, strict=True) if field is None)
        fresh = None
        if self._bytes is None or self._next + missing > len(self._bytes):
            fresh = self._grow(sum(_aligned(array.nbytes) for array in arrays))
            fields = [None] * len(arrays)
        return [field or self._copied(array) for array, field in zip(arrays, fields, strict=True)], fresh

    def end(self) -> None:
        """The batch has been handed over; the caller has let go of its arrays."""
        self._bytes = None
        self._given.clear()

    def _open(self, memory: Memory) -> None:
        if not self._touched:
            memory.touch()
            self._touched = True
        self._bytes = lease(memory, _nothing)
        self._lease = weakref.ref(self._bytes.base)

    def _grow(self, size: int) -> tuple[int, int]:
        size = max(size, 1) if self._memory is None else math.ceil(size * _GROWTH)
        size += -size % os.sysconf("SC_PAGE_SIZE")
        descriptor = create(size)
        # The memory before is not this slot's any more: its last array may go whenever it likes.
        self._memory = Memory(descriptor, size)
        self._touched = False
        self._next = 0
        self._open(self._memory)
        return descriptor, size

    def _field(self, array: Array) -> Field | None:
        """Where ``array`` is in the slot, if it is there in one piece."""
        if self._bytes is None or not array.flags.c_contiguous:
            return None
        if (given := self._given.get(id(array))) is not None:
            return given[1], _name(array.dtype), array.shape
        offset = _address(array) - _address(self._bytes)
        if offset < 0 or offset + array.nbytes > len(self._bytes):
            return None
        return offset, _name(array.dtype), array.shape

    def _copied(self, array: Array) -> Field:
        start = self._next
        self._next = _aligned(start + array.nbytes)
        np.copyto(np.ndarray(array.shape, array.dtype, self._bytes, start), array)
        return start, _name(array.dtype), array.shape


def _nothing() -> None:
    pass


def _address(array: Array) -> int:
    address: int = array.__array_interface__["data"][0]
    return address


def _aligned(size: int) -> int:
    return size + -size % _ALIGNMENT


def _name(dtype: np.dtype[Any]) -> Any:
    # A string is quicker to pickle; one of fields, subarrays or metadata would not be all of the dtype.
    return dtype.str if dtype.isbuiltin == 1 or (dtype.kind in "SUMm" and dtype.names is None) else dtype
