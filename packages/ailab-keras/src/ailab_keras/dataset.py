"""A Dataset as a Keras PyDataset (which is also called Sequence)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras

from ailab.data.batches import BatchLoader
from ailab.data.defaults import batch_size_or_default
from ailab.data.engine.runner import Count, Workers, check_count
from ailab.data.engine.start import context_of
from ailab_keras.ahead import ReadAhead
from ailab_keras.passes import Passes

__all__ = ["BatchedKerasDataset"]


class BatchedKerasDataset(keras.utils.PyDataset):  # type: ignore[misc]  # Keras has no types
    """Batches of a dataset for ``fit``, ``evaluate`` and ``predict``, on any backend.

    The batches are those of `ailab.data.batches.BatchLoader`, the same in every framework, bit for bit, for
    the same seed and epoch; they are NumPy arrays, which Keras makes tensors of. Their order is ours also in
    ``fit``, whose own ``shuffle=True`` (its default) would put them in one that no seed decides.

    Each pass over the data is an epoch of its own, counted from 0 (``epoch``, ``set_epoch``). It is used up
    once the pass goes beyond its first batch or is complete. Keras' looks at the data before training use up
    none, with one exception: on the torch and JAX backends, a model that ``fit`` must build and data of a
    single batch.

    During Keras' passes the next batches are made in advance, by worker processes, by threads or, where both would
    cost more than they bring, in this process; which of them is measured with the first batch
    (``workers="auto"``). Keras' own ``workers`` and ``use_multiprocessing`` have nothing left to do. Processes are
    forked for each pass, see the dataset as it is then, and end with it. A dataset that itself uses TensorFlow,
    torch or JAX needs ``multiprocessing_context="spawn"``, as none of them survives a fork; such processes take
    long to start and live as long as this object.

    Batches of worker processes are in memory shared with them, which is used again once nothing refers to a
    batch's arrays: keeping and changing them is safe, and whoever keeps more than a few gets copies. TensorFlow
    and Keras' torch backend copy what they are given; ``tf.experimental.dlpack`` and ``torch.from_numpy`` do not.

    Args:
        dataset: anything with ``__len__`` and ``__getitem__``.
        batch_size: samples per batch; if left out, ``train.batch_size`` of the Config in use, else 1.
        shuffle: a new order of the samples each epoch.
        seed: 0 .. 2**64 - 1, for the order and for `ailab.data.rng`.
        drop_last: leave out the last batch where it would be smaller.
        workers: processes that make batches in advance; 0: none but this one; "auto": what the first batch suggests.
        threads_per_worker: threads that read samples, in each worker or in this process.
        multiprocessing_context: how workers start: "fork", "forkserver" or "spawn", or a context of multiprocessing;
            if left out, Python's default.

    Raises:
        TypeError, ValueError: an argument is wrong; the dataset is empty.
    """

    def __init__(
        self,
        dataset: Any,
        batch_size: int | None = None,
        shuffle: bool = True,
        *,
        seed: int = 0,
        drop_last: bool = False,
        workers: Count = "auto",
        threads_per_worker: int = 1,
        multiprocessing_context: Any = None,
    ) -> None:
        # Keras' own workers ask for batches in no certain order: it is left nothing to make parallel.
        super().__init__(workers=1)
        size = batch_size_or_default(batch_size)
        self._loader = BatchLoader(dataset, size, shuffle, seed=seed, drop_last=drop_last)
        self._passes = Passes(self._loader)
        made_by = Workers(
            processes=check_count(workers, "workers"),
            threads=threads_per_worker,
            context=multiprocessing_context,
            # A fork is quick, and nothing but the end of a pass tells that Keras needs the workers no more.
            persistent=context_of(multiprocessing_context).get_start_method() != "fork",
        )
        self._ahead = ReadAhead(self._loader, made_by)
        self.dataset = dataset
        self.batch_size = size
        self.seed = seed

    @property
    def epoch(self) -> int:
        """The epoch of the next pass, from 0."""
        return self._loader.epoch

    def set_epoch(self, epoch: int) -> None:
        """Make ``epoch`` that of the next pass."""
        self._loader.set_epoch(epoch)
        self._passes.reset()

    def __len__(self) -> int:
        """The number of batches."""
        return len(self._loader)

    @property
    def num_batches(self) -> int:
        """For Keras, which reads it before each pass over the data; use ``len``."""
        self._passes.opened()
        if self._passes.underway:
            self._ahead.begin()
        return len(self)

    def __getitem__(self, index: int) -> Any:
        """Batch ``index`` of the current epoch, as NumPy arrays with a leading batch axis.

        Raises:
            IndexError: there is no such batch.
            Exception: what the dataset raises, with a note that names it and the sample's index.
        """
        self._loader.indices(index)  # an index that does not exist must not count as a batch of the pass
        number = self._passes.number(index)
        if self._passes.underway:
            return self._ahead.batch(number)
        return self._loader.batch(number)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._loader)

    def on_epoch_begin(self) -> None:
        """Called by Keras."""
        self._passes.begun()
        if self._passes.underway:
            self._ahead.begin()

    def on_epoch_end(self) -> None:
        """Called by Keras. In a loop of your own over ``seq[i]`` it makes the next epoch the current one."""
        self._passes.ended()
