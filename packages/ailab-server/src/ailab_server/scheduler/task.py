"""A task as the scheduler knows it."""

from dataclasses import dataclass
from typing import Literal

from ailab_server.scheduler.request import Request

__all__ = ["Task", "TaskState"]

TaskState = Literal["queued", "running", "finished", "failed", "killed"]


@dataclass(frozen=True)
class Task:
    """A queued command and what became of it; replaced, never changed. Times are seconds since the epoch.

    ``gpu_ids`` are those it has, or had; ``error`` says why it never ran; ``output`` is the end of what it
    wrote, once it is over.
    """

    id: str
    request: Request
    user: str
    created: float
    state: TaskState = "queued"
    gpu_ids: tuple[int, ...] = ()
    started: float | None = None
    finished: float | None = None
    exit_code: int | None = None
    error: str | None = None
    output: str = ""

    @property
    def over(self) -> bool:
        """Whether it has come to an end."""
        return self.state not in ("queued", "running")
