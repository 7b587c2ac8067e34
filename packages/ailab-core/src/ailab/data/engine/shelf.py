"""The slots of workers that have ended, for those that come after them."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Sequence

from ailab.data.engine.ring import Ring

__all__ = ["Shelf"]

KEPT = 30.0  # seconds: the next epoch has begun by then, unless there is a long evaluation, or none


class Shelf:
    """Keeps rings for a while. Getting memory for large batches takes longer than making the first of them."""

    def __init__(self) -> None:
        self._lock = threading.RLock()  # a pool that the garbage collector finds is put here at any time
        self._rings: list[Ring] = []
        self._timer: threading.Timer | None = None

    def __len__(self) -> int:
        return len(self._rings)

    def take(self, count: int) -> list[Ring]:
        """At most ``count`` rings, whose memory a forked process has as well; the others are let go."""
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            rings, self._rings = self._rings[:count], []
            return rings

    def put(self, rings: Sequence[Ring]) -> None:
        """Keep ``rings`` until they are taken, but not for long."""
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
            self._rings.extend(rings)
            # The timer must not keep alive what belongs to a loader that is gone.
            self._timer = threading.Timer(KEPT, _clear, (weakref.ref(self),))
            self._timer.daemon = True
            self._timer.name = "ailab-shelf"
            try:
                self._timer.start()
            except RuntimeError:  # the interpreter is about to end
                self._rings = []

    def __del__(self) -> None:
        timer = getattr(self, "_timer", None)
        if timer is not None:
            timer.cancel()


def _clear(shelf: weakref.ref[Shelf]) -> None:
    found = shelf()
    if found is not None:
        found.take(0)
