"""Batches of a dataset, one epoch after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from ailab.data.batches.checks import check_batch_size, check_dataset, check_flag, check_whole
from ailab.data.batches.collate import collate
from ailab.data.batches.order import batch_count, batch_of, epoch_order
from ailab.data.batches.read import read_samples
from ailab.data.batches.waiting import Waiting

__all__ = ["BatchLoader"]

T = TypeVar("T")


def _nothing(waiting: Waiting) -> None:
    pass


class BatchLoader:
    """The batches of ``dataset`` as NumPy arrays: iterate for an epoch, or ask for any one with `batch`.

    For one dataset, batch size, seed and epoch the batches are the same, bit for bit, wherever they are made.

    The epoch is part of the loader: it starts at 0, and an iteration uses it up once it goes beyond its first
    batch or is complete, so that the next one is shuffled anew. A look at the first batch,
    ``next(iter(loader))``, uses up none.

    Args:
        dataset: anything with ``__len__`` and ``__getitem__``; its length is read once.
        batch_size: samples per batch, at least 1.
        shuffle: a new order each epoch instead of 0, 1, 2, ...
        seed: 0 .. 2**64 - 1, for the order and for `ailab.data.rng`.
        drop_last: leave out the last batch where it would be smaller.

    Attributes:
        waiting: how long the consumer of the iteration begun last has waited for batches.
        after_epoch: called with that after each epoch that was read to its end.

    Raises:
        TypeError, ValueError: an argument is none of these, the dataset is empty, or ``drop_last`` leaves no
            batch.
    """

    def __init__(
        self, dataset: Any, batch_size: int, shuffle: bool = True, *, seed: int = 0, drop_last: bool = False
    ) -> None:
        self.length = check_dataset(dataset)
        self.dataset = dataset
        self.batch_size = check_batch_size(batch_size, "batch_size")
        self.shuffle = check_flag(shuffle, "shuffle")
        self.seed = check_whole(seed, "seed")
        self.drop_last = check_flag(drop_last, "drop_last")
        self.waiting = Waiting()
        self.after_epoch: Callable[[Waiting], object] = _nothing
        self._epoch = 0
        self._order: tuple[int, npt.NDArray[np.int64]] | None = None
        if len(self) == 0:
            raise ValueError(
                f"drop_last=True leaves no batch: the dataset has {self.length} samples, batch_size={self.batch_size}"
            )

    def __getstate__(self) -> dict[str, Any]:
        # For a worker process, which needs neither the order nor what belongs to the consumer.
        return {**self.__dict__, "_order": None, "waiting": Waiting(), "after_epoch": _nothing}

    @property
    def epoch(self) -> int:
        """The epoch of the next iteration, from 0."""
        return self._epoch

    def set_epoch(self, epoch: int) -> None:
        """Make ``epoch`` that of the next iteration; iterations under way keep theirs."""
        self._epoch = check_whole(epoch, "epoch")

    def __len__(self) -> int:
        """The number of batches in an epoch."""
        return batch_count(self.length, self.batch_size, self.drop_last)

    def order(self, epoch: int) -> npt.NDArray[np.int64]:
        """The sample indices of ``epoch`` in their order, shape (length,); do not write to it."""
        kept = self._order
        if kept is None or kept[0] != epoch:
            kept = self._order = (epoch, epoch_order(self.length, self.seed, epoch, self.shuffle))
        return kept[1]

    def indices(self, number: int, epoch: int | None = None) -> list[int]:
        """The sample indices of batch ``number`` (negative: from the end) of ``epoch`` (None: the current).

        Raises:
            IndexError: there is no such batch.
        """
        count = len(self)
        if not -count <= number < count:
            raise IndexError(f"batch {number} does not exist: an epoch has {count} batches")
        return batch_of(self.order(self._epoch if epoch is None else epoch), number % count, self.batch_size)

    def load(self, indices: Sequence[int], epoch: int) -> Any:
        """One batch of just these samples, with their structure and a leading batch axis.

        Raises:
            Exception: what the dataset or `collate` raises, with a note that names the dataset and the index.
        """
        samples = read_samples(self.dataset, indices, seed=self.seed, epoch=epoch)
        try:
            return collate(samples, indices)
        except (TypeError, ValueError) as error:
            error.add_note(f"while making a batch of {type(self.dataset).__qualname__}")
            raise

    def batch(self, number: int) -> Any:
        """Batch ``number`` of the current epoch; see `indices` and `load` for what may be raised."""
        epoch = self._epoch
        return self.load(self.indices(number, epoch), epoch)

    def __iter__(self) -> Iterator[Any]:
        epoch = self._epoch
        return self.counted(self.load(self.indices(number, epoch), epoch) for number in range(len(self)))

    def counted(self, batches: Iterable[T]) -> Iterator[T]:
        """Yield ``batches``, made elsewhere for the current epoch, using the epoch up as `__iter__` does."""
        return self._counted(batches, self._epoch)

    def _counted(self, batches: Iterable[T], epoch: int) -> Iterator[T]:
        number = -1
        waiting = self.waiting = Waiting()
        for number, batch in enumerate(waiting.measured(batches)):
            if number == 1:
                self.use_up(epoch)
            yield batch
        if number < 1:
            self.use_up(epoch)
        self.after_epoch(waiting)

    def use_up(self, epoch: int) -> None:
        """Go on to the epoch after ``epoch``, unless ``set_epoch`` or another iteration moved on before."""
        if self._epoch == epoch:
            self._epoch = epoch + 1
