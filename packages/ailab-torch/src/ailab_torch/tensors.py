"""NumPy batches as tensors."""

from __future__ import annotations

from typing import Any

import numpy.typing as npt
import torch

from ailab.data.batches import map_arrays

__all__ = ["to_copied_tensors", "to_pinned_tensors", "to_tensors"]


def to_tensors(batch: Any) -> Any:
    """``batch`` with each array as a tensor on the same memory.

    Arrays of strings, bytes and dates stay NumPy arrays: torch has no dtype for them.
    """
    return map_arrays(_to_tensor, batch)


def to_copied_tensors(batch: Any) -> Any:
    """As `to_tensors`, but on memory of their own."""
    return map_arrays(lambda array: _to_tensor(array.copy()), batch)


def to_pinned_tensors(batch: Any) -> Any:
    """As `to_tensors`, but on page-locked memory, from which copies to a GPU need not wait."""
    return map_arrays(_to_pinned, batch)


def _to_pinned(array: npt.NDArray[Any]) -> Any:
    tensor = _to_tensor(array)
    return tensor.pin_memory() if isinstance(tensor, torch.Tensor) else tensor


def _to_tensor(array: npt.NDArray[Any]) -> Any:
    return torch.from_numpy(array) if array.dtype.kind in "biufc" else array
