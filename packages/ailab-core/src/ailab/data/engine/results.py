"""What became of a task."""

from __future__ import annotations

import math
import pickle
import warnings
from collections.abc import Sequence
from typing import Any, Protocol

from ailab.data.engine.ring import Ring
from ailab.data.engine.wire import join
from ailab.data.engine.worker import Failed, Plain

__all__ = ["FailedResult", "PlainResult", "Result", "SlotResult"]


class Result(Protocol):
    """One of the classes below; call either method, once."""

    def batches(self) -> Sequence[Any]:
        """The batches in order; `Failed` in place of one that could not be made, after which there are no more."""

    def discard(self) -> None:
        """Nobody wants it."""


class SlotResult:
    """Batches in a slot."""

    def __init__(self, ring: Ring, slot: int, schema: Any) -> None:
        self._ring = ring
        self._slot = slot
        self._schema = schema

    @property
    def size(self) -> int:
        """How many bytes the arrays take."""
        return sum(dtype.itemsize * math.prod(shape) for _, dtype, shape in self._schema[1])

    def batches(self) -> Sequence[Any]:
        made: Sequence[Any] = self._ring.deliver(self._slot, self._schema)
        return made

    def discard(self) -> None:
        self._ring.forget(self._slot)


class PlainResult:
    """Batches that came through the pipe."""

    def __init__(self, message: Plain) -> None:
        self._message = message

    def batches(self) -> Sequence[Any]:
        warnings.warn(
            f"batches go through pipes instead of shared memory, which is slower: {self._message.reason}; "
            "fewer workers, a smaller batch size or prefetch_factor=1 need less",
            RuntimeWarning,
            stacklevel=2,
        )
        made: Sequence[Any] = join(*pickle.loads(self._message.batches))  # noqa: S301 - from our own worker
        return made

    def discard(self) -> None:
        pass


class FailedResult:
    """An exception instead of all batches."""

    def __init__(self, message: Failed) -> None:
        self._message = message

    def batches(self) -> Sequence[Any]:
        return [self._message]

    def discard(self) -> None:
        pass
