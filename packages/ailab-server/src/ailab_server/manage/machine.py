"""What the machine does at the moment, and who is on which GPU."""

import logging
import math
import os
import pwd
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

from ailab.experiment.system.gpu import Gpus
from ailab.experiment.system.gpu_state import GpuProcess
from ailab.experiment.system.gpu_state import GpuState as Seen
from ailab.experiment.system.machine import Machine
from ailab_server import models
from ailab_server.scheduler.processes import task_of
from ailab_server.strict import text

__all__ = ["DiskWatch", "MachineWatch"]

_log = logging.getLogger(__name__)

_SECONDS = 2.0
_DISK_SECONDS = 15.0
_IDLE_SECONDS = 30.0


class DiskWatch:
    """The size of a file system, looked at in a thread of its own: a share that is away may not answer for hours."""

    def __init__(self, name: str, path: Path, seconds: float = _DISK_SECONDS) -> None:
        self._name = name
        self._path = path
        self._seconds = seconds
        self._found: tuple[int, int] | None = None
        self._looked = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._follow, name=f"ailab-disk-{name}", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def close(self) -> None:
        """Look no more; a look that hangs is left to itself."""
        self._stop.set()

    def state(self) -> models.Disk:
        """As last seen."""
        found = self._found
        return models.Disk(
            name=self._name,
            path=text(self._path),
            total=None if found is None else found[0],
            free=None if found is None else found[1],
            seconds=None if found is None else max(0.0, time.monotonic() - self._looked),
        )

    def _follow(self) -> None:
        while not self._stop.is_set():
            try:
                room = os.statvfs(self._path)
                self._found = room.f_blocks * room.f_frsize, room.f_bavail * room.f_frsize
                self._looked = time.monotonic()
            except OSError:
                self._found = None
            self._stop.wait(self._seconds)


class MachineWatch:
    """Samples every two seconds while somebody looks, in a thread of its own.

    Args:
        disks: the file systems to tell of.
        gpus: ids that tasks may have.
        held: GPU → the ids of the tasks that have it.
        foreign: the GPUs that others use.
        nvml: makes what asks the GPUs; called in the thread.
    """

    def __init__(
        self,
        disks: Sequence[DiskWatch],
        gpus: Collection[int],
        held: Callable[[], Mapping[int, Collection[str]]],
        foreign: Callable[[], Collection[int]],
        nvml: Callable[[], Gpus] = lambda: Gpus(hidden=True),
        proc: Path = Path("/proc"),
        seconds: float = _SECONDS,
    ) -> None:
        self._disks = disks
        self._assigned = frozenset(gpus)
        self._held = held
        self._foreign = foreign
        self._make = nvml
        self._proc = proc
        self._seconds = seconds
        self._machine = Machine(proc=proc)
        self._numbers: dict[str, float] = {}
        self._gpus: list[Seen] = []
        self._time = 0.0
        self._asked = -math.inf
        self._wanted = threading.Event()
        self._sampled = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="ailab-machine", daemon=True)

    def start(self) -> None:
        """Begin."""
        for disk in self._disks:
            disk.start()
        self._thread.start()

    def close(self) -> None:
        """Sample no more."""
        self._stop.set()
        self._wanted.set()
        for disk in self._disks:
            disk.close()

    def state(self) -> models.SystemState:
        """The newest sample; waits a second for the first one. Not for the event loop."""
        self._asked = time.monotonic()
        self._wanted.set()
        self._sampled.wait(1.0)
        numbers, held, foreign = self._numbers, self._held(), self._foreign()
        count = os.cpu_count() or 1
        server = numbers.get("cpu_process")
        return models.SystemState(
            time=self._time or time.time(),
            processors=models.Processors(
                count=count, percent=numbers.get("cpu"), server=None if server is None else server / count, load=_load()
            ),
            memory=models.Memory(
                total=_total_memory(),
                used=_bytes(numbers, "memory", 1e9),
                server=_bytes(numbers, "memory_process", 1e9),
            ),
            disk_read=_rate(numbers, "disk_read"),
            disk_written=_rate(numbers, "disk_write"),
            network_received=_rate(numbers, "network_received"),
            network_sent=_rate(numbers, "network_sent"),
            disks=[disk.state() for disk in self._disks],
            gpus=[self._gpu(gpu, held.get(gpu.index, ()), gpu.index in foreign) for gpu in self._gpus],
        )  # fmt: skip

    def _gpu(self, seen: Seen, tasks: Collection[str], foreign: bool) -> models.GpuState:
        processes = seen.processes
        return models.GpuState(
            id=seen.index,
            name=text(seen.name, 100),
            assigned=seen.index in self._assigned,
            foreign=foreign,
            utilization=seen.utilization,
            memory_used=seen.memory_used,
            memory_total=seen.memory_total,
            temperature=seen.temperature,
            power=seen.power,
            processes=None if processes is None else [self._process(process, tasks) for process in processes],
        )

    def _process(self, process: GpuProcess, tasks: Collection[str]) -> models.GpuProcess:
        folder = self._proc / str(process.pid)
        user = program = ""
        try:
            program = (folder / "comm").read_text("utf-8", "replace").strip()
            user = pwd.getpwuid(folder.stat().st_uid).pw_name
        except (OSError, KeyError):  # over meanwhile, outside this container, or of a user without a name
            pass
        task = task_of(process.pid)
        return models.GpuProcess(
            pid=process.pid,
            memory=process.memory,
            user=text(user, 100),
            program=text(program, 100),
            task=task if task in tasks else None,
        )

    def _nobody_looks(self) -> bool:
        return time.monotonic() - self._asked > _IDLE_SECONDS and not self._stop.is_set()

    def _follow(self) -> None:
        gpus: Gpus | None = None
        while not self._stop.is_set():
            if self._nobody_looks():
                # What was sampled when somebody last looked says nothing of when the next one does.
                self._sampled.clear()
                self._wanted.clear()
                if self._nobody_looks():  # still: who asks says so first, and then wakes us
                    self._wanted.wait()
                self._machine.sample()
                self._stop.wait(min(0.2, self._seconds))
            try:
                gpus = gpus or self._make()
                self._numbers, self._gpus, self._time = self._machine.sample(), gpus.states(), time.time()
            except Exception:  # noqa: BLE001 - a driver may do anything
                _log.exception("the machine's state cannot be read; trying again")
            self._sampled.set()
            self._stop.wait(self._seconds)


def _load() -> models.Load | None:
    try:
        one, five, fifteen = os.getloadavg()
    except OSError:
        return None
    return models.Load(one=one, five=five, fifteen=fifteen)


def _total_memory() -> int | None:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError):
        return None


def _bytes(numbers: Mapping[str, float], name: str, unit: float) -> int | None:
    return round(numbers[name] * unit) if name in numbers else None


def _rate(numbers: Mapping[str, float], name: str) -> float | None:
    return numbers[name] * 1e6 if name in numbers else None
