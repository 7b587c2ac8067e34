"""How long Keras waits for its batches, as far as can be seen from where it asks for them."""

from __future__ import annotations

import time

from ailab.data.batches.waiting import Waiting

__all__ = ["Pace"]

_SHARE = 0.1  # of the time until a batch comes: what a busy machine adds to anything


class Pace:
    """Fills in a `Waiting`, told when batches are asked for and when they come.

    Attributes:
        waiting: the figures.
        longest: seconds of the longest pause so far from a batch to the request for the next.

    Args:
        stored: who asks is not the training but a thread that keeps a few batches in store for it, as
            TensorFlow's does. As long as the store is full this thread pauses before it asks, and the training
            has what it needs: no time counts as waited for. Otherwise all of the time until the batch comes does, of
            which the training, with its step still to finish, may have waited for less.
    """

    def __init__(self, stored: bool) -> None:
        self.waiting = Waiting()
        self.longest = 0.0
        self._stored = stored
        self._asked = 0.0
        self._came: float | None = None
        self._least = float("inf")  # seconds from one batch to the request for the next: what handing over takes

    @property
    def since(self) -> float:
        """Seconds since the latest batch came; 0 before the first."""
        return 0.0 if self._came is None else time.perf_counter() - self._came

    def asked(self) -> None:
        """A batch is asked for."""
        self._asked = time.perf_counter()

    def came(self) -> None:
        """It is there."""
        now, waiting = time.perf_counter(), self.waiting
        waited, paused = now - self._asked, False
        if self._came is not None:
            between = self._asked - self._came
            waiting.used += between
            self._least = min(self._least, between)
            self.longest = max(self.longest, between)
            paused = self._stored and between > 2 * self._least + _SHARE * waited
        if paused:
            waiting.used += waited
        else:
            waiting.waited += waited
        waiting.batches += 1
        self._came = now
