from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from ailab.experiment.system.gpu_state import GpuProcess
from ailab_server.scheduler import foreign
from ailab_server.scheduler.foreign import ForeignGpus, foreign_gpus
from ailab_server.scheduler.processes import exists, task_of

OURS, OTHERS = 10, 20


@pytest.mark.parametrize(
    ("pid", "held", "alive", "left_alone"),
    [
        (OURS, ["t1"], True, False),
        (OURS, [], True, True),  # a task of ours on a GPU that it was not given
        (OTHERS, ["t1"], True, True),
        (OTHERS, [], True, True),
        (OTHERS, ["t1"], False, False),  # its number is that of outside a container
        (OTHERS, [], False, True),
    ],
)
def test_whose_a_gpu_is(pid: int, held: list[str], alive: bool, left_alone: bool) -> None:
    found = {3: [GpuProcess(pid, None)], 4: []}
    tasks = {OURS: "t1", OTHERS: "of-another-server"}
    assert foreign_gpus(found, {3: held}, tasks.get, lambda pid: alive) == ({3} if left_alone else set())


@pytest.fixture
def sleeper() -> Iterator[Callable[..., int]]:
    """Starts a process that waits."""
    started: list[subprocess.Popen[bytes]] = []

    def start(code: str = "", **variables: str) -> int:
        command = [
            sys.executable,
            "-c",
            f"import sys, subprocess, os\n{code}\nprint(os.getpid(), flush=True)\nsys.stdin.read()",
        ]
        process = subprocess.Popen(
            command,
            env={**os.environ, **variables},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        started.append(process)
        assert process.stdout is not None
        return int(process.stdout.readline())

    yield start
    for process in started:
        process.communicate()


def test_a_process_belongs_to_a_task_by_its_environment_or_its_sessions(sleeper: Callable[..., int]) -> None:
    assert task_of(sleeper(AILAB_TASK_ID="t1")) == "t1"
    assert task_of(sleeper()) is None
    child = """
child = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], env={}, stdin=0)
print(child.pid, flush=True)
"""
    assert task_of(sleeper(child, AILAB_TASK_ID="t2")) == "t2"  # its environment was emptied
    assert task_of(2**31 - 1) is None
    assert exists(os.getpid()) and not exists(2**31 - 1)


class Nvml:
    def __init__(self) -> None:
        self.found: dict[int, list[GpuProcess]] = {}

    def processes(self) -> Mapping[int, list[GpuProcess]]:
        return dict(self.found)


def test_a_task_waits_for_a_gpu_that_somebody_else_uses(
    start_app: Callable[..., Any], eventually: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path,
    sleeper: Callable[..., int],
) -> None:  # fmt: skip
    nvml = Nvml()
    stranger = sleeper()
    nvml.found = {0: [GpuProcess(stranger, None)]}
    monkeypatch.setattr(ForeignGpus.__init__, "__defaults__", (lambda: nvml, 0.02))
    app = start_app(gpus=[0, 1])
    assert [gpu["foreign"] for gpu in app.client.get("/system").json()["gpus"]] == [True, False]
    body = {"command": ["sleep", "1000"], "folder": str(tmp_path), "gpus": 1}
    assert app.client.post("/tasks", json=body).json()["gpu_ids"] == [1]
    waiting = app.client.post("/tasks", json=body).json()
    assert waiting["state"] == "queued"
    nvml.found = {}
    task = eventually(lambda: (t := app.client.get(f"/tasks/{waiting['id']}").json())["state"] == "running" and t)
    assert task["gpu_ids"] == [0]
    # Its own process is no stranger; nor is one of the number that the task's has outside a container.
    nvml.found = {0: [GpuProcess(2**31 - 1, None)]}
    app.services._foreign._looked.clear()
    assert app.services._foreign.wait_until_seen(5)
    assert app.services._foreign.now == frozenset()


def test_until_they_have_been_looked_at_all_are_left_alone(eventually: Callable[..., Any]) -> None:
    go, changes = threading.Event(), []

    class Slow(Nvml):
        def processes(self) -> Mapping[int, list[GpuProcess]]:
            go.wait(10)
            return {}

    watch = ForeignGpus([0, 1], dict, lambda: changes.append(watch.now), Slow, 0.01)
    watch.start()
    assert (watch.now, watch.wait_until_seen(0)) == ({0, 1}, False)
    go.set()
    assert watch.wait_until_seen(10)
    watch.close()
    assert changes == [frozenset()]


def test_a_driver_that_fails_leaves_all_gpus_to_the_tasks(caplog: pytest.LogCaptureFixture) -> None:
    def broken() -> Any:
        raise RuntimeError("driver")

    watch = ForeignGpus([0], dict, lambda: None, broken)
    watch.start()
    watch._thread.join(10)
    assert watch.now == frozenset()
    assert "GPUs cannot be looked at" in caplog.text


def test_without_a_driver_nothing_is_foreign(monkeypatch: pytest.MonkeyPatch) -> None:
    watch = ForeignGpus([0], dict, lambda: None, lambda: Nvml(), 0.01)
    watch.start()
    assert watch.wait_until_seen(10)
    assert watch.now == frozenset()
    watch.close()
    assert foreign.__all__
