"""Which GPUs are busy with processes that are nobody's task here: those are left alone."""

import logging
import threading
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Protocol

from ailab.experiment.system.gpu import Gpus
from ailab.experiment.system.gpu_state import GpuProcess
from ailab_server.scheduler.processes import exists, task_of

__all__ = ["ForeignGpus", "foreign_gpus"]

_log = logging.getLogger(__name__)

_SECONDS = 2.0


class _Nvml(Protocol):
    def processes(self) -> Mapping[int, Iterable[GpuProcess]]: ...


def foreign_gpus(
    found: Mapping[int, Iterable[GpuProcess]],
    held: Mapping[int, Collection[str]],
    task_of: Callable[[int], str | None] = task_of,
    exists: Callable[[int], bool] = exists,
) -> frozenset[int]:
    """The GPUs on which a process computes that belongs to no task of this server.

    Args:
        found: GPU → its processes.
        held: GPU → the ids of the tasks that have it. In a container NVML tells the numbers that processes have
            outside; one that does not exist here counts as the holder's, if there is one.
    """
    foreign = set()
    for gpu, processes in found.items():
        for process in processes:
            tasks = held.get(gpu, ())
            ours = task_of(process.pid) in tasks if exists(process.pid) else bool(tasks)
            if not ours:
                foreign.add(gpu)
    return frozenset(foreign)


class ForeignGpus:
    """Looks every two seconds, in a thread of its own: a driver may take its time, or hang.

    Args:
        gpus: those that tasks may have; until they have been looked at, they count as foreign.
        held: GPU → the ids of the tasks that have it.
        changed: called from the thread when other GPUs are foreign than before.
    """

    def __init__(
        self,
        gpus: Iterable[int],
        held: Callable[[], Mapping[int, Collection[str]]],
        changed: Callable[[], None],
        nvml: Callable[[], _Nvml] = lambda: Gpus(hidden=True),
        seconds: float = _SECONDS,
    ) -> None:
        self._held = held
        self._changed = changed
        self._make = nvml
        self._seconds = seconds
        self._gpus = frozenset(gpus)
        self._now = self._gpus
        self._stop = threading.Event()
        self._looked = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="ailab-gpus", daemon=True)

    @property
    def now(self) -> frozenset[int]:
        """The foreign GPUs, as last seen."""
        return self._now

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def wait_until_seen(self, seconds: float) -> bool:
        """Wait until the GPUs have been looked at once; False if that takes longer."""
        return self._looked.wait(seconds)

    def close(self) -> None:
        """Look no more."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join(timeout=1.0)

    def _follow(self) -> None:
        try:
            nvml = self._make()
            while not self._stop.is_set():
                found = self._gpus & foreign_gpus(nvml.processes(), self._held())
                if found != self._now:
                    if self._looked.is_set() or found:
                        _log.info("GPUs that others use, and are left alone: %s", sorted(found) or "none")
                    self._now = found
                    self._changed()
                self._looked.set()
                self._stop.wait(self._seconds)
        except Exception:  # noqa: BLE001 - a driver may do anything; without it all GPUs are ours
            _log.exception("GPUs cannot be looked at; whether others use them is not known")
            self._now = frozenset()
            self._changed()
        finally:
            self._looked.set()
