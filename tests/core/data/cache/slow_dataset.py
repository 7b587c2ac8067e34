"""Run by test_cache.py in processes of their own: builds a cache of samples that note each of their readings."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import numpy as np

from ailab.data import CachedDataset, Dataset


class Noted(Dataset):
    """Writes a byte to ``readings`` for each sample read; sample ``stop`` waits for a line on stdin."""

    version = "1"

    def __init__(self, readings: Path, stop: int = -1, length: int = 50) -> None:
        self.readings = readings
        self.stop = stop
        self.length = length

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> Any:
        number = os.open(self.readings, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(number, b".")
        os.close(number)
        if index == self.stop:
            print("reading", flush=True)
            sys.stdin.readline()
        return {"x": np.full(100, index, np.float32)}, {"y": index}


# The cache's key has the module's name: it is that of the import also when this file is the program.
Noted.__module__ = "slow_dataset"

if __name__ == "__main__":
    dataset = CachedDataset(Noted(Path(sys.argv[2]), int(sys.argv[3])), sys.argv[1])
    assert [int(labels["y"]) for _, labels in dataset] == list(range(50))
    print("built", flush=True)
