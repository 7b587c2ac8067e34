"""Datasets that can be sent to any process, and loading of their batches."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ailab.data import Dataset, rng
from ailab.data.batches import BatchLoader
from ailab.data.engine.worker import Key
from ailab.testing.samples import Scan


class Simple(Dataset):
    """Samples with random numbers; a subclass changes what happens at one index."""

    version = "1"

    def __init__(self, length: int = 40, odd: int = -1) -> None:
        self.length = length
        self.odd = odd

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> Any:
        if index == self.odd:
            self.happen()
        return {"x": np.full((3, 2), index, np.float32), "n": rng().random(2), "s": f"{index}"}, index

    def happen(self) -> None:
        """What happens at the odd index."""


@dataclass
class Picky:
    """Does not let itself be pickled as it is, nor made of arrays."""

    x: Any
    y: Any

    def __post_init__(self) -> None:
        if isinstance(self.y, np.ndarray):
            raise TypeError("y is to be a number")

    def __reduce__(self) -> Any:
        return Picky, (self.x, self.y)


class Records(Simple):
    """Samples with dataclasses of two kinds."""

    def __getitem__(self, index: int) -> Any:
        features, label = super().__getitem__(index)
        return Picky(features, label), Scan(features["x"], label)


def keys_of(loader: BatchLoader, epoch: int = 0) -> list[Key]:
    return [(epoch, loader.indices(number, epoch)) for number in range(len(loader))]


def alive(pid: int) -> bool:
    """Whether the process runs; one that has ended and waits for its parent does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_for(condition: Callable[[], bool], seconds: float = 30) -> None:
    """Wait until ``condition`` holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.005)
