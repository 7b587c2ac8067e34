"""The machine."""

from ailab_server.models.base import Answer, Role

__all__ = ["Disk", "Gpu", "GpuProcess", "GpuState", "Load", "Memory", "Processors", "System", "SystemState"]


class Gpu(Answer):
    """One id of the config's ``gpus``, and who has it: the longest, and how many ``others`` share it.

    ``foreign``: processes use it that belong to no task of this server, which leaves it alone.
    """

    id: int
    task: str | None
    task_name: str | None
    run: str | None
    others: int
    foreign: bool


class System(Answer):
    """The machine and its workspace; ``role`` is what the caller may do."""

    name: str
    version: str
    workspace: str
    workspace_available: bool
    user: str
    role: Role
    gpus: list[Gpu]


class Load(Answer):
    """How many processes wanted to run, on average of 1, 5 and 15 minutes."""

    one: float
    five: float
    fifteen: float


class Processors(Answer):
    """How busy the processors are, in percent of all ``count`` of them; ``server`` is this server's part of that."""

    count: int
    percent: float | None
    server: float | None
    load: Load | None


class Memory(Answer):
    """Main memory in bytes; ``server`` is what this server has of it."""

    total: int | None
    used: int | None
    server: int | None


class Disk(Answer):
    """A file system in bytes, as its free space was ``seconds`` ago; null while it does not answer.

    ``name`` says what lies there: ``workspace`` or ``state``.
    """

    name: str
    path: str
    total: int | None
    free: int | None
    seconds: float | None


class GpuProcess(Answer):
    """A process that computes on a GPU: whose, and for which task; empty is what cannot be told. Memory in bytes."""

    pid: int
    memory: int | None
    user: str
    program: str
    task: str | None


class GpuState(Answer):
    """A GPU of the machine, whether the server may assign it or not.

    Percent, bytes, °C and W; null is what it does not tell.
    """

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


class SystemState(Answer):
    """What the machine does, at ``time``: its disks and network in bytes a second, null while not known."""

    time: float
    processors: Processors
    memory: Memory
    disk_read: float | None
    disk_written: float | None
    network_received: float | None
    network_sent: float | None
    disks: list[Disk]
    gpus: list[GpuState]
