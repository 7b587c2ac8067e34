"""A batch in two parts: its structure, which is pickled and small, and its arrays, which are not pickled."""

from __future__ import annotations

import io
import pickle
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from ailab.data.batches.records import field_names, is_record, make_record

__all__ = ["Array", "Field", "fields_to_arrays", "join", "split"]

Array: TypeAlias = npt.NDArray[Any]
Field: TypeAlias = tuple[int, Any, tuple[int, ...]]  # offset in bytes, dtype or its string, shape


class _Pickler(pickle.Pickler):
    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file, pickle.HIGHEST_PROTOCOL)
        self.arrays: list[Array] = []

    def persistent_id(self, value: Any) -> int | None:
        if type(value) is not np.ndarray or value.dtype.hasobject:
            return None
        self.arrays.append(value)
        return len(self.arrays) - 1

    def reducer_override(self, value: Any) -> Any:
        # A class may have its own idea of pickling, such as calling its constructor, which is for single samples.
        kind = type(value)
        if not is_record(kind):
            return NotImplemented
        return make_record, (kind, [getattr(value, name) for name in field_names(kind)])


class _Unpickler(pickle.Unpickler):
    def __init__(self, structure: bytes, arrays: Sequence[Array]) -> None:
        super().__init__(io.BytesIO(structure))
        self.persistent_load = arrays.__getitem__  # type: ignore[method-assign]


def split(batch: Any) -> tuple[bytes, list[Array]]:
    """The structure of ``batch`` without its arrays, and these.

    Raises:
        Exception: something in it that is no array cannot be pickled.
    """
    file = io.BytesIO()
    pickler = _Pickler(file)
    pickler.dump(batch)
    return file.getvalue(), pickler.arrays


def join(structure: bytes, arrays: Sequence[Array]) -> Any:
    """The batch of which ``structure`` and ``arrays`` are the parts."""
    return _Unpickler(structure, arrays).load()


def fields_to_arrays(fields: Sequence[Field], memory: Array) -> list[Array]:
    """The arrays in ``memory``, shape (size,), uint8; they are views of it."""
    return [np.ndarray(shape, dtype, memory, offset) for offset, dtype, shape in fields]
