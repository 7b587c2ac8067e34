"""NumPy batches as tensors."""

from __future__ import annotations

from typing import Any

import numpy.typing as npt
import torch

from ailab.data.batches import map_arrays

__all__ = ["to_tensors"]


def to_tensors(batch: Any) -> Any:
    """``batch`` with each array as a tensor on the same memory.

    Arrays of strings, bytes and dates stay NumPy arrays: torch has no dtype for them.
    """
    return map_arrays(_to_tensor, batch)


def _to_tensor(array: npt.NDArray[Any]) -> Any:
    return torch.from_numpy(array) if array.dtype.kind in "biufc" else array
