"""Going through the arrays of a batch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["map_arrays"]


def map_arrays(function: Callable[[Any], Any], batch: Any) -> Any:
    """``batch`` with ``function`` applied to each array; dicts, tuples and named tuples stay as they are."""
    if isinstance(batch, dict):
        return {key: map_arrays(function, value) for key, value in batch.items()}
    if isinstance(batch, tuple):
        parts = [map_arrays(function, value) for value in batch]
        return type(batch)(*parts) if hasattr(batch, "_fields") else tuple(parts)
    return function(batch)
