"""Chaos: real processes that fail, die and are abandoned."""

from __future__ import annotations

import faulthandler
import gc
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ailab.data.batches import BatchLoader
from ailab.data.engine.faults import WorkerDied, describe_exit
from ailab.data.engine.pool import Pool
from ailab.data.engine.stream import PoolStream
from core.data.engine.helpers import Simple, alive, keys_of, wait_for


def stream_of(dataset: Any, workers: int = 2, **arguments: Any) -> tuple[PoolStream, Pool]:
    loader = BatchLoader(dataset, 4, shuffle=False)
    pool = Pool(loader.load, workers, **arguments)
    return PoolStream(pool, keys_of(loader)), pool


class Missing(Simple):
    def happen(self) -> None:
        raise FileNotFoundError(2, "no such scan", "scan.png")


@pytest.mark.parametrize("context", ["fork", "spawn"])
def test_an_exception_arrives_as_itself_and_in_its_turn(context: str) -> None:
    stream, pool = stream_of(Missing(odd=17), context=context)
    got = [next(stream) for _ in range(4)]
    assert [int(labels[0]) for _, labels in got] == [0, 4, 8, 12]
    with pytest.raises(FileNotFoundError) as caught:
        next(stream)
    assert (caught.value.errno, caught.value.filename) == (2, "scan.png")
    first, second = caught.value.__notes__
    assert first == "while reading sample 17 of Missing"
    assert second.startswith("in worker process ")
    assert "in happen\n" in second
    assert not any(map(alive, pool.pids))
    with pytest.raises(StopIteration):
        next(stream)


class Stubborn(Exception):
    """Cannot be made from its arguments, so it cannot be unpickled."""

    def __init__(self, one: int, two: int) -> None:
        super().__init__(f"{one} and {two}")


class Stubbornly(Simple):
    def happen(self) -> None:
        raise Stubborn(1, 2)


def test_an_exception_that_cannot_travel_is_told() -> None:
    with pytest.raises(RuntimeError, match="Stubborn: 1 and 2") as caught:
        list(stream_of(Stubbornly(odd=3))[0])
    assert "while reading sample 3 of Stubbornly" in caught.value.__notes__[-1]


def test_an_exception_in_a_thread_of_a_worker() -> None:
    with pytest.raises(FileNotFoundError) as caught:
        list(stream_of(Missing(odd=17), threads=3, concurrent=2)[0])
    assert caught.value.__notes__[0] == "while reading sample 17 of Missing"


class Dying(Simple):
    """Ends its process by a signal, or with an exit code if that is not negative."""

    def __init__(self, code: int) -> None:
        super().__init__(odd=17)
        self.code = code

    def happen(self) -> None:
        if self.code < 0:
            # pytest's handler walks the frames of threads that go on meanwhile: once in 60 times it crashes by SIGSEGV
            faulthandler.disable()
            os.kill(os.getpid(), -self.code)
            threading.Event().wait(60)  # another thread may be the one that takes the signal
        os._exit(self.code)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (-signal.SIGKILL, r"killed by SIGKILL while reading samples \[\d+, \d+, \d+, \d+\]: most likely by the kernel"),
        (-signal.SIGSEGV, r"killed by SIGSEGV .*: a crash in native code"),
        (-signal.SIGBUS, r"killed by SIGBUS .* memory or the disk was full"),
        (3, "ended by itself with exit code 3 while reading samples"),
    ],
)
@pytest.mark.parametrize("threads", [1, 2])
def test_a_worker_that_dies_is_named(code: int, message: str, threads: int) -> None:
    stream, pool = stream_of(Dying(code), threads=threads, concurrent=threads)
    begin = time.monotonic()
    with pytest.raises(WorkerDied, match=rf"worker process \d \(pid \d+\) (was )?{message}"):
        list(stream)
    assert time.monotonic() - begin < 2
    assert not any(map(alive, pool.pids))


def test_a_worker_that_is_killed_while_it_waits() -> None:
    loader = BatchLoader(Simple(), 4)
    pool = Pool(loader.load, 2)
    os.kill(pool.pids[1], signal.SIGKILL)
    with pytest.raises(WorkerDied, match=rf"worker process 1 \(pid {pool.pids[1]}\) was killed by SIGKILL"):
        # Enough tasks that the second worker gets some.
        list(PoolStream(pool, [(0, [0])] * 50))


