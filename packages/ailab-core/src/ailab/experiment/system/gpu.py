"""NVIDIA's management library (NVML) through ctypes: it comes with the driver, so nothing need be installed."""

from __future__ import annotations

import ctypes
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ailab.experiment.system.gpu_state import GpuProcess, GpuState

__all__ = ["Gpus"]

_TEMPERATURE_GPU = 0
_INSUFFICIENT_SIZE = 7
_UNKNOWN = 2**64 - 1  # NVML's word for memory that it cannot tell


class _Utilization(ctypes.Structure):
    _fields_ = (("gpu", ctypes.c_uint), ("memory", ctypes.c_uint))


class _Memory(ctypes.Structure):
    _fields_ = (("total", ctypes.c_ulonglong), ("free", ctypes.c_ulonglong), ("used", ctypes.c_ulonglong))


class _Process(ctypes.Structure):
    _fields_ = (
        ("pid", ctypes.c_uint),
        ("memory", ctypes.c_ulonglong),
        ("gpu_instance", ctypes.c_uint),
        ("compute_instance", ctypes.c_uint),
    )


class Gpus:
    """The GPUs that this process may use, as ``CUDA_VISIBLE_DEVICES`` says; none without NVIDIA's driver.

    Args:
        hidden: also those that ``CUDA_VISIBLE_DEVICES`` hides.
    """

    def __init__(self, hidden: bool = False) -> None:
        self._handles: list[tuple[int, ctypes.c_void_p]] = []
        try:
            self._nvml: Any = ctypes.CDLL("libnvidia-ml.so.1" if os.name == "posix" else "nvml.dll")
            if self._nvml.nvmlInit_v2() != 0:
                return
        except (OSError, AttributeError):
            return
        count = ctypes.c_uint()
        if self._nvml.nvmlDeviceGetCount_v2(ctypes.byref(count)) != 0:
            return
        for index in range(count.value):
            handle = ctypes.c_void_p()
            if self._nvml.nvmlDeviceGetHandleByIndex_v2(index, ctypes.byref(handle)) == 0:
                self._handles.append((index, handle))
        visible = os.environ.get("CUDA_VISIBLE_DEVICES")
        if visible is not None and not hidden:
            wanted = [part.strip() for part in visible.split(",") if part.strip()]
            self._handles = [
                (index, handle)
                for index, handle in self._handles
                if any(w == str(index) or (w.startswith("GPU-") and self._uuid(handle).startswith(w)) for w in wanted)
            ]

    def facts(self) -> dict[str, Any] | None:
        """Driver, CUDA version and names; None without a GPU."""
        if not self._handles:
            return None
        driver, cuda = ctypes.create_string_buffer(96), ctypes.c_int()
        found: dict[str, Any] = {}
        if self._nvml.nvmlSystemGetDriverVersion(driver, 96) == 0:
            found["driver"] = driver.value.decode("utf-8", "replace")
        if self._nvml.nvmlSystemGetCudaDriverVersion_v2(ctypes.byref(cuda)) == 0:
            found["cuda"] = f"{cuda.value // 1000}.{cuda.value % 1000 // 10}"
        found["gpus"] = [{"index": index, "name": self._name(handle)} for index, handle in self._handles]
        return found

    def sample(self) -> dict[str, float]:
        """``gpu0/utilization`` (percent), ``memory`` (GB), ``temperature`` (°C), ``power`` (W); what is supported."""
        found: dict[str, float] = {}
        for index, handle in self._handles:
            use, memory, number = _Utilization(), _Memory(), ctypes.c_uint()
            if self._nvml.nvmlDeviceGetUtilizationRates(handle, ctypes.byref(use)) == 0:
                found[f"gpu{index}/utilization"] = float(use.gpu)
            if self._nvml.nvmlDeviceGetMemoryInfo(handle, ctypes.byref(memory)) == 0:
                found[f"gpu{index}/memory"] = memory.used / 1e9
            if self._nvml.nvmlDeviceGetTemperature(handle, _TEMPERATURE_GPU, ctypes.byref(number)) == 0:
                found[f"gpu{index}/temperature"] = float(number.value)
            if self._nvml.nvmlDeviceGetPowerUsage(handle, ctypes.byref(number)) == 0:
                found[f"gpu{index}/power"] = number.value / 1000
        return found

    def states(self) -> list[GpuState]:
        """What each GPU does at the moment, and which processes compute on it."""
        return [self._state(index, handle) for index, handle in self._handles]

    def processes(self) -> dict[int, tuple[GpuProcess, ...]]:
        """GPU index → the processes that compute on it; without those GPUs that do not tell."""
        found = {index: self._processes(handle) for index, handle in self._handles}
        return {index: processes for index, processes in found.items() if processes is not None}

    def _state(self, index: int, handle: ctypes.c_void_p) -> GpuState:
        use, memory, number = _Utilization(), _Memory(), ctypes.c_uint()
        utilization = temperature = power = None
        used = total = None
        if self._nvml.nvmlDeviceGetUtilizationRates(handle, ctypes.byref(use)) == 0:
            utilization = float(use.gpu)
        if self._nvml.nvmlDeviceGetMemoryInfo(handle, ctypes.byref(memory)) == 0:
            used, total = int(memory.used), int(memory.total)
        if self._nvml.nvmlDeviceGetTemperature(handle, _TEMPERATURE_GPU, ctypes.byref(number)) == 0:
            temperature = float(number.value)
        if self._nvml.nvmlDeviceGetPowerUsage(handle, ctypes.byref(number)) == 0:
            power = number.value / 1000
        name = self._name(handle)
        # Late: a run asks for none, and a dataclass is made by evaluating text. While a thread does that, CPython up
        # to 3.11 forgets that the main thread has had a Ctrl-C, and ends with 1 instead of by the signal.
        from ailab.experiment.system.gpu_state import GpuState

        return GpuState(index, name, utilization, used, total, temperature, power, self._processes(handle))

    def _processes(self, handle: ctypes.c_void_p) -> tuple[GpuProcess, ...] | None:
        # Drivers before 510 have no _v3, which has the same form as their _v2.
        ask = getattr(self._nvml, "nvmlDeviceGetComputeRunningProcesses_v3", None) or getattr(
            self._nvml, "nvmlDeviceGetComputeRunningProcesses_v2", None
        )
        from ailab.experiment.system.gpu_state import GpuProcess  # late, as above

        room = 64
        while ask is not None and room <= 1 << 16:
            count = ctypes.c_uint(room)
            rows = (_Process * room)()
            answer = ask(handle, ctypes.byref(count), rows)
            if answer == 0:
                return tuple(
                    GpuProcess(row.pid, None if row.memory == _UNKNOWN else row.memory) for row in rows[: count.value]
                )
            if answer != _INSUFFICIENT_SIZE:
                break
            room *= 4
        return None

    def _name(self, handle: ctypes.c_void_p) -> str:
        text = ctypes.create_string_buffer(96)
        return text.value.decode("utf-8", "replace") if self._nvml.nvmlDeviceGetName(handle, text, 96) == 0 else "?"

    def _uuid(self, handle: ctypes.c_void_p) -> str:
        text = ctypes.create_string_buffer(96)
        return text.value.decode("utf-8", "replace") if self._nvml.nvmlDeviceGetUUID(handle, text, 96) == 0 else "?"
