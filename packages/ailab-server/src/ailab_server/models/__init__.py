"""What the API answers and takes; ``docs/api.md`` is the prose of it, the OpenAPI document is made from it.

Times are seconds since the epoch. The names here are contracts: the page's client types are generated from
them.

Here is what the server needs as soon as it starts; ``models.code``, ``models.log`` and ``models.logged`` are imported
by their routes alone, since every model takes its part of a millisecond.
"""

from ailab_server.models.base import Number, Role
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
from ailab_server.models.stream import (
    ChangesMessage,
    PingMessage,
    RemovedMessage,
    RunMessage,
    SnapshotMessage,
    StreamMessage,
    TasksMessage,
)
from ailab_server.models.system import Gpu, System
from ailab_server.models.tasks import NewTask, Task, TaskList, TaskState

__all__ = [
    "ChangesMessage",
    "Credentials",
    "Gpu",
    "Image",
    "ImageHistory",
    "Metric",
    "NewTask",
    "Number",
    "PingMessage",
    "Primary",
    "Problem",
    "RemovedMessage",
    "Role",
    "RunDetail",
    "RunList",
    "RunMessage",
    "RunState",
    "RunSummary",
    "SeriesQuestion",
    "Session",
    "SnapshotMessage",
    "StreamMessage",
    "System",
    "Task",
    "TaskList",
    "TaskState",
    "TasksMessage",
]
