"""What a dataset costs in each forked worker process, over an epoch: lists of Python objects beside arrays.

    python benchmarks/worker_memory.py --samples 2000000 --workers 2

For each dataset and loader, in a process of its own: the memory of the process that holds the data before it forks,
then of each worker (the mean) with the first batch and near the end of the epoch. ``private`` is what it has for itself
(Private_Clean + Private_Dirty of /proc/PID/smaps_rollup); PSS adds its share of what it shares. Linux only.
"""

from __future__ import annotations

import argparse
import atexit
import json
import multiprocessing
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

BATCH = 256
WORD = "sentence number {:012d}"


class Lists:
    """A string and a float for each sample, in lists: objects whose reference counts are written as they are read."""

    version = "1"

    def __init__(self, length: int) -> None:
        self.texts = [WORD.format(i) for i in range(length)]
        self.values = [i / 2 for i in range(length)]

    def __len__(self) -> int:
        return len(self.texts)

    def __getitem__(self, index: int) -> Any:
        return {"text": self.texts[index], "value": self.values[index]}, index


class Arrays(Lists):
    """The same in two arrays; the strings as bytes of a fixed width."""

    def __init__(self, length: int) -> None:
        self.texts: Any = np.array([WORD.format(i).encode() for i in range(length)])
        self.values: Any = np.arange(length) / 2

    def __getitem__(self, index: int) -> Any:
        return {"text": self.texts[index].decode(), "value": float(self.values[index])}, index


class Packed(Lists):
    """The same with strings of any length one after the other in one array, and where each begins in another."""

    def __init__(self, length: int) -> None:
        texts = [WORD.format(i).encode() for i in range(length)]
        self.starts = np.concatenate([[0], np.cumsum([len(text) for text in texts])])
        self.bytes = np.frombuffer(b"".join(texts), np.uint8)
        self.values: Any = np.arange(length) / 2

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, index: int) -> Any:
        text = self.bytes[self.starts[index] : self.starts[index + 1]].tobytes().decode()
        return {"text": text, "value": float(self.values[index])}, index


def cached(length: int) -> Any:
    """`Lists` through a cache on the disk. Not for torch, which makes no batches of np.str_."""
    from ailab.data import CachedDataset

    dataset: Any = CachedDataset(Lists(length), tempfile.mkdtemp(), progress=False)
    atexit.register(shutil.rmtree, dataset.folder.parent)
    return dataset


def ours(dataset: Any, workers: int) -> Iterable[Any]:
    from ailab.data.pytorch import BatchedPytorchDataset

    return BatchedPytorchDataset(dataset, BATCH, num_workers=workers, multiprocessing_context="fork")


def torchs(dataset: Any, workers: int) -> Iterable[Any]:
    from torch.utils.data import DataLoader

    return DataLoader(dataset, BATCH, shuffle=True, num_workers=workers, multiprocessing_context="fork")


DATASETS: dict[str, Any] = {"lists": Lists, "arrays": Arrays, "packed": Packed, "cached": cached}
LOADERS = {"ailab": ours, "torch": torchs}


def memory(pid: int | None) -> dict[str, float]:
    """MiB of the process: its own pages (``private``), and PSS."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    kib = {name: int(value.split()[0]) for name, value in (line.split(":") for line in lines)}
    return {"private": (kib["Private_Clean"] + kib["Private_Dirty"]) / 1024, "pss": kib["Pss"] / 1024}


def of_workers() -> dict[str, float]:
    found = [memory(process.pid) for process in multiprocessing.active_children()]
    return {key: sum(each[key] for each in found) / len(found) for key in found[0]}


def measure(dataset: str, loader: str, samples: int, workers: int) -> dict[str, Any]:
    made = DATASETS[dataset](samples)
    batches = LOADERS[loader](made, workers)
    before = memory(os.getpid())
    near_end = samples // BATCH * 9 // 10
    first = last = None
    for number, _ in enumerate(batches):
        if number == 0:
            first = of_workers()
        if number == near_end:
            last = of_workers()
    return {"dataset": dataset, "loader": loader, "before": before, "first": first, "last": last}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=2_000_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--only", help="some datasets, as lists,arrays")
    parser.add_argument("--one", nargs=2, metavar=("DATASET", "LOADER"), help="measure one, and print JSON")
    given = parser.parse_args()
    if given.one:
        print(json.dumps(measure(*given.one, given.samples, given.workers)))
        return
    chosen = given.only.split(",") if given.only else DATASETS
    print(f"{given.samples:,} samples, {given.workers} workers, MiB; each worker: private (PSS)\n")
    print("| dataset | loader | main before | worker, first batch | worker, 90 % of the epoch | private growth |")
    print("|---|---|---|---|---|---|")
    size = [f"--samples={given.samples}", f"--workers={given.workers}"]
    for dataset in chosen:
        for loader in LOADERS if dataset != "cached" else ["ailab"]:
            command = [sys.executable, __file__, *size, "--one", dataset, loader]
            told = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
            first, last = told["first"], told["last"]
            print(
                f"| {dataset} | {loader} | {told['before']['private']:.0f} "
                f"| {first['private']:.0f} ({first['pss']:.0f}) | {last['private']:.0f} ({last['pss']:.0f}) "
                f"| {last['private'] - first['private']:+.0f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
