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
