"""What the API answers and takes; ``docs/api.md`` is the prose of it, the OpenAPI document is made from it.

Times are seconds since the epoch. The names here are contracts: the page's client types are generated from
them.

Here is what the server needs as soon as it starts; ``models.code``, ``models.log`` and ``models.logged`` are imported
by their routes alone, since every model takes its part of a millisecond.
"""

from ailab_server.models.base import Number, Role
from ailab_server.models.manage import (
    Annotations,
    AuditEntry,
    AuditPage,
    ChosenRuns,
    NewNotes,
    TagsChange,
    TrashedRun,
    TrashList,
)
from ailab_server.models.runs import (
    Image,
    ImageHistory,
    Metric,
    Primary,
    RunDetail,
    RunList,
    RunState,
    RunSummary,
)
from ailab_server.models.series import SeriesQuestion
from ailab_server.models.session import Credentials, Problem, Session
from ailab_server.models.storage import (
    ExperimentStorage,
    RunStorage,
    RunStoragePage,
    Storage,
    UserStorage,
)
from ailab_server.models.stream import (
    ChangesMessage,
    PingMessage,
    RemovedMessage,
    RunMessage,
    SnapshotMessage,
    StreamMessage,
    TasksMessage,
)
from ailab_server.models.system import (
    Disk,
    Gpu,
    GpuProcess,
    GpuState,
    Load,
    Memory,
    Processors,
    System,
    SystemState,
)
from ailab_server.models.tasks import NewTask, Task, TaskList, TaskState

__all__ = [
    "Annotations",
    "AuditEntry",
    "AuditPage",
    "ChangesMessage",
    "ChosenRuns",
    "Credentials",
    "Disk",
    "ExperimentStorage",
    "Gpu",
    "GpuProcess",
    "GpuState",
    "Image",
    "ImageHistory",
    "Load",
    "Memory",
    "Metric",
    "NewNotes",
    "NewTask",
    "Number",
    "PingMessage",
    "Primary",
    "Problem",
    "Processors",
    "RemovedMessage",
    "Role",
    "RunDetail",
    "RunList",
    "RunMessage",
    "RunState",
    "RunStorage",
    "RunStoragePage",
    "RunSummary",
    "SeriesQuestion",
    "Session",
    "SnapshotMessage",
    "Storage",
    "StreamMessage",
    "System",
    "SystemState",
    "TagsChange",
    "Task",
    "TaskList",
    "TaskState",
    "TasksMessage",
    "TrashList",
    "TrashedRun",
    "UserStorage",
]
