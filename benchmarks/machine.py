"""What a benchmark runs on."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Any

__all__ = ["lines_of", "machine"]


def machine() -> dict[str, Any]:
    """The processor, how many cores of it are ours, the memory in GiB, and the system."""
    cpu = next(
        (x.split(":")[1].strip() for x in lines_of("/proc/cpuinfo") if x.startswith("model name")), platform.machine()
    )
    memory = next((int(x.split()[1]) for x in lines_of("/proc/meminfo") if x.startswith("MemTotal")), 0)
    return {
        "cpu": cpu,
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(memory / 2**20, 1),
        "system": platform.platform(terse=True),
    }


def lines_of(path: str) -> list[str]:
    """The lines of a file; none where there is no such file."""
    return Path(path).read_text().splitlines() if Path(path).exists() else []
