from __future__ import annotations

import gc
import pickle
import threading
from typing import Any

import numpy as np

from ailab.data.batches import blocks

SHAPE = (3, blocks.LEAST // 8)
DTYPE = np.dtype(np.float64)


def address(array: Any) -> int:
    return int(array.__array_interface__["data"][0])


def test_memory_is_used_again_after_the_array() -> None:
    first = blocks.empty(SHAPE, DTYPE)
    where = address(first)
    assert (first.shape, first.dtype, type(first)) == (SHAPE, DTYPE, np.ndarray)
    assert first.flags.c_contiguous and first.flags.writeable
    del first
    gc.collect()
    assert address(blocks.empty(SHAPE, DTYPE)) == where


def test_memory_is_aligned() -> None:
    kept = [blocks.empty((blocks.LEAST + odd,), np.dtype(np.uint8)) for odd in (0, 1, 4097)]
    assert [address(array) % 64 for array in kept] == [0, 0, 0]


def test_memory_is_not_used_again_while_anything_refers_to_it() -> None:
    kept: list[Any] = []
    for number, view in enumerate(
        [
            lambda array: array[1, 5:9],
            lambda array: array.T.reshape(-1)[3::7] if array.T.flags.c_contiguous else array.T[5:9],
            lambda array: memoryview(array)[1:2],
            lambda array: array.view(np.uint8)[2],
            lambda array: np.asarray(array).base,
        ]
    ):
        array = blocks.empty(SHAPE, DTYPE)
        array[...] = number
        kept.append((view(array), array.copy()))
        del array
        gc.collect()
    others = [blocks.empty(SHAPE, DTYPE) for _ in range(4)]
    for other in others:
        other[...] = -1
    assert float(kept[0][0][0]) == 0
    assert float(kept[1][0].flat[0]) == 1
    assert float(np.asarray(kept[2][0]).flat[0]) == 2
    assert float(kept[3][0].view(np.float64)[0]) == 3
    assert float(np.asarray(kept[4][0]).view(np.float64).flat[0]) == 4


def test_little_is_kept() -> None:
    arrays = [blocks.empty(SHAPE, DTYPE) for _ in range(6)]
    del arrays
    gc.collect()
    assert len(blocks._free) <= 2
    blocks.empty((blocks.LEAST,), np.dtype(np.uint8))  # another size: what does not fit goes
    assert all(len(memory) == blocks.LEAST + blocks.ALIGNMENT - 1 for memory in blocks._free)


def test_small_arrays_are_numpys() -> None:
    assert blocks.empty((4,), DTYPE).flags.owndata


def test_arrays_can_be_pickled() -> None:
    array = blocks.empty(SHAPE, DTYPE)
    array[...] = 3
    assert np.array_equal(pickle.loads(pickle.dumps(array)), array)  # noqa: S301 - made here


def test_threads_share_no_memory() -> None:
    wrong: list[int] = []

    def use(number: int) -> None:
        for _ in range(50):
            array = blocks.empty(SHAPE, DTYPE)
            array[:, ::512] = number
            if not (array[:, ::512] == number).all():
                wrong.append(number)

    threads = [threading.Thread(target=use, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
