"""What a share and a kill do to a run's numbers. Faults that need root are in ``nox -s faults``."""

from __future__ import annotations

import errno
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import ailab.experiment
import ailab.experiment.logging as log
from ailab.experiment import Config
from ailab.experiment.record import RecordWriter, RunReader, append, create_run_folder, network, writer
from ailab.experiment.record.append import AppendFile

KILLS = """
import mmap, os, random, signal, struct, sys, time
import ailab.experiment.logging as log
from ailab.experiment import Config
config = Config()
config.train.experiment_name = "kills"
for name in ("model", "loss", "metrics", "prepare"):
    setattr(config.arch, name, print)
path = log.setup(config=config, workspace=sys.argv[1], snapshot=False, capture_output=False, system_seconds=None)
pause, rounds = float(sys.argv[2]), int(sys.argv[3])
rng = random.Random(0)
for i in range(rounds):
    shared = mmap.mmap(-1, 16)  # what the child was told is logged, for the parent to see after its death
    pid = os.fork()
    if pid == 0:
        n = 0
        while True:
            log.log_value(f"child{i}", float(n), step=n)
            n += 1
            log.current_run().log({"other%d" % i: float(n), "more": 1.0})
            shared[:8] = struct.pack("<q", n)
            if pause:
                time.sleep(pause)
    while struct.unpack("<q", shared[:8])[0] == 0:
        time.sleep(0.001)
    time.sleep(rng.random() * (0.15 if pause else 0.03))
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    print(i, struct.unpack("<q", shared[:8])[0])
print(path)
"""


@pytest.mark.parametrize("pause", [0.0, 0.01], ids=["tight loop", "100 Hz"])
def test_no_value_is_lost_to_kill_9(tmp_path: Path, pause: float) -> None:
    command = [sys.executable, "-c", KILLS, str(tmp_path), str(pause), "25"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=True)
    *told, path = done.stdout.splitlines()
    reader = RunReader(Path(path))
    reader.poll()
    assert len(told) == 25
    for line in told:
        child, logged = line.split()
        values = reader.values(f"child{child}")["value"]
        assert int(logged) <= len(values) <= int(logged) + 1
        assert np.array_equal(values, np.arange(len(values)))
        assert int(logged) <= reader.metrics[f"other{child}"].count <= int(logged) + 1


