"""Going through the arrays of a batch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ailab.data.batches.records import field_names, is_record, rebuilt

__all__ = ["map_arrays"]


def map_arrays(function: Callable[[Any], Any], batch: Any) -> Any:
    """``batch`` with ``function`` applied to each array; dicts, tuples (also named ones) and dataclasses stay."""
    kind = type(batch)
    # Most are tuples and dicts of arrays; for a batch made at once this takes as long as all the rest of it.
    if kind is dict:
        return {
            key: function(value) if type(value) is np.ndarray else map_arrays(function, value)
            for key, value in batch.items()
        }
    if kind is tuple:
        return tuple([map_arrays(function, value) for value in batch])
    if kind is np.ndarray:
        return function(batch)
    if isinstance(batch, dict):
        return {key: map_arrays(function, value) for key, value in batch.items()}
    if isinstance(batch, tuple):
        parts = [map_arrays(function, value) for value in batch]
        return type(batch)(*parts) if hasattr(batch, "_fields") else tuple(parts)
    if is_record(kind):
        return rebuilt(batch, [map_arrays(function, getattr(batch, name)) for name in field_names(kind)])
    return function(batch)
