"""What is loaded. Every contender reads the same samples, in the order 0, 1, 2, ..., in the same batches."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ailab.data import Dataset

__all__ = ["WORKLOADS", "Workload", "calibrate", "collate", "digest_of"]

Sample = tuple[dict[str, Any], dict[str, Any]]
_CLASSES = 10


class Tiny(Dataset):
    """16 float32 and an int64, views of two arrays: what most tabular datasets look like."""

    version = "1"

    def __init__(self, length: int, work: int) -> None:
        self.x = np.random.default_rng(0).random((length, 16), dtype=np.float32)
        self.y = np.arange(length) % _CLASSES

    def __len__(self) -> int:
        return len(self.y)

    def __getitem__(self, index: int) -> Sample:
        return {"x": self.x[index]}, {"y": self.y[index]}


class TinyWhole(Tiny):
    """`Tiny` which also gives finished batches."""

    def __getitems__(self, indices: Any) -> Sample:
        return {"x": self.x.take(indices, axis=0)}, {"y": self.y.take(indices)}


class Lists(Dataset):
    """100 Python floats in a list; float32 in the batch."""

    version = "1"

    def __init__(self, length: int, work: int) -> None:
        self.rows = np.random.default_rng(0).random((length, 100)).tolist()

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> Sample:
        return {"x": self.rows[index]}, {"y": index % _CLASSES}


class ManyLists(Lists):
    """As many samples as one likes of the rows of 25,600."""

    kept = 25_600

    def __init__(self, length: int, work: int) -> None:
        super().__init__(min(length, self.kept), work)
        self.length = length

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> Sample:
        return {"x": self.rows[index % self.kept]}, {"y": index % _CLASSES}


class Images(Dataset):
    """224×224×3 bytes made float32 in 0..1; the bytes of 256 images (37 MiB) serve all samples."""

    version = "1"
    shape = (224, 224, 3)
    kept = 256

    def __init__(self, length: int, work: int) -> None:
        self.length = length
        self.work = work
        self.pixels = np.random.default_rng(0).integers(0, 256, (self.kept, *self.shape), np.uint8)

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> Sample:
        return {"x": self.pixels[index % self.kept].astype(np.float32) / np.float32(255)}, {"y": index % _CLASSES}


class Waiting(Images):
    """2 ms of waiting, as for a disk or a network, then a small image."""

    shape = (32, 32, 3)

    def __getitem__(self, index: int) -> Sample:
        time.sleep(0.002)
        return {"x": self.pixels[index % self.kept]}, {"y": index % _CLASSES}


class Computing(Images):
    """A fixed amount of pure Python, 2 ms of it when alone on a core, then a small image.

    A loop "until 2 ms have passed" would count as done what a thread merely waited for the interpreter.
    """

    shape = (32, 32, 3)

    def __getitem__(self, index: int) -> Sample:
        compute(self.work)
        return {"x": self.pixels[index % self.kept]}, {"y": index % _CLASSES}


def compute(rounds: int) -> int:
    """The work of `Computing`."""
    total = 0
    for number in range(rounds):
        total += number & 7
    return total


def calibrate(seconds: float = 0.002) -> int:
    """How many rounds of `compute` take ``seconds`` on this machine."""
    rounds = 20_000
    best = min(_timed(rounds) for _ in range(50))
    return int(rounds * seconds / best)


def _timed(rounds: int) -> float:
    start = time.perf_counter()
    compute(rounds)
    return time.perf_counter() - start


@dataclass(frozen=True)
class Workload:
    """A dataset, and how much of it makes an epoch."""

    name: str
    text: str
    dataset: Callable[[int, int], Any]
    batch_size: int
    batches: int
    whole: bool = False  # the dataset has __getitems__

    def length(self, quick: bool) -> int:
        """The number of samples in an epoch; whole batches only."""
        return self.batch_size * (max(self.batches // 4, 4) if quick else self.batches)


WORKLOADS = {
    workload.name: workload
    for workload in [
        Workload("W1", 'tiny: {"x": 16 float32}, {"y": int64}', Tiny, 256, 1200),
        Workload("W2", "lists: 100 Python floats", Lists, 256, 100),
        Workload("W3", "image: 224×224×3 uint8 → float32/255", Images, 64, 32),
        Workload("W4", "waiting: 2 ms sleep, 32×32×3 uint8", Waiting, 64, 24),
        Workload("W5", "computing: 2 ms of pure Python", Computing, 64, 16),
        # The same in epochs of seconds, as trainings have them: what starting workers costs is seen in the others.
        Workload("L1", "W1 in long epochs", Tiny, 256, 6000),
        Workload("L2", "W2 in long epochs", ManyLists, 256, 2000),
        Workload("L3", "W3 in long epochs", Images, 64, 320),
        Workload("L4", "W4 in long epochs", Waiting, 64, 480),
        Workload("L5", "W5 in long epochs", Computing, 64, 48),
        Workload("G1", "W1 with __getitems__", TinyWhole, 256, 8000, whole=True),
    ]
}


def collate(samples: list[Sample]) -> Sample:
    """The batch that somebody writes by hand who knows the data; also what all batches are compared with."""
    first = samples[0][0]["x"]
    x: Any = [features["x"] for features, _ in samples]
    x = np.array(x, np.float32) if isinstance(first, list) else np.stack(x)
    return {"x": x}, {"y": np.array([labels["y"] for _, labels in samples], np.int64)}


def digest_of(batch: Any) -> str:
    """Dtypes, shapes and contents of a batch of any framework, in a line."""
    import hashlib

    features, labels = batch
    parts = []
    for value in (features["x"], labels["y"]):
        if isinstance(value, list):
            return f"a list of {len(value)} instead of an array"
        array = np.ascontiguousarray(np.asarray(value))
        parts.append(f"{array.dtype}{array.shape}{hashlib.sha256(array.tobytes()).hexdigest()[:12]}")
    return " ".join(parts)
