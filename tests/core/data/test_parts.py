from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ailab.data import Dataset, Subset, concat, version_of
from ailab.data.batches import BatchLoader
from ailab.testing.samples import STRUCTURES, Made, assert_same


class Numbers(Made):
    """Sample i is (i, -i)."""

    def __init__(self, length: int = 10, version: str = "1") -> None:
        super().__init__(lambda i: (i, -i), length)
        self.version = version


@pytest.mark.parametrize("indices", [[3, 1, 1, 9], np.array([3, 1, 1, 9], np.uint8), (3, 1, 1, 9)])
def test_subset_has_the_samples_in_the_order_asked_for(indices: Any) -> None:
    subset = Subset(Numbers(), indices)
    assert isinstance(subset, Dataset)
    assert len(subset) == 4
    assert [sample[0] for sample in subset] == [3, 1, 1, 9]
    assert [sample[0] for sample in Subset(Numbers(), range(2, 8, 3))] == [2, 5]


def test_an_empty_subset_is_one() -> None:
    assert len(Subset(Numbers(), [])) == 0


def test_subset_reads_with_python_ints() -> None:
    kinds = set()
    subset = Subset(Made(lambda i: kinds.add(type(i))), [2])
    subset[0]
    assert kinds == {int}


def test_subset_keeps_its_indices() -> None:
    indices = np.array([1, 2])
    subset = Subset(Numbers(), indices)
    indices[0] = 7
    assert subset[0] == (1, -1)


@pytest.mark.parametrize(
    ("indices", "error", "message"),
    [
        ([0, 10], ValueError, r"indices\[1\] is 10: the dataset has samples 0 to 9"),
        ([-1], ValueError, r"indices\[0\] is -1"),
        ([1.0], TypeError, r"expected whole numbers"),
        ([True, False], TypeError, r"np.flatnonzero\(mask\)"),
        ([[1, 2]], ValueError, r"shape \(1, 2\)"),
        (3, ValueError, r"shape \(\)"),
    ],
)
def test_wrong_indices_are_refused(indices: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        Subset(Numbers(), indices)


@given(st.lists(st.integers(0, 5), min_size=1, max_size=5))
def test_concat_has_all_samples_in_order(lengths: list[int]) -> None:
    parts = [Made(lambda i, part=part: (part, i), length) for part, length in enumerate(lengths)]
    joined = concat(*parts)
    expected = [(part, i) for part, length in enumerate(lengths) for i in range(length)]
    assert len(joined) == len(expected)
    assert list(joined) == expected
    assert [joined[i - len(joined)] for i in range(len(joined))] == expected
    for outside in (len(joined), -len(joined) - 1):
        with pytest.raises(IndexError, match=f"sample {outside} does not exist"):
            joined[outside]


def test_concat_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="expected at least one dataset"):
        concat()


def test_randomness_follows_the_index_in_the_dataset_that_is_loaded() -> None:
    dataset = Made(STRUCTURES["random"])
    assert_same(BatchLoader(concat(dataset), 4).batch(1), BatchLoader(dataset, 4).batch(1))


def test_versions_tell_the_parts_apart() -> None:
    a, b = Numbers(10, "a"), Numbers(10, "b")
    versions = [
        version_of(dataset)
        for dataset in (
            a,
            b,
            Subset(a, [1, 2]),
            Subset(a, [2, 1]),
            Subset(b, [1, 2]),
            concat(a),
            concat(a, b),
            concat(b, a),
            concat(Subset(a, [1]), Subset(a, [2])),
            concat(Numbers(9, "a"), b),
        )
    ]
    assert None not in versions
    assert len(set(versions)) == len(versions)
    assert version_of(Subset(Numbers(10, "a"), range(1, 3))) == versions[2]
    assert version_of(concat(Numbers(10, "a"), Numbers(10, "b"))) == versions[6]


def test_versions_are_the_same_on_every_machine() -> None:
    # A cache on a shared disk is keyed by these: changing how they are made throws every cache away.
    assert version_of(Subset(Numbers(), [1, 2])) == "subset-840b4a973c66f6ab"
    assert version_of(concat(Numbers(), Numbers())) == "concat-016c8efca89b16e9"


def test_without_a_version_underneath_there_is_none() -> None:
    assert version_of(Subset([(1, 2)], [0])) is None
    assert version_of(concat(Numbers(), [(1, 2)])) is None
