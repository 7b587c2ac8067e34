from __future__ import annotations

import threading

import pytest

from ailab.experiment import background
from ailab.experiment.background import Background


@pytest.fixture
def failures() -> list[Exception]:
    return []


def test_jobs_are_done_in_order_and_one_that_fails_stops_nothing(failures: list[Exception]) -> None:
    done: list[int] = []
    work = Background(failures.append)

    def fail() -> None:
        raise OSError("no")

    for i in range(50):
        assert work.put(fail if i == 25 else lambda i=i: done.append(i))  # type: ignore[misc]
    assert work.drain(20) == 0
    assert done == [i for i in range(50) if i != 25]
    assert [str(error) for error in failures] == ["no"]


def test_a_full_queue_makes_the_caller_wait(failures: list[Exception]) -> None:
    work = Background(failures.append, most_bytes=10)
    go = threading.Event()
    assert work.put(lambda: go.wait(20) and None, 10)
    threading.Timer(0.2, go.set).start()
    assert work.put(lambda: None, 10)
    assert go.is_set()
    assert work.drain(20) == 0


def test_what_no_longer_moves_refuses(failures: list[Exception], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "_PATIENCE_SECONDS", 0.2)
    work = Background(failures.append, most_bytes=10)
    go = threading.Event()
    assert work.put(lambda: go.wait(20) and None, 10)
    assert not work.put(lambda: None, 1)
    assert work.drain(0.05) == 1
    go.set()
    assert work.drain(20) == 0
    assert work.put(lambda: None, 1)


def test_something_too_large_for_the_queue_still_goes_through_alone(failures: list[Exception]) -> None:
    work = Background(failures.append, most_bytes=10)
    assert work.put(lambda: None, 1000)
    assert work.drain(20) == 0


def test_without_a_thread_the_caller_does_it(failures: list[Exception], monkeypatch: pytest.MonkeyPatch) -> None:
    """As at the end of the interpreter, which starts no threads any more."""

    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't create new thread at interpreter shutdown")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    work = Background(failures.append)
    done: list[int] = []
    assert work.put(lambda: done.append(threading.get_ident()), 5)
    assert (done, work.drain(1), work._bytes) == ([threading.get_ident()], 0, 0)
