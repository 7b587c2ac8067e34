"""A server with all its processes, and the memory that they take together."""

from __future__ import annotations

import contextlib
import math
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from serving.contenders.base import Contender, Http

__all__ = ["Running", "running"]

_SAMPLE_SECONDS = 0.25
_ASK_SECONDS = 0.01

T = TypeVar("T")


class Running:
    """A server that was started at ``began`` (monotonic).

    Attributes:
        http: to ask it.
        peak: the most that its processes took together (PSS, what they share counted once), in 10^6 bytes.
    """

    def __init__(self, contender: Contender, folder: Path) -> None:
        port = _free_port()
        command = contender.command(folder, port)
        self.peak = 0.0
        self.http = Http(port)
        self._stopping = threading.Event()
        self._log = (folder.parent / f"{folder.name}.log").open("wb")
        environment = contender.environment(folder)
        self.began = time.monotonic()
        self._process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log, cwd=folder.parent,
            env=environment, start_new_session=True,
        )  # fmt: skip
        self._sampler = threading.Thread(target=self._sample, daemon=True)
        self._sampler.start()

    def until(self, ask: Callable[[], T], right: Callable[[T], bool], seconds: float) -> tuple[T, float]:
        """Ask again and again; the first right answer, and when it had come, in seconds since the process started.

        Raises:
            TimeoutError: there was none in time. RuntimeError: the server ended.
        """
        end = self.http.until = time.monotonic() + seconds
        last: object = None
        while time.monotonic() < end:
            try:
                answer = ask()
                if right(answer):
                    self.http.until = math.inf
                    return answer, self.http.arrived - self.began
                last = "an answer that is not right yet"
            except OSError as error:
                last = error
                if self._process.poll() is not None:
                    raise RuntimeError(f"the server ended: {self._log.name}") from error
            time.sleep(_ASK_SECONDS)
        raise TimeoutError(f"no right answer in {seconds:.0f} s: {last}; {self._log.name}")

    def stop(self) -> None:
        """End all its processes."""
        self._stopping.set()
        self._sampler.join()
        self.http.close()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(10)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(10)
        self._log.close()

    def _sample(self) -> None:
        pause = _SAMPLE_SECONDS
        while not self._stopping.wait(pause):
            began = time.monotonic()
            self.peak = max(self.peak, _memory(self._process.pid))
            # Looking at gigabytes is work, too, and holds the server up.
            pause = max(_SAMPLE_SECONDS, 10 * (time.monotonic() - began))


@contextmanager
def running(contender: Contender, folder: Path) -> Iterator[Running]:
    """Start a server on ``folder`` and end it in the end."""
    server = Running(contender, folder)
    try:
        yield server
    finally:
        server.stop()


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _memory(session: int) -> float:
    """What the processes of a session take, in 10^6 bytes."""
    total = 0
    for process in Path("/proc").iterdir():
        if not process.name.isdigit():
            continue
        with contextlib.suppress(OSError, ValueError, IndexError):
            if int((process / "stat").read_text().rpartition(")")[2].split()[3]) == session:
                for line in (process / "smaps_rollup").read_text().splitlines():
                    if line.startswith("Pss:"):
                        total += int(line.split()[1]) * 1024
    return total / 1e6
