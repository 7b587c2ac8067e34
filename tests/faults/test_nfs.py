"""A training on a hard-mounted NFS whose server goes away. ``python benchmarks/share.py --faults`` runs them.

They need a kernel that exports and mounts NFS, two clients of one share, and a server that may be stopped.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from ailab.experiment.record import RunReader

WRITER, READER = os.environ.get("AILAB_NFS_WRITER"), os.environ.get("AILAB_NFS_READER")
pytestmark = pytest.mark.skipif(
    WRITER is None or READER is None, reason="needs a real NFS: run python benchmarks/share.py --faults"
)
AWAY_SECONDS = 15.0
THREADS = Path("/proc/fs/nfsd/threads")


@contextlib.contextmanager
def away() -> Iterator[None]:
    """The share's server is stopped meanwhile; the mounts stay."""
    threads = THREADS.read_text().strip()
    subprocess.run(["rpc.nfsd", "0"], check=True, timeout=60)
    try:
        yield
    finally:
        subprocess.run(["rpc.nfsd", "--grace-time", "10", "--lease-time", "10", threads], check=True, timeout=60)


def until(condition: Callable[[], bool]) -> None:
    """Wait for it; two minutes, as the machine may be emulated."""
    end = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.1)


def seen(path: Path, status: str, count: int) -> None:
    """Wait until the other client sees this status and so many values; they count up and nothing is damaged."""
    assert WRITER is not None and READER is not None
    there = Path(READER) / path.relative_to(WRITER)
    found: list[Any] = []

    def look() -> bool:
        reader = RunReader(there)
        reader.poll()
        values = reader.values("loss")["value"].tolist() if "loss" in reader.metrics else []
        found[:] = [reader.status, reader.damaged, len(values), values == [float(i) for i in range(len(values))]]
        return found == [status, False, count, True]

    try:
        until(look)
    except AssertionError:
        pytest.fail(f"status, damaged, values, in order: {found}, not {[status, False, count, True]}")


def test_no_value_is_lost_to_kill_9(train: Callable[..., Any]) -> None:
    assert WRITER is not None
    training = train(Path(WRITER))
    logged = training.tell("log", count=1000)["values"]
    training.process.send_signal(signal.SIGKILL)  # the latest values are not synced yet
    training.process.wait(60)
    seen(training.path, "running", logged)


def test_a_server_that_is_away_holds_up_no_training(train: Callable[..., Any]) -> None:
    """Every value is taken while nobody can answer for it, and all are there afterwards."""
    assert WRITER is not None
    training = train(Path(WRITER))
    logged = training.tell("log", count=500)["values"]
    seen(training.path, "running", logged)
    with away():
        end = time.monotonic() + AWAY_SECONDS
        while time.monotonic() < end:
            logged = training.tell("log", count=20, pause=0.05)["values"]
            training.tell("text", length=100)
            training.tell("progress", value=0.5)
    logged = training.tell("log", count=500)["values"]
    said = training.tell("finish")["said"]
    assert not any("lost" in message for message in said), said
    assert training.end() == 0
    seen(training.path, "finished", logged)


def test_killed_while_the_server_is_away(train: Callable[..., Any]) -> None:
    """What the kernel had taken before goes out once it can."""
    assert WRITER is not None
    training = train(Path(WRITER))
    logged = training.tell("log", count=1000)["values"]
    with away():
        training.process.send_signal(signal.SIGKILL)
        time.sleep(AWAY_SECONDS)  # the fault itself; the kernel lets the process go only when it could write
    training.process.wait(60)
    seen(training.path, "running", logged)


def test_a_page_is_answered_meanwhile_and_then_has_everything(train: Callable[..., Any], tmp_path: Path) -> None:
    assert WRITER is not None and READER is not None
    workspace = Path(WRITER) / "seen"
    training = train(workspace)
    training.tell("log", count=500)
    with served(Path(READER) / "seen", tmp_path) as client:

        def known(state: str, count: int) -> bool:
            runs = client.get("/runs").json()["runs"]
            return [run["state"] for run in runs] == [state] and counted(runs[0]["id"]) == count

        def counted(id: str) -> int:
            return int(client.get(f"/runs/{id}").json()["metrics"][0]["count"])

        until(lambda: known("running", 500))
        with away():
            end = time.monotonic() + AWAY_SECONDS
            while time.monotonic() < end:
                training.tell("log", count=20, pause=0.05)
                assert len(client.get("/runs").json()["runs"]) == 1
        logged = training.tell("finish")["values"]
        until(lambda: known("finished", logged))


@contextlib.contextmanager
def served(workspace: Path, scratch: Path) -> Iterator[httpx.Client]:
    """A server process on the workspace, and a client that is logged in."""
    config, ready, log = scratch / "c.json", scratch / "ready.json", scratch / "server.log"
    keys = {"workspace": str(workspace), "users": {"ada": "secret"}, "port": 0, "state_dir": str(scratch / "state")}
    config.write_text(json.dumps(keys))
    config.chmod(0o600)
    command = [sys.executable, "-m", "ailab_server", str(config), "--ready-file", str(ready)]
    with log.open("wb") as output:
        server = subprocess.Popen(command, stdout=output, stderr=output)
    try:
        until(lambda: ready.exists() or server.poll() is not None)
        assert server.poll() is None, log.read_text()
        url = json.loads(ready.read_text())["url"]
        with httpx.Client(base_url=f"{url}/api/v1", trust_env=False, timeout=60) as client:
            token = client.post("/login", json={"user": "ada", "password": "secret"}).json()["token"]
            client.headers["Authorization"] = f"Bearer {token}"
            yield client
    finally:
        server.terminate()
        code = server.wait(60)
    assert (code, "Traceback" in log.read_text()) == (0, False), log.read_text()
