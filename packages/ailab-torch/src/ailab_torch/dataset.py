"""A Dataset as a torch DataLoader."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
from torch.utils.data import DataLoader, RandomSampler

from ailab.data.batches import BatchLoader
from ailab.data.batches.skipping import Nothing
from ailab.data.defaults import batch_size_or_default
from ailab.data.engine.runner import Count, Runner, Workers, check_count
from ailab_torch.loop import EpochSampler, Keys, torch_loop, unwrapped
from ailab_torch.tensors import to_copied_tensors, to_pinned_tensors, to_tensors
from ailab_torch.workers import Beginning

__all__ = ["BatchedPytorchDataset"]


class BatchedPytorchDataset(DataLoader[Any]):
    """Batches of a dataset as tensors: a `torch.utils.data.DataLoader` in every respect.

    The batches are those of `ailab.data.batches.BatchLoader`, the same in every framework, bit for bit, for
    the same seed and epoch and any number of workers; only which samples are in them changes with a
    ``sampler``. Each array becomes a tensor on the same memory, in dicts, tuples and dataclasses as in the
    samples; arrays of strings stay NumPy arrays.

    Each iteration is an epoch of its own, counted from 0 (``epoch``, ``set_epoch``). It is used up once the
    iteration goes beyond its first batch or is complete, so a look at ``next(iter(loader))`` changes nothing.

    Who reads the samples is measured with the first batch (``num_workers="auto"``): this process where an epoch
    takes no time, threads where samples wait (for a disk, a network), worker processes where they compute.
    Processes are forked, so they see the dataset as it was when the iteration began. A dataset that holds open
    files, database connections or tensors on a GPU stays in this process unless ``num_workers`` is given; so does
    one whose first batch by workers fails, hangs or differs from what this process has read.

    The batches of worker processes are in memory shared with them, which is used again once nothing refers to a
    batch's tensors, so keeping and changing them is safe; whoever keeps more than a few gets copies.

    Args:
        dataset: anything with ``__len__`` and ``__getitem__``.
        batch_size: samples per batch; if left out, ``train.batch_size`` of the Config in use, else 1.
        shuffle: a new order each epoch. Ignored where ``sampler`` or ``batch_sampler`` gives the order.
        seed: 0 .. 2**64 - 1, for the order and for `ailab.data.rng`.
        drop_last: leave out the last batch where it would be smaller.
        num_workers: processes that read samples; 0: none but this one; "auto": what the first batch suggests. The
            attribute is then 0, as it is for DataLoader.
        threads_per_worker: threads that read samples, in each worker or in this process.
        copy: tensors with memory of their own instead of shared memory, for those who send them on to other
            processes.
        sampler: DataLoader's: the sample indices of an epoch.
        batch_sampler: DataLoader's: the sample indices of each batch.
        collate_fn: DataLoader's: makes a batch of a list of samples, instead of `ailab.data.batches.collate`.
        pin_memory: DataLoader's: batches in page-locked memory.
        generator: DataLoader's: with ``shuffle``, draws the order instead of ``seed``.
        shard: (i, n): part i of n, see `BatchLoader`; None: as torch.distributed or RANK and WORLD_SIZE say.
            An order of the user's own (``sampler``, ``batch_sampler``, ``generator``) is never cut.
        pad: fills up samples whose shapes differ, see `BatchLoader`; not with a ``collate_fn``.
        on_error: "skip" leaves samples out whose reading fails, see `BatchLoader`; not with a ``collate_fn``.
        in_order: DataLoader's.
        **arguments: DataLoader's others: ``worker_init_fn``, ``prefetch_factor``, ``timeout``,
            ``persistent_workers``, ``multiprocessing_context`` and more.

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
        num_workers: Count = "auto",
        threads_per_worker: int = 1,
        copy: bool = False,
        sampler: Iterable[int] | None = None,
        batch_sampler: Iterable[list[int]] | None = None,
        collate_fn: Callable[[list[Any]], Any] | None = None,
        pin_memory: bool = False,
        generator: Any = None,
        shard: tuple[int, int] | None = None,
        pad: Any = None,
        on_error: str = "raise",
        in_order: bool = True,
        **arguments: Any,
    ) -> None:
        self.seed = seed
        own_order = sampler is None and batch_sampler is None and not (shuffle and generator is not None)
        if shard is not None and not own_order:
            raise ValueError("shard= cuts an order of ours: leave it out with sampler=, batch_sampler= or generator=")
        if collate_fn is not None and (pad is not None or on_error != "raise"):
            raise ValueError("pad= and on_error= are for batches made here: leave them out with collate_fn=")
        # torch's own loop pickles batches and so takes any; ours has arrays in shared memory.
        own_loop = collate_fn is None and in_order and not arguments.get("pin_memory_device")
        count = check_count(num_workers, "num_workers")
        workers = Workers(
            processes=count,
            threads=threads_per_worker,
            context=arguments.get("multiprocessing_context"),
            prefetch=arguments.get("prefetch_factor"),
            timeout=arguments.get("timeout", 0),
            persistent=arguments.get("persistent_workers", False),
            initialize=Beginning(seed, arguments.get("worker_init_fn")),
        )
        arguments |= {"pin_memory": pin_memory, "generator": generator, "in_order": in_order}
        arguments["num_workers"] = 0 if count == "auto" else count

        if batch_sampler is not None:
            if batch_size is not None or sampler is not None or drop_last:
                raise ValueError("batch_sampler= says all of batch_size=, sampler= and drop_last=: leave them out")
            self._batches = BatchLoader(dataset, 1, False, seed=seed, shard=(0, 1), pad=pad, on_error=on_error)
            order: dict[str, Any] = {"batch_sampler": batch_sampler}
        else:
            size = batch_size_or_default(batch_size)
            part = shard if own_order else (0, 1)
            self._batches = BatchLoader(
                dataset,
                size,
                shuffle,
                seed=seed,
                drop_last=drop_last and own_order,
                shard=part,
                pad=pad,
                on_error=on_error,
            )
            if sampler is None:
                sampler = EpochSampler(self._batches) if own_order else RandomSampler(dataset, generator=generator)
            order = {"batch_size": size, "sampler": sampler, "drop_last": drop_last}

        # What users and other libraries look at is a DataLoader's. What runs is either our own loop or a
        # second DataLoader, to which a "sample" is one of our batches.
        super().__init__(dataset, collate_fn=collate_fn, **order, **arguments)
        self._runner = Runner(self._batches, workers)
        if shuffle:  # a fixed order is an evaluation's, whose wait must not mix with the training's
            self._batches.after_epoch = self._runner.report
        self._keys = Keys(self._batches, None if own_order else self.batch_sampler)
        self._finish = to_pinned_tensors if pin_memory and _has_accelerator() else to_tensors
        if copy:
            self._finish = to_copied_tensors
        self._loop = None if own_loop else torch_loop(self, self._batches, collate_fn, own_order, arguments)

    @property
    def epoch(self) -> int:
        """The epoch of the next iteration, from 0."""
        return self._batches.epoch

    def set_epoch(self, epoch: int) -> None:
        """Make ``epoch`` that of the next iteration."""
        self._batches.set_epoch(epoch)

    @property
    def skipped(self) -> int:
        """How many samples ``on_error="skip"`` has left out, in this process or in workers."""
        return self._batches.skipped

    def state_dict(self) -> dict[str, Any]:
        """Where the latest iteration is, counted in batches that it has yielded; plain ints and bools.

        The number of workers may be another one where the state is loaded. Of a ``sampler``, a
        ``batch_sampler`` or a ``generator`` nothing is kept: it must give the same order again.
        """
        return self._batches.state_dict()

    def load_state_dict(self, state: Any) -> None:
        """Let the next iteration begin with the batch after those of ``state``.

        Raises:
            TypeError, ValueError: ``state`` is not that of a loader of as many samples, with the same batch
                size, seed, shuffle and drop_last.
        """
        self._batches.load_state_dict(state)

    @property
    def wait_fraction(self) -> float:
        """The share of its time, 0 to 1, that the iteration begun last has waited for batches."""
        return self._batches.waiting.fraction

    def __iter__(self) -> Iterator[Any]:  # type: ignore[override]  # DataLoader promises a private class
        # Started here and not with the first batch: workers are to begin, and the epoch to be read, at once.
        if self._loop is None:
            batches = self._runner.stream(self._keys)
            made = (batch if batch is Nothing else self._finish(batch) for batch in batches)
            return self._batches.counted(made, self._count())
        return self._batches.counted(unwrapped(iter(self._loop), self._batches), self._count())

    def _count(self) -> int | None:
        try:
            return len(self)
        except TypeError:  # a sampler without a length
            return sys.maxsize


def _has_accelerator() -> bool:
    return torch.accelerator.is_available()
