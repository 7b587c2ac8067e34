"""AI Lab for Keras, on any of its backends."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ailab_keras.callback import LogCallback as LogCallback
    from ailab_keras.dataset import BatchedKerasDataset as BatchedKerasDataset

__all__ = ["BatchedKerasDataset", "LogCallback"]

_MODULES = {"BatchedKerasDataset": "ailab_keras.dataset", "LogCallback": "ailab_keras.callback"}


def __getattr__(name: str) -> Any:
    # Late, because core imports ailab_keras.hooks, and with it this, in programs that have no use for Keras.
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULES[name]), name)
