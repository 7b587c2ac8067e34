"""The files of a cache.

For leaf number i: ``i.data``, the samples' values one after the other, and where shapes differ or the leaf is a
string ``i.shapes``, int64 of shape (samples, axes), and ``i.starts``, int64 of shape (samples + 1,), in elements.
``meta.json``, written last, has each file's size. Strings are stored as their code units, with one axis more.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ailab.data.batches.records import field_names, is_record

__all__ = ["FORMAT", "Leaf", "complete", "leaves_of", "open_store"]

FORMAT = 1
Array = npt.NDArray[Any]


@dataclass
class Leaf:
    """One array of every sample; ``fixed`` has shape (samples, ...) if all shapes are equal."""

    fixed: Array | None
    data: Array
    shapes: npt.NDArray[np.int64] | None
    starts: npt.NDArray[np.int64] | None
    string: str | None

    def row(self, index: int) -> Any:
        """The array of one sample, the caller's own; a scalar of NumPy's if it has no axis."""
        if self.fixed is not None:
            return self.fixed[index].copy()
        assert self.shapes is not None
        assert self.starts is not None
        shape = self.shapes[index].tolist()
        row = self.data[self.starts[index] : self.starts[index + 1]].reshape(shape).copy()
        return row if self.string is None else row.view(f"{self.string}{shape[-1]}")[..., 0]


def leaves_of(batch: Any, path: str = "") -> dict[str, Array]:
    """The arrays of a batch by their paths, like ``[0]['image']``, in the order of `map_arrays`."""
    if isinstance(batch, dict):
        parts = [(f"[{key!r}]", value) for key, value in batch.items()]
    elif isinstance(batch, tuple):
        parts = [(f"[{number}]", value) for number, value in enumerate(batch)]
    elif is_record(type(batch)):
        parts = [(f".{name}", getattr(batch, name)) for name in field_names(type(batch))]
    else:
        return {path: batch}
    return {name: rows for part, value in parts for name, rows in leaves_of(value, path + part).items()}


def complete(folder: Path) -> dict[str, Any] | None:
    """What ``meta.json`` says of the cache in ``folder``; None if there is none, or one that lacks something."""
    try:
        meta: dict[str, Any] = json.loads((folder / "meta.json").read_text("utf-8"))
        if meta["format"] == FORMAT and all((folder / f).stat().st_size == s for f, s in meta["sizes"].items()):
            return meta
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        pass
    return None


def open_store(folder: Path, paths: Sequence[str]) -> list[Leaf]:
    """The leaves at ``paths`` of the cache in ``folder``, which is complete.

    Raises:
        FileNotFoundError: it is not, or is no longer there.
    """
    meta = complete(folder)
    if meta is None:
        raise FileNotFoundError(f"the cache {folder} is gone or has lost a part; make the CachedDataset anew")
    return [_open_leaf(folder, meta, meta["leaves"][path]) for path in paths]


def _open_leaf(folder: Path, meta: dict[str, Any], leaf: dict[str, Any]) -> Leaf:
    length: int = meta["length"]
    data = _mapped(folder / f"{leaf['number']}.data", np.dtype(leaf["dtype"]))
    if leaf["shape"] is not None:
        return Leaf(data.reshape(length, *leaf["shape"]), data, None, None, None)
    shapes = _mapped(folder / f"{leaf['number']}.shapes", np.dtype("<i8")).reshape(length, leaf["axes"])
    return Leaf(None, data, shapes, _mapped(folder / f"{leaf['number']}.starts", np.dtype("<i8")), leaf["string"])


def _mapped(file: Path, dtype: np.dtype[Any]) -> Array:
    # An empty file cannot be mapped. A plain array on the map: np.memmap's own slices are slow.
    return np.asarray(np.memmap(file, dtype, "r")) if file.stat().st_size else np.empty(0, dtype)
