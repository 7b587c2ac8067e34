"""Arrays in shared memory that tell when nothing refers to them any more."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from ailab.data.engine.memory import Memory

__all__ = ["Lease", "lease"]


class Lease:
    """The owner of a slot's memory in NumPy's eyes: the base of every array in it, and of their views.

    With the last of them it is freed, and calls ``release``, in whichever thread that is.
    """

    __slots__ = ("__array_interface__", "__weakref__", "_memory", "_release")

    def __init__(self, memory: Memory, release: Callable[[], object]) -> None:
        self._memory = memory
        self._release = release
        self.__array_interface__ = {
            "shape": (memory.size,),
            "typestr": "|u1",
            "data": (memory.address, False),
            "version": 3,
        }

    def __del__(self) -> None:
        self._release()


def lease(memory: Memory, release: Callable[[], object]) -> npt.NDArray[np.uint8]:
    """All bytes of ``memory``, shape (size,); ``release`` is called when neither it nor a view of it is left."""
    # Through __array_interface__ NumPy keeps the very object as base; from a buffer it would keep a memoryview.
    array: npt.NDArray[Any] = np.asarray(Lease(memory, release))
    return array
