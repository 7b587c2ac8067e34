"""The compiled loops do what they say or say that they cannot, and keep nothing."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import weakref
from collections import OrderedDict
from typing import Any

import numpy as np
import pytest

from ailab.data.batches import native
from ailab.data.batches.native import one_type


@pytest.fixture
def loops() -> Any:
    if native.loops is None:
        pytest.skip("about the compiled ones")
    return native.loops


def test_one_type() -> None:
    assert one_type([1, 2]) is int
    assert one_type((1, True)) is None
    assert one_type([]) is None


def test_they_can_be_left_out() -> None:
    code = "from ailab.data.batches import native; print(native.loops)"
    environment = {**os.environ, "AILAB_NATIVE": "0"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "None"


def test_arrays(loops: Any) -> None:
    rows = [np.full((2, 3), i, np.float32) for i in range(4)]
    out = np.empty((4, 2, 3), np.float32)
    assert loops.stack_arrays(rows, out) is True
    assert out.tolist() == np.stack(rows).tolist()
    assert loops.stack_arrays([], np.empty((0, 2), np.int8)) is True
    assert loops.stack_arrays([np.empty((0, 5))] * 2, np.empty((2, 0, 5))) is True


@pytest.mark.parametrize(
    "odd",
    [
        np.zeros(3, np.float64),
        np.zeros(4, np.float32),
        np.zeros((3, 1), np.float32),
        np.float32(0),
        np.zeros(6, np.float32)[::2],
        np.zeros(3, ">f4"),
        [0.0, 0.0, 0.0],
        None,
    ],
    ids=["dtype", "length", "axes", "scalar", "gaps", "byte order", "list", "None"],
)
def test_other_arrays(loops: Any, odd: Any) -> None:
    assert loops.stack_arrays([np.zeros(3, np.float32), odd], np.empty((2, 3), np.float32)) is False


def test_lists(loops: Any) -> None:
    floats = np.empty((2, 3), np.float32)
    assert loops.stack_lists([[0.1, -0.0, float("inf")], [1e-50, float("nan"), 3.4e38]], floats) is True
    expected = np.array([[0.1, -0.0, np.inf], [1e-50, np.nan, 3.4e38]], np.float32)
    assert floats.tobytes() == expected.tobytes()
    ints = np.empty((1, 2), np.int64)
    assert loops.stack_lists([[2**63 - 1, -(2**63)]], ints) is True
    assert ints.tolist() == [[2**63 - 1, -(2**63)]]


class OwnList(list[Any]):
    pass


@pytest.mark.parametrize(
    ("row", "dtype"),
    [
        ([0.5, 1], np.float32),
        ([0.5, True], np.float32),
        ([0.5, np.float64(1)], np.float32),
        ([0.5, 1e39], np.float32),
        ([0.5], np.float32),
        ((0.5, 0.5), np.float32),
        (OwnList([0.5, 0.5]), np.float32),
        ([1, True], np.int64),
        ([1, 2**63], np.int64),
        ([1, 1.0], np.int64),
    ],
)
def test_other_lists(loops: Any, row: Any, dtype: Any) -> None:
    assert loops.stack_lists([row], np.empty((1, 2), dtype)) is False


@pytest.mark.parametrize(
    "out",
    [
        np.empty((3, 3), np.float32),
        np.empty((2, 6), np.float32)[:, ::2],
        np.empty((2, 3), object),
        np.empty((2, 3), ">f4"),
        np.float32(0),
        None,
    ],
    ids=["rows", "gaps", "objects", "byte order", "scalar", "None"],
)
def test_no_place_to_write_to(loops: Any, out: Any) -> None:
    with pytest.raises(ValueError, match="out: expected"):
        loops.stack_arrays([np.zeros(3, np.float32)] * 2, out)
    with pytest.raises(ValueError, match="out: expected"):
        loops.stack_lists([[0.5] * 3] * 2, out)


def test_arrays_that_may_not_be_written_to(loops: Any) -> None:
    out = np.empty((1, 2), np.float32)
    out.flags.writeable = False
    with pytest.raises(ValueError, match="out: expected"):
        loops.stack_lists([[0.5, 0.5]], out)


def test_wrong_calls(loops: Any) -> None:
    for call in (loops.stack_arrays, loops.stack_lists, loops.read_pairs):
        with pytest.raises(TypeError, match="expected . arguments, got 1"):
            call([])
    with pytest.raises(TypeError, match="a list or a tuple"):
        loops.one_type({})
    with pytest.raises(TypeError, match="rest: expected an iterator"):
        loops.read_pairs([], [0], ("x",), ([],), ("y",), ([],))
    for keys, columns in [(("x",), ([], [])), ((), ()), (("x",), ((),)), (["x"], [[]])]:
        with pytest.raises(TypeError, match="keys, columns: expected"):
            loops.read_pairs([], iter([0]), keys, columns, ("y",), ([],))


@pytest.mark.parametrize(
    "odd",
    [
        ({"x": 1, "z": 2}, OrderedDict(y=3)),
        ({"x": 1}, {"y": 3}),
        ({"x": 1, "w": 2}, {"y": 3}),
        ({"x": 1, "z": 2}, {"y": 3, "v": 4}),
        [{"x": 1, "z": 2}, {"y": 3}],
        ({"x": 1, "z": 2},),
        (1, 2),
    ],
)
def test_pairs_until_an_odd_one(loops: Any, odd: Any) -> None:
    samples = [({"x": 1, "z": 2}, {"y": 3}), ({"z": 5, "x": 4}, {"y": 6}), odd, ({"x": 7, "z": 8}, {"y": 9})]
    features: tuple[list[Any], ...] = ([], [])
    labels: tuple[list[Any], ...] = ([],)
    rest = iter(range(4))
    assert loops.read_pairs(samples, rest, ("x", "z"), features, ("y",), labels) is odd
    assert [column[:2] for column in features] == [[1, 4], [2, 5]]
    assert labels == ([3, 6],)
    assert list(rest) == [3]


def test_an_error_of_the_dataset_comes_as_it_is(loops: Any) -> None:
    labels: list[Any] = []
    with pytest.raises(IndexError, match="list index out of range"):
        loops.read_pairs([({"x": 1}, {"y": 2})], iter([0, 1]), ("x",), ([],), ("y",), (labels,))
    assert labels == [2]

    def broken() -> Any:
        yield 0
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        loops.read_pairs([({"x": 1}, {"y": 2})], broken(), ("x",), ([],), ("y",), (labels,))


def test_nothing_is_kept_or_lost(loops: Any) -> None:
    """As many references afterwards as before, on every way out."""

    class Value:
        pass

    class Fresh:
        def __init__(self, odd: bool) -> None:
            self.made: list[Any] = []
            self.odd = odd

        def __getitem__(self, index: int) -> Any:
            value = Value()
            self.made.append(weakref.ref(value))
            if index == 3:
                if self.odd:
                    return {"x": value}, {"y": value, "other": 1}
                raise OSError
            return {"x": value}, {"y": value}

    for odd in (True, False):
        dataset = Fresh(odd)
        columns: list[Any] = [[], []]
        try:
            found = loops.read_pairs(dataset, iter(range(5)), ("x",), (columns[0],), ("y",), (columns[1],))
            assert odd
            assert set(found[1]) == {"y", "other"}
            del found
        except OSError:
            assert not odd
        columns.clear()
        gc.collect()
        assert len(dataset.made) == 4
        assert [ref() for ref in dataset.made] == [None] * 4
    row = np.zeros(2, np.float32)
    count = sys.getrefcount(row), sys.getrefcount(row.dtype)
    for _ in range(100):
        loops.stack_arrays([row, row], np.empty((2, 2), np.float32))
        loops.stack_arrays([row, None], np.empty((2, 2), np.float32))
        loops.one_type([row, row])
        loops.one_type([row, None])
    assert abs(sys.getrefcount(row) - count[0]) < 50
    assert abs(sys.getrefcount(row.dtype) - count[1]) < 50
