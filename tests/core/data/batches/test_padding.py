from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hn

from ailab.data.batches import BatchLoader
from ailab.data.batches.padding import padded
from ailab.testing.samples import STRUCTURES, Box, Made, assert_same


def batch(samples: list[Any], pad: Any) -> Any:
    return BatchLoader(samples, len(samples), shuffle=False, pad=pad).batch(0)


@given(st.lists(hn.array_shapes(min_dims=2, max_dims=2, min_side=0, max_side=4), min_size=1, max_size=5))
def test_arrays_lie_at_the_beginning_and_the_rest_is_the_value(shapes: list[tuple[int, ...]]) -> None:
    arrays = [np.full(shape, i, np.int16) for i, shape in enumerate(shapes)]
    features, _ = batch([(array, 0) for array in arrays], -7)
    assert features.shape[1:] == tuple(np.max(shapes, axis=0))
    assert features.dtype == np.int16
    for row, array in zip(features, arrays, strict=True):
        assert np.array_equal(row[tuple(map(slice, array.shape))], array)
        assert (row == -7).sum() == row.size - array.size


def test_by_key_and_nested() -> None:
    samples = [({"a": [1] * n, "b": Box([0.5] * n, "x" * n)}, ([n] * n, n)) for n in (2, 0, 1)]
    features, labels = batch(samples, {"a": 9, "corner": np.nan, "labels": -1})
    assert features["a"].tolist() == [[1, 1], [9, 9], [1, 9]]
    assert features["a"].dtype == np.int64
    assert np.isnan(features["b"].corner).tolist() == [[False, False], [True, True], [False, True]]
    assert features["b"].name.tolist() == ["xx", "", "x"]
    assert labels[0].tolist() == [[2, 2], [-1, -1], [1, -1]]


def test_keys_without_a_value_stay_an_error() -> None:
    with pytest.raises(ValueError, match=r"features\['b'\] has shape \(2,\) in sample 1"):
        batch([({"a": [1], "b": [1]}, 0), ({"a": [1, 1], "b": [1, 1]}, 0)], {"a": 0})
    with pytest.raises(ValueError, match=r"features has shape \(1, 1\) in sample 1"):
        batch([([1], 0), ([[1]], 0)], 0)
    with pytest.raises(ValueError, match="same structure"):
        batch([({"a": [1]}, 0), ({"b": [1, 1]}, 0)], 0)


def test_strings_are_filled_up_with_strings() -> None:
    features, _ = batch([(["a"], 0), (["b", "c"], 0)], "<pad>")
    assert features.tolist() == [["a", "<pad>"], ["b", "c"]]


@pytest.mark.parametrize("name", sorted(STRUCTURES.keys() - {"random"}))
def test_equal_shapes_stay_as_they_are(name: str) -> None:
    dataset = Made(STRUCTURES[name])
    assert_same(tuple(BatchLoader(dataset, 4, pad=5)), tuple(BatchLoader(dataset, 4)))


@pytest.mark.parametrize(
    ("pad", "array"), [(0.5, np.int64), (-1, np.uint8), (256, np.uint8), ("x", np.float32), (1j, np.float32)]
)
def test_a_value_of_another_kind_is_refused(pad: Any, array: Any) -> None:
    with pytest.raises(ValueError, match="is no value of 'a', which is"):
        padded([({"a": np.zeros(1, array)}, 0), ({"a": np.zeros(2, array)}, 0)], pad)


def test_what_is_no_value_is_refused() -> None:
    for pad in ([0], {"a": [0]}):
        with pytest.raises(TypeError, match="pad=.*expected a value"):
            batch([(0, 0)], pad)


def test_samples_of_different_shapes_are_told_of_pad() -> None:
    ragged = Made(lambda i: ({"x": [0] * (1 + i // 2)}, [[0]] if i % 2 else [0]), 4)
    loader = BatchLoader(ragged, 2, shuffle=False)
    with pytest.raises(
        ValueError, match=r"features\['x'\] has shape \(2,\) in sample 3 but \(1,\) in sample 1; .* pad=0 fill"
    ):
        loader.load([1, 3], 0)
    with pytest.raises(
        ValueError, match=r"labels has shape \(1, 1\) in sample 1 but \(1,\) in sample 0; .* pad= .* adds none"
    ):
        loader.batch(0)
    with pytest.raises(ValueError, match=r"\(pad=\{'key': 0\}: those of one key\)"):
        BatchLoader(ragged, 2, pad={"y": 0}).load([1, 3], 0)
