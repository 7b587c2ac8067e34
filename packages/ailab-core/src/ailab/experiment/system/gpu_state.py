"""What a GPU does at one time, and for whom."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["GpuProcess", "GpuState"]


@dataclass(frozen=True, slots=True)
class GpuProcess:
    """A process that computes on a GPU, and how many bytes of its memory it has; None if that cannot be told."""

    pid: int
    memory: int | None


@dataclass(frozen=True, slots=True)
class GpuState:
    """One GPU at one time; None is what it or its driver does not tell.

    ``index`` is nvidia-smi's; ``utilization`` in percent, ``memory_used`` and ``memory_total`` in bytes,
    ``temperature`` in °C, ``power`` in W.
    """

    index: int
    name: str
    utilization: float | None
    memory_used: int | None
    memory_total: int | None
    temperature: float | None
    power: float | None
    processes: tuple[GpuProcess, ...] | None
