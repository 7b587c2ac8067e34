from __future__ import annotations

import gc
import os
import random
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import pytest

from ailab.data.batches import BatchLoader
from ailab.data.engine.runner import Runner, Workers
from ailab.testing.samples import Made, assert_same
from core.data.engine.helpers import Simple, alive, wait_for


class Spoilt(Simple):
    """Every 7th sample cannot be read, nor can those of one whole batch of 4."""

    def __init__(self, length: int = 200) -> None:
        super().__init__(length)

    def __getitem__(self, index: int) -> Any:
        if index % 7 == 3 or 40 <= index < 44:
            raise FileNotFoundError(2, "no such scan", f"{index}.png")
        return super().__getitem__(index)


class Drawing(Spoilt):
    """Draws from Python's own generator before it fails, so that batches are read twice at first."""

    def __getitem__(self, index: int) -> Any:
        drawn = random.random()
        features, label = super().__getitem__(index)
        return {**features, "drawn": drawn}, label


EVERYONE = [
    Workers(0),
    Workers(0, threads=3),
    Workers(1, context="fork"),
    Workers(2, context="fork"),
    Workers(2, context="fork", prefetch=2),
    Workers(2, threads=3, context="fork"),
    Workers(2, context="fork", persistent=True),
    Workers(2, context="spawn"),
    Workers("auto"),
]


@pytest.mark.parametrize("workers", EVERYONE, ids=repr)
@pytest.mark.parametrize("kind", [Spoilt, Drawing])
def test_what_is_left_out_comes_home_once(workers: Workers, kind: type[Spoilt]) -> None:
    alone = BatchLoader(kind(), 4, on_error="skip")
    loader = BatchLoader(kind(), 4, on_error="skip")
    runner = Runner(loader, workers)
    for _ in range(2):
        expected = tuple(alone)
        assert_same(tuple(loader.counted(runner.stream(loader.keys()))), expected)
        assert loader.left_out == alone.left_out
    assert loader.skipped == 2 * len({*range(3, 200, 7), *range(40, 44)})
    assert loader.epoch == 2
    runner.close()


@pytest.mark.parametrize("workers", EVERYONE[1:4])
def test_only_what_was_delivered_counts(workers: Workers) -> None:
    loader = BatchLoader(Spoilt(), 4, shuffle=False, on_error="skip")
    batches = loader.counted(Runner(loader, workers).stream(loader.keys()))
    for _ in range(3):
        next(batches)  # those after it are made already, or will be
    assert loader.left_out == [3, 10]
    batches.close()
    assert loader.left_out == [3, 10]


def test_an_abandoned_stream_ends_its_workers() -> None:
    loader = BatchLoader(Spoilt(4000), 4, on_error="skip")
    runner = Runner(loader, Workers(2, context="fork"))
    pids: list[int] = []
    opened = runner._pool_of

    def noting(*arguments: Any) -> Any:
        pool = opened(*arguments)
        pids.extend(pool.pids)
        return pool

    runner._pool_of = noting  # type: ignore[method-assign]
    for start in (False, True):
        stream = runner.stream(loader.keys())
        if start:
            next(stream)
        del stream
        gc.collect()
        wait_for(lambda: not any(map(alive, pids)))
    assert len(pids) == 4


def test_persistent_workers_serve_the_next_epoch_after_an_abandoned_one() -> None:
    loader = BatchLoader(Spoilt(), 4, on_error="skip")
    runner = Runner(loader, Workers(2, context="fork", persistent=True))
    stream = runner.stream(loader.keys())
    next(stream)
    assert runner._pool is not None
    pids = runner._pool.pids
    del stream
    before = loader.skipped
    assert_same(tuple(loader.counted(runner.stream(loader.keys()))), tuple(BatchLoader(Spoilt(), 4, on_error="skip")))
    assert runner._pool.pids == pids
    assert loader.skipped - before == len({*range(3, 200, 7), *range(40, 44)})
    runner.close()
    assert not any(map(alive, pids))


def test_measuring_leaves_nothing_out() -> None:
    def sample(index: int) -> Any:
        time.sleep(0.005)  # what waits is given to threads
        if index == 5:
            raise ValueError("bad")
        return index, index

    loader = BatchLoader(Made(sample, 100), 20, shuffle=False, on_error="skip")
    runner = Runner(loader, Workers("auto"))
    stream = runner.stream(loader.keys())
    assert loader.left_out == []
    assert len(list(stream)) == 5
    assert loader.left_out == [5]
    assert runner.chosen is not None
    assert runner.chosen != (0, 1)


def test_without_skipping_errors_are_raised() -> None:
    loader = BatchLoader(Spoilt(), 4, shuffle=False)
    stream = Runner(loader, Workers(2, context="fork")).stream(loader.keys())
    with pytest.raises(FileNotFoundError) as caught:
        next(stream)
    assert caught.value.__notes__[0] == "while reading sample 3 of Spoilt"


def test_workers_of_a_whole_pass_are_not_awaited_but_leave_nothing_behind() -> None:
    loader = BatchLoader(Simple(), 4)
    runner = Runner(loader, Workers(2, context="fork"))
    others, children = _children(), set[int]()
    for _ in range(3):
        for _ in loader.counted(runner.stream(loader.keys())):
            children |= _children() - others
    assert len(children) == 6
    wait_for(lambda: not any(_runs(pid) for pid in children))

    def given_back() -> bool:
        list(loader.counted(runner.stream(loader.keys())))
        return not children & _children()

    wait_for(given_back)  # their numbers, to the system


def _children() -> set[int]:
    return {int(pid) for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()}


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_program_ends_although_its_last_workers_live_on() -> None:
    """A loader that nobody closes is found by the interpreter's end, when no thread can be started any more."""
    program = """
        import numpy as np
        from ailab.data import Dataset
        from ailab.data.batches import BatchLoader
        from ailab.data.engine.runner import Runner, Workers

        class Zeros(Dataset):
            version = "1"
            def __len__(self): return 64
            def __getitem__(self, index): return {"x": np.zeros(4)}, index

        loader = BatchLoader(Zeros(), 8)
        kept = Runner(loader, Workers(2, context="fork", persistent=True))
        other = Runner(loader, Workers(2, context="fork"))
        for runner in (kept, other):
            assert len(list(runner.stream(loader.keys()))) == 8
        begun = other.stream(loader.keys())
        next(begun)
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(program)], check=True, timeout=60)
