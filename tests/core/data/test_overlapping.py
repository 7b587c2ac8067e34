from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ailab.data import concat, overlap, split
from ailab.testing.samples import STRUCTURES, Broken, Made


@pytest.mark.parametrize("name", sorted(STRUCTURES.keys() - {"random"}))
def test_every_structure(name: str) -> None:
    make = STRUCTURES[name]
    found = overlap(Made(make, 6), Made(lambda i: make(i + 4), 5))
    assert found.pairs == ((4, 0), (5, 1))
    assert found.count == 2


@given(st.lists(st.integers(0, 9)), st.lists(st.integers(0, 9)))
def test_pairs_name_the_first_equal_sample(train: list[int], test: list[int]) -> None:
    found = overlap([(x, 0) for x in train], [(x, 0) for x in test])
    assert list(found.pairs) == [(train.index(x), i) for i, x in enumerate(test) if x in train]
    assert bool(found) == bool(set(train) & set(test))


def test_a_split_has_none_and_an_overlap_shows() -> None:
    dataset = Made(STRUCTURES["arrays"], 40)
    train, test = split(dataset, 0.7)
    assert not overlap(train, test)
    assert str(overlap(train, test)) == f"none of the {len(test)} test samples is in the training data"
    found = overlap(train, concat(test, train))
    assert found.count == len(train)
    assert str(found).startswith(f"{len(train)} of the 40 test samples are in the training data: {len(test)} (training")
    assert str(found).endswith(", …")


DIFFERENT: list[Any] = [
    np.float32([1, 2]),
    np.int32([1, 2]),
    np.float32([[1, 2]]),
    np.float32([1, 2, 0]),
    np.float32([1, -2]),
    {"x": np.float32([1, 2])},
    {"z": np.float32([1, 2])},
    (np.float32([1]), np.float32([2])),
    "ab",
    b"ab",
]


def test_what_differs_is_not_the_same() -> None:
    samples = [(value, 0) for value in DIFFERENT]
    assert overlap(samples, samples).pairs == tuple((i, i) for i in range(len(samples)))


def test_keys_in_another_order_are_the_same() -> None:
    assert overlap([({"a": 1, "b": 2}, 0)], [({"b": 2, "a": 1}, 0)])
    assert not overlap([({"a": 1, "b": 2}, 0)], [({"b": 1, "a": 2}, 0)])


def test_features_only() -> None:
    one, other = [({"x": 1}, 0)], [({"x": 1}, 1)]
    assert not overlap(one, other)
    assert overlap(one, other, features_only=True).pairs == ((0, 0),)


def test_errors_name_the_sample() -> None:
    with pytest.raises(FileNotFoundError) as caught:
        overlap(Made(STRUCTURES["arrays"]), Broken(bad=7))
    assert caught.value.__notes__ == ["while reading sample 7 of Broken"]
    with pytest.raises(TypeError) as no_array:
        overlap([(1, 1), (object(), 1)], [])
    assert no_array.value.__notes__ == ["while comparing sample 1 of list"]
