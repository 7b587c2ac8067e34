"""Large arrays of samples, copied to their place in the batch as soon as they are read.

Kept until the batch is complete, they would need its memory twice, and be gone from the processor's cache when
they are copied.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ailab.data.batches.allocation import empty
from ailab.data.batches.records import field_names, is_record, rebuilt
from ailab.data.batches.values import Array

__all__ = ["Rows"]

LEAST = 2**14  # bytes; less than that is better copied all at once
_KINDS = (np.ndarray, np.memmap)


class Rows:
    """The columns of a batch of ``count`` samples that are filled while reading."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._columns: dict[tuple[Any, ...], tuple[Array, list[Array]]] = {}  # by place: the column and its rows

    def begin(self, sample: Any) -> tuple[bool, Any]:
        """Whether there is anything to place in samples like this first one, and `place` of it."""
        sample = self._placed(sample, (), 0)
        return bool(self._columns), sample

    def place(self, sample: Any, position: int) -> Any:
        """``sample`` with its large arrays replaced by equal rows of the batch."""
        return self._placed(sample, (), position)

    def column(self, values: Sequence[Any]) -> Array | None:
        """The column whose rows are just these values, all and in order; None if there is none."""
        for column, rows in self._columns.values():
            if rows[0] is values[0]:
                complete = len(rows) == len(values) and all(map(_same, rows, values))
                return column if complete else None
        return None

    def _placed(self, value: Any, path: tuple[Any, ...], position: int) -> Any:
        # Exactly dicts and tuples, and dataclasses: others may have their own idea of how they are made.
        if type(value) is dict:
            return {key: self._placed(part, (*path, key), position) for key, part in value.items()}
        if type(value) is tuple:
            return tuple([self._placed(part, (*path, number), position) for number, part in enumerate(value)])
        if type(value) not in _KINDS:
            return self._record_placed(value, path, position) if is_record(type(value)) else value
        if value.nbytes < LEAST:
            return value
        if position == 0 and value.dtype.isnative and value.dtype.kind in "biufc":
            self._columns[path] = empty((self._count, *value.shape), value.dtype), []
        column, rows = self._columns.get(path, (None, []))
        if column is None or value.dtype != column.dtype or value.shape != column.shape[1:]:
            return value  # `collate` promotes or raises
        row: Array = column[position]
        row[...] = value
        rows.append(row)
        return row

    def _record_placed(self, value: Any, path: tuple[Any, ...], position: int) -> Any:
        names = field_names(type(value))
        if not all(hasattr(value, name) for name in names):
            return value  # `collate` says so
        return rebuilt(value, [self._placed(getattr(value, name), (*path, name), position) for name in names])


def _same(one: object, other: object) -> bool:
    return one is other
