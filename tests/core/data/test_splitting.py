from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ailab.data import split

SEEDS = st.integers(0, 2**64 - 1)
FRACTIONS = st.floats(0, 1, exclude_min=True, exclude_max=True)


@given(st.integers(0, 300), FRACTIONS, SEEDS)
def test_every_sample_is_on_one_side(length: int, fraction: float, seed: int) -> None:
    first, second = split(range(length), fraction, seed=seed)
    assert sorted([*first, *second]) == list(range(length))
    assert list(first) == sorted(first)


@given(st.integers(0, 200), st.integers(0, 200), FRACTIONS, SEEDS)
def test_old_samples_stay_on_their_side_when_the_dataset_grows(
    length: int, more: int, fraction: float, seed: int
) -> None:
    before, after = split(range(length), fraction, seed=seed), split(range(length + more), fraction, seed=seed)
    for old, new in zip(before, after, strict=True):
        assert list(old) == [index for index in new if index < length]


@given(FRACTIONS, FRACTIONS, SEEDS)
def test_a_larger_fraction_only_adds_to_the_first_side(one: float, other: float, seed: int) -> None:
    small, large = (split(range(200), fraction, seed=seed)[0] for fraction in sorted((one, other)))
    assert set(small) <= set(large)


@pytest.mark.parametrize("fraction", [0.1, 0.5, 0.8])
@pytest.mark.parametrize("seed", [0, 1, 2**64 - 1])
def test_sizes_are_about_right(fraction: float, seed: int) -> None:
    length = 100_000
    expected, deviation = length * fraction, (length * fraction * (1 - fraction)) ** 0.5
    assert abs(len(split(range(length), fraction, seed=seed)[0]) - expected) < 5 * deviation


def test_another_seed_is_another_cut() -> None:
    a, b = (np.isin(np.arange(10_000), list(split(range(10_000), 0.5, seed=seed)[0])) for seed in (0, 1))
    assert abs((a == b).mean() - 0.5) < 0.03


def test_the_cut_is_the_same_for_ever() -> None:
    # Changing the hash would move samples between the sides of everybody's data.
    assert list(split(range(20), 0.5, seed=7)[0]) == [1, 4, 6, 8, 11, 13, 14, 17]


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"fraction": 0}, ValueError),
        ({"fraction": 1.0}, ValueError),
        ({"fraction": 80}, ValueError),
        ({"fraction": float("nan")}, ValueError),
        ({"fraction": True}, TypeError),
        ({"fraction": "0.8"}, TypeError),
        ({"seed": -1}, ValueError),
        ({"seed": 1.5}, TypeError),
    ],
)
def test_wrong_arguments_are_refused(arguments: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error, match=rf"{next(iter(arguments))}=.*expected"):
        split(range(10), **{"fraction": 0.8, **arguments})
