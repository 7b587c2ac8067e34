"""What workers leave behind: their slots for those that come after them, and their end to be awaited."""

from __future__ import annotations

import os
import sys
import threading
import weakref
from collections.abc import Sequence
from multiprocessing.process import BaseProcess

from ailab.data.engine.ring import Ring

__all__ = ["Shelf"]

KEPT = 30.0  # seconds: the next epoch has begun by then, unless there is a long evaluation, or none


class Shelf:
    """Keeps rings for a while. Getting memory for large batches takes longer than making the first of them."""

    def __init__(self) -> None:
        self._lock = threading.RLock()  # a pool that the garbage collector finds is put here at any time
        self._rings: list[Ring] = []
        self._leaving: list[tuple[int, BaseProcess]] = []  # whose children, and they
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
            self._leaving = [(owner, process) for owner, process in self._leaving if not _gone(owner, process)]
            return rings

    def put(self, rings: Sequence[Ring], leaving: Sequence[BaseProcess] = ()) -> None:
        """Keep ``rings`` until they are taken, but not for long; ``leaving`` are processes that were told to end."""
        # What is left over when the interpreter ends is closed then, and until Python 3.12 a thread that is started
        # that late never begins, which its starter would await for ever.
        if sys.is_finalizing():
            return
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
            self._rings.extend(rings)
            self._leaving.extend((os.getpid(), process) for process in leaving)
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


def _gone(owner: int, process: BaseProcess) -> bool:
    """Whether ``process`` has ended; if so, its descriptors are given back, and its number to the system."""
    if owner != os.getpid():  # a fork has copied this object: not its child
        return True
    if process.is_alive():
        return False
    process.close()
    return True


def _clear(shelf: weakref.ref[Shelf]) -> None:
    found = shelf()
    if found is not None:
        found.take(0)
