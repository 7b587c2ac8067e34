from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ailab.data.batches import BatchLoader
from ailab.data.engine import grouping
from ailab.data.engine.grouping import BYTES, INDICES, MOMENT, Grouping
from ailab.data.engine.pool import Pool
from ailab.data.engine.stream import PoolStream
from ailab.testing.samples import assert_same
from core.data.engine.helpers import Simple, alive, keys_of


def grown(batches: int = 16, most: int = 16) -> Grouping:
    """A grouping of which ``batches`` quickly made, small ones are in a group."""
    made = Grouping(most)
    while made.size < batches:
        made.learn(made.size, 0.0, 0, 0)
    return made


def test_groups_double_up_to_the_most() -> None:
    made, sizes = Grouping(12), []
    for _ in range(6):
        sizes.append(made.size)
        made.learn(made.size, MOMENT / 100, 10, made.size)
    assert sizes == [1, 2, 4, 8, 12, 12]


@pytest.mark.parametrize(
    ("seconds", "size", "indices", "expected"),  # the first three: of one batch
    [
        (MOMENT / 3.5, 1, 1, 3),
        (1.0, 1, 1, 1),
        (0.0, BYTES // 5, 1, 5),
        (0.0, BYTES * 2, 1, 1),
        (0.0, 0, INDICES // 6, 6),
        (0.0, 0, INDICES * 100, 1),
        (MOMENT / 9.5, BYTES // 4, INDICES // 7, 4),  # the least
        (0.0, 0, 0, 16),
    ],
)
def test_time_bytes_and_indices_limit_a_group(seconds: float, size: int, indices: int, expected: int) -> None:
    made = grown()
    made.learn(8, 8 * seconds, 8 * size, 8 * indices)
    assert made.size == expected


def test_a_slow_group_makes_the_next_one_small_at_once() -> None:
    made = grown()
    made.learn(16, MOMENT * 16, 1, 1)
    assert made.size == 1
    made.learn(1, MOMENT / 16, 1, 1)
    assert made.size == 2


@pytest.fixture
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow this machine is at the moment, groups grow."""
    monkeypatch.setattr(grouping, "MOMENT", 1e9)


class Failing(Simple):
    def happen(self) -> None:
        raise FileNotFoundError(2, "no such scan", "scan.png")


@pytest.mark.usefixtures("_patient")
@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("bad", [0, 9, 15])
def test_batches_before_a_failing_one_come_first(workers: int, bad: int) -> None:
    loader = BatchLoader(Failing(128, odd=4 * bad + 1), 4, shuffle=False)
    keys = keys_of(loader)
    pool = Pool(loader.load, workers, context="fork", most=16)
    for _ in PoolStream(pool, [keys[20]] * 200, keep=True):
        pass
    assert pool.group == 16
    stream = PoolStream(pool, keys)  # the first 16 are one task
    for number in range(bad):
        assert_same(next(stream), loader.load(loader.indices(number, 0), 0))
    with pytest.raises(FileNotFoundError) as caught:
        next(stream)
    assert caught.value.__notes__[0] == f"while reading sample {4 * bad + 1} of Failing"
    assert "in worker process " in caught.value.__notes__[1]
    with pytest.raises(StopIteration):
        next(stream)
    assert not any(map(alive, pool.pids))


@pytest.mark.usefixtures("_patient")
def test_a_group_has_one_slot_and_its_batches_live_as_long_as_they_are_kept() -> None:
    loader = BatchLoader(Simple(400), 2, shuffle=False)
    pool = Pool(loader.load, 1, context="fork", most=16)
    kept = []
    for number, (features, labels) in enumerate(PoolStream(pool, keys_of(loader), keep=True)):
        if number % 5 == 0:
            kept.append((features["x"], labels))
    assert pool.group == 16
    assert len({id(_slot(x)) for x, _ in kept}) < len(kept)  # several lie in the slot of one group
    pool.close()
    for x, labels in kept:
        assert x[:, 0, 0].tolist() == labels.tolist()


def _slot(array: Any) -> Any:
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array.base


@pytest.mark.usefixtures("_patient")
def test_many_indices_are_not_grouped() -> None:
    def load(indices: Any, epoch: int) -> Any:
        return np.array(indices[:1])

    pool = Pool(load, 1, context="fork", most=16)
    stream = PoolStream(pool, [(0, list(range(INDICES // 4)))] * 40, keep=True)
    sizes = [pool.group for _ in stream]
    pool.close()
    assert set(sizes) <= {1, 2, 4}
    assert sizes[-1] == 4
