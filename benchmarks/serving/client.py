"""A server process as a user starts it, and a client that costs little."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from serving.environment import ours

__all__ = ["Server", "watch"]

_PASSWORD = "correct horse battery staple"


class Server:
    """``python -m ailab_server`` on a workspace; ``began`` is when its process was started (monotonic)."""

    def __init__(self, workspace: Path, scratch: Path) -> None:
        ready = scratch / "ready.json"
        config = scratch / "config.json"
        keys = {"workspace": str(workspace), "users": {"ada": _PASSWORD}, "port": 0, "state_dir": str(scratch / "s")}
        config.write_text(json.dumps(keys))
        config.chmod(0o600)
        ready.unlink(missing_ok=True)
        variables = ours(scratch)
        self.began = time.monotonic()
        command = [sys.executable, "-m", "ailab_server", str(config), "--ready-file", str(ready)]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=variables)
        while not ready.exists():
            if self.process.poll() is not None:
                raise RuntimeError("the server did not start")
            time.sleep(0.002)
        self.listening = time.monotonic() - self.began
        self.port = int(json.loads(ready.read_text())["url"].rpartition(":")[2])
        self._connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        self.token = ""
        answer = json.loads(self.ask("POST", "/login", {"user": "ada", "password": _PASSWORD}))
        self.token = answer["token"]

    def ask(self, method: str, path: str, body: Any = None) -> bytes:
        """The body of an answer that is no error."""
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        data = None
        if body is not None:
            data = json.dumps(body).encode()
            headers["Content-Type"] = "application/json"
        self._connection.request(method, f"/api/v1{path}", data, headers)
        answer = self._connection.getresponse()
        content = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{method} {path}: {answer.status} {content[:300]!r}")
        return content

    def list_runs(self, least: int) -> tuple[list[str], float]:
        """The ids of all runs once ``least`` are known, and the seconds since the process was started.

        What the list does not have yet comes by the stream, as to a page.
        """
        body = self.ask("GET", "/runs")
        took = time.monotonic() - self.began
        ids = [run["id"] for run in json.loads(body)["runs"]]
        if len(ids) >= least:
            return ids, took
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request("GET", "/api/v1/stream", headers={"Authorization": f"Bearer {self.token}"})
        answer = connection.getresponse()
        known = dict.fromkeys(run["id"] for run in json.loads(answer.readline())["runs"])
        while len(known) < least:
            line = answer.readline()
            if line.startswith(b'{"type":"run","run":{"id":"'):
                known[line[27:47].decode()] = None
            elif not line:
                raise RuntimeError("the stream ended")
        took = time.monotonic() - self.began
        connection.close()
        return list(known), took

    def series(self, runs: list[str], metrics: list[str], points: int) -> int:
        """Ask for series of many runs at once; how many bytes came."""
        return len(self.ask("POST", "/series", {"runs": runs, "metrics": metrics, "points": points}))

    def memory(self) -> dict[str, float]:
        """Resident megabytes (10^6 bytes): now, and the most there were."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        found = {line.split(":")[0]: int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith("Vm")}
        return {"now": round(found["VmRSS"], 1), "peak": round(found["VmHWM"], 1)}

    def cpu(self) -> float:
        """Seconds of processor time it has used."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self) -> None:
        """As Ctrl-C does."""
        self._connection.close()
        self.process.send_signal(signal.SIGINT)
        self.process.wait(30)


def watch(server: Server, browsers: int, seconds: float, query: str = "") -> list[dict[int, float]]:
    """Open so many streams; for each, step of the live run's newest value → when it came (epoch)."""
    return asyncio.run(_watch(server, browsers, seconds, query))


async def _watch(server: Server, browsers: int, seconds: float, query: str) -> list[dict[int, float]]:
    seen: list[dict[int, float]] = [{} for _ in range(browsers)]
    tasks = [asyncio.create_task(_browser(server, one, query)) for one in seen]
    await asyncio.sleep(seconds)
    for task in tasks:
        task.cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    for result in results:
        if not isinstance(result, asyncio.CancelledError):
            raise RuntimeError(f"a stream ended: {result!r}")
    return seen


async def _browser(server: Server, seen: dict[int, float], query: str) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=1 << 26)
    request = f"GET /api/v1/stream{query} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {server.token}\r\n\r\n"
    writer.write(request.encode())
    try:
        while line := await reader.readline():
            if line.startswith(b'{"type":"run"') and b'"state":"running"' in line:
                step = line.rpartition(b'"step":')[2].partition(b",")[0]
                if step.isdigit():  # else nothing is logged yet
                    seen[int(step)] = time.time()
    finally:
        writer.close()
