"""The library itself is NVIDIA's; here stands one with two GPUs in its place."""

from __future__ import annotations

import ctypes
from typing import Any

import pytest

from ailab.experiment.system.gpu import Gpus


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
        memory._obj.used = 3_000_000_000
        return 0

    def nvmlDeviceGetTemperature(self, handle: Any, kind: int, number: Any) -> int:
        number._obj.value = 61
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


@pytest.mark.parametrize(
    ("visible", "seen"), [("1", ["gpu1"]), ("GPU-1000", ["gpu0"]), ("", []), ("0,1", ["gpu0", "gpu1"])]
)
def test_only_the_gpus_of_this_process(
    nvml: None, monkeypatch: pytest.MonkeyPatch, visible: str, seen: list[str]
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert sorted({name.partition("/")[0] for name in Gpus().sample()}) == seen


def test_without_a_driver_there_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise OSError(f"{name}: cannot open shared object file")

    monkeypatch.setattr(ctypes, "CDLL", missing)
    assert (Gpus().sample(), Gpus().facts()) == ({}, None)
