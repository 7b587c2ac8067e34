"""A Dataset as a Keras PyDataset (which is also called Sequence)."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import keras

from ailab.data.batches import BatchLoader
from ailab.data.batches.checks import check_batch_size, check_flag
from ailab.data.defaults import batch_size_or_default
from ailab.data.engine.runner import Count, Workers, check_count
from ailab_keras.feed import Feed
from ailab_keras.pace import Pace
from ailab_keras.passes import Passes
from ailab_keras.workers import Streams

__all__ = ["BatchedKerasDataset"]


class BatchedKerasDataset(keras.utils.PyDataset):  # type: ignore[misc]  # Keras has no types
    """Batches of a dataset for ``fit``, ``evaluate`` and ``predict``, on any backend.

    The batches are those of `ailab.data.batches.BatchLoader`, the same in every framework, bit for bit, for
    the same seed and epoch and any number of workers; they are NumPy arrays, which Keras makes tensors of. Their
    order is ours also in ``fit``, whose own ``shuffle=True`` (its default) would put them in one that no seed
    decides.

    Each pass over the data is an epoch of its own, counted from 0 (``epoch``, ``set_epoch``). It is used up
    once the pass goes beyond its first batch or is complete. Keras' looks at the data before training use up
    none, with one exception: on the torch and JAX backends, a model that ``fit`` must build and data of a
    single batch.

    Keras knows dicts, tuples and arrays, but no dataclasses: ``seq[i]`` has them, ``fit`` refuses them (``PyDataset.
    __getitem__() must return a tuple or a dict``, ``arrays must be at least rank 1``). Give it dicts instead, with
    ``TransformedDataset(dataset, lambda sample: (vars(sample.features), sample.label))``.

    Workers and threads make the batches ahead during Keras' passes and iterations; ``seq[i]`` outside of these is
    read here and now. Processes are forked for each pass, so they see the dataset as it is then. They end with the
    pass; where Keras gives it up, as after Ctrl-C, half a minute after its last batch. A dataset that calls TensorFlow
    would hang in a forked process: that is an error there, and "auto" keeps it in this process, with a warning.

    Large batches, and those of worker processes, are in memory that is used again once nothing refers to a batch's
    arrays or to tensors on them, so keeping them is safe; whoever keeps more than a few gets copies. TensorFlow's
    tensors may be on the same memory.

    Args:
        dataset: anything with ``__len__`` and ``__getitem__``.
        batch_size: samples per batch; if left out, ``train.batch_size`` of the Config in use, else 1.
        shuffle: a new order of the samples each epoch.
        seed: 0 .. 2**64 - 1, for the order and for `ailab.data.rng`.
        drop_last: leave out the last batch where it would be smaller.
        workers: processes that read samples; 0: none but this one; "auto": what the first batch suggests: this process
            where an epoch takes no time, threads where samples wait (for a disk, a network), processes where they
            compute; this process also where these turn out not to work. The attribute is always 1: Keras is left
            nothing to make parallel.
        threads_per_worker: threads that read samples, in each worker or in this process.
        use_multiprocessing: PyDataset's: False makes ``workers`` threads of this process, as they are there.
        max_queue_size: PyDataset's: batches made in advance by all ``workers`` together, but at least one by each;
            None: what is best.
        persistent_workers: processes live on from one pass to the next, with the dataset as it was when they
            started.
        multiprocessing_context: how processes start, "fork", "forkserver" or "spawn"; None: Python's default.
        shard: (i, n): part i of n, see `BatchLoader`; None: as torch.distributed or RANK and WORLD_SIZE say.
        pad: fills up samples whose shapes differ, see `BatchLoader`.
        on_error: "skip" leaves samples out whose reading fails, see `BatchLoader`. In place of a batch of
            which nothing is left, ``seq[i]`` gives the next one once more: Keras counts on ``len`` of them.

    Raises:
        TypeError, ValueError: an argument is wrong or two contradict each other; the dataset is empty.
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
        use_multiprocessing: bool | None = None,
        max_queue_size: int | None = None,
        persistent_workers: bool = False,
        multiprocessing_context: Any = None,
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
        processes, threads = _processes_and_threads(workers, threads_per_worker, use_multiprocessing)
        self._streams = Streams(
            self._loader,
            Workers(
                processes=processes,
                threads=threads,
                context=multiprocessing_context,
                prefetch=_prefetch(max_queue_size, processes),
                persistent=persistent_workers,
            ),
        )
        if shuffle:  # a fixed order is an evaluation's, whose wait must not mix with the training's
            self._loader.after_epoch = self._streams.report
        self._passes = Passes(self._loader, partial(_feed, self._loader, self._streams))
        self.dataset = dataset
        self.batch_size = size
        self.seed = seed

    @property
    def workers(self) -> int:
        """For Keras, which is to start none: 1."""
        return 1

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
            WorkerDied: a worker process has ended.
            Exception: what the dataset raises, with a note that names it and the sample's index.
        """
        count = len(self._loader)
        if not -count <= index < count:  # it must not count as a batch of the pass
            raise IndexError(f"batch {index} does not exist: an epoch has {count} batches")
        place, feed = self._passes.place(index)
        if feed is not None:
            return feed.batch(place)
        epoch, number = place
        return self._loader.batch(number, epoch)

    @property
    def skipped(self) -> int:
        """How many samples ``on_error="skip"`` has left out, in this process or in workers."""
        return self._loader.skipped

    @property
    def wait_fraction(self) -> float:
        """The share of its time, 0 to 1, that the pass or iteration begun last has waited for batches.

        TensorFlow fetches batches ahead of the training, in a thread of its own. There it is the share of the time in
        which that thread had none in store and waited: 0 as long as batches come faster than the training
        uses them, near 1 when they come more slowly, even where the training itself waits for less, as its steps
        go on meanwhile.

        A run shows it as ``data/wait_fraction`` for each epoch of a loader that shuffles.
        """
        return self._loader.waiting.fraction

    def state_dict(self, batch: int | None = None) -> dict[str, Any]:
        """Where Keras, or an iteration, is: the batches used so far; plain ints and bools.

        The number of workers may be another one where the state is loaded.

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
        # Started here and not with the first batch: workers are to begin at once.
        keys: Iterator[Any] = self._loader.keys()
        return self._loader.counted(self._streams.stream(keys))

    def on_epoch_begin(self) -> None:
        """Called by Keras."""
        self._passes.begun()

    def on_epoch_end(self) -> None:
        """Called by Keras. In a loop of your own over ``seq[i]`` it makes the next epoch the current one."""
        self._passes.ended()


def _feed(loader: BatchLoader, streams: Streams) -> Feed:
    return Feed(loader, streams, Pace(stored=keras.backend.backend() == "tensorflow"))


def _processes_and_threads(workers: Any, threads: Any, multiprocessing: Any) -> tuple[Count, int]:
    """What Keras' way to say it comes to."""
    count = check_count(workers, "workers")
    check_batch_size(threads, "threads_per_worker")
    if multiprocessing is None or check_flag(multiprocessing, "use_multiprocessing") or count == 0:
        return count, threads
    if threads > 1 or count == "auto":
        raise ValueError(
            f"use_multiprocessing=False makes threads of workers={workers!r}, expected an int and no "
            f"threads_per_worker=; leave use_multiprocessing= out"
        )
    return 0, count


def _prefetch(queue: Any, processes: Count) -> int | None:
    """The batches in advance of each worker, of ``queue`` in all."""
    if queue is None:
        return None
    batches = check_batch_size(queue, "max_queue_size")
    if processes == "auto":
        raise ValueError(
            f'max_queue_size={queue} is for all workers together, expected their number, not workers="auto"'
        )
    return max(batches // max(processes, 1), 1)
