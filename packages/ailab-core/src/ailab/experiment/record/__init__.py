"""A run on disk: how it is laid out, written and read. The contract is ``docs/run-folder.md``."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from ailab.experiment.record.layout import SCHEMA as SCHEMA
from ailab.experiment.record.layout import RunFolder as RunFolder
from ailab.experiment.record.layout import create_run_folder as create_run_folder
from ailab.experiment.record.layout import discover as discover
from ailab.experiment.record.writer import RecordWriter as RecordWriter

if TYPE_CHECKING:
    from ailab.experiment.record.reader import RunReader as RunReader
    from ailab.experiment.record.summary import ImageEvent as ImageEvent
    from ailab.experiment.record.summary import MetricSummary as MetricSummary

__all__ = [
    "SCHEMA",
    "ImageEvent",
    "MetricSummary",
    "RecordWriter",
    "RunFolder",
    "RunReader",
    "create_run_folder",
    "discover",
]

# Reading needs NumPy, writing does not: a training's first value need not wait for its import.
_LATE = {"RunReader": "reader", "ImageEvent": "summary", "MetricSummary": "summary"}


def __getattr__(name: str) -> Any:
    if name in _LATE:
        return getattr(importlib.import_module(f"{__name__}.{_LATE[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