def test_the_kernel_is_named_when_it_counted_a_kill(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    events = tmp_path / "memory.events"
    events.write_text("low 0\noom 2\noom_kill 3\n")
    monkeypatch.setattr("ailab.data.engine.faults._EVENTS", events)
    assert "the memory limit of this container was reached" in describe_exit(0, 1, -9, "here", 2)
    assert "most likely by the kernel" in describe_exit(0, 1, -9, "here", 3)
    assert "killed by signal 40" in describe_exit(0, 1, -40, "here", None)


def broken_start(number: int, workers: int = 0, load: Any = None) -> None:
    raise LookupError(f"worker {number} finds nothing")


def test_a_worker_that_cannot_begin() -> None:
    with pytest.raises(LookupError, match="finds nothing") as caught:
        list(stream_of(Simple(), initialize=broken_start)[0])
    assert "in broken_start" in caught.value.__notes__[0]


@pytest.mark.parametrize("context", ["spawn", "forkserver"])
def test_an_unpicklable_dataset_is_told_what_to_do(context: str) -> None:
    class Local(Simple):
        pass

    with pytest.raises(TypeError, match=rf"Local cannot be sent to worker processes started by '{context}'.*top level"):
        stream_of(Local(), context=context)
    assert len(list(stream_of(Local(), context="fork")[0])) == 10


class Gone(Simple):
    """Can be pickled but not unpickled."""

    def __reduce__(self) -> Any:
        return broken_start, (7,)


def test_a_dataset_that_cannot_be_unpickled() -> None:
    with pytest.raises(LookupError, match="worker 7 finds nothing"):
        list(stream_of(Gone(), context="spawn")[0])


def test_an_abandoned_stream_leaves_nothing() -> None:
    gc.collect()  # what the tests before left in cycles is not counted as ours
    descriptors = len(os.listdir("/proc/self/fd"))
    stream, pool = stream_of(Simple(4000))
    next(stream)
    pids = pool.pids
    assert all(map(alive, pids))
    del stream, pool
    wait_for(lambda: not any(map(alive, pids)))
    assert len(os.listdir("/proc/self/fd")) <= descriptors


class Slow(Simple):
    def happen(self) -> None:
        time.sleep(600)


def test_closing_does_not_wait_for_a_sample_that_never_ends() -> None:
    stream, pool = stream_of(Slow(odd=4))
    next(stream)
    begin = time.monotonic()
    stream.close()
    assert time.monotonic() - begin < 5
    assert not any(map(alive, pool.pids))


def test_a_fork_of_the_consumer_does_not_end_the_workers() -> None:
    stream, pool = stream_of(Simple(400))
    next(stream)
    pid = os.fork()
    if pid == 0:
        stream.close()
        os._exit(0)
    os.waitpid(pid, 0)
    assert all(map(alive, pool.pids))
    assert len(list(stream)) == 99


PROGRAM = """
import sys, time
sys.path[:0] = {path!r}
from core.data.engine.helpers import Simple, keys_of
from ailab.data.batches import BatchLoader
from ailab.data.engine.pool import Pool
from ailab.data.engine.stream import PoolStream

class Endless(Simple):
    def happen(self):
        time.sleep(600)

if __name__ == "__main__":
    loader = BatchLoader(Endless(40, {odd}), 4, shuffle=False)
    pools = [Pool(loader.load, 2, context={context!r}) for _ in range(2)]  # the second knows the first's pipes
    streams = [PoolStream(pool, keys_of(loader)) for pool in pools]
    for stream in streams:
        next(stream)
    print(*[pid for pool in pools for pid in pool.pids], flush=True)
    try:
        time.sleep(600)
    finally:
        print("finally", flush=True)
"""


@pytest.mark.parametrize("context", ["fork", "spawn"])
@pytest.mark.parametrize("odd", [-1, 4], ids=["idle workers", "busy workers"])
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_the_end_of_the_parent_leaves_nothing(context: str, odd: int, how: signal.Signals, tmp_path: Path) -> None:
    shared = set(os.listdir("/dev/shm"))
    program = tmp_path / "program.py"
    program.write_text(PROGRAM.format(path=sys.path, odd=odd, context=context))
    with subprocess.Popen(
        [sys.executable, str(program)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, process_group=0
    ) as process:
        assert process.stdout is not None
        pids = [int(pid) for pid in process.stdout.readline().split()]
        assert len(pids) == 4
        if how == signal.SIGINT:
            os.killpg(process.pid, how)  # as a terminal does it
        else:
            process.send_signal(how)
        _, errors = process.communicate(timeout=30)
    wait_for(lambda: not any(map(alive, pids)))
    assert set(os.listdir("/dev/shm")) <= shared
    assert "leaked" not in errors
    if context == "fork":  # a process that Python is still starting does complain when its parent vanishes
        assert errors.count("Traceback") == (how == signal.SIGINT), errors


class Lengthy(Simple):
    def happen(self) -> None:
        raise ValueError("x" * 10_000_000)


def test_a_long_message_does_not_block() -> None:
    with pytest.raises(ValueError, match="x{1000}"):
        list(stream_of(Lengthy(odd=0))[0])


def test_nothing_but_the_batch_is_kept_alive() -> None:
    stream, pool = stream_of(Simple())
    batch = next(stream)
    stream.close()
    pids = pool.pids
    del stream, pool
    assert not any(map(alive, pids))
    assert np.array_equal(batch[0]["x"][:, 0, 0], range(4))
