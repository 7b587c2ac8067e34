from __future__ import annotations

import mmap
import os
from typing import Any

import numpy as np
import pytest

from ailab.data.engine.arena import Arena
from ailab.data.engine.wire import fields_to_arrays, join, split

F4 = np.dtype(np.float32)


class Reader:
    """The other side: follows the memory of an arena."""

    def __init__(self) -> None:
        self.fresh = 0
        self.map: Any = None

    def read(self, fields: Any, fresh: tuple[int, int] | None) -> list[Any]:
        if fresh is not None:
            self.fresh += 1
            self.map = np.frombuffer(mmap.mmap(*fresh), np.uint8)
            os.close(fresh[0])
        return fields_to_arrays(fields, self.map)


def test_arrays_arrive_and_memory_is_used_again() -> None:
    arena, reader = Arena(), Reader()
    for step in range(4):
        arena.begin()
        arrays = [arena.take((3, 5), F4), np.arange(7) + step, np.array("text")]
        arrays[0][:] = step
        expected = [array.copy() for array in arrays]
        got = reader.read(*arena.place(arrays))
        for one, other in zip(got, expected, strict=True):
            assert (one.dtype, one.shape, one.tobytes()) == (other.dtype, other.shape, other.tobytes())
        del arrays
        arena.end()
    assert reader.fresh == 1


def test_what_was_made_in_the_slot_is_not_copied() -> None:
    arena, reader = Arena(), Reader()
    arena.begin()
    reader.read(*arena.place([np.zeros((3, 5), F4)]))
    arena.begin()
    made = arena.take((3, 5), F4)
    fields, fresh = arena.place([made])
    made[2, 4] = 8  # after it was placed
    assert reader.read(fields, fresh)[0][2, 4] == 8


def test_odd_arrays_are_copied() -> None:
    arena, reader = Arena(), Reader()
    arena.begin()
    reader.read(*arena.place([np.zeros(100, F4)]))
    arena.begin()
    made = arena.take((4, 6), F4)
    made[:] = np.arange(24).reshape(4, 6)
    arrays = [made[:, ::-1], made.T, made[:0], np.zeros((), "M8[s]"), np.zeros(2, [("a", "i4"), ("b", "f8")])]
    for one, other in zip(reader.read(*arena.place(arrays)), arrays, strict=True):
        assert (one.dtype, one.shape, one.tolist()) == (other.dtype, other.shape, other.tolist())


def test_larger_batches_get_larger_memory() -> None:
    arena, reader = Arena(), Reader()
    for length in (10, 5000, 4000, 6000, 10):
        arena.begin()
        made = arena.take((length,), F4)
        made[:] = length
        (got,) = reader.read(*arena.place([made]))
        assert got.shape == (length,)
        assert (got == length).all()
        del made
    assert reader.fresh == 2  # with room to spare: 6000 needs no third


def test_a_batch_that_is_kept_in_the_worker_keeps_its_memory() -> None:
    arena, reader = Arena(), Reader()
    kept = []
    for step in range(3):
        arena.begin()
        made = arena.take((10,), F4)
        made[:] = step
        fields, fresh = arena.place([made])
        kept.append(reader.read(fields, fresh)[0])
        mine = fields_to_arrays(fields, arena._bytes)  # type: ignore[arg-type]
        if step == 1:
            remembered = mine
        del made, mine
        arena.end()
    assert remembered[0].tolist() == [1] * 10
    assert reader.fresh == 2


@pytest.mark.parametrize("batch", [{"a": (np.arange(3), [np.zeros(2)])}, (1.5, None), np.arange(3), {}])
def test_a_batch_in_two_parts(batch: Any) -> None:
    structure, arrays = split(batch)
    joined = join(structure, arrays)
    assert repr(joined) == repr(batch)
    assert all(type(array) is np.ndarray for array in arrays)


def test_arrays_are_not_pickled() -> None:
    structure, arrays = split({"x": np.zeros(100_000)})
    assert len(structure) < 100
    assert join(structure, arrays)["x"] is arrays[0]