@pytest.fixture
def problems() -> list[tuple[str, OSError]]:
    return []


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "_SYNC_SECONDS", 0.02)
    monkeypatch.setattr(writer, "_STALL_SECONDS", 0.1)


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_what_a_failed_fsync_threw_away_is_written_again(
    tmp_path: Path, problems: list[tuple[str, OSError]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As NFS does on a full disk: pages were taken, fsync fails, and they are gone."""
    path = tmp_path / "f"
    file = AppendFile(path, lambda what, error: problems.append((what, error)))
    file.write(b"a" * 100)
    assert file.sync()

    def full(fd: int) -> None:
        with path.open("r+b") as inside:
            inside.seek(100)
            inside.write(bytes(path.stat().st_size - 100))
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(append.os, "fsync", full)
        file.write(b"b" * 100)
        assert not file.sync()
        file.write(b"c" * 100)
        assert not file.sync()
    assert file.sync()
    file.close()
    assert path.read_bytes() == b"a" * 100 + b"b" * 100 + b"c" * 100
    assert [error.errno for _, error in problems] == [errno.ENOSPC, errno.ENOSPC]


def test_a_hung_share_does_not_hold_up_the_training(
    tmp_path: Path, config: Config, quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    hangs, answers, fsync = threading.Event(), threading.Event(), os.fsync

    def hang(fd: int) -> None:
        if threading.current_thread().name == "ailab-record":
            hangs.set()
            assert answers.wait(60)
        fsync(fd)

    monkeypatch.setattr(writer, "is_network", lambda folder: True)
    with ailab.experiment.start(
        config, workspace=tmp_path, snapshot=False, capture_output=False, system_seconds=None
    ) as run:
        run.log({"loss": 0.0})
        monkeypatch.setattr(append.os, "fsync", hang)
        run.log({"loss": 1.0})
        assert hangs.wait(20)
        until(lambda: "stalled" in run._record()._scalars.gate)
        size = next((run.path / "streams").glob("*.scalars")).stat().st_size
        started = time.monotonic()
        for i in range(1000):
            log.log_value("loss", float(i))
            run.log({"loss": 1.0, "new": 2.0})
        run.log_text("t", "x")
        assert time.monotonic() - started < 1.0
        assert next((run.path / "streams").glob("*.scalars")).stat().st_size == size  # they wait in memory
        answers.set()
    reader = RunReader(run.path)
    reader.poll()
    assert (reader.metrics["loss"].count, reader.metrics["new"].count) == (2002, 1000)
    assert (reader.state, reader.damaged) == ("finished", False)


def test_the_end_of_a_run_does_not_wait_for_ever(
    tmp_path: Path, config: Config, quick: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    answers, fsync = threading.Event(), os.fsync

    def hang(fd: int) -> None:
        if threading.current_thread().name == "ailab-record":
            assert answers.wait(60)
        fsync(fd)

    monkeypatch.setattr(writer, "_CLOSE_SECONDS", 0.3)
    monkeypatch.setattr(writer, "is_network", lambda folder: True)
    monkeypatch.setattr(append.os, "fsync", hang)
    run = ailab.experiment.start(config, workspace=tmp_path, snapshot=False, capture_output=False, system_seconds=None)
    record = run._record()
    until(lambda: not record._scalars.gate <= {"careful"})
    run.log({"loss": 1.0})
    with caplog.at_level(logging.ERROR, "ailab"):
        run.finish()
    assert "bytes of values and events were lost" in caplog.text
    answers.set()
    record._thread.join(20)


def test_a_deleted_folder_is_made_again(tmp_path: Path, quick: None, problems: list[tuple[str, OSError]]) -> None:
    import shutil

    folder = create_run_folder(tmp_path, "exp")
    record = RecordWriter(folder, lambda what, error: problems.append((what, error)))
    record.scalar("loss", 1.0, None, True)
    shutil.rmtree(folder.path)
    until(lambda: bool(record._scalars.gate and record._events.gate))
    series = record.series("loss")
    series.write(series, 2.0, None)  # waits in memory
    folder.path.mkdir()
    until(lambda: not record._scalars.gate and not record._events.gate)
    record.scalar("loss", 3.0, None, True)
    record.close()
    reader = RunReader(folder.path)
    reader.poll()
    assert reader.values("loss")["value"].tolist() == [2.0, 3.0]
    assert reader.values("loss")["step"].tolist() == [1, 2]
    assert (reader.state, record.lost) == ("running", 0)
    assert any("were deleted" in what for what, _ in problems) and problems[0][1].errno == errno.ESTALE


def test_a_run_that_was_moved_is_written_on(tmp_path: Path, quick: None) -> None:
    """To the trash, say: nothing is made anew at the old place."""
    folder = create_run_folder(tmp_path, "exp")
    record = RecordWriter(folder, lambda *_: None)
    record.scalar("loss", 1.0, None, True)
    folder.path.rename(tmp_path / "moved")
    record.scalar("loss", 2.0, None, True)
    record.close()
    assert not folder.path.exists()
    reader = RunReader(tmp_path / "moved")
    reader.poll()
    assert reader.values("loss")["value"].tolist() == [1.0, 2.0]


def test_a_disk_that_refuses_costs_one_warning(
    tmp_path: Path, config: Config, quick: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    real = os.write

    def refuses(fd: int, data: bytes) -> int:
        if Path(f"/proc/self/fd/{fd}").readlink().suffix in (".scalars", ".jsonl"):
            raise OSError(errno.EROFS, "Read-only file system")
        return real(fd, data)

    with monkeypatch.context() as patch:
        patch.setattr(append.os, "write", refuses)
        run = ailab.experiment.start(
            config, workspace=tmp_path, snapshot=False, capture_output=False, system_seconds=None
        )
        with caplog.at_level(logging.WARNING, "ailab"):
            for i in range(100):
                log.log_value("loss", float(i))
            time.sleep(0.1)  # several attempts to get rid of them
        messages = [r.message for r in caplog.records if ".scalars" in r.message]
        assert len(messages) <= 1
        assert sum("Read-only" in r.message for r in caplog.records) <= 2  # one for each of the two files
    run.finish()
    reader = RunReader(run.path)
    reader.poll()
    assert reader.values("loss")["value"].tolist() == [float(i) for i in range(100)]
    assert reader.state == "finished"


def test_which_file_systems_can_hang(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    device = tmp_path.stat().st_dev
    mounts = tmp_path / "mountinfo"
    monkeypatch.setattr(network, "_MOUNTS", mounts)
    for kind, hangs in [("nfs4", True), ("fuse.sshfs", True), ("cifs", True), ("ext4", False), ("tmpfs", False)]:
        mounts.write_text(
            "21 1 0:99999 / /elsewhere rw - nfs4 server:/a rw\n"
            f"22 1 {os.major(device)}:{os.minor(device)} / / rw,relatime shared:1 - {kind} /dev/x rw\n"
        )
        assert network.is_network(tmp_path) is hangs
    mounts.unlink()
    assert network.is_network(tmp_path) is False
