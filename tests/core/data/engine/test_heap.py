"""A worker's samples get the memory of those before, not pages anew, and it leaves its parent's pages alone."""

from __future__ import annotations

import ctypes
import gc
import multiprocessing
import resource
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from ailab.data.batches import BatchLoader
from ailab.data.engine.pool import Pool
from ailab.data.engine.stream import PoolStream

SIZE = 600_000  # bytes of an image; three of them are freed with each sample
PAGES = SIZE / resource.getpagesize()
SAMPLES = 200


class Faults:
    """Makes three images for each sample, and gives how many page faults its process has had until then."""

    def __len__(self) -> int:
        return SAMPLES

    def __getitem__(self, index: int) -> Any:
        image = np.full(SIZE, index, np.uint8)
        _ = image, image + 1, image + 2
        return {"faults": resource.getrusage(resource.RUSAGE_SELF).ru_minflt}, index


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallopt"), reason="about glibc's heap")
@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="needs fork")
def test_also_where_another_thread_has_forked() -> None:
    found: list[float] = []

    def read() -> None:
        loader = BatchLoader(Faults(), 20, shuffle=False)
        pool = Pool(loader.load, 1, context="fork")
        found.extend(float(count) for batch in PoolStream(pool, loader.keys()) for count in batch[0]["faults"])

    with ThreadPoolExecutor(1) as another:
        another.submit(read).result()
    assert len(found) == SAMPLES
    # What it takes to begin is in the first half. Where memory is given back, each sample has some 400.
    assert found[-1] - found[SAMPLES // 2] < SAMPLES / 2 * PAGES / 10


class Collected:
    """Holds many objects, and gives how many page faults a garbage collection takes."""

    def __init__(self) -> None:
        self.objects: list[list[int]] = [[] for _ in range(200_000)]  # some 13 MB

    def __len__(self) -> int:
        return 2

    def __getitem__(self, index: int) -> Any:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        gc.collect()
        return {"faults": resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before}, index


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="needs fork")
def test_a_collection_does_not_copy_what_the_parent_holds() -> None:
    loader = BatchLoader(Collected(), 1, shuffle=False)
    found = [int(batch[0]["faults"][0]) for batch in PoolStream(Pool(loader.load, 1, context="fork"), loader.keys())]
    assert len(found) == 2
    assert max(found) < 12_800_000 / resource.getpagesize() / 4
    assert gc.get_freeze_count() == 0  # what is here is still this process's to collect
