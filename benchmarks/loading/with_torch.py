"""Contenders that give torch tensors."""

from __future__ import annotations

import inspect
from typing import Any

import torch
from torch.utils.data import DataLoader

from ailab.data.pytorch import BatchedPytorchDataset
from loading.workloads import collate

__all__ = ["ailab", "by_hand", "plain", "whole"]


def ailab(dataset: Any, batch_size: int, **arguments: Any) -> Any:
    """AI Lab's adapter; an argument that this version does not know is an error, unless it says "none"."""
    known = inspect.signature(BatchedPytorchDataset).parameters
    arguments = {name: value for name, value in arguments.items() if value != 0 or name in known}
    return BatchedPytorchDataset(dataset, batch_size, shuffle=False, **arguments)


def plain(dataset: Any, batch_size: int, num_workers: int) -> Any:
    """torch's DataLoader as people use it."""
    return DataLoader(dataset, batch_size, num_workers=num_workers, persistent_workers=num_workers > 0)


def by_hand(dataset: Any, batch_size: int, num_workers: int) -> Any:
    """torch's DataLoader with a collate function by somebody who knows what is slow."""
    return DataLoader(
        dataset, batch_size, num_workers=num_workers, persistent_workers=num_workers > 0, collate_fn=_tensors
    )


def whole(dataset: Any, batch_size: int, num_workers: int) -> Any:
    """torch's DataLoader over ``__getitems__`` that give finished batches."""
    return DataLoader(dataset, batch_size, num_workers=num_workers, collate_fn=_as_tensors)


def _tensors(samples: list[Any]) -> Any:
    return _as_tensors(collate(samples))


def _as_tensors(batch: Any) -> Any:
    return tuple({key: torch.from_numpy(value) for key, value in part.items()} for part in batch)
