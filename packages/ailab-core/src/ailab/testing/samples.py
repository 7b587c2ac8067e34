"""Datasets with every structure that a batch may have, and their comparison."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from ailab.data import Dataset, rng
from ailab.data.batches.records import field_names, is_record

__all__ = ["STRUCTURES", "Box", "Broken", "Made", "Scan", "assert_same"]


class Box(NamedTuple):
    """A named tuple in a sample."""

    corner: Any
    name: Any


@dataclass(frozen=True, slots=True)
class Scan:
    """A dataclass in a sample, whose checks no batch of them would pass."""

    image: Any
    age: Any
    size: Any = field(init=False)

    def __post_init__(self) -> None:
        if np.ndim(self.age):
            raise ValueError(f"age={self.age}: expected a number")
        object.__setattr__(self, "size", np.size(self.image))


def _noise(index: int) -> Any:
    return {"x": rng().normal(size=4).astype(np.float32) + index}, {"y": index}


# Name -> function from an index to a sample.
STRUCTURES: dict[str, Callable[[int], Any]] = {
    "arrays": lambda i: (np.full((2, 3), i, np.float32), np.int64(i)),
    "dicts": lambda i: (
        {"image": np.full((4, 4, 1), i, np.uint8), "scale": i / 2},
        {"digit": i, "odd": i % 2 == 1},
    ),
    "lists": lambda i: ({"list": [i, i + 0.5], "ints": [[i], [1]]}, [float(i)]),
    "nested": lambda i: ({"a": {"b": (np.float16(i), i)}}, Box(np.arange(4) + i, {"deep": 1.5 * i})),
    "dataclasses": lambda i: (Scan(np.full((2, 2), i, np.int16), i), {"box": Box(Scan(i / 2, i), i)}),
    "strings": lambda i: ({"text": "x" * (i % 3), "bytes": b"%d" % i}, {"y": i}),
    "random": _noise,
}


class Made(Dataset):
    """``length`` samples made by a function of the index."""

    version = "1"

    def __init__(self, make: Callable[[int], Any], length: int = 11) -> None:
        self.make = make
        self.length = length

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> Any:
        return self.make(index)


class Broken(Made):
    """Reading the sample with index ``bad`` raises a FileNotFoundError with an errno and a file name."""

    def __init__(self, bad: int = 7) -> None:
        super().__init__(STRUCTURES["arrays"])
        self.bad = bad

    def __getitem__(self, index: int) -> Any:
        if index == self.bad:
            raise FileNotFoundError(2, "no such scan", "scan.png")
        return super().__getitem__(index)


def assert_same(actual: Any, expected: Any, path: str = "batch") -> None:
    """Both have the same structure, and their arrays the same dtypes, shapes and bits."""
    if isinstance(expected, dict):
        assert isinstance(actual, dict), f"{path}: {type(actual)} is no dict"
        assert list(actual) == list(expected), path
        for key in expected:
            assert_same(actual[key], expected[key], f"{path}[{key!r}]")
    elif isinstance(expected, tuple):
        assert type(actual) is type(expected), f"{path}: {type(actual)} instead of {type(expected)}"
        assert len(actual) == len(expected), path
        for number, (one, other) in enumerate(zip(actual, expected, strict=True)):
            assert_same(one, other, f"{path}[{number}]")
    elif is_record(type(expected)):
        assert type(actual) is type(expected), f"{path}: {type(actual)} instead of {type(expected)}"
        for name in field_names(type(expected)):
            assert_same(getattr(actual, name), getattr(expected, name), f"{path}.{name}")
    else:
        assert isinstance(actual, np.ndarray), f"{path}: {type(actual)} is no array"
        assert (actual.dtype, actual.shape) == (expected.dtype, expected.shape), path
        assert actual.tobytes() == expected.tobytes(), f"{path}: {actual} instead of {expected}"
