"""Trainings under faults. All of it runs in ``nox -s faults``, which says what it skipped."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ailab.experiment.record import RunReader


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything here waits for real file systems and injected faults: not among the quick tests."""
    if os.environ.get("AILAB_FAULTS") != "1":
        here = Path(__file__).parent
        for item in items:
            if here in item.path.parents:
                item.add_marker(pytest.mark.skip(reason="injects faults: run nox -s faults"))


@dataclass
class Training:
    """A process of ``training.py``."""

    process: subprocess.Popen[bytes]
    control: socket.socket
    path: Path

    def tell(self, do: str, **details: Any) -> dict[str, Any]:
        """Have it do something; its answer."""
        self.control.sendall(json.dumps({"do": do, **details}).encode() + b"\n")
        return self.answer()

    def answer(self) -> dict[str, Any]:
        data = b""
        while not data.endswith(b"\n"):
            part = self.control.recv(1 << 20)
            assert part, f"the training ended with {self.process.wait(30)}"
            data += part
        found: dict[str, Any] = json.loads(data)
        return found

    def end(self) -> int:
        """Let it end by itself; its exit code."""
        self.control.shutdown(socket.SHUT_WR)
        return self.process.wait(60)

    def inject(self, *commands: str) -> None:
        """Have libfiu's points of failure enabled or disabled."""
        words = [word for command in commands for word in ("-c", command)]
        subprocess.run(["fiu-ctrl", *words, str(self.process.pid)], check=True, timeout=30)

    def reader(self) -> RunReader:
        """The run as its files are now."""
        reader = RunReader(self.path)
        reader.poll()
        return reader


@pytest.fixture
def train(tmp_path: Path) -> Iterator[Callable[..., Training]]:
    """Start a training in a workspace; ``under`` is the program that injects faults, with its arguments."""
    started: list[Training] = []

    def start(workspace: Path, under: Sequence[str] = (), env: Mapping[str, str] | None = None) -> Training:
        ours, its = socket.socketpair()
        ours.settimeout(60)
        with its:
            command = [*under, sys.executable, str(Path(__file__).with_name("training.py")), str(workspace)]
            process = subprocess.Popen(
                [*command, str(its.fileno())], pass_fds=[its.fileno()], env={**os.environ, **(env or {})}
            )
        training = Training(process, ours, Path())
        started.append(training)
        training.path = Path(training.answer()["path"])
        return training

    yield start
    for training in started:
        training.control.close()
        if training.process.poll() is None:
            training.process.send_signal(signal.SIGKILL)
            training.process.wait(30)


@pytest.fixture
def fiu() -> Sequence[str]:
    """What a program is started with to have libfiu's failures injected."""
    if shutil.which("fiu-run") is None or shutil.which("fiu-ctrl") is None:
        pytest.skip("fiu-run is not installed (Debian: fiu-utils)")
    return ("fiu-run", "-x")


@pytest.fixture
def faketime() -> Path:
    """The library that shows a process another time."""
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    if not found:
        pytest.skip("faketime is not installed (Debian: faketime)")
    return found[0]
