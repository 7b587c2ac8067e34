"""Processors, memory, disks and network, from Linux's ``/proc``. Elsewhere there is nothing to read."""

from __future__ import annotations

import os
import time
from pathlib import Path

__all__ = ["Machine"]

_SECTOR = 512
_VIRTUAL_DISKS = ("loop", "ram", "zram", "dm-", "md", "sr", "fd")


class Machine:
    """Rates come from the difference between two readings, so the first `sample` has none.

    Args:
        folder: whose file system's free space is told.
        proc: where ``/proc`` is.
    """

    def __init__(self, folder: Path | None = None, proc: Path = Path("/proc")) -> None:
        self._folder = folder
        self._proc = proc
        self._ticks = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
        self._before: dict[str, float] = {}
        self._time = 0.0

    def sample(self) -> dict[str, float]:
        """Numbers by name.

        ``cpu`` (percent of the machine), ``cpu_process`` (percent; 100 is one core), ``memory`` and ``memory_process``
        (GB), ``disk_read``, ``disk_write``, ``network_received``, ``network_sent`` (MB/s), ``disk_free`` (GB).
        """
        now = time.monotonic()
        counters = {**self._processors(), **self._disks(), **self._network()}
        change = {name: value - self._before[name] for name, value in counters.items() if name in self._before}
        seconds = now - self._time
        self._before, self._time = counters, now
        found: dict[str, float] = {}
        if change.get("cpu_all", 0) > 0:
            found["cpu"] = 100.0 * (1.0 - change["cpu_idle"] / change["cpu_all"])
        if "cpu_process" in change and seconds > 0:
            found["cpu_process"] = 100.0 * change["cpu_process"] / seconds
        for name in ("disk_read", "disk_write", "network_received", "network_sent"):
            if name in change and seconds > 0 and change[name] >= 0:
                found[name] = change[name] / seconds / 1e6
        return {**found, **self._memory(), **self._room()}

    def _lines(self, name: str) -> list[str]:
        try:
            return (self._proc / name).read_text("utf-8", "replace").splitlines()
        except OSError:
            return []

    def _processors(self) -> dict[str, float]:
        found: dict[str, float] = {}
        for line in self._lines("stat")[:1]:
            # user nice system idle iowait irq softirq steal; the guests' times are in user's already
            times = [float(part) for part in line.split()[1:9]]
            found |= {"cpu_all": sum(times), "cpu_idle": sum(times[3:5])}
        for line in self._lines("self/stat"):
            fields = line.rpartition(")")[2].split()
            found["cpu_process"] = (float(fields[11]) + float(fields[12])) / self._ticks
        return found

    def _disks(self) -> dict[str, float]:
        read = written = 0.0
        lines = self._lines("diskstats")
        whole: list[str] = []
        for line in lines:
            fields = line.split()
            # Partitions come after their disk, and their traffic is in the disk's already.
            if len(fields) < 10 or fields[2].startswith(_VIRTUAL_DISKS) or any(fields[2].startswith(d) for d in whole):
                continue
            whole.append(fields[2])
            read += float(fields[5]) * _SECTOR
            written += float(fields[9]) * _SECTOR
        return {"disk_read": read, "disk_write": written} if lines else {}

    def _network(self) -> dict[str, float]:
        received = sent = 0.0
        lines = self._lines("net/dev")[2:]
        for line in lines:
            name, _, numbers = line.partition(":")
            fields = numbers.split()
            if name.strip() != "lo" and len(fields) > 8:
                received += float(fields[0])
                sent += float(fields[8])
        return {"network_received": received, "network_sent": sent} if lines else {}

    def _memory(self) -> dict[str, float]:
        found: dict[str, float] = {}
        amounts = {line.split(":")[0]: line.split()[1] for line in self._lines("meminfo") if len(line.split()) > 1}
        if "MemTotal" in amounts and "MemAvailable" in amounts:
            found["memory"] = (float(amounts["MemTotal"]) - float(amounts["MemAvailable"])) * 1024 / 1e9
        for line in self._lines("self/statm"):
            found["memory_process"] = float(line.split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e9
        return found

    def _room(self) -> dict[str, float]:
        if self._folder is None:
            return {}
        try:
            room = os.statvfs(self._folder)
        except OSError:  # gone at the moment
            return {}
        return {"disk_free": room.f_bavail * room.f_frsize / 1e9}
