"""The fast ways give what the careful way does, bit for bit."""

from __future__ import annotations

import enum
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ailab.data.batches import collate
from ailab.data.batches.fast import stack_fast
from ailab.data.batches.leaves import Place, stack_carefully


class Level(enum.IntEnum):
    HIGH = 3


class OwnFloat(float):
    pass


ODD = [-0.0, float("nan"), float("inf"), -float("inf"), 1e300, -1e39, 3.4028235e38, 3.4028236e38, 1e-46, 5e-324]
FLOATS = st.one_of(st.floats(), st.sampled_from(ODD))
INTS = st.one_of(
    st.integers(-5, 5), st.integers(-(2**33), 2**33), st.sampled_from([2**31, -(2**31) - 1, 2**63, 2**24 + 1])
)
SCALARS = st.one_of(
    FLOATS,
    INTS,
    st.booleans(),
    st.just(None),
    st.text(max_size=2),
    st.binary(max_size=2),
    st.just(Level.HIGH),
    FLOATS.map(OwnFloat),
    FLOATS.map(np.float64),
    st.floats(width=32).map(np.float32),
    st.integers(0, 255).map(np.uint8),
    st.booleans().map(np.bool_),
    st.complex_numbers().map(np.complex128),
)
ARRAYS = hnp.arrays(
    st.sampled_from(["f4", "f8", "f2", "i8", "u1", "u8", "b1", "c8", ">f4", ">i8", "S2", "U2", "M8[s]"]),
    hnp.array_shapes(min_dims=0, max_dims=2, min_side=0, max_side=2),
)
# Batches of one kind, which is the common case, and of anything at all.
COLUMNS = st.one_of(
    *[
        st.lists(items, min_size=1, max_size=4)
        for items in (FLOATS, INTS, st.booleans(), SCALARS, ARRAYS, st.one_of(SCALARS, ARRAYS))
    ],
    st.integers(0, 3).flatmap(
        lambda n: st.sampled_from([FLOATS, INTS, SCALARS]).flatmap(
            lambda items: st.lists(st.lists(items, min_size=n, max_size=n), min_size=1, max_size=4)
        )
    ),
    st.lists(st.lists(SCALARS, max_size=3), min_size=1, max_size=3),
    st.lists(st.lists(st.lists(FLOATS, max_size=2), max_size=2), min_size=1, max_size=3),
)


def outcome(values: Any, function: Any) -> tuple[Any, ...]:
    """The array's dtype, shape and bytes, or the error's type and text."""
    try:
        result = function(values)
    except (TypeError, ValueError) as error:
        return type(error), str(error)
    return result.dtype.str, result.shape, result.tobytes()


def carefully(values: Any) -> Any:
    return stack_carefully(values, Place("value", range(len(values))))


@given(COLUMNS)
def test_collate_gives_what_the_careful_way_does(values: list[Any]) -> None:
    assert outcome(values, collate) == outcome(values, carefully)


@given(COLUMNS)
def test_alike_within_structures(values: list[Any]) -> None:
    expected = outcome(values, carefully)
    found = outcome([({"x": value}, 0) for value in values], lambda samples: collate(samples)[0]["x"])
    if isinstance(expected[0], str):
        assert found == expected
    else:
        assert found[0] is expected[0]
        assert found[1] == expected[1].replace("value", "features['x']", 1)


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([[0.5, -0.0], [float("nan"), float("inf")]], list),
        ([[1, -(2**31)], [2**31 - 1, 0]], list),
        ([np.zeros(3), np.ones(3)], np.ndarray),
        ([np.array("ab"), np.array("cd")], np.ndarray),
        ([np.float32(1), np.float32(2)], np.float32),
        ([0.5, 1.5], float),
    ],
)
def test_common_kinds_do_go_the_fast_way(values: Any, kind: type) -> None:
    found = stack_fast(values, kind)
    assert found is not None
    assert outcome(values, lambda _: found) == outcome(values, carefully)


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([[0.5, 1]], list),
        ([[0.5], [True]], list),
        ([[0.5], [OwnFloat(0.5)]], list),
        ([[0.5], [np.float64(0.5)]], list),
        ([[0.5], [0.5, 0.5]], list),
        ([[1.0, 1.0, 1.0], [1.0, "abcd", 1.0]], list),
        ([[1e300]], list),
        ([[2**63]], list),
        ([[]], list),
        ([np.zeros(3), np.ones((1, 3))], np.ndarray),
        ([np.zeros(3), np.zeros(1)], np.ndarray),
        ([np.zeros(3, np.float32), np.zeros(3)], np.ndarray),
    ],
)
def test_what_is_uncertain_does_not(values: Any, kind: type) -> None:
    assert stack_fast(values, kind) is None
