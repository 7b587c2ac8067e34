from __future__ import annotations

import errno
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ailab.experiment.record import append
from ailab.experiment.record.append import AppendFile


@pytest.fixture
def problems() -> list[tuple[str, OSError]]:
    return []


@pytest.fixture
def file(tmp_path: Path, problems: list[tuple[str, OSError]]) -> Iterator[AppendFile]:
    file = AppendFile(tmp_path / "f", lambda what, error: problems.append((what, error)))
    yield file
    file.abandon()


class Disk:
    """Stands for a disk that takes ``room`` bytes and then refuses, as ENOSPC and EFBIG do: a short write first."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.room = 1 << 60
        self._write = os.write
        monkeypatch.setattr(append.os, "write", self.write)

    def write(self, fd: int, data: bytes) -> int:
        if self.room == 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        written = self._write(fd, data[: self.room])
        self.room -= written
        return written


def test_an_append_is_readable_at_once(file: AppendFile) -> None:
    file.write(b"abc")
    file.write(b"def")
    assert file.path.read_bytes() == b"abcdef"


def test_a_file_has_one_writer(file: AppendFile) -> None:
    with pytest.raises(FileExistsError):
        AppendFile(file.path, lambda *_: None)


def test_a_file_that_cannot_be_made_yet_is_made_later(tmp_path: Path, problems: list[tuple[str, OSError]]) -> None:
    file = AppendFile(tmp_path / "gone" / "f", lambda what, error: problems.append((what, error)))
    file.write(b"abc")
    assert not file.sync()
    (tmp_path / "gone").mkdir()
    file.write(b"def")
    assert file.sync()
    file.close()
    assert file.path.read_bytes() == b"abcdef"
    assert problems[0][1].errno == errno.ENOENT


def test_a_full_disk_loses_nothing_and_tears_nothing(
    file: AppendFile, problems: list[tuple[str, OSError]], monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = Disk(monkeypatch)
    disk.room = 5
    file.write(b"aaaa")
    file.write(b"bbbb")
    file.write(b"cccc")
    assert file.path.read_bytes() == b"aaaab"
    assert not file.sync()
    disk.room = 100
    file.write(b"dddd")
    assert file.sync()
    assert file.path.read_bytes() == b"aaaabbbbccccdddd"
    assert file.lost == 0
    assert problems[0][1].errno == errno.ENOSPC


def test_memory_is_bounded_and_what_finds_no_room_is_counted(file: AppendFile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(append, "_PENDING_LIMIT", 10)
    disk = Disk(monkeypatch)
    disk.room = 0
    for _ in range(4):
        file.write(b"aaaa")
    assert file.lost == 8
    disk.room = 100
    file.sync()
    assert file.path.read_bytes() == b"aaaaaaaa"


def test_a_failing_fsync_is_reported_and_tried_again(
    file: AppendFile, problems: list[tuple[str, OSError]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(fd: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    file.write(b"a")
    with monkeypatch.context() as patch:
        patch.setattr(append.os, "fsync", broken)
        assert not file.sync()
    assert problems[0][1].errno == errno.EIO
    assert file.sync()


def test_who_waits_in_the_kernel_does_not_hold_up_the_others(file: AppendFile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(append, "_PATIENCE_SECONDS", 0.01)
    waits, answers = threading.Event(), threading.Event()
    write = os.write

    def hang(fd: int, data: bytes) -> int:
        if data == b"first":
            waits.set()
            answers.wait(20)
        return write(fd, data)

    monkeypatch.setattr(append.os, "write", hang)
    thread = threading.Thread(target=file.write, args=(b"first",))
    thread.start()
    assert waits.wait(20)
    file.write(b"second")  # which would wait as well otherwise
    assert "stalled" in file.gate
    answers.set()
    thread.join()
    file.answered()
    assert file.sync()
    assert file.path.read_bytes() == b"firstsecond"


@pytest.fixture
def slow(file: AppendFile, monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """A share on whose server ``file`` has been under way since it was synced; it answers once the event is set."""
    arrived, answers, fsync = threading.Event(), threading.Event(), os.fsync

    def wait(fd: int) -> None:
        arrived.set()
        assert answers.wait(20)
        fsync(fd)

    monkeypatch.setattr(append.os, "fsync", wait)
    file.may_hang = True
    file.write(b"first")
    syncing = threading.Thread(target=file.sync)
    syncing.start()
    assert arrived.wait(20)
    yield answers
    answers.set()
    syncing.join()


def test_on_a_share_a_value_is_in_the_file_when_the_sync_that_held_it_up_ends(
    file: AppendFile, slow: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(append, "_PATIENCE_SECONDS", 20.0)
    found: list[bytes] = []

    def log() -> None:
        file.write(b"second")
        found.append(file.path.read_bytes())

    thread = threading.Thread(target=log)
    thread.start()
    while not file.waiting():
        assert thread.is_alive()
    assert file.path.read_bytes() == b"first"  # it would hang in the kernel there
    assert not found
    slow.set()
    thread.join()
    assert found == [b"firstsecond"]
    assert file.gate == {"careful"}


def test_on_a_share_nobody_is_in_the_kernel_when_a_sync_begins(
    file: AppendFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even who has looked at the gate before: that write would hang until the server is back."""
    file.may_hang = True
    inside, write = threading.Event(), os.write
    begun: list[bool] = []

    def slow_write(fd: int, data: bytes) -> int:
        inside.set()
        syncing.join(0.2)
        begun.append("syncing" in file.gate)
        return write(fd, data)

    monkeypatch.setattr(append.os, "write", slow_write)
    syncing = threading.Thread(target=lambda: inside.wait(20) and file.sync())
    syncing.start()
    file.write(b"x")
    syncing.join()
    assert begun == [False]
    assert file.gate == {"careful"}
    assert file.path.read_bytes() == b"x"


def test_on_a_share_that_is_away_nobody_waits_for_a_sync(
    file: AppendFile, slow: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(append, "_PATIENCE_SECONDS", 0.01)
    for number in range(100):
        file.write(b"%d" % (number % 10))
    assert file.path.read_bytes() == b"first"
    assert "stalled" in file.gate
    slow.set()
    while file.waiting():
        time.sleep(0.001)
    assert file.path.read_bytes() == b"first" + b"0123456789" * 10


def test_who_comes_as_a_sync_ends_is_not_left_waiting(file: AppendFile) -> None:
    """It has seen the gate closed, and that opens before it says so."""
    file.refused(b"a")
    assert file.path.read_bytes() == b"a"
    assert not file.gate


def test_a_real_size_limit(tmp_path: Path) -> None:
    """The kernel's own short write and EFBIG, in a process of its own."""
    child = os.fork()
    if child == 0:
        try:
            import resource

            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (50, resource.RLIM_INFINITY))
            file = AppendFile(tmp_path / "g", lambda *_: None)
            for i in range(10):
                file.write(bytes([65 + i]) * 32)
            resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            os._exit(0 if file.sync() else 1)
        finally:
            os._exit(2)
    assert os.waitpid(child, 0)[1] == 0
    assert (tmp_path / "g").read_bytes() == b"".join(bytes([65 + i]) * 32 for i in range(10))
