"""When a measure counts as flat."""

from __future__ import annotations

import random

import pytest

from soak.flat import flatness

SECONDS = range(900)


def noisy(rise_a_minute: float, seed: int = 0) -> list[tuple[float, float]]:
    """A measure of about 100 with a warm-up of half a minute, a saw's teeth and noise."""
    chance = random.Random(seed)
    return [
        (second, 100 + min(0, second - 30) + second / 60 * rise_a_minute + second % 20 / 10 + chance.gauss(0, 1))
        for second in SECONDS
    ]


@pytest.mark.parametrize("seed", range(5))
def test_a_measure_that_only_wavers_is_flat(seed: int) -> None:
    found = flatness(noisy(0.0, seed), 300, most=6.0)
    assert found.flat
    assert abs(found.slope) < 0.1
    assert 99 < found.before < 103


@pytest.mark.parametrize("rise", [0.8, 2.0, 20.0])
def test_a_slow_leak_is_not(rise: float) -> None:
    found = flatness(noisy(rise), 300, most=6.0)
    assert not found.flat
    assert found.slope == pytest.approx(rise, abs=0.1)


def test_a_step_in_the_middle_is_not() -> None:
    assert not flatness([(second, 100.0 + 20 * (second > 600)) for second in SECONDS], 300, most=6.0).flat


def test_what_is_given_back_is_flat() -> None:
    assert flatness(noisy(-3.0), 300, most=6.0).flat


def test_too_little_to_judge() -> None:
    with pytest.raises(ValueError, match="3 samples after 897 s"):
        flatness(noisy(0.0), 897, most=6.0)
