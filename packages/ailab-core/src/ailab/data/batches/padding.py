"""Samples of different shapes filled up to one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ailab.data.batches.records import field_names, is_record, rebuilt
from ailab.data.batches.values import Array, read
from ailab.errors import shown

__all__ = ["check_pad", "padded"]


def check_pad(pad: Any) -> Any:
    """``pad`` if it is None, a number, a string or a dict of these by key, else a TypeError."""
    for value in pad.values() if isinstance(pad, Mapping) else [pad]:
        if value is not None and np.ndim(value) != 0:
            raise TypeError(f"pad={shown(pad)}: expected a value, or a dict from keys to values")
    return pad


def padded(samples: Sequence[Any], pad: Any) -> list[Any]:
    """``samples`` with each array of differing shape filled up at the ends of its axes to the batch's largest.

    Args:
        pad: the value to fill with, or a dict from a key of the samples' dicts or a field of theirs
            (``features`` and ``labels`` where these are arrays themselves) to its value; others stay as they are.

    Raises:
        ValueError: the value is none of the array's dtype; names the key.
    """
    first = samples[0]
    if type(first) is tuple and len(first) == 2 and _alike(samples):
        features, labels = zip(*samples, strict=True)
        return list(zip(_column(features, "features", pad), _column(labels, "labels", pad), strict=True))
    return _column(samples, "value", pad)


def _column(values: Sequence[Any], key: Any, pad: Any) -> list[Any]:
    first = values[0]
    if not _alike(values):
        return list(values)  # `collate` says what is wrong
    if isinstance(first, Mapping):
        columns = [_column([value[name] for value in values], name, pad) for name in first]
        return [dict(zip(first, row, strict=True)) for row in zip(*columns, strict=True)] if columns else list(values)
    if isinstance(first, tuple):
        names = getattr(first, "_fields", None) or [key] * len(first)
        columns = [_column([value[i] for value in values], name, pad) for i, name in enumerate(names)]
        rows = zip(*columns, strict=True)
        if not columns:
            return list(values)
        return [type(first)(*row) for row in rows] if hasattr(first, "_fields") else list(rows)
    if is_record(type(first)):
        names = field_names(type(first))
        columns = [_column([getattr(value, name) for value in values], name, pad) for name in names]
        return [rebuilt(first, row) for row in zip(*columns, strict=True)] if columns else list(values)
    if isinstance(pad, Mapping) and key not in pad:
        return list(values)
    return _filled(values, key, pad[key] if isinstance(pad, Mapping) else pad)


def _alike(values: Sequence[Any]) -> bool:
    first = values[0]
    if isinstance(first, Mapping):
        return all(isinstance(value, Mapping) and value.keys() == first.keys() for value in values)
    if isinstance(first, tuple):
        return all(type(value) is type(first) and len(value) == len(first) for value in values)
    if is_record(type(first)):
        names = field_names(type(first))
        return all(type(value) is type(first) and all(hasattr(value, name) for name in names) for value in values)
    return not any(isinstance(value, Mapping | tuple) or is_record(type(value)) for value in values)


def _filled(values: Sequence[Any], key: Any, pad: Any) -> list[Any]:
    arrays = [read(value, str(key)) for value in values]
    shapes = {array.shape for array in arrays}
    if len(shapes) == 1 or len(set(map(len, shapes))) > 1:
        return list(values)
    # NumPy reads [] as floats; among lists of ints it is one of them.
    dtype = next((array.dtype for array in arrays if array.size), arrays[0].dtype)
    shape = tuple(map(max, zip(*shapes, strict=True)))
    return [_fill(array if array.size else array.astype(dtype), shape, key, pad) for array in arrays]


def _fill(array: Array, shape: tuple[int, ...], key: Any, pad: Any) -> Array:
    try:
        # NumPy would drop a part, with no more than a warning.
        if np.iscomplexobj(pad) and array.dtype.kind != "c":
            raise TypeError
        # Strings may have to grow; numbers keep their dtype.
        strings = array.dtype.kind in "US" and isinstance(pad, str | bytes)
        out = np.full(shape, pad, np.result_type(array.dtype, np.asarray(pad)) if strings else array.dtype)
        fits = bool(np.all((out == pad) | (out != out))) or array.dtype.kind == "f"
    except (OverflowError, TypeError, ValueError):
        fits = False
    if not fits:
        raise ValueError(f"pad={shown(pad)} is no value of {key!r}, which is {array.dtype}")
    out[tuple(map(slice, array.shape))] = array
    return out
