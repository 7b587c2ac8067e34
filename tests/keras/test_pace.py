from __future__ import annotations

import pytest

from ailab_keras import pace
from ailab_keras.pace import Pace


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def perf_counter(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(pace, "time", clock)
    return clock


def run(kept: Pace, clock: Clock, batches: list[tuple[float, float]]) -> None:
    """``batches``: seconds before each is asked for, and until it comes."""
    for before, until in batches:
        clock.now += before
        kept.asked()
        clock.now += until
        kept.came()


def test_the_time_until_a_batch_comes_is_waited(clock: Clock) -> None:
    kept = Pace(stored=False)
    run(kept, clock, [(9.0, 2.0), (1.0, 3.0), (4.0, 0.0)])
    waiting = kept.waiting
    assert (waiting.waited, waiting.used, waiting.batches) == (5.0, 5.0, 3)
    assert waiting.fraction == 0.5
    assert kept.longest == 4.0
    clock.now += 7
    assert kept.since == 7.0


def test_nobody_waits_as_long_as_there_is_a_store(clock: Clock) -> None:
    # A batch takes 40 ms and a step 50: TensorFlow's thread is held up for 10 of them by its full store.
    kept = Pace(stored=True)
    run(kept, clock, [(0.0, 0.04), (0.0002, 0.04)])
    assert kept.waiting.fraction > 0.99
    run(kept, clock, [(0.01, 0.04)] * 100)
    assert kept.waiting.fraction < 0.02


def test_with_an_empty_store_all_of_the_time_is_waited(clock: Clock) -> None:
    kept = Pace(stored=True)
    run(kept, clock, [(0.0, 0.06)] + [(0.0002, 0.06), (0.0003, 0.06)] * 20)
    assert kept.waiting.fraction > 0.99
