"""The library itself is NVIDIA's; here stands one with two GPUs in its place."""

from __future__ import annotations

import ctypes
from typing import Any

import pytest

from ailab.experiment.system.gpu import Gpus
from ailab.experiment.system.gpu_state import GpuProcess


class Nvml:
    """Answers as NVML does: 0 for success, 3 for what a GPU does not support."""

    def nvmlInit_v2(self) -> int:
        return 0

    def nvmlDeviceGetCount_v2(self, count: Any) -> int:
        count._obj.value = 2
        return 0

    def nvmlDeviceGetHandleByIndex_v2(self, index: int, handle: Any) -> int:
        handle._obj.value = 1000 + index
        return 0

    def nvmlDeviceGetUUID(self, handle: Any, text: Any, size: int) -> int:
        text.value = f"GPU-{handle.value}".encode()
        return 0

    def nvmlDeviceGetName(self, handle: Any, text: Any, size: int) -> int:
        text.value = f"Model {handle.value}".encode()
        return 0

    def nvmlSystemGetDriverVersion(self, text: Any, size: int) -> int:
        text.value = b"570.1"
        return 0

    def nvmlSystemGetCudaDriverVersion_v2(self, number: Any) -> int:
        number._obj.value = 12080
        return 0

    def nvmlDeviceGetUtilizationRates(self, handle: Any, use: Any) -> int:
        use._obj.gpu = handle.value - 950
        return 0

    def nvmlDeviceGetMemoryInfo(self, handle: Any, memory: Any) -> int:
        memory._obj.used, memory._obj.total = 3_000_000_000, 8_000_000_000
        return 0

    def nvmlDeviceGetTemperature(self, handle: Any, kind: int, number: Any) -> int:
        number._obj.value = 61
        return 0

    def nvmlDeviceGetComputeRunningProcesses_v3(self, handle: Any, count: Any, rows: Any) -> int:
        if handle.value == 1001:
            return 3
        if count._obj.value < 100:
            return 7  # more processes than there is room for
        count._obj.value = 100
        for number in range(100):
            rows[number].pid, rows[number].memory = 500 + number, 2**64 - 1 if number else 1 << 30
        return 0

    def nvmlDeviceGetPowerUsage(self, handle: Any, number: Any) -> int:
        return 3


@pytest.fixture
def nvml(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda name: Nvml())
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


def test_what_a_gpu_supports_is_told(nvml: None) -> None:
    numbers = Gpus().sample()
    assert numbers["gpu0/utilization"] == 50 and numbers["gpu1/utilization"] == 51
    assert (numbers["gpu0/memory"], numbers["gpu0/temperature"]) == (3.0, 61.0)
    assert "gpu0/power" not in numbers
    assert Gpus().facts() == {
        "driver": "570.1",
        "cuda": "12.8",
        "gpus": [{"index": 0, "name": "Model 1000"}, {"index": 1, "name": "Model 1001"}],
    }


def test_the_state_of_each_gpu_and_who_computes_on_it(nvml: None) -> None:
    first, second = Gpus().states()
    assert (first.index, first.name, first.utilization, first.temperature) == (0, "Model 1000", 50.0, 61.0)
    assert (first.memory_used, first.memory_total, first.power) == (3_000_000_000, 8_000_000_000, None)
    assert first.processes is not None and len(first.processes) == 100
    assert first.processes[:2] == (GpuProcess(500, 1 << 30), GpuProcess(501, None))
    assert second.processes is None  # it does not tell
    assert Gpus().processes() == {0: first.processes}


def test_an_old_driver_has_an_older_question(nvml: None, monkeypatch: pytest.MonkeyPatch) -> None:
    ask = Nvml.nvmlDeviceGetComputeRunningProcesses_v3
    monkeypatch.delattr(Nvml, "nvmlDeviceGetComputeRunningProcesses_v3")
    assert Gpus().states()[0].processes is None
    monkeypatch.setattr(Nvml, "nvmlDeviceGetComputeRunningProcesses_v2", ask, raising=False)
    assert len(Gpus().states()[0].processes or ()) == 100


@pytest.mark.parametrize(
    ("visible", "seen"), [("1", ["gpu1"]), ("GPU-1000", ["gpu0"]), ("", []), ("0,1", ["gpu0", "gpu1"])]
)
def test_only_the_gpus_of_this_process(
    nvml: None, monkeypatch: pytest.MonkeyPatch, visible: str, seen: list[str]
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert sorted({name.partition("/")[0] for name in Gpus().sample()}) == seen
    assert [state.index for state in Gpus(hidden=True).states()] == [0, 1]


def test_without_a_driver_there_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise OSError(f"{name}: cannot open shared object file")

    monkeypatch.setattr(ctypes, "CDLL", missing)
    assert (Gpus().sample(), Gpus().facts()) == ({}, None)
    assert (Gpus().states(), Gpus().processes()) == ([], {})
