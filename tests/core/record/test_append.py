from __future__ import annotations

import errno
import os
import signal
import threading
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
