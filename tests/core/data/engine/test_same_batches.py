"""Whoever makes the batches: for any structure they are bit for bit those of one sample after the other, stacked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple
from unittest import mock

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ailab.data import rng
from ailab.data.batches import BatchLoader, map_arrays, read_samples
from ailab.data.engine import grouping
from ailab.data.engine.runner import Runner, Workers
from ailab.testing.samples import Made, assert_same


class Pair(NamedTuple):
    one: Any
    two: Any


@dataclass(frozen=True, slots=True)
class Record:
    one: Any
    two: Any


class Leaf(NamedTuple):
    """What a leaf is to be: a shape and a dtype."""

    shape: tuple[int, ...]
    dtype: str

    def value(self, index: int) -> Any:
        noise = rng().integers(0, 2, self.shape) + index
        return noise.astype(self.dtype) if self.shape else np.dtype(self.dtype).type(noise)


class Number(NamedTuple):
    """Or one of Python's own."""

    kind: type

    def value(self, index: int) -> Any:
        return self.kind(index + rng().integers(0, 2))


LEAVES = st.builds(
    Leaf,
    st.lists(st.sampled_from([0, 1, 3, 80]), max_size=3).map(tuple),
    st.sampled_from(["f4", "f8", "f2", "i1", "u2", "i8", "c16", "?", "U5", "S4"]),
) | st.builds(Number, st.sampled_from([int, float, str, bool]))
TREES = st.recursive(
    LEAVES,
    lambda inner: (
        st.dictionaries(st.text("ab", max_size=2) | st.integers(0, 2), inner, max_size=3)
        | st.lists(inner, max_size=3).map(lambda parts: ("tuple", *parts))
        | st.builds(Pair, inner, inner)
        | st.builds(Record, inner, inner)
    ),
    max_leaves=5,
)


def sample_of(tree: Any, index: int) -> Any:
    if isinstance(tree, Leaf | Number):
        return tree.value(index)
    if isinstance(tree, dict):
        return {key: sample_of(part, index) for key, part in tree.items()}
    if isinstance(tree, Record):
        return Record(sample_of(tree.one, index), sample_of(tree.two, index))
    if isinstance(tree, Pair):
        return Pair(*(sample_of(part, index) for part in tree))
    return tuple(sample_of(part, index) for part in tree[1:])


def stacked(samples: list[Any]) -> Any:
    """What a batch is, told without any of the code that makes it quick."""
    first = samples[0]
    if isinstance(first, dict):
        return {key: stacked([sample[key] for sample in samples]) for key in first}
    if isinstance(first, Record):
        return Record(stacked([sample.one for sample in samples]), stacked([sample.two for sample in samples]))
    if isinstance(first, tuple):
        parts = [stacked([sample[number] for sample in samples]) for number in range(len(first))]
        return Pair(*parts) if isinstance(first, Pair) else tuple(parts)
    dtype = {float: "f4", int: "i8", bool: "?"}.get(type(first))
    return np.stack([np.asarray(sample, dtype) for sample in samples])


WORKERS = st.builds(
    Workers,
    processes=st.sampled_from([0, 1, 2]),
    threads=st.sampled_from([1, 1, 3]),
    context=st.just("fork"),
    prefetch=st.sampled_from([None, None, 1, 3]),
    persistent=st.booleans(),
)


@settings(deadline=None, max_examples=30)
@given(
    trees=TREES | st.tuples(TREES, TREES).map(lambda pair: ("tuple", *pair)),
    length=st.integers(1, 60),
    batch_size=st.integers(1, 9),
    shuffle=st.booleans(),
    drop_last=st.booleans(),
    workers=WORKERS,
)
def test_batches_are_the_same(
    trees: Any, length: int, batch_size: int, shuffle: bool, drop_last: bool, workers: Workers
) -> None:
    dataset = Made(lambda index: sample_of(trees, index), length)
    drop_last = drop_last and length >= batch_size
    alone, loader = (BatchLoader(dataset, batch_size, shuffle, seed=3, drop_last=drop_last) for _ in range(2))
    runner = Runner(loader, workers)
    # However slow this machine is at the moment, several batches are to make a task.
    with mock.patch.object(grouping, "MOMENT", 1e9):
        for epoch in range(2):
            expected = tuple(
                stacked(read_samples(dataset, alone.indices(number, epoch), seed=3, epoch=epoch))
                for number in range(len(alone))
            )
            assert_same(tuple(alone), expected)
            made = tuple(loader.counted(runner.stream(loader.keys())))
            assert_same(made, expected)
            map_arrays(_write_to, made)  # they are the consumer's own
    runner.close()
    assert loader.epoch == alone.epoch == 2


def _write_to(array: Any) -> None:
    array[...] = array.dtype.type()
