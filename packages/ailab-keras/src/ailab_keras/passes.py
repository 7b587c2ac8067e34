"""Which of our batches Keras gets, and when an epoch is over. Seen from a PyDataset neither is what it seems.

- ``fit`` shuffles the indices that it asks for, by Python's own random numbers and unless told not to.
  Batches that are already shuffled by sample would come in an order that no seed decides.
- It asks for batches 0 and 1 before training, for their shapes (TensorFlow), or begins an epoch and drops it
  (torch, JAX).
- ``on_epoch_end`` comes once before the first epoch; with ``steps_per_epoch`` also in the middle of a pass.

What can be relied on is that Keras reads ``num_batches`` before the first batch of every pass over the data.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from ailab.data.batches import BatchLoader
from ailab.data.batches.position import Place
from ailab_keras.feed import Feed

__all__ = ["Passes"]


class Passes:
    """Follows Keras' passes over the batches of ``loader`` and moves its epoch on.

    Args:
        loader: whose batches these are.
        feed: makes the `Feed` of a pass.
    """

    def __init__(self, loader: BatchLoader, feed: Callable[[], Feed]) -> None:
        self._loader = loader
        self._make_feed = feed
        self._lock = threading.Lock()  # TensorFlow asks from a thread of its own
        self._feed: Feed | None = None
        self.reset()

    def reset(self) -> None:
        """Forget the pass under way: the epoch was set by hand."""
        with self._lock:
            self._served: dict[int, int] | None = None  # index asked for -> number of the batch given; None: no pass
            self._begun = False
            self._last_end = self._loader.epoch
            self._end_feed()

    def place(self, index: int) -> tuple[Place, Feed | None]:
        """The epoch and the number of the batch to give for ``index``; and where to get it, if Keras trains with it.

        Within Keras' pass the batches come in their own order, whatever the order of the indices. Each index
        has one batch, so that somebody else asking meanwhile takes none away from the training. Outside it is
        ``index``.

        Keras believes that all passes are of one length. One that begins in the middle of an epoch, since a
        state was loaded, therefore goes on into the next.
        """
        with self._lock:
            epoch = self._loader.epoch
            if self._served is None:
                return (epoch, index), None
            number = self._loader.first(epoch) + self._served.setdefault(index, len(self._served))
            more, number = divmod(number, len(self._loader))
            return (epoch + more, number), self._feed if self._begun else None

    def reached(self, batch: int | None) -> Place | None:
        """The epoch and the number of its batches used; None if Keras is not reading.

        ``batch``: that of Keras' callbacks, the last one used; None: all that were given have been.
        """
        with self._lock:
            if not self._begun or self._served is None:
                return None
            epoch = self._loader.epoch
            used = self._loader.first(epoch) + (len(self._served) if batch is None else batch + 1)
            more, number = divmod(used, len(self._loader))
            return epoch + more, number

    def opened(self) -> None:
        """Keras is about to read batches from the start."""
        with self._lock:
            complete = self._close()
            self._served = {}
            self._feed = self._make_feed()
        self._report(complete)

    def begun(self) -> None:
        """Keras' ``on_epoch_begin``: what is read from now on is for an epoch."""
        with self._lock:
            if not self._begun and self._served is not None:
                self._served = {}  # what was read before was for the shapes
            self._begun = True

    def ended(self) -> None:
        """Keras' ``on_epoch_end``, or a user's own."""
        complete: Feed | None = None
        with self._lock:
            if self._served is None:
                if self._loader.epoch == self._last_end:  # else an iteration has moved on already
                    self._loader.use_up(self._last_end)
            elif self._begun and 1 < len(self._served) < len(self._loader):
                return  # steps_per_epoch: Keras goes on with this pass in its next epoch
            else:
                complete = self._close()
                self._served = None
            self._begun = False
            self._last_end = self._loader.epoch
        self._report(complete)

    def _close(self) -> Feed | None:
        """`BatchLoader`'s rule: a pass uses up its epoch once beyond its first batch, or when complete.

        Returns:
            What fed the pass, if it was complete.
        """
        feed = self._end_feed()
        if self._served is None or not self._begun:
            return None
        complete = len(self._served) == len(self._loader)
        if complete or len(self._served) > 1:
            epoch = self._loader.epoch
            self._loader.use_up(epoch, self._loader.first(epoch) if complete else 0)
            self._begun = complete  # an abandoned pass has had its on_epoch_begin for nothing
        return feed if complete else None

    def _end_feed(self) -> Feed | None:
        feed, self._feed = self._feed, None
        if feed is not None:
            feed.close()
        return feed

    def _report(self, feed: Feed | None) -> None:
        if feed is not None:
            self._loader.after_epoch(feed.pace.waiting)
