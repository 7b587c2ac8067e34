"""Large arrays, which are written to their place while reading, make the same batches and errors."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ailab.data import rng
from ailab.data.batches import BatchLoader, collate, read_samples
from ailab.data.batches.read import read_batch
from ailab.data.batches.rows import LEAST
from ailab.testing.samples import assert_same


class Pair(NamedTuple):
    image: Any
    mask: Any


def large(number: int, dtype: str = "f4", shape: tuple[int, ...] = (LEAST,)) -> Any:
    return np.full(shape, number, np.dtype(dtype))


ARRAYS = st.builds(
    large,
    st.integers(0, 100),
    st.sampled_from(["f4", "f4", "f4", "f8", "u2", ">f4", "i8"]),
    st.sampled_from([(LEAST,), (LEAST,), (LEAST,), (LEAST, 1), (3,), (LEAST + 1,)]),
)
SAMPLES = st.one_of(
    st.tuples(st.fixed_dictionaries({"x": ARRAYS}), st.integers(0, 9)),
    st.tuples(st.fixed_dictionaries({"x": st.tuples(ARRAYS, st.just(1.5)), "z": ARRAYS}), ARRAYS),
    st.builds(Pair, ARRAYS, ARRAYS),
    st.builds(lambda array: OrderedDict(x=array), ARRAYS),
    ARRAYS,
)


def outcome(function: Any) -> Any:
    try:
        return function()
    except (TypeError, ValueError) as error:
        return type(error), str(error)


@given(st.one_of(SAMPLES.map(lambda s: [s] * 3), st.lists(SAMPLES, min_size=1, max_size=4)))
def test_batches_and_errors_are_those_of_collate(samples: list[Any]) -> None:
    indices = list(range(len(samples)))
    found = outcome(lambda: read_batch(samples, indices, seed=0, epoch=0))
    expected = outcome(lambda: collate(samples, indices))
    if isinstance(expected, tuple) and expected and isinstance(expected[0], type):
        assert found == expected
    else:
        assert_same(found, expected)


def test_the_samples_are_left_alone() -> None:
    samples = [large(1), large(2)]
    batch = read_batch(samples, [1, 0], seed=0, epoch=0)
    batch[...] = 7
    assert [sample[0] for sample in samples] == [1, 2]


def test_the_same_sample_twice() -> None:
    assert read_batch([large(1), large(2)], [1, 1, 0], seed=0, epoch=0)[:, 0].tolist() == [2, 2, 1]


def test_samples_from_an_earlier_batch() -> None:
    first = read_batch([large(1), large(2)], [0, 1], seed=0, epoch=0)
    again = read_batch(first, [1, 0], seed=0, epoch=0)
    assert again[:, 0].tolist() == [2, 1]
    assert not np.shares_memory(first, again)


def test_randomness_is_that_of_each_sample() -> None:
    class Random:
        def __getitem__(self, index: int) -> Any:
            return large(1) * np.float32(rng().random()), rng().random()

    indices = [5, 3, 3, 9]
    found = read_batch(Random(), indices, seed=1, epoch=2)
    assert_same(found, collate(read_samples(Random(), indices, seed=1, epoch=2)))
    assert found[1][1] == found[1][2]


def test_held_batches_keep_their_values() -> None:
    samples = [large(number, shape=(2**18,)) for number in range(12)]
    held = list(BatchLoader(samples, 2, shuffle=False))
    assert [batch[:, 0].tolist() for batch in held] == [[n, n + 1] for n in range(0, 12, 2)]


def test_errors_name_the_sample() -> None:
    samples = [large(1), large(2), None]
    with pytest.raises(TypeError, match="of sample 2 is or holds None") as caught:
        read_batch(samples, [0, 2], seed=0, epoch=0)
    assert caught.value.__notes__ == ["while making a batch of list"]
    with pytest.raises(IndexError) as missing:
        read_batch(samples, [0, 7], seed=0, epoch=0)
    assert missing.value.__notes__ == ["while reading sample 7 of list"]
