"""Looks that wait are done together, others one by one; either way in order."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from ailab.experiment import Workspace
from ailab.experiment.waiting import THREADS, each


def slow_look(item: int) -> tuple[int, str]:
    time.sleep(0.004)
    return item, threading.current_thread().name


def test_results_come_in_order_from_many_threads_once_looks_wait() -> None:
    found = list(each(range(100), slow_look))
    assert [item for item, _ in found] == list(range(100))
    assert len({name for _, name in found}) == THREADS + 1
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("ailab-reading")]


def test_as_many_wait_at_the_same_time_as_there_are_threads() -> None:
    together = threading.Barrier(THREADS)

    def look(item: int) -> int:
        if item < 8:
            time.sleep(0.004)
        else:
            together.wait(10)  # breaks, with an error, if fewer than THREADS come
        return item

    assert list(each(range(8 + 2 * THREADS), look)) == list(range(8 + 2 * THREADS))


def test_looks_that_do_not_wait_stay_in_one_thread() -> None:
    names = set(each(range(500), lambda item: threading.current_thread().name))
    assert names == {threading.current_thread().name}


def test_an_error_is_raised_in_its_items_turn() -> None:
    def look(item: int) -> int:
        time.sleep(0.004)
        if item == 30:
            raise ValueError("item 30")
        return item

    found = each(range(100), look)
    assert [next(found) for _ in range(30)] == list(range(30))
    with pytest.raises(ValueError, match="item 30"):
        next(found)


def test_whoever_stops_early_leaves_no_thread_and_few_looks() -> None:
    looked = []

    def look(item: int) -> int:
        looked.append(item)
        time.sleep(0.004)
        return item

    found = each(range(10_000), look)
    assert [next(found) for _ in range(20)] == list(range(20))
    found.close()  # type: ignore[attr-defined]
    assert len(looked) < 20 + 3 * THREADS
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("ailab-reading")]


def test_a_workspace_on_a_slow_share_reads_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import json

    for i in range(60):
        folder = tmp_path / "experiment" / f"run-{i:02}"
        (folder / "streams").mkdir(parents=True)
        (folder / "run.json").write_text(json.dumps({"schema": 1, "created": 1e9 + i}))
        (folder / "config.json").write_text(json.dumps({"train": {"seed": i % 7}}) if i != 33 else "{")
    quick = Workspace(tmp_path).rows("train.seed != 3", sort="train.seed")
    opened: set[str] = set()
    real = os.open

    def slow_open(*arguments: Any, **options: Any) -> int:
        opened.add(threading.current_thread().name)
        time.sleep(0.004)
        return real(*arguments, **options)

    monkeypatch.setattr(os, "open", slow_open)
    runs = Workspace(tmp_path).runs("train.seed != 3", sort="train.seed")
    assert Workspace(tmp_path).rows("train.seed != 3", sort="train.seed") == quick
    assert len(opened) > 2
    some = Workspace(tmp_path).map(lambda run: (run.id, run.state), "train.seed != 3", sort="train.seed", limit=40)
    assert list(some) == [(row["id"], row["state"]) for row in quick[:40]]
    bad = {run.id: run.problems for run in runs if run.problems}
    assert list(bad) == ["run-33"] and "config.json cannot be read" in bad["run-33"][0]
