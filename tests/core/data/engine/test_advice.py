from __future__ import annotations

import re

import pytest

from ailab.data.batches.waiting import Waiting
from ailab.data.engine import advice as module
from ailab.data.engine.advice import advice


@pytest.fixture(autouse=True)
def _eight_cpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "cpus", lambda: 8)


def waiting(waited: float, used: float) -> Waiting:
    made = Waiting()
    made.waited, made.used = waited, used
    return made


@pytest.mark.parametrize(
    ("waited", "used", "processes", "threads", "expected"),
    [
        (1, 99, 0, 1, None),
        (0.9, 0.1, 0, 1, None),
        (41, 59, 0, 1, "waited 41% of the time for its data; 1 worker would hide it"),
        (75, 25, 0, 1, "waited 75% .*; 3 workers would hide it"),
        (50, 50, 2, 1, "; 4 workers would hide it"),
        (90, 10, 2, 1, "; 8 workers would hide some of it, and cheaper samples"),
        (50, 50, 8, 1, "; all 8 CPUs are at work on it, so only cheaper samples"),
        (50, 50, 0, 32, "; threads_per_worker=64 would"),
    ],
)
def test_one_line(waited: float, used: float, processes: int, threads: int, expected: str | None) -> None:
    told = advice(waiting(waited, used), processes, threads)
    if expected is None:
        assert told is None
    else:
        assert told is not None
        assert re.search(expected, told), told
