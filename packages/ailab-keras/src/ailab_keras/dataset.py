"""A Dataset as a Keras PyDataset (which is also called Sequence)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras

from ailab.data.batches import BatchLoader
from ailab.data.batches.checks import check_whole
from ailab.data.defaults import batch_size_or_default
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

    Keras knows dicts, tuples and arrays, but no dataclasses: ``seq[i]`` has them, ``fit`` refuses them (``PyDataset.
    __getitem__() must return a tuple or a dict``, ``arrays must be at least rank 1``). Give it dicts instead, with
    ``TransformedDataset(dataset, lambda sample: (vars(sample.features), sample.label))``.

    Args:
        dataset: anything with ``__len__`` and ``__getitem__``.
        batch_size: samples per batch; if left out, ``train.batch_size`` of the Config in use, else 1.
        shuffle: a new order of the samples each epoch.
        seed: 0 .. 2**64 - 1, for the order and for `ailab.data.rng`.
        drop_last: leave out the last batch where it would be smaller.
        workers: above 1, this many threads read the next batches in advance during Keras' passes.
        shard: (i, n): part i of n, see `BatchLoader`; None: as torch.distributed or RANK and WORLD_SIZE say.
        pad: fills up samples whose shapes differ, see `BatchLoader`.
        on_error: "skip" leaves samples out whose reading fails, see `BatchLoader`. In place of a batch of
            which nothing is left, ``seq[i]`` gives the next one once more: Keras counts on ``len`` of them.

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
        workers: int = 1,
        shard: tuple[int, int] | None = None,
        pad: Any = None,
        on_error: str = "raise",
    ) -> None:
        # Keras' own workers ask for batches in no certain order: it is left nothing to make parallel.
        super().__init__(workers=1)
        size = batch_size_or_default(batch_size)
        self._loader = BatchLoader(
            dataset, size, shuffle, seed=seed, drop_last=drop_last, shard=shard, pad=pad, on_error=on_error
        )
        self._passes = Passes(self._loader)
        threads = check_whole(workers, "workers")
        self._ahead = ReadAhead(self._loader, threads) if threads > 1 else None
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
        return len(self)

    def __getitem__(self, index: int) -> Any:
        """Batch ``index`` of the current epoch, as NumPy arrays with a leading batch axis.

        Raises:
            IndexError: there is no such batch.
            Exception: what the dataset raises, with a note that names it and the sample's index.
        """
        self._loader.indices(index)  # an index that does not exist must not count as a batch of the pass
        epoch, number = self._passes.place(index)
        if self._ahead is not None and self._passes.underway:
            return self._ahead.batch(number, epoch)
        return self._loader.batch(number, epoch)

    @property
    def skipped(self) -> int:
        """How many samples ``on_error="skip"`` has left out, in this process or in workers."""
        return self._loader.skipped

    def state_dict(self, batch: int | None = None) -> dict[str, Any]:
        """Where Keras, or an iteration, is: the batches used so far; plain ints and bools.

        Args:
            batch: in a callback the ``batch`` of ``on_train_batch_end(batch, logs)``. TensorFlow fetches
                batches ahead of the training; left out, those count as used. Not with ``steps_per_epoch``,
                which lets Keras count anew in the middle of the data.
        """
        return self._loader.state_dict(self._passes.reached(batch))

    def load_state_dict(self, state: Any) -> None:
        """Let the next pass or iteration begin with the batch after those of ``state``.

        An iteration ends with the epoch. A pass of Keras has as many batches as ever, from the rest of
        this epoch and the beginning of the next, where the pass after it goes on.

        Raises:
            TypeError, ValueError: ``state`` is not that of a loader of as many samples, with the same batch
                size, seed, shuffle and drop_last.
        """
        self._loader.load_state_dict(state)
        self._passes.reset()

    def __iter__(self) -> Iterator[Any]:
        return iter(self._loader)

    def on_epoch_begin(self) -> None:
        """Called by Keras."""
        self._passes.begun()

    def on_epoch_end(self) -> None:
        """Called by Keras. In a loop of your own over ``seq[i]`` it makes the next epoch the current one."""
        self._passes.ended()
