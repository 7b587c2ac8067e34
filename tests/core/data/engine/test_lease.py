from __future__ import annotations

import os

import numpy as np

from ailab.data.engine.lease import lease
from ailab.data.engine.memory import Memory, create


def memory(size: int = 4096) -> Memory:
    descriptor = create(size)
    made = Memory(descriptor, size)
    os.close(descriptor)
    return made


def test_the_last_view_ends_the_lease() -> None:
    ended: list[bool] = []
    whole = lease(memory(), lambda: ended.append(True))
    array = np.ndarray((2, 3), np.float32, whole, 64)
    view = array[1:, ::2].reshape(-1)
    other = memoryview(array)
    del whole, array
    assert not ended
    del view
    assert not ended
    del other
    assert ended == [True]


def test_the_memory_outlives_its_slot() -> None:
    kept = memory()
    array = lease(kept, lambda: None)
    array[:] = 5
    del kept
    assert array.sum() == 5 * 4096
