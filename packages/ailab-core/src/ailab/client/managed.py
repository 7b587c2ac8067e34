"""What a server answers to who looks after it, as plain dicts with known keys; docs/api.md says what they mean."""

from __future__ import annotations

from typing import TypedDict

__all__ = [
    "Annotations",
    "AuditEntry",
    "AuditPage",
    "Disk",
    "ExperimentStorage",
    "GpuProcess",
    "GpuState",
    "Load",
    "Memory",
    "Processors",
    "RunStorage",
    "RunStoragePage",
    "Storage",
    "SystemState",
    "TrashedRun",
    "UserStorage",
]


class Annotations(TypedDict):
    """What people wrote about a run."""

    tags: list[str]
    notes: str


class TrashedRun(TypedDict):
    """A run in the trash, since when and by whom."""

    id: str
    experiment: str
    name: str
    time: float
    user: str


class AuditEntry(TypedDict):
    """Something that was done, or refused."""

    time: float
    user: str
    address: str
    action: str
    target: str
    status: int | None
    detail: str


class AuditPage(TypedDict):
    """Entries, the newest first; ``next`` is the ``before`` of the next page."""

    entries: list[AuditEntry]
    next: float | None


class Load(TypedDict):
    """How many processes wanted to run, on average of 1, 5 and 15 minutes."""

    one: float
    five: float
    fifteen: float


class Processors(TypedDict):
    """In percent of all of them; ``server`` is the server's part."""

    count: int
    percent: float | None
    server: float | None
    load: Load | None


class Memory(TypedDict):
    """In bytes; ``server`` is the server's part."""

    total: int | None
    used: int | None
    server: int | None


class Disk(TypedDict):
    """A file system in bytes, as it was ``seconds`` ago."""

    name: str
    path: str
    total: int | None
    free: int | None
    seconds: float | None


class GpuProcess(TypedDict):
    """A process that computes on a GPU; memory in bytes."""

    pid: int
    memory: int | None
    user: str
    program: str
    task: str | None


class GpuState(TypedDict):
    """A GPU: percent, bytes, °C and W."""

    id: int
    name: str
    assigned: bool
    foreign: bool
    utilization: float | None
    memory_used: int | None
    memory_total: int | None
    temperature: float | None
    power: float | None
    processes: list[GpuProcess] | None


class SystemState(TypedDict):
    """What the machine does, at ``time``; its disks and network in bytes a second."""

    time: float
    processors: Processors
    memory: Memory
    disk_read: float | None
    disk_written: float | None
    network_received: float | None
    network_sent: float | None
    disks: list[Disk]
    gpus: list[GpuState]


class UserStorage(TypedDict):
    """What a user's runs take, in bytes."""

    user: str
    runs: int
    bytes: int


class ExperimentStorage(TypedDict):
    """What an experiment's runs take, in bytes."""

    experiment: str
    runs: int
    bytes: int


class Storage(TypedDict):
    """What all runs take, in bytes; ``measured`` of ``runs`` so far."""

    runs: int
    measured: int
    complete: bool
    bytes: int
    trash: int | None
    code: int | None
    users: list[UserStorage]
    experiments: list[ExperimentStorage]


class RunStorage(TypedDict):
    """What a run took at ``time``, in bytes and entries of folders."""

    run: str
    experiment: str
    name: str
    user: str
    bytes: int
    files: int
    time: float


class RunStoragePage(TypedDict):
    """Runs, the largest first; ``total`` on all pages."""

    runs: list[RunStorage]
    total: int
