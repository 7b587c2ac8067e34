"""Batches of a dataset, one epoch after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from ailab.data.batches.checks import check_batch_size, check_choice, check_dataset, check_flag, check_whole
from ailab.data.batches.oldrandom import Draws
from ailab.data.batches.order import batch_count, epoch_order
from ailab.data.batches.padding import check_pad
from ailab.data.batches.position import Place, place_of, state_of
from ailab.data.batches.read import Indices, read_batch
from ailab.data.batches.shards import Shard, check_shard, shard_here, shard_of, shard_size
from ailab.data.batches.skipping import Nothing, Thinned
from ailab.data.batches.waiting import Waiting
from ailab.data.recorded import record_use

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
        dataset: anything with ``__len__`` and ``__getitem__``; its length is read once. If it also has
            ``__getitems__(indices)``, that is asked for whole batches; see `ailab.data.Dataset`.
        batch_size: samples per batch, at least 1.
        shuffle: a new order each epoch instead of 0, 1, 2, ...
        seed: 0 .. 2**64 - 1, for the order and for `ailab.data.rng`.
        drop_last: leave out the last batch where it would be smaller.
        shard: (i, n): only part i of n, all of equal length and all from the same order; see
            `ailab.data.batches.shards.shard_of` for what becomes of a rest. None: by torch.distributed if
            that is initialised, else by RANK and WORLD_SIZE if they are set. (0, 1): all of the data.
        pad: samples whose shapes differ are filled up with this value at the ends of their axes, to the largest of
            the batch; or a dict from keys to values, see `ailab.data.batches.padding.padded`. None: different
            shapes are an error.
        on_error: "raise", or "skip": a sample whose reading fails is left out of its batch and counted in
            ``skipped``; a batch of which nothing is left is left out too.

    Attributes:
        waiting: how long the consumer of the iteration begun last has waited for batches.
        after_epoch: called with that after each epoch that was read to its end.

    Raises:
        TypeError, ValueError: an argument is none of these, the dataset is empty, or ``drop_last`` leaves no
            batch.
    """

    def __init__(
        self,
        dataset: Any,
        batch_size: int,
        shuffle: bool = True,
        *,
        seed: int = 0,
        drop_last: bool = False,
        shard: Shard | None = None,
        pad: Any = None,
        on_error: str = "raise",
    ) -> None:
        self.length = check_dataset(dataset)
        self.dataset = dataset
        self.batch_size = check_batch_size(batch_size, "batch_size")
        self.shuffle = check_flag(shuffle, "shuffle")
        self.seed = check_whole(seed, "seed")
        self.drop_last = check_flag(drop_last, "drop_last")
        self.shard = shard_here() if shard is None else check_shard(shard)
        self.samples = shard_size(self.length, self.shard[1], drop_last)
        """The number of samples in an epoch, those of this shard alone."""
        self.pad = check_pad(pad)
        self.on_error = check_choice(on_error, "on_error", ("raise", "skip"))
        self.left_out: list[int] = []  # threads may append at the same time, which they may not to a number
        """The indices of all samples that were left out since the loader was made."""
        self._draws = Draws()
        self.waiting = Waiting()
        self.after_epoch: Callable[[Waiting], object] = _nothing
        self._epoch = 0
        self._start: Place = (0, 0)  # the epoch that begins in its middle, and where
        self._at: Place | None = None  # where the latest iteration is; None: none has begun
        self._count = len(self)  # of the batches that it has
        self._order: tuple[int, npt.NDArray[np.int64]] | None = None
        if len(self) == 0:
            shards = f", {self.shard[1]} shards" if self.shard[1] > 1 else ""
            raise ValueError(
                f"drop_last=True leaves no batch: the dataset has {self.length} samples, "
                f"batch_size={self.batch_size}{shards}"
            )
        record_use(self, dataset)

    def __getstate__(self) -> dict[str, Any]:
        # For a worker process, which needs neither the order nor what belongs to the consumer.
        return {**self.__dict__, "_order": None, "waiting": Waiting(), "after_epoch": _nothing}

    @property
    def skipped(self) -> int:
        """How many samples were left out since the loader was made."""
        return len(self.left_out)

    @property
    def epoch(self) -> int:
        """The epoch of the next iteration, from 0."""
        return self._epoch

    def set_epoch(self, epoch: int) -> None:
        """Make ``epoch`` that of the next iteration; iterations under way keep theirs."""
        self._go(check_whole(epoch, "epoch"), 0)

    def _go(self, epoch: int, position: int) -> None:
        self._epoch = epoch
        self._start = (epoch, position)
        self._at = None

    def first(self, epoch: int) -> int:
        """The number of the first batch to come in ``epoch``: not 0 where a state was loaded."""
        return self._start[1] if self._start[0] == epoch else 0

    def state_dict(self, place: Place | None = None) -> dict[str, Any]:
        """Where the loader is: as many batches into the epoch as the latest iteration has yielded.

        Taken while a batch is in use, its successor is the first to come after `load_state_dict`. Workers
        that are ahead do not count, so their number may be another one then.

        Args:
            place: the epoch and the number of its batches used, for who knows better.
        """
        reached = place or self._at
        if reached is None:
            reached = self._epoch, self.first(self._epoch)
        elif reached[1] >= self._count:
            reached = reached[0] + 1, 0
        return state_of(reached, self._settings)

    def load_state_dict(self, state: Any) -> None:
        """Go on with the batch after those of ``state``; its epoch is then over after the remaining ones.

        Raises:
            TypeError, ValueError: ``state`` does not come from a loader like this one; names what differs.
        """
        self._go(*place_of(state, self._settings))

    @property
    def _settings(self) -> dict[str, Any]:
        """All that decides which samples are in which batch."""
        return {
            "length": self.length,
            "batch_size": self.batch_size,
            "shuffle": self.shuffle,
            "seed": self.seed,
            "drop_last": self.drop_last,
            "shards": self.shard[1],  # not which one: a state saved by rank 0 is good for all
        }

    def __len__(self) -> int:
        """The number of batches in an epoch."""
        return batch_count(self.samples, self.batch_size, self.drop_last)

    def order(self, epoch: int) -> npt.NDArray[np.int64]:
        """The sample indices of ``epoch`` in their order, shape (samples,); do not write to it."""
        kept = self._order
        if kept is None or kept[0] != epoch:
            order = epoch_order(self.length, self.seed, epoch, self.shuffle)
            if self.shard[1] > 1:
                order = shard_of(order, self.shard, self.drop_last)
            kept = self._order = (epoch, order)
        return kept[1]

    def indices(self, number: int, epoch: int | None = None) -> list[int]:
        """The sample indices of batch ``number`` (negative: from the end) of ``epoch`` (None: the current).

        Raises:
            IndexError: there is no such batch.
        """
        count = len(self)
        if not -count <= number < count:
            raise IndexError(f"batch {number} does not exist: an epoch has {count} batches")
        # As Python ints: not every dataset takes NumPy's.
        part: list[int] = self.parts(self._epoch if epoch is None else epoch)(number % count).tolist()
        return part

    def keys(self) -> Iterator[tuple[int, npt.NDArray[np.int64]]]:
        """What `load` takes, of all batches to come in the current epoch: the epoch, and the sample indices."""
        # Arrays: for a dataset that makes whole batches, a list would take longer than the batch.
        epoch = self._epoch
        part = self.parts(epoch)
        return ((epoch, part(number)) for number in range(self.first(epoch), len(self)))

    def parts(self, epoch: int) -> Callable[[int], npt.NDArray[np.int64]]:
        """From the number of a batch of ``epoch`` to its sample indices, int64."""
        size, end = self.batch_size, self.samples
        if not self.shuffle and self.shard[1] == 1:  # no need to keep the numbers of all samples
            return lambda number: np.arange(number * size, min((number + 1) * size, end), dtype=np.int64)
        order = self.order(epoch)
        return lambda number: order[number * size : (number + 1) * size]

    def load(self, indices: Indices, epoch: int) -> Any:
        """One batch of just these samples, with their structure and a leading batch axis.

        It is the dataset's own ``__getitems__`` that makes it, if there is one. The first time that the dataset
        draws from NumPy's or Python's global generators, the batch is read twice, see `Draws`.

        Returns:
            The batch; `Nothing` if all of its samples were left out (``on_error="skip"``).

        Raises:
            Exception: what the dataset or `collate` raises, with a note that names the dataset and the index.
        """
        batch, left_out = self._read(indices, epoch)
        self.left_out += left_out
        return batch

    def load_thinned(self, indices: Indices, epoch: int) -> Any:
        """`load` for somebody else, such as a worker process: what is left out is not noted here.

        Returns:
            The batch; a `Thinned` if samples were left out of it.
        """
        batch, left_out = self._read(indices, epoch)
        return Thinned(batch, left_out) if left_out else batch

    def _read(self, indices: Indices, epoch: int) -> tuple[Any, list[int]]:
        left_out: list[int] = []
        skipped = None if self.on_error == "raise" else left_out

        def read() -> Any:
            left_out.clear()  # it may be read twice
            return read_batch(self.dataset, indices, seed=self.seed, epoch=epoch, pad=self.pad, skipped=skipped)

        return self._draws.read(read), left_out

    def batch(self, number: int, epoch: int | None = None) -> Any:
        """Batch ``number`` of ``epoch`` (None: the current); if nothing is left of it, the next that has something.

        Raises:
            RuntimeError: nothing is left of any batch.
            Exception: see `indices` and `load`.
        """
        epoch = self._epoch if epoch is None else epoch
        batch = self.load(self.indices(number, epoch), epoch)
        for step in range(1, len(self)):
            if batch is not Nothing:
                break
            batch = self.load(self.indices((number + step) % len(self), epoch), epoch)
        if batch is Nothing:
            raise RuntimeError(f'no sample of {type(self.dataset).__qualname__} can be read; see on_error="raise"')
        return batch

    def __iter__(self) -> Iterator[Any]:
        return self.counted(self.load(indices, epoch) for epoch, indices in self.keys())

    def counted(self, batches: Iterable[T], count: int | None = None) -> Iterator[T]:
        """Yield ``batches``, made elsewhere for the current epoch, using the epoch up as `__iter__` does.

        They begin with number `first` of the epoch, which has ``count`` batches in all (None: ``len(self)``).
        """
        epoch = self._epoch
        self._at = (epoch, self.first(epoch))
        self._count = len(self) if count is None else count
        return self._counted(batches, *self._at)

    def _counted(self, batches: Iterable[T], epoch: int, first: int) -> Iterator[T]:
        number = first - 1
        waiting = self.waiting = Waiting()
        for number, batch in enumerate(waiting.measured(batches), first):
            if number == first + 1:
                self._use_up(epoch)
            self._at = (epoch, number + 1)
            if batch is not Nothing:
                yield batch
        if number < first + 1:
            self._use_up(epoch)
        self.after_epoch(waiting)

    def use_up(self, epoch: int, first: int = 0) -> None:
        """Go on to the epoch after ``epoch``, from batch ``first``, unless that was done before."""
        if self._epoch == epoch:
            self._go(epoch + 1, first)

    def _use_up(self, epoch: int) -> None:
        if self._epoch == epoch:
            self._epoch = epoch + 1
