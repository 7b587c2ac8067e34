"""Whole batches from a dataset that offers ``__getitems__``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ailab.data.batches.records import field_names, is_record, rebuilt

__all__ = ["checked", "join", "whole_reader"]

Array = npt.NDArray[Any]


def whole_reader(dataset: Any) -> Callable[[npt.NDArray[np.int64]], Any] | None:
    """``dataset.__getitems__``, from int64 indices of shape (n,) to a finished batch; None if it has none.

    What is read may also be NotImplemented: not for these indices.
    """
    reader: Callable[[npt.NDArray[np.int64]], Any] | None = getattr(dataset, "__getitems__", None)
    return reader


def checked(batch: Any, count: int, path: str = "value") -> Any:
    """A finished ``batch`` of ``count`` samples as `collate` would have it: plain dicts, tuples, dataclasses, arrays.

    Raises:
        TypeError: a leaf is no array.
        ValueError: a leaf's first axis is not of length ``count``.
    """
    if _plain(batch, count):
        return batch
    if type(batch) is np.ndarray:
        raise ValueError(f"{path} of a whole batch has shape {batch.shape}; expected ({count}, ...)")
    if isinstance(batch, Mapping):
        return {key: checked(value, count, f"{path}[{key!r}]") for key, value in batch.items()}
    if isinstance(batch, tuple):
        fields = getattr(batch, "_fields", None)
        if path == "value" and fields is None and len(batch) == 2:
            return checked(batch[0], count, "features"), checked(batch[1], count, "labels")
        parts = [checked(value, count, f"{path}[{number}]") for number, value in enumerate(batch)]
        return type(batch)(*parts) if fields else tuple(parts)
    if is_record(type(batch)):
        names = field_names(type(batch))
        return rebuilt(batch, [checked(getattr(batch, name), count, f"{path}.{name}") for name in names])
    if not hasattr(type(batch), "__array__"):
        raise TypeError(
            f"{path} of a whole batch is of type {type(batch).__qualname__}; expected an array with one row a sample"
        )
    return checked(np.asarray(batch), count, path)


def _plain(batch: Any, count: int) -> bool:
    """Whether there is nothing to do for `checked`; far faster than finding out what there is."""
    kind = type(batch)
    if kind is np.ndarray:
        return batch.ndim > 0 and len(batch) == count
    values = batch.values() if kind is dict else batch if kind is tuple else None
    if values is None:
        return False
    for value in values:  # all() with a generator takes twice as long, and so does a call for each array
        if type(value) is np.ndarray:
            if value.ndim == 0 or len(value) != count:
                return False
        elif not _plain(value, count):
            return False
    return True


def join(batches: Sequence[Any], positions: Sequence[npt.NDArray[np.int64]]) -> Any:
    """One batch of finished ``batches``, of which number i has the rows ``positions[i]`` of the result.

    NotImplemented if any of them is, or where structures, dtypes or shapes of rows differ.
    """
    first = batches[0]
    if any(type(batch) is not type(first) for batch in batches) or first is NotImplemented:
        return NotImplemented
    if isinstance(first, Mapping):
        if any(list(batch) != list(first) for batch in batches):
            return NotImplemented
        columns = [join([batch[key] for batch in batches], positions) for key in first]
        return NotImplemented if _missing(columns) else dict(zip(first, columns, strict=True))
    if isinstance(first, tuple):
        if any(len(batch) != len(first) for batch in batches):
            return NotImplemented
        columns = [join([batch[i] for batch in batches], positions) for i in range(len(first))]
        if _missing(columns):
            return NotImplemented
        return type(first)(*columns) if hasattr(first, "_fields") else tuple(columns)
    if is_record(type(first)):
        names = field_names(type(first))
        columns = [join([getattr(batch, name) for batch in batches], positions) for name in names]
        return NotImplemented if _missing(columns) else rebuilt(first, columns)
    return _join_arrays(batches, positions)


def _join_arrays(arrays: Sequence[Any], positions: Sequence[npt.NDArray[np.int64]]) -> Any:
    if not isinstance(arrays[0], np.ndarray):
        return NotImplemented
    dtype, row = arrays[0].dtype, arrays[0].shape[1:]
    if any(array.dtype != dtype or array.shape[1:] != row for array in arrays):
        return NotImplemented
    out: Array = np.empty((sum(map(len, positions)), *row), dtype)
    for array, where in zip(arrays, positions, strict=True):
        if len(array) != len(where):
            return NotImplemented
        out[where] = array
    return out


def _missing(columns: Sequence[Any]) -> bool:
    return any(column is NotImplemented for column in columns)
