from __future__ import annotations

import math

import pytest

from ailab.experiment.statistics import compare_means, mean_interval, student_cdf, student_quantile


@pytest.mark.parametrize(
    # From the printed tables of Student's distribution.
    ("probability", "degrees", "t"),
    [
        (0.975, 1, 12.706),
        (0.975, 2, 4.303),
        (0.975, 4, 2.776),
        (0.95, 10, 1.812),
        (0.995, 30, 2.750),
        (0.975, 1e6, 1.960),
    ],
)
def test_quantiles_are_those_of_the_tables(probability: float, degrees: float, t: float) -> None:
    assert student_quantile(probability, degrees) == pytest.approx(t, abs=6e-4)
    assert student_cdf(student_quantile(probability, degrees), degrees) == pytest.approx(probability, abs=1e-12)


def test_the_distribution_where_it_has_a_closed_form() -> None:
    for t in (-30.0, -2.0, -0.1, 0.0, 0.5, 7.0):
        assert student_cdf(t, 1) == pytest.approx(0.5 + math.atan(t) / math.pi, abs=1e-13)
        assert student_cdf(t, 2) == pytest.approx(0.5 + t / (2 * math.sqrt(2 + t * t)), abs=1e-13)


def test_the_interval_of_a_mean() -> None:
    interval = mean_interval([1.0, 2.0, 3.0, math.nan, math.inf])
    assert (interval.mean, interval.n) == (2.0, 3)
    assert interval.high - 2 == pytest.approx(4.302653 / math.sqrt(3), abs=1e-5)
    assert interval.low == pytest.approx(4 - interval.high)
    assert str(interval) == "2 ± 2.5"
    assert str(mean_interval([1.5])) == "1.5"
    assert math.isnan(mean_interval([1.5]).low)
    assert str(mean_interval([])) == ""


def test_welch_by_hand() -> None:
    found = compare_means([1.0, 2.0, 3.0], [4.0, 6.0, 8.0])
    # variances 1 and 4: error = sqrt(1/3 + 4/3), degrees = (5/3)^2 / ((1/3)^2/2 + (4/3)^2/2)
    assert found.difference == 4.0
    assert found.t == pytest.approx(4 / math.sqrt(5 / 3))
    assert found.degrees == pytest.approx((25 / 9) / (1 / 18 + 16 / 18))
    assert found.bootstrap_low < 4.0 < found.bootstrap_high
    assert found.low < found.bootstrap_low  # with three values the bootstrap is too sure


def test_noise_is_no_gain_and_a_gain_is() -> None:
    assert not compare_means([1.0, 1.2, 0.9], [1.1, 1.0, 1.15]).significant
    assert compare_means([1.0, 1.01, 0.99], [1.1, 1.11, 1.09]).significant
    assert not compare_means([1.0, 1.01, 0.99], [1.1, 1.11, 1.09], confidence=0.9999).significant


def test_runs_that_agree_to_the_last_bit() -> None:
    same = compare_means([1.0, 1.0], [1.0, 1.0])
    assert (same.p, same.difference, same.significant) == (1.0, 0.0, False)
    other = compare_means([1.0, 1.0], [2.0, 2.0])
    assert (other.p, other.low, other.high, other.significant) == (0.0, 1.0, 1.0, True)


def test_one_run_says_nothing() -> None:
    with pytest.raises(ValueError, match="at least two runs with a finite value, got 1 and 2"):
        compare_means([1.0, math.nan], [1.0, 2.0])
