"""What forked processes or threads must not share: things with a position, a connection or a device behind them."""

from __future__ import annotations

import io
import socket
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from types import GeneratorType
from typing import Any

import numpy as np

__all__ = ["unshareable"]

_DEPTH = 6
_ITEMS = 32  # of a list or dict: what one element is, the others usually are as well
_PACKAGES = frozenset({"h5py", "tables", "netCDF4", "lmdb", "tensorflow", "jaxlib", "psycopg", "psycopg2", "redis"})
_MEMORY = (io.BytesIO, io.StringIO)


def unshareable(dataset: object) -> str | None:
    """The type of something in ``dataset`` that belongs to this thread alone, such as an open file; None: no such.

    A look at its attributes and what these hold, a few levels deep; what only running it would show is not seen.
    """
    seen: set[int] = set()
    level: list[Any] = [dataset]
    for _ in range(_DEPTH):
        deeper: list[Any] = []
        for value in level:
            if id(value) in seen or isinstance(value, np.ndarray | str | bytes | int | float):
                continue
            seen.add(id(value))
            if _alone(value):
                return type(value).__qualname__
            deeper.extend(_parts(value))
        level = deeper
    return None


def _alone(value: Any) -> bool:
    if isinstance(value, io.IOBase):
        return not isinstance(value, _MEMORY)
    if isinstance(value, sqlite3.Connection | socket.socket | GeneratorType):
        return True
    kind = type(value)
    package = kind.__module__.partition(".")[0]
    return package in _PACKAGES or (package == "torch" and bool(getattr(value, "is_cuda", False)))


def _parts(value: Any) -> Iterator[Any]:
    if isinstance(value, Mapping) and type(value) is dict:
        yield from islice(value.values(), _ITEMS)
    elif type(value) in (list, tuple, set, frozenset):
        items: Iterable[Any] = value
        yield from islice(items, _ITEMS)
    elif isinstance(value, type):
        return
    else:
        yield from getattr(value, "__dict__", {}).values()
        yield getattr(value, "__self__", None)
        for cell in getattr(value, "__closure__", None) or ():
            try:
                yield cell.cell_contents
            except ValueError:  # not filled yet
                continue
