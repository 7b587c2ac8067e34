"""Real file systems that fill up or turn read-only. They need root and mount: ``nox -s faults`` runs them."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

import ailab.experiment
import ailab.experiment.logging as log
from ailab.experiment import Config
from ailab.experiment.record import RunReader

WANTED = os.environ.get("AILAB_FAULTS") == "1"
pytestmark = [
    pytest.mark.skipif(not WANTED, reason="changes mounts: run nox -s faults"),
    pytest.mark.skipif(WANTED and os.geteuid() != 0, reason="mount needs root"),
]


def mounted(folder: Path, *arguments: str) -> Iterator[Path]:
    folder.mkdir()
    done = subprocess.run(["mount", *arguments, str(folder)], capture_output=True, text=True, check=False, timeout=60)
    if done.returncode != 0:
        pytest.skip(f"mount {' '.join(arguments)}: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True, timeout=60)


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A disk of 4 MiB."""
    yield from mounted(tmp_path / "small", "-t", "tmpfs", "-o", "size=4m", "tmpfs")


@pytest.fixture
def ext4(tmp_path: Path) -> Iterator[Path]:
    """An ext4 of 16 MiB."""
    if shutil.which("mkfs.ext4", path=f"{os.environ['PATH']}:/sbin:/usr/sbin") is None:
        pytest.skip("mkfs.ext4 is not installed")
    image = tmp_path / "image"
    with image.open("wb") as file:
        file.truncate(16 << 20)
    subprocess.run(["/sbin/mkfs.ext4", "-q", str(image)], check=True, timeout=60)
    yield from mounted(tmp_path / "ext4", "-o", "loop,errors=remount-ro", str(image))


def config() -> Config:
    made = Config()
    for name in ("model", "loss", "metrics", "prepare"):
        setattr(made.arch, name, print)
    return made


def values(path: Path) -> list[float]:
    reader = RunReader(path)
    reader.poll()
    assert (reader.state, reader.damaged) == ("finished", False)
    found: list[float] = reader.values("loss")["value"].tolist()
    return found


def test_a_disk_fills_up_and_is_emptied(small: Path, caplog: pytest.LogCaptureFixture) -> None:
    with (
        caplog.at_level(logging.WARNING, "ailab"),
        ailab.experiment.start(config(), workspace=small, snapshot=False, system_seconds=None) as run,
    ):
        log.log_value("loss", 0.0)
        filler = os.open(small / "filler", os.O_WRONLY | os.O_CREAT)
        with contextlib.suppress(OSError):
            while True:
                os.write(filler, bytes(4096))
        for i in range(1, 100_000):  # 3.2 MB
            log.log_value("loss", float(i))
        run.log_text("t", "a" * 5000)
        os.close(filler)
        (small / "filler").unlink()
    assert values(run.path) == [float(i) for i in range(100_000)]
    warnings = [r.message for r in caplog.records if "No space left" in r.message]
    assert 1 <= len(warnings) <= 3  # one for each file
    assert not any("lost" in r.message for r in caplog.records)


def test_a_disk_turns_read_only(ext4: Path, caplog: pytest.LogCaptureFixture) -> None:
    """As ext4 does by itself when it finds an error (it cannot be turned back without unmounting it)."""
    source = subprocess.run(["findmnt", "-no", "SOURCE", str(ext4)], capture_output=True, text=True, check=True)
    trigger = Path("/sys/fs/ext4") / Path(source.stdout.strip()).name / "trigger_fs_error"
    if not trigger.exists():
        pytest.skip(f"this kernel has no {trigger}")
    with caplog.at_level(logging.WARNING, "ailab"):
        run = ailab.experiment.start(
            config(), workspace=ext4, snapshot=False, system_seconds=None, capture_output=False
        )
        log.log_value("loss", 0.0)
        trigger.write_text("x")
        for i in range(1, 1000):
            log.log_value("loss", float(i))
        run.log_text("t", "x" * 20_000)
        run.finish()
    assert sum("Read-only file system" in r.message for r in caplog.records) >= 1
    assert any("were lost" in r.message for r in caplog.records)
    assert len(caplog.records) < 12


def test_the_file_system_shuts_down(ext4: Path, caplog: pytest.LogCaptureFixture) -> None:
    """EIO for everything, as when a disk dies: the training goes on."""
    import fcntl
    import struct

    with caplog.at_level(logging.WARNING, "ailab"):
        run = ailab.experiment.start(
            config(), workspace=ext4, snapshot=False, system_seconds=None, capture_output=False
        )
        log.log_value("loss", 0.0)
        folder = os.open(ext4, os.O_RDONLY)
        try:
            fcntl.ioctl(folder, 0x8004587D, struct.pack("I", 2))  # EXT4_IOC_SHUTDOWN, without a flush
        except OSError as error:
            run.finish()
            pytest.skip(f"this kernel cannot shut an ext4 down: {error.strerror}")
        finally:
            os.close(folder)
        for i in range(1000):
            log.log_value("loss", float(i))
        run.log_text("t", "x" * 20_000)
        run.finish()
    assert any("Input/output error" in r.message for r in caplog.records)
    assert any("were lost" in r.message for r in caplog.records)
    assert len(caplog.records) < 12
