"""What the scheduler needs of whatever runs its tasks.

This machine's own processes, later a cluster's engine.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

__all__ = ["Executor", "Handle", "Job", "Outcome", "StartError"]


@dataclass(frozen=True)
class Job:
    """A command that may start now.

    ``variables`` are to be added to the command's environment; ``gpu_ids`` are the ids it may use and no
    others.
    """

    task: str
    command: tuple[str, ...]
    folder: str
    gpu_ids: tuple[int, ...]
    variables: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """How a job ended: its exit code (negative: the signal that ended it), or why there is none."""

    exit_code: int | None
    error: str | None = None


class StartError(Exception):
    """The command cannot be started; the message says why, for the task's owner."""


class Handle(Protocol):
    """One started job."""

    def stop(self, grace: float) -> None:
        """Ask the whole job to end, and end it by force after ``grace`` seconds. Returns at once.

        May be called again.
        """

    def output(self, limit: int) -> str:
        """The last ``limit`` bytes of what it wrote to stdout and stderr."""


class Executor(Protocol):
    """Runs jobs."""

    def start(self, job: Job, ended: Callable[[Outcome], None]) -> Handle:
        """Start ``job``.

        Call ``ended`` once, from another thread, when *nothing* of it is left and its GPUs are free.

        Raises:
            StartError: it cannot start. ``ended`` is then not called.
        """

    def forget(self, task: str) -> None:
        """The scheduler no longer remembers an ended task: its output may go."""

    def close(self) -> None:
        """The server stops; nothing runs any more."""
