"""AI Lab for PyTorch."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ailab_torch.dataset import BatchedPytorchDataset as BatchedPytorchDataset

__all__ = ["BatchedPytorchDataset"]

_MODULES = {"BatchedPytorchDataset": "ailab_torch.dataset"}


def __getattr__(name: str) -> Any:
    # Late, because core imports ailab_torch.hooks, and with it this, in programs that have no use for PyTorch.
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULES[name]), name)
