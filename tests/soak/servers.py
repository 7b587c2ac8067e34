"""Server processes: one that is watched all the time, and one that is killed and started again."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["PASSWORD", "Sample", "Server", "Wrong"]

PASSWORD = "a password of the soak"


class Wrong(Exception):
    """The server answered what it never should."""


@dataclass(frozen=True)
class Sample:
    """What a server takes: seconds since the soak's start, megabytes (10^6 bytes) resident and anonymous, numbers."""

    when: float
    resident: float
    anonymous: float
    descriptors: int
    threads: int
    runs: int


class Server:
    """``python -m ailab_server`` on a workspace, as a user starts it; `start` after each end of it."""

    def __init__(self, name: str, workspace: Path, scratch: Path) -> None:
        self.name = name
        self.log = scratch / f"{name}.log"
        self.starts = 0
        self._ready = scratch / f"{name}.ready"
        self._config = scratch / f"{name}.json"
        keys = {"workspace": str(workspace), "users": {"ada": PASSWORD}, "port": 0, "gpus": [0, 1]}
        self._config.write_text(json.dumps({**keys, "state_dir": str(scratch / f"{name}-state")}))
        self._config.chmod(0o600)
        self.start()

    def start(self) -> None:
        self._ready.unlink(missing_ok=True)
        command = [sys.executable, "-m", "ailab_server", str(self._config), "--ready-file", str(self._ready)]
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        end = time.monotonic() + 60
        while not self._ready.exists():
            if self.process.poll() is not None or time.monotonic() > end:
                raise Wrong(f"server {self.name} did not start: {self.log.read_text()[-500:]}")
            time.sleep(0.01)
        self.starts += 1
        self.port = int(json.loads(self._ready.read_text())["url"].rpartition(":")[2])
        self.token = str(
            json.loads(Caller(self, "").ask("POST", "/login", {"user": "ada", "password": PASSWORD}))["token"]
        )

    def stop(self, number: signal.Signals) -> float:
        """End it; the seconds that took.

        Raises:
            Wrong: it did not end well when asked to.
        """
        began = time.monotonic()
        self.process.send_signal(number)
        code = self.process.wait(60)
        if number == signal.SIGTERM and code != 0:
            raise Wrong(f"server {self.name} ended with {code} on SIGTERM")
        return time.monotonic() - began

    def caller(self) -> Caller:
        """A connection of its own, logged in."""
        return Caller(self, self.token)

    def sample(self, when: float, runs: int) -> Sample:
        folder = Path(f"/proc/{self.process.pid}")
        lines = (folder / "status").read_text().splitlines()
        found = {
            line.split(":")[0]: line.split(":")[1].split()[0]
            for line in lines
            if ":" in line and line.split(":")[1].split()
        }
        return Sample(
            when=round(when, 1),
            resident=round(int(found["VmRSS"]) * 1024 / 1e6, 2),
            anonymous=round(int(found["RssAnon"]) * 1024 / 1e6, 2),
            descriptors=len(os.listdir(folder / "fd")),
            threads=int(found["Threads"]),
            runs=runs,
        )

    def cpu(self) -> float:
        """Seconds of processor time it has used."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Caller:
    """Asks a server over one connection."""

    def __init__(self, server: Server, token: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    def ask(self, method: str, path: str, body: Any = None, right: tuple[int, ...] = (200,)) -> bytes:
        """The body of the answer.

        Raises:
            Wrong: the status is none of ``right``.
            OSError, http.client.HTTPException: the server is gone.
        """
        data, headers = None, dict(self._headers)
        if body is not None:
            data = json.dumps(body).encode()
            headers["Content-Type"] = "application/json"
        self._connection.request(method, f"/api/v1{path}", data, headers)
        answer = self._connection.getresponse()
        content = answer.read()
        if answer.status not in right:
            raise Wrong(f"{method} {path}: {answer.status} {content[:300]!r}")
        return content

    def runs(self) -> dict[str, dict[str, Any]]:
        """The rows of the list, by the name of the run."""
        return {row["name"]: row for row in json.loads(self.ask("GET", "/runs"))["runs"]}

    def series(self, run: str, metric: str) -> tuple[list[float], list[float]]:
        """Steps and values of a metric, every point."""
        question = {"runs": [run], "metrics": [metric], "points": 20_000}
        body = self.ask("POST", "/series", question)
        length = int.from_bytes(body[:4], "little")
        entries = json.loads(body[4 : 4 + length])["series"]
        if not entries:
            return [], []
        import numpy as np

        numbers = np.frombuffer(body[4 + length :], "<f8").reshape(2, entries[0]["count"])
        return numbers[0].tolist(), numbers[1].tolist()

    def close(self) -> None:
        self._connection.close()
