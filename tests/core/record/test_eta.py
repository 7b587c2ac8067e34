from __future__ import annotations

import pytest

from ailab.experiment.record.eta import EtaEstimator


def test_steady_progress() -> None:
    eta = EtaEstimator()
    for second in range(11):
        eta.add(second, second / 100)
    assert eta.remaining() == pytest.approx(90)
    assert eta.remaining(now=20) == pytest.approx(80)
    assert eta.remaining(now=1000) == 0


def test_unknown_until_two_reports_and_zero_when_done() -> None:
    eta = EtaEstimator()
    assert eta.remaining() is None
    eta.add(0, 0.0)
    assert eta.remaining() is None
    eta.add(5, 1.0)
    assert eta.remaining() == 0


def test_a_slow_start_is_forgotten() -> None:
    eta = EtaEstimator()
    eta.add(0, 0)
    for i in range(40):
        eta.add(100 + i, (i + 1) / 100)
    assert eta.remaining() == pytest.approx(60)


def test_going_backwards_starts_anew() -> None:
    eta = EtaEstimator()
    eta.add(0, 0.0)
    eta.add(10, 0.9)
    eta.add(11, 0.0)
    eta.add(12, 0.5)
    assert eta.remaining() == pytest.approx(1)


def test_many_reports_a_second_do_not_make_it_short_sighted() -> None:
    eta = EtaEstimator()
    for i in range(100_000):  # ten reports a second; the last hundred of them happen to be slow
        eta.add(i / 10 + max(0, i - 99_900), i / 200_000)
    assert eta.remaining() == pytest.approx(10_000, rel=0.05)


def test_one_long_stall_is_no_rate() -> None:
    eta = EtaEstimator()
    for i in range(600):
        eta.add(i + (5000 if i >= 500 else 0), i / 1000)
    assert eta.remaining() == pytest.approx(400, rel=0.05)


def test_a_new_rate_is_learnt() -> None:
    eta = EtaEstimator()
    now = 0.0
    for i in range(900):
        now += 10 if i < 300 else 1
        eta.add(now, i / 1000)
    assert eta.remaining() == pytest.approx(101, rel=0.05)
