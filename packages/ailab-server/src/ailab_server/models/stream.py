"""The lines of a live stream."""

from typing import Annotated, Literal

from pydantic import Field

from ailab_server.models.base import Answer
from ailab_server.models.runs import RunSummary
from ailab_server.models.system import System
from ailab_server.models.tasks import Task

__all__ = [
    "ChangesMessage",
    "PingMessage",
    "RemovedMessage",
    "RunMessage",
    "SnapshotMessage",
    "StreamMessage",
    "TasksMessage",
]


class SnapshotMessage(Answer):
    """The first line of a stream: replaces everything that a browser knew of this server."""

    type: Literal["snapshot"] = "snapshot"
    runs: list[RunSummary]
    tasks: list[Task]
    system: System
    revision: int = 0


class ChangesMessage(Answer):
    """The first line of a stream that goes on where another ended: what changed, appeared and went since then."""

    type: Literal["changes"] = "changes"
    runs: list[RunSummary]
    removed: list[str]
    tasks: list[Task]
    system: System
    revision: int


class RunMessage(Answer):
    """A run appeared or changed."""

    type: Literal["run"] = "run"
    run: RunSummary


class RemovedMessage(Answer):
    """A run is gone."""

    type: Literal["removed"] = "removed"
    id: str


class TasksMessage(Answer):
    """A task, a GPU or the workspace's availability changed."""

    type: Literal["tasks"] = "tasks"
    tasks: list[Task]
    system: System


class PingMessage(Answer):
    """The connection lives, and everything up to ``revision`` has been told: a new stream may go on from there."""

    type: Literal["ping"] = "ping"
    revision: int = 0


StreamMessage = Annotated[
    SnapshotMessage | ChangesMessage | RunMessage | RemovedMessage | TasksMessage | PingMessage,
    Field(discriminator="type"),
]
