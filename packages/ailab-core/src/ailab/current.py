"""What this process uses at the moment: its Config and its datasets, and how long it waits for them.

The batched datasets take their default batch size from the Config in use, and a run records the versions of the
datasets that feed it; both are often built far from one another. This is the one place that both sides know, so that
``ailab.data`` and ``ailab.experiment`` need not know each other.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ailab.experiment.config import Config

__all__ = ["config", "note_dataset", "note_waiting", "on_dataset", "on_waiting", "use_config"]

_config: Config | None = None
# By the loader that makes the batches: a dataset whose loaders are gone feeds no later run.
_datasets: weakref.WeakKeyDictionary[object, tuple[str, Any]] = weakref.WeakKeyDictionary()
_listeners: list[Callable[[str, Any], None]] = []
_waiting: list[Callable[[float, str | None], None]] = []


def config() -> Config | None:
    """The Config last checked for completeness or given to ``log.setup``; None before that."""
    return _config


def use_config(config: Config | None) -> None:
    """Make ``config`` the one in use in this process (None: none)."""
    global _config
    _config = config


def note_dataset(loader: object, name: str, version: str | int | float | None) -> None:
    """Say that ``loader`` makes batches of a dataset: its class's name and what its ``version`` says."""
    _datasets[loader] = (name, version)
    for listener in _listeners:
        listener(name, version)


def on_dataset(listener: Callable[[str, Any], None]) -> Callable[[], None]:
    """Call ``listener(name, version)`` for every dataset in use and from now on. Returns what ends that."""
    for name, version in list(_datasets.values()):
        listener(name, version)
    _listeners.append(listener)
    return lambda: _listeners.remove(listener) if listener in _listeners else None


def note_waiting(fraction: float, advice: str | None) -> None:
    """Say which part of an epoch, 0 to 1, was spent waiting for batches, and what to do about it, if anything."""
    for listener in _waiting:
        listener(fraction, advice)


def on_waiting(listener: Callable[[float, str | None], None]) -> Callable[[], None]:
    """Call ``listener(fraction, advice)`` after every epoch from now on. Returns what ends that."""
    _waiting.append(listener)
    return lambda: _waiting.remove(listener) if listener in _waiting else None
