from __future__ import annotations

import json
import pickle
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import ailab.experiment.logging as log
from ailab import current
from ailab.data.batches import BatchLoader
from ailab.data.batches.waiting import Waiting
from ailab.experiment import Config
from ailab.testing.samples import STRUCTURES, Made


def slow(index: int) -> Any:
    time.sleep(0.01)
    return STRUCTURES["arrays"](index)


def test_waiting_is_told_from_using() -> None:
    loader = BatchLoader(Made(slow, 6), 2)
    for _ in loader:
        time.sleep(0.02)
    assert loader.waiting.batches == 3
    assert loader.waiting.waited >= 0.06
    assert loader.waiting.used >= 0.06
    assert 0.1 < loader.waiting.fraction < 0.9
    assert Waiting().fraction == 0


def test_a_consumer_that_does_nothing_only_waits() -> None:
    loader = BatchLoader(Made(slow, 6), 2)
    list(loader)
    assert loader.waiting.fraction > 0.9


def test_each_epoch_is_noted_and_an_abandoned_one_is_not() -> None:
    noted: list[tuple[float, str | None]] = []
    stop = current.on_waiting(lambda fraction, advice: noted.append((fraction, advice)))
    loader = BatchLoader(Made(slow, 4), 2)
    loader.after_epoch = lambda waiting: current.note_waiting(waiting.fraction, f"{waiting.batches} batches")
    next(iter(loader))
    assert not noted
    list(loader)
    list(loader)
    assert [advice for _, advice in noted] == ["2 batches"] * 2
    stop()
    stop()
    list(loader)
    assert len(noted) == 2


@pytest.mark.filterwarnings("ignore")
def test_a_run_shows_it(workspace: Path, make_config: Callable[[], Config]) -> None:
    folder = Path(log.setup(config=make_config()))
    loader = BatchLoader(Made(slow, 4), 2)
    loader.after_epoch = lambda waiting: current.note_waiting(waiting.fraction, "more workers would hide it")
    for _ in range(3):
        list(loader)
    log.finish()
    events = [
        json.loads(line) for file in (folder / "streams").glob("*.jsonl") for line in file.read_text().splitlines()
    ]
    assert any(event.get("name") == "data/wait_fraction" for event in events)
    told = [event["message"] for event in events if event["type"] == "warning"]
    assert told.count("more workers would hide it") == 1


def test_a_worker_gets_none_of_it() -> None:
    loader = BatchLoader([0, 1], 1)
    loader.after_epoch = lambda waiting: None
    list(loader)
    assert pickle.loads(pickle.dumps(loader)).waiting.batches == 0  # noqa: S301 - made here
