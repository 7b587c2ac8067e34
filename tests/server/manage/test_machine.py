from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ailab.experiment.system.gpu_state import GpuProcess, GpuState
from ailab_server.manage import machine
from ailab_server.manage.machine import DiskWatch, MachineWatch


class Nvml:
    """A machine's GPUs: one with a process of ours and one of nobody."""

    def states(self) -> list[GpuState]:
        processes = (GpuProcess(os.getpid(), 1 << 30), GpuProcess(2**31 - 1, None))
        return [
            GpuState(0, "Model \x1b[2J", 93.0, 3 << 30, 8 << 30, 61.0, 250.5, processes),
            GpuState(1, "Model", None, None, None, None, None, None),
        ]


@pytest.fixture
def watch(tmp_path: Path) -> Any:
    made = MachineWatch(
        [DiskWatch("workspace", tmp_path), DiskWatch("state", tmp_path / "missing")],
        [0],
        held=lambda: {0: ["t1"]},
        foreign=lambda: {0},
        nvml=Nvml,  # type: ignore[arg-type]
        seconds=0.05,
    )
    made.start()
    yield made
    made.close()


def test_the_machine(watch: MachineWatch, tmp_path: Path, eventually: Callable[..., Any]) -> None:
    eventually(lambda: watch.state().processors.percent is not None)
    state = watch.state()
    assert abs(state.time - time.time()) < 5
    assert state.processors.count == os.cpu_count()
    assert 0 <= state.processors.percent <= 100  # type: ignore[operator]
    assert 0 <= state.processors.server <= 110  # type: ignore[operator]
    assert state.memory.total and state.memory.used and state.memory.server
    assert 0 < state.memory.server < state.memory.used < state.memory.total
    room = os.statvfs(tmp_path)
    workspace, missing = state.disks
    assert (workspace.name, workspace.path, workspace.total) == (
        "workspace",
        str(tmp_path),
        room.f_blocks * room.f_frsize,
    )
    assert workspace.seconds is not None and workspace.seconds < 30
    assert (missing.name, missing.total, missing.free, missing.seconds) == ("state", None, None, None)


def test_gpus_and_whose_processes_are_on_them(watch: MachineWatch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "task_of", lambda pid: "t1" if pid == os.getpid() else None)
    first, second = watch.state().gpus
    assert (first.id, first.assigned, first.foreign, first.utilization, first.temperature) == (
        0,
        True,
        True,
        93.0,
        61.0,
    )
    assert (first.memory_used, first.memory_total, first.power) == (3 << 30, 8 << 30, 250.5)
    ours, other = first.processes or []
    assert (ours.pid, ours.memory, ours.task) == (os.getpid(), 1 << 30, "t1")
    assert ours.program and ours.user
    assert (other.memory, other.user, other.program, other.task) == (None, "", "", None)
    assert (second.assigned, second.foreign, second.memory_total, second.processes) == (False, False, None, None)


def test_a_share_that_hangs_holds_nobody_up(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    release, asked = threading.Event(), threading.Event()

    def hang(path: Path) -> None:
        asked.set()
        release.wait(30)
        raise OSError

    monkeypatch.setattr(machine.os, "statvfs", hang)
    disk = DiskWatch("workspace", tmp_path)
    disk.start()
    assert asked.wait(10)
    assert disk.state().free is None
    disk.close()
    release.set()


def test_nobody_looks_nobody_samples(monkeypatch: pytest.MonkeyPatch, eventually: Callable[..., Any]) -> None:
    samples: list[float] = []

    class Counted(Nvml):
        def states(self) -> list[GpuState]:
            samples.append(time.monotonic())
            return []

    monkeypatch.setattr(machine, "_IDLE_SECONDS", 0.1)
    watch = MachineWatch([], [], dict, lambda: (), nvml=Counted, seconds=0.01)  # type: ignore[arg-type]
    watch.start()
    assert samples == []
    watch.state()
    assert eventually(lambda: len(samples) > 1)
    eventually(lambda: not watch._wanted.is_set())
    before = len(samples)
    watch.state()
    assert len(samples) > before  # a new one, not what was so when somebody last looked
    watch.close()
    watch._thread.join(5)
    assert not watch._thread.is_alive()


def test_a_driver_that_fails_is_no_end(eventually: Callable[..., Any], caplog: pytest.LogCaptureFixture) -> None:
    class Broken:
        def states(self) -> list[GpuState]:
            raise RuntimeError("driver")

    watch = MachineWatch([], [0], dict, lambda: (), nvml=Broken, seconds=0.01)  # type: ignore[arg-type]
    watch.start()
    assert watch.state().gpus == []
    assert watch._thread.is_alive()
    watch.close()
    watch._thread.join(5)


def test_the_route(app: Any) -> None:
    state = app.client.get("/system/state").json()
    assert [disk["name"] for disk in state["disks"]] == ["workspace", "state"]
    assert state["memory"]["total"] > 0
    assert isinstance(state["gpus"], list)
