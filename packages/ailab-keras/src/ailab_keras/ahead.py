"""Making the next batches while the model trains on this one."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

from ailab.data.batches import BatchLoader
from ailab.data.engine.runner import Runner, Workers

__all__ = ["ReadAhead"]


class ReadAhead:
    """The batches of ``loader`` by their numbers; asked for one after the other, they are there in advance.

    Whoever asks for another batch in between gets it, made in this process, and disturbs nobody.
    """

    def __init__(self, loader: BatchLoader, workers: Workers) -> None:
        self._loader = loader
        self._runner = Runner(loader, workers)
        self._lock = threading.Lock()  # TensorFlow asks from threads of its own
        self._stream: Iterator[Any] | None = None
        self._next = (0, 0)  # the epoch and the number of the stream's next batch

    @property
    def chosen(self) -> tuple[int, int] | None:
        """As `Runner.chosen`."""
        return self._runner.chosen

    def begin(self) -> None:
        """A pass over the current epoch is about to begin."""
        # Here, in Keras' main thread: a fork from one of TensorFlow's would be one more thing to go wrong.
        with self._lock:
            self._start(self._loader.epoch)

    def batch(self, number: int) -> Any:
        """Batch ``number`` of the current epoch.

        Raises:
            Exception: what making that batch raised.
        """
        epoch = self._loader.epoch
        with self._lock:
            if number == 0 and self._next != (epoch, 0):
                self._start(epoch)
            if self._stream is not None and self._next == (epoch, number):
                return self._take(epoch, number)
        return self._loader.load(self._loader.indices(number, epoch), epoch)

    def _start(self, epoch: int) -> None:
        if self._stream is not None and self._next == (epoch, 0):
            return
        self._stream = None  # before the new one: its workers are to be free
        keys = ((epoch, self._loader.indices(number, epoch)) for number in range(len(self._loader)))
        self._stream = self._runner.stream(keys)
        self._next = epoch, 0

    def _take(self, epoch: int, number: int) -> Any:
        assert self._stream is not None
        try:
            batch = next(self._stream)
        except BaseException:
            self._stream = None
            raise
        self._next = epoch, number + 1
        if number + 1 == len(self._loader):
            self._stream = None
        return batch
