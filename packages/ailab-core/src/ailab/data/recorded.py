"""Telling the run in progress, if there is one, which datasets feed it."""

from __future__ import annotations

from typing import Any

from ailab import current
from ailab.data.dataset import version_of

__all__ = ["record_use"]


def record_use(loader: object, dataset: Any) -> None:
    """Have ``run.json`` record the class and version of the dataset that ``loader`` reads."""
    try:
        version = version_of(dataset)
    except NotImplementedError:  # a Dataset must have one, but a training need not fail for it
        version = None
    current.note_dataset(loader, _name(dataset), version)


def _name(dataset: Any) -> str:
    """The class's name, and in brackets that of the dataset inside it."""
    inner = getattr(dataset, "dataset", None)
    name = type(dataset).__qualname__
    return name if inner is None else f"{name}({_name(inner)})"
