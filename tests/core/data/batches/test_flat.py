"""Samples that are taken apart while reading make the same batches, errors and random numbers."""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ailab.data import rng
from ailab.data.batches import collate, read_samples
from ailab.data.batches.read import read_batch
from ailab.testing.samples import assert_same

VALUES = st.one_of(
    st.floats(),
    st.integers(0, 3),
    st.none(),
    st.text(max_size=2),
    st.lists(st.floats(), max_size=2),
    st.just({"deep": 1}),
    st.just((1, 2.0)),
    st.builds(lambda: np.float32([1, -0.0])),
)
DICTS = st.dictionaries(st.sampled_from(["x", "z", 1]), VALUES, max_size=2)
PARTS = st.one_of(DICTS, DICTS, DICTS, DICTS.map(OrderedDict), DICTS.map(lambda d: defaultdict(int, d)), VALUES)
PAIRS = st.one_of(st.tuples(PARTS, PARTS), st.tuples(DICTS, DICTS), st.lists(DICTS, max_size=3).map(tuple))
LIKE = st.tuples(
    st.fixed_dictionaries({"x": st.floats(), "z": st.integers(0, 9)}), st.fixed_dictionaries({"y": VALUES})
)
SAMPLES = st.one_of(
    st.lists(LIKE, min_size=1, max_size=4),
    st.tuples(st.lists(LIKE, min_size=1, max_size=3), PAIRS, st.lists(LIKE, max_size=1)).map(
        lambda t: [*t[0], t[1], *t[2]]
    ),
    st.lists(PAIRS, min_size=1, max_size=3),
    st.tuples(PAIRS, st.integers(1, 3)).map(lambda t: [t[0]] * t[1]),
)


def outcome(function: Any) -> Any:
    try:
        return function()
    except (TypeError, ValueError) as error:
        return type(error), str(error)


@given(SAMPLES)
def test_batches_and_errors_are_those_of_collate(samples: list[Any]) -> None:
    indices = list(range(len(samples)))
    found = outcome(lambda: read_batch(samples, indices, seed=0, epoch=0))
    expected = outcome(lambda: collate(samples, indices))
    if isinstance(expected, tuple) and expected and isinstance(expected[0], type):
        assert found == expected
    else:
        assert_same(found, expected)


@pytest.mark.parametrize("keys", [1, 2])
def test_randomness_is_that_of_each_sample(keys: int) -> None:
    class Random:
        def __getitem__(self, index: int) -> Any:
            return {key: rng().random() for key in range(keys)}, {"y": rng().random()}

    indices = [5, 3, 3, 9]
    found = read_batch(Random(), indices, seed=1, epoch=2)
    assert_same(found, collate(read_samples(Random(), indices, seed=1, epoch=2)))
    assert found[1]["y"][1] == found[1]["y"][2]
    assert found[1]["y"][0] != found[1]["y"][1]


@pytest.mark.parametrize(
    "odd", [({"x": 0.5}, {"y": 1}), (OrderedDict(x=0.5), {"y": 1})], ids=["alike", "of another kind"]
)
def test_errors_of_the_dataset_name_the_sample(odd: Any) -> None:
    samples = [({"x": 0.5}, {"y": 1}), odd]
    with pytest.raises(IndexError) as missing:
        read_batch(samples, [0, 1, 7], seed=0, epoch=0)
    assert missing.value.__notes__ == ["while reading sample 7 of list"]


def test_each_sample_is_read_once_and_in_order() -> None:
    class Counting:
        def __init__(self) -> None:
            self.asked: list[int] = []

        def __getitem__(self, index: int) -> Any:
            self.asked.append(index)
            return (OrderedDict(x=index) if index == 4 else {"x": index}), {"y": 0}

    dataset = Counting()
    assert read_batch(dataset, [2, 4, 0, 1], seed=0, epoch=0)[0]["x"].tolist() == [2, 4, 0, 1]
    assert dataset.asked == [2, 4, 0, 1]
