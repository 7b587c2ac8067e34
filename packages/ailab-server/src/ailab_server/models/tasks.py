"""The queue."""

from typing import Annotated, Literal

from pydantic import Field, StrictInt

from ailab_server.models.base import Answer, Question

__all__ = ["NewTask", "Task", "TaskList", "TaskState"]

TaskState = Literal["queued", "running", "finished", "failed", "killed"]


class NewTask(Question):
    """A command to queue. It is an argument list, never a line for a shell."""

    command: list[Annotated[str, Field(max_length=32_768)]] = Field(min_length=1, max_length=1_000)
    folder: str = Field(max_length=4_096)
    gpus: Annotated[StrictInt, Field(ge=0, le=1_024)] = 0
    name: str | None = Field(default=None, max_length=200)


class Task(Answer):
    """A queued command and what became of it."""

    id: str
    name: str
    command: list[str]
    folder: str
    gpus: int
    state: TaskState
    gpu_ids: list[int]
    user: str
    created: float
    started: float | None
    finished: float | None
    exit_code: int | None
    run: str | None
    output: str


class TaskList(Answer):
    """All tasks, newest first."""

    tasks: list[Task]
