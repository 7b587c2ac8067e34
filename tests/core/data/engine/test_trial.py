"""Workers that were chosen and not asked for, on datasets that do not bear them."""

from __future__ import annotations

import os
import threading
import time
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from ailab.data import rng
from ailab.data.batches import BatchLoader
from ailab.data.engine import auto, runner
from ailab.data.engine.faults import WorkerDied
from ailab.data.engine.runner import Runner, Workers
from ailab.testing.samples import Made, assert_same

HERE = os.getpid()
PROCESSES, THREADS = (2, 1), (0, 4)


@pytest.fixture(params=[PROCESSES, THREADS], ids=["processes", "threads"])
def chosen(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> tuple[int, int]:
    workers: tuple[int, int] = request.param
    monkeypatch.setattr(runner, "choose", lambda *_, **__: workers)
    return workers


@pytest.fixture
def _processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "choose", lambda *_, **__: PROCESSES)


def opened(loader: BatchLoader) -> tuple[Runner, Iterator[Any]]:
    runner = Runner(loader, Workers(context="fork"))
    return runner, runner.stream(loader.keys())


def good(index: int) -> Any:
    return {"x": np.full((3, 2), index, np.float32), "r": rng().random(2), "s": str(index)}, index


@pytest.mark.parametrize("size", [1, 4, 40])
def test_all_goes_well(chosen: tuple[int, int], size: int) -> None:
    loader = BatchLoader(Made(good, 40), size)
    runner, stream = opened(loader)
    assert_same(tuple(stream), tuple(loader))
    assert runner.chosen == chosen
    assert_same(tuple(runner.stream(loader.keys())), tuple(loader))


def test_a_slow_first_batch_is_the_workers(chosen: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auto, "_MOMENT", 0.0)  # so that no whole batch is made while measuring
    loader = BatchLoader(Made(good, 40), 8)
    runner, stream = opened(loader)
    assert_same(tuple(stream), tuple(loader))
    assert runner.chosen == chosen


@pytest.mark.usefixtures("_processes")
def test_a_dataset_that_fails_in_processes() -> None:
    def sample(index: int) -> Any:
        if os.getpid() != HERE:
            raise RuntimeError("cannot use a GPU in a forked process")
        return good(index)

    loader = BatchLoader(Made(sample, 40), 4)
    runner, stream = opened(loader)
    with pytest.warns(RuntimeWarning, match=r"failed: RuntimeError: cannot use a GPU.* num_workers=0"):
        batches = tuple(stream)
    assert_same(batches, tuple(loader))
    assert runner.chosen == (0, 1)
    assert_same(tuple(runner.stream(loader.keys())), tuple(loader))


@pytest.mark.usefixtures("_processes")
def test_a_dataset_that_hangs_in_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "_PATIENCE", 0.3)
    held = threading.Lock()

    def sample(index: int) -> Any:
        with held:
            return good(index)

    loader = BatchLoader(Made(sample, 40), 4)
    runner_ = Runner(loader, Workers(context="fork"))
    measured = runner_._measure

    def measure_and_hold(first: Any) -> Any:
        found = measured(first)
        held.acquire()  # as another thread might at the moment of the fork
        threading.Timer(0.1, held.release).start()
        return found

    monkeypatch.setattr(runner_, "_measure", measure_and_hold)
    with pytest.warns(RuntimeWarning, match="timed out after 0.3 seconds"):
        batches = tuple(runner_.stream(loader.keys()))
    assert_same(batches, tuple(loader))


def test_a_dataset_that_is_another_in_workers(chosen: tuple[int, int]) -> None:
    main = threading.get_ident()

    def sample(index: int) -> Any:
        return (os.getpid() == HERE and threading.get_ident() == main), index

    loader = BatchLoader(Made(sample, 40), 4)
    _, stream = opened(loader)
    with pytest.warns(RuntimeWarning, match="their first batch differs"):
        batches = tuple(stream)
    assert_same(batches, tuple(loader))


def test_an_error_of_the_dataset_is_raised_as_it_is(chosen: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auto, "_MOMENT", 0.0)

    def sample(index: int) -> Any:
        if index == 7:
            raise FileNotFoundError("scan 7")
        return good(index)

    loader = BatchLoader(Made(sample, 40), 8, shuffle=False)
    with pytest.raises(FileNotFoundError, match="scan 7") as caught, warnings.catch_warnings():
        warnings.simplefilter("error")
        next(opened(loader)[1])
    assert "while reading sample 7 of Made" in caught.value.__notes__


@pytest.mark.usefixtures("_processes")
def test_a_worker_that_dies_is_not_imitated() -> None:
    def sample(index: int) -> Any:
        if os.getpid() != HERE:
            os.kill(os.getpid(), 9)
        return good(index)

    _, stream = opened(BatchLoader(Made(sample, 40), 4))
    next(stream)
    with pytest.raises(WorkerDied):
        next(stream)


def test_an_abandoned_trial_ends_its_workers(chosen: tuple[int, int]) -> None:
    loader = BatchLoader(Made(good, 40), 4)
    _, stream = opened(loader)
    next(stream)
    inner: Any = stream._stream  # type: ignore[attr-defined]
    stream.close()  # type: ignore[attr-defined]
    assert list(stream) == []
    if chosen == PROCESSES:
        assert inner.closed
    else:
        end = time.monotonic() + 30
        while any(thread.name.startswith("ailab-batches") for thread in threading.enumerate()):
            assert time.monotonic() < end
