"""What became of a task."""

from __future__ import annotations

import pickle
import warnings
from typing import Any, Protocol

from ailab.data.engine.ring import Ring
from ailab.data.engine.worker import Plain

__all__ = ["FailedResult", "PlainResult", "Result", "SlotResult"]


class Result(Protocol):
    """One of the classes below; call either method, once."""

    def batch(self) -> Any:
        """The batch, or what making it raised."""

    def discard(self) -> None:
        """Nobody wants it."""


class SlotResult:
    """A batch in a slot."""

    def __init__(self, ring: Ring, slot: int, schema: Any) -> None:
        self._ring = ring
        self._slot = slot
        self._schema = schema

    def batch(self) -> Any:
        return self._ring.deliver(self._slot, self._schema)

    def discard(self) -> None:
        self._ring.forget(self._slot)


class PlainResult:
    """A batch that came through the pipe."""

    def __init__(self, message: Plain) -> None:
        self._message = message

    def batch(self) -> Any:
        warnings.warn(
            f"batches go through pipes instead of shared memory, which is slower: {self._message.reason}; "
            "fewer workers, a smaller batch size or prefetch_factor=1 need less",
            RuntimeWarning,
            stacklevel=2,
        )
        return pickle.loads(self._message.batch)  # noqa: S301 - from our own worker

    def discard(self) -> None:
        pass


class FailedResult:
    """An exception."""

    def __init__(self, error: BaseException) -> None:
        self._error = error

    def batch(self) -> Any:
        raise self._error

    def discard(self) -> None:
        pass
