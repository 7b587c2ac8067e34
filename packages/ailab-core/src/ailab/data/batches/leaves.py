"""One leaf of a batch: array-likes of equal shape, stacked along a new first axis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ailab.data.batches.allocation import empty
from ailab.data.batches.fast import stack_fast
from ailab.data.batches.rows import Rows
from ailab.data.batches.values import PYTHON_DTYPES, Array, is_python, read

__all__ = ["Place", "stack", "stack_carefully"]

_NUMBERS = frozenset("biufc")
_WEAK: dict[str, Any] = {"b": False, "i": 0, "f": 0.0}


@dataclass(frozen=True)
class Place:
    """Where in which samples a value is, for error messages; ``rows`` has columns that are filled already."""

    path: str
    indices: Sequence[int]
    rows: Rows | None = None

    def __str__(self) -> str:
        return self.path

    def under(self, name: str) -> Place:
        """A part of this place: ``name`` is ``['key']``, ``[0]`` or ``.field``."""
        return Place(self.path + name, self.indices, self.rows)

    def index(self, position: int) -> int:
        """The dataset's index of the sample at ``position`` in the batch."""
        return self.indices[position]


def stack(values: Sequence[Any], place: Place, kind: type | None) -> Array:
    """``values`` as one new array of shape (len(values), ...), as `collate` says; ``kind`` is the type of them all."""
    column = place.rows.column(values) if place.rows else None
    if column is None and kind is not None:
        column = stack_fast(values, kind)
    return stack_carefully(values, place) if column is None else column


def stack_carefully(values: Sequence[Any], place: Place) -> Array:
    """`stack`, value by value: of any kinds, and with errors that say where."""
    arrays = [read(value, f"{place} of sample {place.index(i)}") for i, value in enumerate(values)]
    _check_shapes(arrays, place)
    out = empty((len(arrays), *arrays[0].shape), _common_dtype(arrays, values, place))
    return np.stack(arrays, out=out)


def _check_shapes(arrays: Sequence[Array], place: Place) -> None:
    shape = arrays[0].shape
    for position, item in enumerate(arrays):
        if item.shape != shape:
            advice = "crop them, or let pad=0 fill them up (pad={'key': 0}: those of one key)"
            if item.ndim != len(shape):
                advice = "pad= fills up axes, but adds none"
            raise ValueError(
                f"{place} has shape {item.shape} in sample {place.index(position)} but {shape} in sample "
                f"{place.index(0)}; samples of one batch need equal shapes: {advice}"
            )


def _common_dtype(arrays: Sequence[Array], values: Sequence[Any], place: Place) -> np.dtype[Any]:
    """The dtype that holds the values of all ``arrays`` unchanged; ``values`` are what they were read from."""
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
    dtype = _promoted(arrays, values)
    for position, item in enumerate(arrays):
        if item.dtype.kind in "iu" and dtype.kind in "fc" and not _exact(item, dtype):
            names = " and ".join(sorted(map(str, dtypes)))
            raise ValueError(
                f"{place} mixes {names}, and sample {place.index(position)} has whole numbers that {dtype} "
                "cannot hold; return one dtype from every sample"
            )
    return dtype


def _promoted(arrays: Sequence[Array], values: Sequence[Any]) -> np.dtype[Any]:
    """NumPy's promotion, in which a Python number has a kind but no size: one stray 0 among floats changes nothing."""
    own = {item.dtype for item, value in zip(arrays, values, strict=True) if not is_python(value)}
    kinds = {item.dtype.kind for item, value in zip(arrays, values, strict=True) if is_python(value)}
    if not own:
        return PYTHON_DTYPES[float if "f" in kinds else int]
    return np.result_type(*own, *(_WEAK[kind] for kind in kinds))


def _exact(item: Array, dtype: np.dtype[Any]) -> bool:
    # Compared as Python numbers: NumPy would round the integers to floats to compare them.
    return bool(item.tolist() == item.astype(dtype).real.tolist())
