"""The batches of one pass of Keras, made ahead of it."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterator
from typing import Any

from ailab.data.batches import BatchLoader
from ailab.data.batches.position import Place
from ailab.data.batches.skipping import Nothing
from ailab.data.engine.worker import Key
from ailab_keras.pace import Pace
from ailab_keras.workers import Streams

__all__ = ["Feed"]

_IDLE = 30.0  # seconds
_PATIENCE = 4  # times the longest pause so far: a training of slow steps is no training that has ended


class Feed:
    """Gives batches in order from a stream of ``streams``, which begins with the first that is asked for.

    Any thread may ask, for any batch: one that the stream has left behind is read anew, in this process.

    Keras says nothing about a pass that it gives up, as when training is interrupted, and TensorFlow even keeps the
    data alive for good. So a stream that nobody asks for long is ended; whoever does ask gets a new one.

    Args:
        loader: whose batches these are.
        streams: makes them.
        pace: keeps the time.
    """

    def __init__(self, loader: BatchLoader, streams: Streams, pace: Pace) -> None:
        self.pace = pace
        self._loader = loader
        self._streams = streams
        self._lock = threading.Lock()  # not that of `Passes`: this one is held while a batch is waited for
        self._stream: Iterator[Any] | None = None
        self._timer: threading.Timer | None = None
        self._next = 0  # the place of the batch that the stream gives next, counted through the epochs
        self._end: int | None = None  # the place after the pass
        self._closed = False

    def batch(self, place: Place) -> Any:
        """The batch at ``place``: an epoch and a number in it. If nothing is left of it, the next with something.

        Raises:
            Exception: what reading it raised, in whatever process; `WorkerDied`.
        """
        epoch, number = place
        with self._lock:
            batch = self._streamed(epoch * len(self._loader) + number)
        if batch is None:
            return self._loader.batch(number, epoch)
        if batch is Nothing:
            return self._loader.batch((number + 1) % len(self._loader), epoch)
        return batch

    def close(self) -> None:
        """End the stream with all that works for it, once a batch that is waited for has come."""
        with self._lock:
            self._closed = True
            self._end_stream()

    def _streamed(self, wanted: int) -> Any:
        """The stream's batch at the place ``wanted``; None if the stream does not have it."""
        if self._closed or wanted < self._next:
            return None
        self.pace.asked()
        try:
            if self._stream is None:
                self._begin_stream(wanted)
            batch = None
            while self._next <= wanted:  # more than once only where two threads have overtaken one another
                assert self._stream is not None
                batch = next(self._stream)
                self._next += 1
        except BaseException as error:
            self._closed = True
            self._end_stream()
            if isinstance(error, StopIteration):  # beyond the pass
                return None
            raise
        self.pace.came()
        return batch

    def _begin_stream(self, place: int) -> None:
        self._loader.waiting = self.pace.waiting
        if self._end is None:
            self._end = place + len(self._loader)
        self._stream, self._next = self._streams.stream(_keys(self._loader, place, self._end)), place
        if self._streams.chosen != (0, 1):
            self._watch(_IDLE)

    def _end_stream(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()
        stream, self._stream = self._stream, None
        close = getattr(stream, "close", None)  # not every iterator has one
        if close is not None:
            close()

    def _watch(self, seconds: float) -> None:
        self._timer = threading.Timer(seconds, _end_if_idle, (weakref.ref(self),))
        self._timer.daemon = True
        self._timer.start()

    def _end_if_idle(self) -> None:
        if not self._lock.acquire(blocking=False):  # a batch is being waited for
            self._watch(_IDLE)
            return
        try:
            if self._stream is None:
                return
            left = max(_IDLE, _PATIENCE * self.pace.longest) - self.pace.since
            if left > 0:
                self._watch(left)
            else:
                self._end_stream()
        finally:
            self._lock.release()


def _end_if_idle(feed: weakref.ref[Feed]) -> None:
    # The timer must not be what keeps a stream alive.
    found = feed()
    if found is not None:
        found._end_if_idle()


def _keys(loader: BatchLoader, place: int, end: int) -> Iterator[Key]:
    # No method: the stream would keep the feed alive that is to end it.
    for each in range(place, end):
        epoch, number = divmod(each, len(loader))
        yield epoch, loader.parts(epoch)(number)
