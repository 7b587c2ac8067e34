from __future__ import annotations

import io
import itertools
import socket
import sqlite3
import time
from pathlib import Path
from typing import Any

import pytest

from ailab.data import TransformedDataset, rng
from ailab.data.batches import BatchLoader
from ailab.data.engine import auto
from ailab.data.engine.auto import Cost, choose, measure
from ailab.data.engine.shareable import unshareable
from ailab.testing.samples import STRUCTURES, Made, assert_same

PLAIN = Made(STRUCTURES["arrays"])


@pytest.fixture(autouse=True)
def _four_cpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auto, "cpus", lambda: 4)


@pytest.mark.parametrize(
    ("cost", "length", "expected"),
    [
        (Cost(2e-3, 1e-5), 100_000, (0, 64)),  # waits
        (Cost(2e-3, 1e-4), 100_000, (4, 16)),  # waits, but 64 threads of one process would wait for each other
        (Cost(2e-3, 1e-4), 1_000, (0, 64)),  # but are done before processes would have begun
        (Cost(2e-3, 2e-3), 100_000, (4, 1)),  # computes
        (Cost(2e-3, 2e-3), 45, (0, 1)),  # an epoch is over before processes have begun
        (Cost(2e-3, 2e-3), 60, (4, 1)),
        (Cost(5e-7, 5e-7), 10**7, (0, 1)),  # a batch takes less than handing it over
        (Cost(4e-5, 4e-5), 10**6, (4, 1)),
        (Cost(2e-5, 1e-6), 10**6, (4, 1)),  # waits so briefly that threads would cost more
        (None, 10**6, (0, 1)),
    ],
)
def test_the_choice(cost: Cost | None, length: int, expected: tuple[int, int]) -> None:
    assert choose(PLAIN, cost, length, 64, "fork") == expected


def test_processes_only_where_forked_and_of_more_than_one_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    cost = Cost(2e-3, 2e-3)
    assert choose(PLAIN, cost, 10**6, 64, "spawn") == (0, 1)
    assert choose(PLAIN, Cost(2e-3, 1e-4), 10**6, 64, "spawn") == (0, 64)
    monkeypatch.setattr("sys._is_gil_enabled", lambda: False, raising=False)
    assert choose(PLAIN, cost, 10**6, 64, "fork") == (0, 4)
    monkeypatch.setattr(auto, "cpus", lambda: 1)
    assert choose(PLAIN, cost, 10**6, 64, "fork") == (0, 1)


def test_measuring_tells_waiting_from_computing() -> None:
    def wait(indices: Any, epoch: int) -> None:
        time.sleep(0.01 * len(indices))

    def compute(indices: Any, epoch: int) -> None:
        end = time.thread_time() + 0.01 * len(indices)
        while time.thread_time() < end:
            pass

    waits, computes = measure(wait, range(64), 0).cost, measure(compute, range(64), 0).cost
    assert waits is not None and computes is not None
    assert waits.wall > 0.0099
    assert waits.cpu < waits.wall / 2
    assert computes.wall > 0.0099  # of the clock, and so of the rounding of its numbers
    assert computes.cpu > 0.0099


def test_measuring_is_brief_and_leaves_errors_to_the_batch() -> None:
    asked: list[int] = []

    def load(indices: Any, epoch: int) -> None:
        asked.append(len(indices))
        time.sleep(0.005)

    measure(load, range(64), 0)
    assert asked == [1, 2]
    asked.clear()
    measure(load, range(1), 0)
    assert asked == [1, 1]
    assert measure(lambda indices, epoch: 1 / 0, range(64), 0).cost is None


def test_measuring_sees_whether_samples_are_the_same_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auto, "_MOMENT", 60.0)
    steady, whole = BatchLoader(PLAIN, 4), BatchLoader(Made(lambda index: (rng().random(), index)), 4)
    for loader in (steady, whole):
        measured = measure(loader.load, [5, 1, 2], 3)
        assert measured.same and measured.sight.whole
        assert_same(measured.sight.rows, loader.load([5, 1, 2], 3))
    numbers = itertools.count()
    changing = measure(BatchLoader(Made(lambda index: (next(numbers), index)), 4).load, [5, 1, 2], 3)
    assert not changing.same and changing.sight.rows is None
    assert choose(PLAIN, Cost(2e-3, 1e-5), 10**6, 64, "fork", same=changing.same) == (4, 1)  # threads could mix them up


class Holding(Made):
    def __init__(self, held: Any) -> None:
        super().__init__(STRUCTURES["arrays"])
        self.held = held


def test_what_must_not_be_shared_is_found(tmp_path: Path) -> None:
    path = tmp_path / "data"
    path.touch()
    with path.open("rb") as file, socket.socket() as connection:
        database = sqlite3.connect(":memory:")
        for held in (file, [{"deep": (file,)}], database, connection, (i for i in "ab"), lambda i: file.seek(i)):
            found = unshareable(TransformedDataset(Holding(held), lambda x, y: (x, y)))
            assert found is not None, held
            assert choose(Holding(held), Cost(2e-3, 2e-3), 10**6, 64, "fork") == (0, 1)
        database.close()
    for held in (io.BytesIO(), path, [1, 2], Made(len), None):
        assert unshareable(Holding(held)) is None
    looped = Holding(None)
    looped.held = looped
    assert unshareable(looped) is None


def test_cpus_heed_the_cgroup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: set(range(16)))
    limit = tmp_path / "cpu.max"
    monkeypatch.setattr(auto, "_CPU_MAX", limit)
    for text, count in (("max 100000", 16), ("250000 100000", 2), ("20000 100000", 1)):
        limit.write_text(text)
        assert auto.cpus() == count
