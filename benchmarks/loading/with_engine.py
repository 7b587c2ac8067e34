"""The engine under both adapters, whose batches are NumPy arrays."""

from __future__ import annotations

from typing import Any

from ailab.data.batches import BatchLoader

__all__ = ["in_process"]


def in_process(dataset: Any, batch_size: int) -> Any:
    """Batches made by this process."""
    return BatchLoader(dataset, batch_size, shuffle=False)
