"""Datasets that make whole batches themselves."""

from __future__ import annotations

import pickle
from collections import OrderedDict
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ailab.data import Dataset, Subset, TransformedDataset, concat, rng
from ailab.data.batches import BatchLoader
from ailab.data.batches.whole import checked, join, whole_reader
from ailab.testing.samples import STRUCTURES, Box, Made, assert_same


class Columns(Dataset):
    """Offers whole batches, and notes how it was read."""

    version = "1"

    def __init__(self, length: int = 11, dtype: Any = np.float32, start: int = 0) -> None:
        self.x = (np.arange(length * 3).reshape(length, 3) + start).astype(dtype)
        self.y = np.arange(length) + start
        self.singles: list[int] = []
        self.wholes: list[Any] = []

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, index: int) -> Any:
        self.singles.append(index)
        return {"x": self.x[index]}, {"y": self.y[index]}

    def __getitems__(self, indices: Any) -> Any:
        self.wholes.append(indices)
        return {"x": self.x[indices]}, {"y": self.y[indices]}


class Singles(Columns):
    """The same without whole batches."""

    @property
    def __getitems__(self) -> Any:
        return None


def both(make: Any, **arguments: Any) -> tuple[Columns, Columns]:
    """What ``make(dataset)`` loads is the same with and without whole batches; returns the datasets read."""
    whole, single = Columns(), Singles()
    assert_same(tuple(BatchLoader(make(whole), 4, **arguments)), tuple(BatchLoader(make(single), 4, **arguments)))
    assert single.singles
    return whole, single


@pytest.mark.parametrize("shuffle", [False, True])
def test_whole_batches_are_used_and_are_those_of_the_samples(shuffle: bool) -> None:
    whole, _ = both(lambda dataset: dataset, shuffle=shuffle, seed=3)
    assert whole.singles == []
    assert [len(indices) for indices in whole.wholes] == [4, 4, 3]
    assert {indices.dtype for indices in whole.wholes} == {np.dtype(np.int64)}
    assert_same(BatchLoader(whole, 4).load([2, 9], 0), BatchLoader(Singles(), 4).load([2, 9], 0))


def test_through_subset() -> None:
    whole, _ = both(lambda dataset: Subset(dataset, [3, 3, 9, 0, 1]))
    assert (whole.singles, len(whole.wholes)) == ([], 2)


@given(st.lists(st.integers(1, 9), min_size=1, max_size=4), st.integers(1, 12), st.booleans())
def test_through_concat(lengths: list[int], batch_size: int, shuffle: bool) -> None:
    wholes = [Columns(length, start=100 * i) for i, length in enumerate(lengths)]
    singles = [Singles(length, start=100 * i) for i, length in enumerate(lengths)]
    expected = tuple(BatchLoader(concat(*singles), batch_size, shuffle))
    assert_same(tuple(BatchLoader(concat(*wholes), batch_size, shuffle)), expected)
    assert not any(whole.singles for whole in wholes)


def test_concat_of_parts_that_differ_reads_samples() -> None:
    mixed = concat(Columns(3), Columns(3, np.float64))
    assert_same(
        BatchLoader(mixed, 6).batch(0),
        BatchLoader(concat(Singles(3), Singles(3, np.float64)), 6).batch(0),
    )
    assert mixed.parts[0].singles
    assert whole_reader(concat(Columns(), Singles())) is None


def double(features: Any, labels: Any) -> Any:
    return {"x": features["x"] * 2}, labels


def test_through_a_batch_transformer() -> None:
    shapes = []

    def transformer(features: Any, labels: Any) -> Any:
        shapes.append(features["x"].shape)
        return double(features, labels)

    whole, _ = both(lambda dataset: TransformedDataset(dataset, batch_transformer=transformer))
    assert whole.singles == []
    assert shapes == [(4, 3), (4, 3), (3, 3)] * 2
    inner = lambda dataset: Subset(TransformedDataset(dataset, batch_transformer=double), [5, 1])  # noqa: E731
    assert both(inner)[0].singles == []


def test_a_sample_transformer_makes_it_read_samples() -> None:
    whole, _ = both(lambda dataset: TransformedDataset(dataset, double))
    assert whole.wholes == []
    both_kinds = TransformedDataset(whole, double, batch_transformer=lambda f, labels: ({"x": f["x"] + 1}, labels))
    features, _ = BatchLoader(both_kinds, 11, shuffle=False).batch(0)
    assert whole.wholes == []
    assert features["x"].tolist() == (whole.x * 2 + 1).tolist()
    assert both_kinds[2][0]["x"].tolist() == (whole.x[2] * 2 + 1).tolist()


