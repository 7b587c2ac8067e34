from __future__ import annotations

import array
import collections
import enum
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ailab.data.batches import collate, map_arrays
from ailab.testing.samples import assert_same


class Point(NamedTuple):
    x: Any
    y: Any


# Structures whose leaves are arrays, and what n samples of such a structure must become.
LEAVES = st.builds(
    lambda dtype, shape: np.ones(shape, dtype),
    hnp.scalar_dtypes().filter(lambda dtype: dtype.kind in "biufcmM"),
    hnp.array_shapes(min_dims=0, max_dims=3, max_side=3),
)
STRUCTURES = st.recursive(
    LEAVES,
    lambda inner: (
        st.dictionaries(st.one_of(st.text(max_size=3), st.integers()), inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.builds(Point, inner, inner)
    ),
    max_leaves=6,
)


@given(STRUCTURES, st.integers(1, 4))
def test_structure_dtypes_and_shapes_are_kept(sample: Any, count: int) -> None:
    def expected(leaf: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        return np.stack([leaf] * count).astype(leaf.dtype.newbyteorder("="))

    assert_same(collate([sample] * count), map_arrays(expected, sample))


@given(st.lists(hnp.arrays(np.int32, (2, 3)), min_size=1, max_size=4))
def test_values_keep_their_place(samples: list[Any]) -> None:
    assert_same(collate(samples), np.stack(samples))


@given(st.lists(st.floats(width=32), min_size=1), st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1))
def test_python_numbers(floats: list[float], ints: list[int]) -> None:
    assert_same(collate(floats), np.array(floats, np.float32))
    assert_same(collate(ints), np.array(ints, np.int64))
    # The same numbers as lists within samples.
    assert_same(collate([floats, floats]), np.array([floats, floats], np.float32))
    assert_same(collate([ints, ints]), np.array([ints, ints], np.int64))


def leaf(*values: Any) -> tuple[str, tuple[int, ...], Any]:
    batch = collate(list(values))
    return batch.dtype.str[1:], batch.shape, batch.tolist()


class Level(enum.IntEnum):
    HIGH = 3


@pytest.mark.parametrize(
    ("values", "dtype", "shape", "result"),
    [
        ([True, False], "b1", (2,), [True, False]),
        ([[True], [False]], "b1", (2, 1), [[True], [False]]),
        ([[1, True]], "i8", (1, 2), [[1, 1]]),
        ([[1, 2.5]], "f4", (1, 2), [[1, 2.5]]),
        ([[[1.5], (2.5,)]], "f4", (1, 2, 1), [[[1.5], [2.5]]]),
        ([[]], "f4", (1, 0), [[]]),
        ([Level.HIGH], "i8", (1,), [3]),
        ([np.float64(1.5)], "f8", (1,), [1.5]),
        ([[np.float64(1.5), 2.0]], "f8", (1, 2), [[1.5, 2]]),
        ([np.float16(1.5)], "f2", (1,), [1.5]),
        ([[np.uint8(1), np.uint8(2)]], "u1", (1, 2), [[1, 2]]),
        ([[np.zeros(2, np.uint8)]], "u1", (1, 1, 2), [[[0, 0]]]),
        ([np.array([1, 2], ">i2")], "i2", (1, 2), [[1, 2]]),
        ([1j], "c16", (1,), [1j]),
        (["ab", "c"], "U2", (2,), ["ab", "c"]),
        ([["ab", "c"]], "U2", (1, 2), [["ab", "c"]]),
        ([b"ab", b""], "S2", (2,), [b"ab", b""]),
        ([np.str_("ab")], "U2", (1,), ["ab"]),
        ([bytearray(b"ab")], "u1", (1, 2), [[97, 98]]),
        ([memoryview(b"ab")], "u1", (1, 2), [[97, 98]]),
        ([array.array("h", [1, 2])], "i2", (1, 2), [[1, 2]]),
        ([float("inf"), float("nan")], "f4", (2,), None),
        # Mixed between samples: promoted.
        ([1, 0.5], "f4", (2,), [1, 0.5]),
        ([[0.5, 1], [1, 2]], "f4", (2, 2), [[0.5, 1], [1, 2]]),
        ([True, 0.5], "f4", (2,), [1, 0.5]),
        ([np.float16(1.5), 1], "f2", (2,), [1.5, 1]),
        ([True, 2], "i8", (2,), [1, 2]),
        ([np.uint8(1), np.int8(-1)], "i2", (2,), [1, -1]),
        ([np.float32(1), np.float64(1e300)], "f8", (2,), [1, 1e300]),
        ([2**53, np.float32(0.5)], "f4", (2,), [2.0**53, 0.5]),
    ],
)
def test_leaves(values: list[Any], dtype: str, shape: tuple[int, ...], result: Any) -> None:
    found = leaf(*values)
    assert found[:2] == (dtype, shape)
    if result is not None:
        assert found[2] == result


def test_objects_that_numpy_reads() -> None:
    class Tensor:
        def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
            return np.array([1, 2], np.int16)

    class Image:
        def __init__(self) -> None:
            self.kept = np.array([[3]], np.uint8)
            self.__array_interface__ = self.kept.__array_interface__

    assert leaf(Tensor(), Tensor()) == ("i2", (2, 2), [[1, 2], [1, 2]])
    assert leaf(Image()) == ("u1", (1, 1, 1), [[[3]]])


def test_dicts_of_any_kind_and_order_become_plain_ones() -> None:
    batch = collate([collections.OrderedDict(a=1, b=2), {"b": 4, "a": 3}])
    assert type(batch) is dict
    assert {key: value.tolist() for key, value in batch.items()} == {"a": [1, 3], "b": [2, 4]}


def test_a_batch_shares_no_memory_with_its_samples() -> None:
    sample = np.zeros(3)
    batch = collate([sample])
    batch[0, 0] = 1
    assert sample[0] == 0


def x(value: Any) -> tuple[Any, Any]:
    return {"x": value}, 0


ERRORS: list[tuple[list[Any], type[Exception], str]] = [
    ([x([1, 2]), x([1])], ValueError, r"features\['x'\] has shape \(1,\) in sample 41 but \(2,\) in sample 40;.*pad"),
    ([x(1), ({"z": 1}, 0)], ValueError, r"features is a dict with \['z'\] and without \['x'\] in sample 41"),
    ([x(1), ({}, 0)], ValueError, r"features is a dict without \['x'\] in sample 41 but a dict with \['x'\]"),
    ([x(1), (1, 0)], ValueError, r"features is of type int in sample 41 but of type dict in sample 40"),
    ([x(1), x({"y": 1})], ValueError, r"features\['x'\] is of type dict in sample 41 but of type int in sample 40"),
    ([x((1, 2)), x((1, 2, 3))], ValueError, r"features\['x'\] is a tuple of length 3 in sample 41 but a tuple of l"),
    ([x(Point(1, 2)), x((1, 2))], ValueError, r"features\['x'\] is a tuple .* in sample 41 but a Point of length 2"),
    ([x(1), 5], ValueError, r"value is of type int in sample 41 but a tuple of length 2 in sample 40"),
    ([(0, Point(1, [])), (0, Point(1, [2]))], ValueError, r"labels\.y has shape \(1,\) in sample 41"),
    ([x((1, {"k": [0]})), x((1, {"k": [0, 0]}))], ValueError, r"features\['x'\]\[1\]\['k'\] has shape"),
    ([x([[1], [1, 2]])], ValueError, r"features\['x'\] of sample 40 is a list that is no array"),
    ([x([np.zeros(2), np.zeros(3)])], ValueError, r"features\['x'\] of sample 40 is a list that is no array"),
    ([x(1), x(None)], TypeError, r"features\['x'\] of sample 41 is or holds None \(NoneType\)"),
    ([x([1, None])], TypeError, r"features\['x'\] of sample 40 is or holds None"),
    ([x([{}, [1]])], TypeError, r"features\['x'\] of sample 40 is or holds \{\} \(dict\)"),
    ([x(object())], TypeError, r"features\['x'\] of sample 40 is or holds <object"),
    ([x({1, 2})], TypeError, r"features\['x'\] of sample 40 is or holds \{1, 2\} \(set\)"),
    ([x(np.array([None]))], TypeError, r"features\['x'\] of sample 40 is or holds array"),
    ([x(1), x("a")], TypeError, r"features\['x'\] is <U1 in sample 41 but int64 in sample 40"),
    ([x("a"), x(b"a")], TypeError, r"features\['x'\] is \|S1 in sample 41 but <U1"),
    ([x(["a", 1])], TypeError, r"features\['x'\] of sample 40 is a list of str and int"),
    ([x("a\0")], ValueError, r"features\['x'\] of sample 40 ends with a zero byte"),
    ([x([b"a\0"])], ValueError, r"ends with a zero byte.*np\.frombuffer"),
    ([x(2**63)], ValueError, r"features\['x'\] of sample 40 is 9223372036854775808 \(int\).* not fit int64"),
    ([x([2**70])], ValueError, r"does not fit int64"),
    ([x(1.0), x(1e300)], ValueError, r"features\['x'\] of sample 41 is 1e\+300 \(float\).* not fit float32"),
    ([x([2**24 + 1, 0.5])], ValueError, r"features\['x'\] of sample 40 is \[16777217, 0\.5\] .* not fit float32"),
    ([x(0.5), x(2**53 + 1)], ValueError, r"features\['x'\] mixes float32 and int64, and sample 41 has whole"),
    ([x(np.uint64(2**63 + 1)), x(np.int64(-1))], ValueError, r"mixes int64 and uint64, and sample 40 has"),
]


@pytest.mark.parametrize(("samples", "error", "message"), ERRORS, ids=[message for _, _, message in ERRORS])
def test_errors_name_key_sample_and_both(samples: list[Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        collate(samples, [40, 41])


def test_no_samples() -> None:
    with pytest.raises(ValueError, match="at least one sample"):
        collate([])
