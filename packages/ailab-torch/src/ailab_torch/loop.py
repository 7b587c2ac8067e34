"""Our batches through torch's own loop, for what only that can do: batches that are no arrays, or in any order."""

from __future__ import annotations

import pickle
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
from torch.utils.data import DataLoader, Dataset, Sampler, get_worker_info

from ailab.data.batches import BatchLoader, read_samples
from ailab.data.batches.skipping import Nothing, Thinned, noted
from ailab.data.engine.worker import Key
from ailab_torch.tensors import to_tensors

__all__ = ["EpochSampler", "Keys", "torch_loop", "unwrapped"]


class EpochSampler(Sampler[int]):
    """The sample indices of the loader's current epoch, in order."""

    def __init__(self, batches: BatchLoader) -> None:
        self._batches = batches

    def __len__(self) -> int:
        return self._batches.samples

    def __iter__(self) -> Iterator[int]:
        return iter(self._batches.order(self._batches.epoch).tolist())


def torch_loop(
    outer: DataLoader[Any],
    batches: BatchLoader,
    collate_fn: Callable[[list[Any]], Any] | None,
    own_order: bool,
    arguments: dict[str, Any],
) -> DataLoader[Any]:
    """A DataLoader that yields batches or a `Failure`; ``arguments`` are torch's, ``outer`` the user's."""
    keys = Keys(batches, None if own_order else outer.batch_sampler)
    reader = _Reader(batches, collate_fn)
    return DataLoader(reader, batch_sampler=keys, collate_fn=_as_it_is, **arguments)  # type: ignore[arg-type]


class Keys:
    """Batch by batch what a worker must know. The epoch travels along: workers may outlive it."""

    def __init__(self, batches: BatchLoader, index_lists: Iterable[Sequence[int]] | None) -> None:
        self._batches = batches
        self._index_lists = index_lists

    def __iter__(self) -> Iterator[Key]:
        if self._index_lists is None:
            return self._batches.keys()
        epoch = self._batches.epoch
        index_lists = islice(self._index_lists, self._batches.first(epoch), None)
        return ((epoch, [int(index) for index in indices]) for indices in index_lists)


class _Reader(Dataset[Any]):
    """What torch's workers read from: it gives a whole batch for a key."""

    def __init__(self, batches: BatchLoader, collate_fn: Callable[[list[Any]], Any] | None) -> None:
        self._batches = batches
        self._collate_fn = collate_fn

    def __getitem__(self, index: int) -> Any:
        raise NotImplementedError("torch has asked for a sample instead of a batch")

    def __getitems__(self, key: Key) -> Any:
        epoch, indices = key
        batches = self._batches
        try:
            if self._collate_fn is None:
                batch = batches.load_thinned(indices, epoch)
                if type(batch) is not Thinned:
                    return to_tensors(batch)
                return batch if batch.batch is Nothing else Thinned(to_tensors(batch.batch), batch.left_out)
            numbers = indices.tolist() if isinstance(indices, np.ndarray) else indices
            return self._collate_fn(read_samples(batches.dataset, numbers, seed=batches.seed, epoch=epoch))
        except Exception as error:  # noqa: BLE001 - raised again in the main process, by `unwrapped`
            return Failure.of(error)


@dataclass
class Failure:
    """An exception on its way to the main process.

    Left to itself, torch makes a new exception of the same type from the text of the traceback, or a
    RuntimeError where the type's constructor minds.
    """

    error: Exception

    @classmethod
    def of(cls, error: Exception) -> Failure:
        worker = get_worker_info()
        if worker is None:
            return cls(error)
        text = "".join(traceback.format_exception(error))
        try:
            pickle.loads(pickle.dumps(error))  # noqa: S301 - made in this process, one line above
        except Exception:  # noqa: BLE001 - whatever an exception's own pickling raises
            error = RuntimeError(f"{type(error).__qualname__}: {error}")
        error.add_note(f"in DataLoader worker process {worker.id}, whose traceback was:\n{text}")
        return cls(error)


def unwrapped(batches: Iterator[Any], loader: BatchLoader) -> Iterator[Any]:
    """The batches of a `torch_loop`; ``loader`` notes the samples that were left out.

    Raises:
        Exception: what reading a sample raised, wherever it did.
    """
    return noted(_raising(batches), loader.left_out)


def _raising(batches: Iterator[Any]) -> Iterator[Any]:
    for batch in batches:
        if isinstance(batch, Failure):
            error = batch.error
            # The traceback keeps this frame. Its workers are to end now and not when the error is forgotten.
            del batch, batches
            raise error
        yield batch


def _as_it_is(batch: Any) -> Any:
    return batch