def test_samples_under_a_batch_transformer_keep_their_random_numbers() -> None:
    same = TransformedDataset(Made(STRUCTURES["random"]), batch_transformer=lambda *sample: sample)
    assert_same(tuple(BatchLoader(same, 4, seed=8)), tuple(BatchLoader(Made(STRUCTURES["random"]), 4, seed=8)))


def test_random_numbers_of_a_whole_batch() -> None:
    def noise(features: Any, labels: Any) -> Any:
        return rng().random(len(features["x"])), labels

    def numbers(seed: int, epoch: int) -> list[float]:
        loader = BatchLoader(TransformedDataset(Columns(), batch_transformer=noise), 4, shuffle=False, seed=seed)
        loader.set_epoch(epoch)
        return [number for features, _ in loader for number in features]

    assert numbers(1, 0) == numbers(1, 0)
    assert len({*numbers(1, 0), *numbers(2, 0), *numbers(1, 1)}) == 33


def test_torchs_kind_of_getitems_is_not_ours() -> None:
    class Torchs(Columns):
        def __getitems__(self, indices: Any) -> Any:
            return [self[index] for index in indices]

    assert_same(BatchLoader(Torchs(), 4).batch(0), BatchLoader(Singles(), 4).batch(0))


def test_notimplemented_means_one_by_one() -> None:
    class Sometimes(Columns):
        def __getitems__(self, indices: Any) -> Any:
            return NotImplemented if 0 in indices else super().__getitems__(indices)

    dataset = Sometimes()
    assert_same(tuple(BatchLoader(dataset, 4, False)), tuple(BatchLoader(Singles(), 4, False)))
    assert dataset.singles == [0, 1, 2, 3]
    for outer in (Subset(dataset, [0, 1]), TransformedDataset(dataset, batch_transformer=double)):
        assert BatchLoader(outer, 2, False).batch(0)[1]["y"].tolist() == [0, 1]


def test_a_loader_of_whole_batches_can_be_pickled() -> None:
    loader = BatchLoader(Subset(concat(Columns(), Columns()), range(20)), 4)
    copy = pickle.loads(pickle.dumps(loader))  # noqa: S301 - made in this line
    assert_same(copy.batch(2), loader.batch(2))


class Fails(Columns):
    def __getitems__(self, indices: Any) -> Any:
        raise OSError("disk gone")


def test_errors_name_the_samples() -> None:
    with pytest.raises(OSError, match="disk gone") as caught:
        BatchLoader(Fails(), 4, shuffle=False).batch(1)
    assert caught.value.__notes__ == ["while reading samples 4, 5, 6, 7 of Fails at once"]
    with pytest.raises(ZeroDivisionError) as caught_too:
        BatchLoader(TransformedDataset(Columns(), batch_transformer=lambda f, y: 1 / 0), 4).batch(0)
    assert "while transforming a batch with" in caught_too.value.__notes__[0]


@pytest.mark.parametrize(
    ("batch", "error", "message"),
    [
        (({"x": np.zeros((3, 2))}, np.zeros(4)), ValueError, r"features\['x'\] .* \(3, 2\); expected \(4, ...\)"),
        ((np.zeros(4), (np.float32(1),)), ValueError, r"labels\[0\] .* shape \(\)"),
        ((np.zeros(4), [1, 2, 3, 4]), TypeError, r"labels of a whole batch is of type list"),
        (np.zeros(3), ValueError, r"value of a whole batch"),
    ],
)
def test_what_is_no_batch_is_refused(batch: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        checked(batch, 4)


def test_kinds_of_dicts_and_arrays_become_plain() -> None:
    given_batch = OrderedDict(a=np.ma.masked_array([1, 2]), b=Box(np.zeros(2), (np.ones(2),)))
    batch = checked(given_batch, 2)
    assert (type(batch), type(batch["a"]), type(batch["b"])) == (dict, np.ndarray, Box)


def test_join_wants_equal_structures() -> None:
    rows = [np.array([0]), np.array([1])]
    x = np.zeros(1)
    for one, other in (
        (x, NotImplemented),
        ({"a": x}, {"b": x}),
        ({"a": x}, (x,)),
        ((x,), (x, x)),
        (x, np.zeros(1, int)),
        (x, np.zeros((1, 2))),
        (x, np.zeros(2)),
        (({"a": x},), ({"a": np.zeros(1, int)},)),
        ([0], [1]),
    ):
        assert join([one, other], rows) is NotImplemented
    assert join([Box(x, {"a": x}), Box(x + 1, {"a": x + 2})], rows).name["a"].tolist() == [0, 2]
