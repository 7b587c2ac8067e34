"""The dataset whose samples come from the cache."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ailab.data.batches.structure import map_arrays
from ailab.data.cache.build import ensure, read_rows
from ailab.data.cache.store import Leaf, leaves_of, open_store
from ailab.data.dataset import Dataset, version_of
from ailab.errors import shown

__all__ = ["CachedDataset"]


class CachedDataset(Dataset):
    """``dataset`` with its samples kept in ``folder``, one memory-mapped file for each array in a sample.

    The first process that needs the cache reads every sample once and writes it; others wait for it. What a
    crash leaves behind is never taken for a cache, and one that has lost a part of a file is built anew
    (changed bytes in a file of the right length are not noticed). The folder may be on a network disk.

    A cache is found by the dataset's class, length and version, and by the keys and dtypes of its first
    sample, which is read each time. So the version must change with the data and, where transformers come
    before the cache, with them: a `TransformedDataset` has the version of what it transforms. Old caches are
    not deleted. Random numbers (`ailab.data.rng`) are drawn once: augment after the cache, not before it.

    A sample has arrays (and NumPy's scalars) of its own where the dataset may have had numbers and lists;
    batches are the same. An array's shape may differ between samples, its number of axes and its dtype may not. If
    no shape differs and there are no strings, whole batches are offered (``__getitems__``).

    Args:
        dataset: anything with ``__len__``, ``__getitem__`` and ``version``, not empty.
        folder: where caches are; made if it is not there. One folder may hold those of many datasets.
        progress: tell on stderr how far the building is; left out: if that is a terminal.

    Raises:
        ValueError: the dataset is empty or has no version.
        TypeError, ValueError: a sample does not fit the first one; names the key and both indices.
        OSError: ``folder`` cannot be written; nothing of the cache is left there then.
    """

    def __init__(self, dataset: Any, folder: str | PathLike[str], *, progress: bool | None = None) -> None:
        version = version_of(dataset)
        if version is None:
            raise ValueError(f"dataset={shown(dataset)} has no version, which a cache is found by")
        self.dataset = dataset
        self._length = len(dataset)
        if self._length == 0:
            raise ValueError(f"dataset={shown(dataset)} is empty: its len is 0")
        first = read_rows(dataset, [0])
        self._template = map_arrays(lambda _: None, first)
        self._paths = list(leaves_of(first))
        self.folder = Path(folder) / _name(dataset, version, self._length, first)
        """This dataset's own folder, inside of the one that was given."""
        self._version = version
        ensure(self.folder, dataset, self._paths, progress)
        self._open()

    def _open(self) -> None:
        self._leaves: Sequence[Leaf] = open_store(self.folder, self._paths)
        self._whole = all(leaf.fixed is not None for leaf in self._leaves)

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, index: int) -> Any:
        if not -self._length <= index < self._length:
            raise IndexError(f"sample {index} does not exist: there are {self._length}")
        number = index % self._length
        return self._filled(iter([leaf.row(number) for leaf in self._leaves]))

    @property
    def __getitems__(self) -> Any:
        """A function from indices to a finished batch, if shapes do not differ; else None."""
        return self._read if self._whole else None

    def _read(self, indices: npt.NDArray[np.int64]) -> Any:
        return self._filled(iter([leaf.fixed.take(indices, axis=0) for leaf in self._leaves if leaf.fixed is not None]))

    def _filled(self, arrays: Any) -> Any:
        return map_arrays(lambda _: next(arrays), self._template)

    @property
    def version(self) -> str:
        """That of the dataset underneath."""
        return self._version

    def __getstate__(self) -> dict[str, Any]:
        # Another process maps the files itself: pickled, the maps would be copies of all data.
        return {key: value for key, value in self.__dict__.items() if key != "_leaves"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._open()


def _name(dataset: Any, version: str, length: int, first: Any) -> str:
    kind = type(dataset).__qualname__.rpartition(".")[2]
    # Strings' widths differ from sample to sample: their kind is enough.
    leaves = [
        (path, rows.dtype.kind if rows.dtype.kind in "US" else rows.dtype.str)
        for path, rows in leaves_of(first).items()
    ]
    text = repr((type(dataset).__module__, type(dataset).__qualname__, version, length, leaves))
    return f"{kind}-{hashlib.blake2b(text.encode('utf-8', 'surrogatepass'), digest_size=10).hexdigest()}"
