from __future__ import annotations

import json
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ailab_server.workspace.series import FEWEST, encode, reduce


def series(values: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Steps, times and these values."""
    column = np.asarray(values, dtype=float)
    steps = np.arange(len(column), dtype=float)
    return np.stack((steps, 1000.0 + steps, column))


def decode(body: bytes) -> dict[str, tuple[dict[str, Any], npt.NDArray[Any]]]:
    length = int.from_bytes(body[:4], "little")
    assert (4 + length) % 8 == 0
    header = json.loads(body[4 : 4 + length])
    offset, found = 4 + length, {}
    for entry in header["series"]:
        count = entry["count"]
        found[entry["metric"]] = (entry, np.frombuffer(body, "<f8", 3 * count, offset).reshape(3, count))
        offset += 24 * count
    assert offset == len(body)
    return found


def test_a_single_peak_in_a_million_points_survives() -> None:
    values = np.zeros(1_000_000)
    values[654_321], values[123_456] = 100.0, -100.0
    kept = reduce(series(values), 1000)
    assert kept.shape[1] <= 1000
    assert {654_321, 123_456, 0, 999_999} <= set(kept[0].tolist())


@given(
    hnp.arrays(float, st.integers(0, 300), elements=st.floats(allow_nan=True, allow_infinity=True)),
    st.integers(FEWEST, 60),
)
def test_reduction_keeps_extremes_ends_and_order(values: npt.NDArray[np.float64], points: int) -> None:
    full = series(values)
    kept = reduce(full, points)
    assert kept.shape[1] <= points
    if full.shape[1] <= points:
        assert kept is full
        return
    steps = kept[0].astype(int)
    assert (np.diff(steps) > 0).all()
    assert steps[0] == 0
    assert steps[-1] == full.shape[1] - 1
    assert kept.tobytes() == full[:, steps].tobytes()
    if not np.isnan(values).all():
        assert np.nanmax(kept[-1]) == np.nanmax(values)
        assert np.nanmin(kept[-1]) == np.nanmin(values)


def test_a_stretch_of_nan_stays_a_gap() -> None:
    values = np.ones(1000)
    values[300:600] = np.nan
    assert np.isnan(reduce(series(values), 100)[-1]).any()


def test_the_wire_format() -> None:
    values = series([1.0, np.nan, np.inf, -np.inf, -0.0])
    found = decode(encode({"löss \n": values, "empty": series([])}, 1000))
    entry, (steps, times, numbers) = found["löss \n"]
    assert entry == {"metric": "löss \n", "count": 5, "total": 5, "reduced": False}
    assert steps.tolist() == [0, 1, 2, 3, 4]
    assert times.tolist() == [1000.0, 1001.0, 1002.0, 1003.0, 1004.0]
    assert numbers.tobytes() == values[-1].tobytes()
    assert found["empty"][0]["count"] == 0


@pytest.mark.parametrize("length", range(9))
def test_arrays_are_aligned_whatever_the_names(length: int) -> None:
    decode(encode({"x" * length: series([1.0])}, 1000))


def test_a_reduced_series_says_so() -> None:
    entry, arrays = decode(encode({"a": series(np.arange(100))}, 10))["a"]
    assert entry["reduced"]
    assert entry["total"] == 100
    assert entry["count"] == arrays.shape[1] <= 10
