"""Datasets made of other datasets: some of the samples of one, or the samples of several."""

from __future__ import annotations

import hashlib
import operator
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import numpy as np
import numpy.typing as npt

from ailab.data.batches.whole import join, whole_reader
from ailab.data.dataset import Dataset, version_of
from ailab.errors import shown

__all__ = ["Concatenation", "Subset", "concat"]


class Subset(Dataset):
    """The samples of ``dataset`` at ``indices``, in that order; an index may come more than once.

    Args:
        dataset: anything with ``__len__`` and ``__getitem__``.
        indices: whole numbers in 0 .. len(dataset) - 1: a list, a range, an integer array of shape (n,).

    Raises:
        TypeError: ``indices`` are no whole numbers; for a mask of bools use ``np.flatnonzero(mask)``.
        ValueError: ``indices`` have more than one axis, or one of them is no sample's.
    """

    def __init__(self, dataset: Any, indices: Sequence[int] | npt.NDArray[np.integer[Any]] | range) -> None:
        self.dataset = dataset
        self.indices = _check_indices(indices, len(dataset))
        """int64, shape (n,): as an array, so that forked workers share its memory."""

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: int) -> Any:
        return self.dataset[int(self.indices[index])]

    @property
    def __getitems__(self) -> Any:
        """A function from indices to a finished batch, if the dataset underneath has one; else None."""
        return None if whole_reader(self.dataset) is None else self._read

    def _read(self, indices: npt.NDArray[np.int64]) -> Any:
        return self.dataset.__getitems__(self.indices[indices])

    @property
    def version(self) -> str | None:
        """From the version of the dataset underneath and the indices; None if it has no version."""
        version = version_of(self.dataset)
        if version is None:
            return None
        # Little-endian on every machine: a cache on a shared disk is keyed by this.
        return f"subset-{_digest(version.encode(), self.indices.astype('<i8').tobytes())}"


class Concatenation(Dataset):
    """The samples of several datasets, one dataset after the other; see `concat`."""

    def __init__(self, parts: Sequence[Any]) -> None:
        if not parts:
            raise ValueError("concat() of nothing: expected at least one dataset")
        self.parts = list(parts)
        self._ends = list(accumulate(map(len, self.parts)))
        self._bounds = np.array(self._ends, np.int64)

    def __len__(self) -> int:
        return self._ends[-1]

    def __getitem__(self, index: int) -> Any:
        number = operator.index(index)
        if number < 0:
            number += len(self)
        if not 0 <= number < len(self):
            raise IndexError(f"sample {index} does not exist: there are {len(self)}")
        part = bisect_right(self._ends, number)
        return self.parts[part][number - self._start(part)]

    @property
    def __getitems__(self) -> Any:
        """A function from indices to a finished batch, if every part has one; else None."""
        return self._read if all(whole_reader(part) is not None for part in self.parts) else None

    def _read(self, indices: npt.NDArray[np.int64]) -> Any:
        indices = np.asarray(indices, np.int64)
        owners = np.searchsorted(self._bounds, indices, side="right")
        first = int(owners[0])
        if (owners == first).all():
            return self.parts[first].__getitems__(indices - self._start(first))
        batches, positions = [], []
        for part in np.unique(owners).tolist():
            where = np.flatnonzero(owners == part)
            batches.append(self.parts[part].__getitems__(indices[where] - self._start(part)))
            positions.append(where)
        # Parts that differ in structure, shape or dtype: NotImplemented, and the samples are read one by one.
        return join(batches, positions)

    def _start(self, part: int) -> int:
        return self._ends[part - 1] if part else 0

    @property
    def version(self) -> str | None:
        """From the versions and lengths of the parts; None if one of them has no version."""
        versions = [version_of(part) for part in self.parts]
        if None in versions:
            return None
        named = zip(versions, self._ends, strict=True)
        return f"concat-{_digest(*(f'{end} {version}'.encode() for version, end in named))}"


def concat(*datasets: Any) -> Concatenation:
    """One dataset with the samples of all ``datasets``, in their order; lengths are read once, here.

    Raises:
        ValueError: there are none.
    """
    return Concatenation(datasets)


def _check_indices(indices: Any, length: int) -> npt.NDArray[np.int64]:
    given = np.asarray(indices)
    if given.size == 0:
        given = np.zeros(0, np.int64) if given.ndim == 1 else given
    if given.dtype.kind not in "iu":
        raise TypeError(f"indices={shown(indices)}: expected whole numbers (of a mask: np.flatnonzero(mask))")
    if given.ndim != 1:
        raise ValueError(f"indices have shape {given.shape}; expected one axis")
    wrong = np.flatnonzero((given < 0) | (given >= length))
    if wrong.size:
        raise ValueError(f"indices[{wrong[0]}] is {given[wrong[0]]}: the dataset has samples 0 to {length - 1}")
    return given.astype(np.int64)  # a copy: the caller may go on to change theirs


def _digest(*parts: bytes) -> str:
    """16 hex digits of all ``parts``; their lengths are in it, so that no two lists of parts run together."""
    digest = hashlib.blake2b(digest_size=8)
    for part in parts:
        digest.update(len(part).to_bytes(8, "little"))
        digest.update(part)
    return digest.hexdigest()
