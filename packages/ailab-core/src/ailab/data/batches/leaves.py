"""One leaf of a batch: array-likes of equal shape, stacked along a new first axis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ailab.data.batches.allocation import empty
from ailab.data.batches.values import PYTHON_DTYPES, Array, convert, read

__all__ = ["Place", "stack"]

_NUMBERS = frozenset("biufc")


@dataclass(frozen=True)
class Place:
    """Where in which samples a value is, for error messages."""

    path: str
    indices: Sequence[int]

    def __str__(self) -> str:
        return self.path

    def under(self, name: str) -> Place:
        """A part of this place: ``name`` is ``['key']``, ``[0]`` or ``.field``."""
        return Place(self.path + name, self.indices)

    def index(self, position: int) -> int:
        """The dataset's index of the sample at ``position`` in the batch."""
        return self.indices[position]


def stack(values: Sequence[Any], place: Place) -> Array:
    """``values`` as one new array of shape (len(values), ...), by the rules of `collate`."""
    kinds = set(map(type, values))
    if len(kinds) == 1 and (dtype := PYTHON_DTYPES.get(kinds.pop())) is not None:
        # Python numbers are many and small: one conversion for all, looked at one by one only if it went
        # wrong.
        column = convert(values, dtype)
        if column is not None:
            return column
    arrays = [read(value, f"{place} of sample {place.index(i)}") for i, value in enumerate(values)]
    _check_shapes(arrays, place)
    out = empty((len(arrays), *arrays[0].shape), _common_dtype(arrays, place))
    return np.stack(arrays, out=out)


def _check_shapes(arrays: Sequence[Array], place: Place) -> None:
    shape = arrays[0].shape
    for position, item in enumerate(arrays):
        if item.shape != shape:
            raise ValueError(
                f"{place} has shape {item.shape} in sample {place.index(position)} but {shape} in sample "
                f"{place.index(0)}; samples of one batch need equal shapes, so pad or crop them"
            )


def _common_dtype(arrays: Sequence[Array], place: Place) -> np.dtype[Any]:
    """The dtype that holds the values of all ``arrays`` unchanged."""
    first = arrays[0].dtype
    dtypes = {item.dtype for item in arrays}
    if len(dtypes) == 1:
        return first.newbyteorder("=")
    for position, item in enumerate(arrays):
        # NumPy does have a common dtype for numbers and strings: strings.
        if item.dtype.kind != first.kind and not {item.dtype.kind, first.kind} <= _NUMBERS:
            raise TypeError(
                f"{place} is {item.dtype} in sample {place.index(position)} but {first} in sample "
                f"{place.index(0)}; expected one kind"
            )
    dtype = np.result_type(*dtypes)
    for position, item in enumerate(arrays):
        if item.dtype.kind in "iu" and dtype.kind in "fc" and not _exact(item, dtype):
            names = " and ".join(sorted(map(str, dtypes)))
            raise ValueError(
                f"{place} mixes {names}, and sample {place.index(position)} has whole numbers that {dtype} "
                "cannot hold; return one dtype from every sample"
            )
    return dtype


def _exact(item: Array, dtype: np.dtype[Any]) -> bool:
    # Compared as Python numbers: NumPy would round the integers to floats to compare them.
    return bool(item.tolist() == item.astype(dtype).real.tolist())
