"""The common kinds of leaves, stacked without looking at each value in Python.

Each function gives what the careful way of `leaves` would, bit for bit, or None where it is not certain to.
"""

from __future__ import annotations

import marshal
import struct
from collections.abc import Sequence
from operator import attrgetter
from typing import Any

import numpy as np

from ailab.data.batches import native
from ailab.data.batches.allocation import empty
from ailab.data.batches.values import PYTHON_DTYPES, Array, convert

__all__ = ["stack_fast"]

_dtype = attrgetter("dtype")
_ndim = attrgetter("ndim")
_ARRAYS = (np.ndarray, np.memmap)
_FORMAT = 2  # of marshal: binary floats, no references

# How marshal writes what a list holds: a letter, then the value. And what becomes of it.
_LETTERS = {
    float: (ord("g"), np.dtype([("letter", "u1"), ("value", "<f8")])),
    int: (ord("i"), np.dtype([("letter", "u1"), ("value", "<i4")])),
}


def stack_fast(values: Sequence[Any], kind: type) -> Array | None:
    """``values``, all of just this type, as one new array of shape (len(values), ...), or None."""
    if kind in PYTHON_DTYPES:
        return convert(values, PYTHON_DTYPES[kind])
    if kind in _ARRAYS:
        return _arrays(values)
    if kind is list:
        return _lists(values)
    if issubclass(kind, np.number | np.bool_):
        return np.frombuffer(bytearray().join(values), np.dtype(kind))  # faster than an array of them
    return None


def _arrays(values: Sequence[Array]) -> Array | None:
    first = values[0]
    dtype, shape = first.dtype, first.shape
    if not dtype.isnative or dtype.kind not in "biufcSU":
        return None
    if not shape:
        return np.array(values, dtype) if set(map(_dtype, values)) == {dtype} and not any(map(_ndim, values)) else None
    result = empty((len(values), *shape), dtype)
    if native.loops is not None and native.loops.stack_arrays(values, result):
        return result
    try:
        if len(set(map(len, values))) != 1:
            return None
    except TypeError:  # a number among them
        return None
    try:
        # One after the other, which is the same but quicker. It takes no other dtype, nor another shape but for
        # the length of the first axis.
        np.concatenate(values, out=result.reshape(len(values) * shape[0], *shape[1:]), casting="no")
    except (TypeError, ValueError):
        return None
    return result


def _lists(values: Sequence[list[Any]]) -> Array | None:
    """Lists of Python floats or of ints (of 32 bits, where nothing is compiled), all of one length.

    Python's marshal writes a list of them with a letter before each that tells its exact type. One look at
    all the letters then tells whether there is anything else in any of the lists, in a tenth of the time that
    asking each value for its type takes.
    """
    first = values[0]
    kind = type(first[0]) if first else None
    if kind not in _LETTERS:
        return None
    if native.loops is not None:
        result = empty((len(values), len(first)), PYTHON_DTYPES[kind])
        return result if native.loops.stack_lists(values, result) else None
    letter, item = _LETTERS[kind]
    row = np.dtype([("head", "u1"), ("length", "<i4"), ("items", item, (len(first),))])
    try:
        written = marshal.dumps(list(values), _FORMAT)
    except ValueError:  # something that it does not know
        return None
    if len(written) != 5 + len(values) * row.itemsize or written[:5] != struct.pack("<ci", b"[", len(values)):
        return None
    rows = np.frombuffer(written, row, len(values), 5)
    items = rows["items"]
    if not (
        (rows["head"] == ord("[")).all() and (rows["length"] == len(first)).all() and (items["letter"] == letter).all()
    ):
        return None
    result = empty((len(values), len(first)), PYTHON_DTYPES[kind])
    with np.errstate(over="ignore"):
        result[...] = items["value"]
    if (
        kind is float
        and not np.isfinite(result).all()
        and not np.array_equal(np.isinf(result), np.isinf(items["value"]))
    ):
        return None  # too large for float32
    return result
