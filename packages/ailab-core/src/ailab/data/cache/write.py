"""Writing the files of a cache; see `ailab.data.cache.store` for what they are."""

from __future__ import annotations

import json
import os
from array import array
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ailab.data.cache.store import FORMAT

__all__ = ["Writer"]

Array = npt.NDArray[Any]


class Writer:
    """Writes rows of samples to ``folder``, which must be there; used in a ``with`` block."""

    def __init__(self, folder: Path, paths: Sequence[str]) -> None:
        self._folder = folder
        self._leaves = {path: _Leaf(path, number) for number, path in enumerate(paths)}
        self._length = 0
        self._files = ExitStack()

    def __enter__(self) -> Writer:
        for leaf in self._leaves.values():
            leaf.file = self._files.enter_context((self._folder / f"{leaf.number}.data").open("wb"))
        return self

    def __exit__(self, *error: object) -> None:
        self._files.close()

    def append(self, leaves: Mapping[str, Array]) -> None:
        """Write arrays of shape (rows, ...), by their paths.

        Raises:
            TypeError, ValueError: keys, dtype or number of axes are others than before.
        """
        if leaves.keys() != self._leaves.keys():
            raise ValueError(f"sample {self._length} has {sorted(leaves)} but sample 0 {sorted(self._leaves)}")
        for path, rows in leaves.items():
            self._leaves[path].append(rows, self._length)
        self._length += len(next(iter(leaves.values())))

    def finish(self) -> None:
        """Write the rest, ``meta.json`` last, and wait until all of it is on the disk."""
        described = {path: leaf.finish(self._folder, self._length) for path, leaf in self._leaves.items()}
        self._files.close()
        files = sorted(self._folder.iterdir())
        for file in files:
            _sync(file)
        meta = {
            "format": FORMAT,
            "length": self._length,
            "leaves": described,
            "sizes": {file.name: file.stat().st_size for file in files},
        }
        (self._folder / "meta.json").write_text(json.dumps(meta), "utf-8")
        _sync(self._folder / "meta.json")
        _sync(self._folder)


class _Leaf:
    def __init__(self, path: str, number: int) -> None:
        self.path, self.number = path, number
        self.file: Any = None
        self.dtype: np.dtype[Any] | None = None
        self.string: str | None = None
        self.shapes = array("q")  # flat; empty as long as all shapes are that of the first sample
        self.shape: tuple[int, ...] = ()
        self.ragged = False

    def append(self, rows: Array, start: int) -> None:
        string = rows.dtype.kind if rows.dtype.kind in "US" else None
        if string is not None:
            unit = np.dtype(np.uint32 if string == "U" else np.uint8)
            rows = np.ascontiguousarray(rows)[..., None].view(unit)
        if self.dtype is None:
            if np.dtype(rows.dtype.str) != rows.dtype:
                raise TypeError(f"{self.path} is {rows.dtype}, which a cache cannot store; return plain arrays")
            self.dtype, self.shape, self.string, self.ragged = rows.dtype, rows.shape[1:], string, string is not None
        if (rows.dtype, string) != (self.dtype, self.string) or rows.ndim != len(self.shape) + 1:
            raise TypeError(
                f"{self.path} is {rows.dtype} with {rows.ndim - 1} axes in sample {start} but {self.dtype} with "
                f"{len(self.shape)} in sample 0; a cache needs one dtype and number of axes"
            )
        if rows.shape[1:] != self.shape or self.ragged:
            if not self.shapes:
                self.shapes.extend(self.shape * start)
            self.ragged = True
            self.shapes.extend(rows.shape[1:] * len(rows))
        # As bytes: dates have no buffer of their own.
        self.file.write(np.ascontiguousarray(rows).reshape(-1).view(np.uint8).data if rows.size else b"")

    def finish(self, folder: Path, length: int) -> dict[str, Any]:
        assert self.dtype is not None
        if self.ragged:
            shapes = np.array(self.shapes, "<i8").reshape(length, len(self.shape))
            starts = np.concatenate([[0], shapes.prod(axis=1).cumsum()]).astype("<i8")
            (folder / f"{self.number}.shapes").write_bytes(shapes.tobytes())
            (folder / f"{self.number}.starts").write_bytes(starts.tobytes())
        return {
            "number": self.number,
            "dtype": self.dtype.str,
            "shape": None if self.ragged else self.shape,
            "axes": len(self.shape),
            "string": self.string,
        }


def _sync(path: Path) -> None:
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
