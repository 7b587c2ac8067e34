from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ailab.data import TransformedDataset, rng
from ailab.data.batches import BatchLoader
from ailab.testing.samples import STRUCTURES, Broken, Made, assert_same

NUMBERS = Made(STRUCTURES["arrays"])
RANDOM = Made(STRUCTURES["random"])


def labels(loader: BatchLoader) -> list[list[int]]:
    return [batch[1].tolist() for batch in loader]


def test_batches_in_order() -> None:
    loader = BatchLoader(NUMBERS, 4, shuffle=False)
    assert len(loader) == 3
    assert labels(loader) == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10]]
    assert labels(BatchLoader(NUMBERS, 4, shuffle=False, drop_last=True)) == [[0, 1, 2, 3], [4, 5, 6, 7]]


def test_any_batch_by_its_number() -> None:
    loader = BatchLoader(RANDOM, 4)
    epoch = list(loader)
    loader.set_epoch(0)
    for number in (2, 0, 1, -1, -3):
        assert_same(loader.batch(number), epoch[number])
    for number in (3, -4):
        with pytest.raises(IndexError, match=f"batch {number} does not exist: an epoch has 3 batches"):
            loader.batch(number)


def test_each_iteration_is_an_epoch() -> None:
    loader = BatchLoader(RANDOM, 4)
    first, second = labels_of(loader), labels_of(loader)
    assert sorted(first) == sorted(second) == list(range(11))
    assert first != second
    assert loader.epoch == 2
    loader.set_epoch(0)
    assert labels_of(loader) == first


def labels_of(loader: BatchLoader) -> list[int]:
    return [int(label) for batch in loader for label in batch[1]["y"]]


def test_when_an_epoch_is_used_up() -> None:
    loader = BatchLoader(NUMBERS, 4)
    look = iter(loader)
    next(look)
    assert loader.epoch == 0
    next(look)
    assert loader.epoch == 1
    list(look)
    assert loader.epoch == 1
    for _ in loader:
        break
    assert loader.epoch == 1
    one_batch = BatchLoader(NUMBERS, 11)
    list(one_batch)
    assert one_batch.epoch == 1


def test_an_iteration_keeps_the_epoch_that_it_began_with() -> None:
    expected = labels(BatchLoader(NUMBERS, 4))
    loader = BatchLoader(NUMBERS, 4)
    iterator = iter(loader)
    loader.set_epoch(5)
    assert [batch[1].tolist() for batch in iterator] == expected
    assert loader.epoch == 5  # set by hand, so the iteration leaves it
    both = list(zip(BatchLoader(NUMBERS, 4), BatchLoader(NUMBERS, 4), strict=True))
    assert all(np.array_equal(one[1], other[1]) for one, other in both)


def test_randomness_depends_on_seed_epoch_and_index_alone() -> None:
    def by_index(loader: BatchLoader) -> dict[int, bytes]:
        return {int(y): x.tobytes() for b in loader for x, y in zip(b[0]["x"], b[1]["y"], strict=True)}

    small, large = by_index(BatchLoader(RANDOM, 2)), by_index(BatchLoader(RANDOM, 5, shuffle=False))
    assert small == large
    assert len(set(small.values())) == 11
    other_seed, later = BatchLoader(RANDOM, 2, seed=1), BatchLoader(RANDOM, 2)
    later.set_epoch(1)
    assert not set(small.values()) & set(by_index(other_seed).values())
    assert not set(small.values()) & set(by_index(later).values())


def test_transformers_have_the_samples_randomness() -> None:
    def jitter(features: Any, labels: Any) -> tuple[Any, Any]:
        return rng().random(), labels

    loader = BatchLoader(TransformedDataset(NUMBERS, jitter), 4, seed=3)
    assert_same(loader.batch(0), BatchLoader(TransformedDataset(NUMBERS, jitter), 4, seed=3).batch(0))


def test_a_dataset_may_read_from_a_loader() -> None:
    inner = BatchLoader(RANDOM, 4, seed=9)

    def sample(index: int) -> Any:
        before = rng().random()
        inner.batch(0)
        return before, rng().random()

    first = BatchLoader(Made(sample), 2).batch(0)
    plain = BatchLoader(Made(lambda i: (rng().random(), rng().random())), 2).batch(0)
    assert_same(first, plain)


def test_plain_lists_are_datasets() -> None:
    assert labels(BatchLoader([(0.5, 1), (1.5, 2)], 2, shuffle=False)) == [[1, 2]]


def test_samples_are_asked_for_with_python_ints() -> None:
    kinds = set()

    def sample(index: int) -> Any:
        kinds.add(type(index))
        return 0, 0

    BatchLoader(Made(sample), 4).batch(0)
    assert kinds == {int}


def test_errors_arrive_as_themselves_with_a_note() -> None:
    with pytest.raises(FileNotFoundError, match="no such scan") as caught:
        list(BatchLoader(Broken(bad=7), 4))
    assert caught.value.__notes__ == ["while reading sample 7 of Broken"]
    with pytest.raises(ValueError, match="in sample 5") as ragged:
        list(BatchLoader(Made(lambda i: ([0] * (1 + (i == 5)), 0)), 11))
    assert ragged.value.__notes__ == ["while making a batch of Made"]


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"batch_size": 0}, ValueError, r"batch_size=0 \(int\): expected an int of at least 1"),
        ({"batch_size": True}, TypeError, r"batch_size=True \(bool\): expected an int"),
        ({"batch_size": None}, TypeError, r"batch_size=None"),
        ({"batch_size": 2.0}, TypeError, r"batch_size=2\.0"),
        ({"shuffle": "yes"}, TypeError, r"shuffle='yes' \(str\): expected True or False"),
        ({"drop_last": 1}, TypeError, r"drop_last=1 \(int\): expected True or False"),
        ({"seed": -1}, ValueError, r"seed=-1 \(int\): expected an int of at least 0"),
        ({"seed": 2**64}, ValueError, r"seed=18446744073709551616"),
        ({"seed": "a"}, TypeError, r"seed='a'"),
        ({"dataset": []}, ValueError, r"dataset=\[\] \(list\) is empty"),
        ({"dataset": iter([1])}, TypeError, r"dataset=<list_iterator.*__len__ and __getitem__"),
        ({"dataset": None}, TypeError, r"dataset=None"),
        ({"batch_size": 12, "drop_last": True}, ValueError, r"leaves no batch.* 11 samples, batch_size=12"),
    ],
)
def test_wrong_arguments_are_refused(arguments: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        BatchLoader(**{"dataset": NUMBERS, "batch_size": 4, **arguments})


@pytest.mark.parametrize(("epoch", "error"), [(-1, ValueError), (1.5, TypeError), (True, TypeError)])
def test_a_wrong_epoch_is_refused(epoch: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="epoch="):
        BatchLoader(NUMBERS, 4).set_epoch(epoch)
