"""The queue of a server."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from ailab.client.connection import Connection, quoted
from ailab.client.types import Task

__all__ = ["TaskCalls"]


class TaskCalls(Connection):
    """What a `Client` can do with tasks."""

    def tasks(self) -> list[Task]:
        """The queue: waiting, running and ended tasks, newest first."""
        return cast(list[Task], self._call("GET", "/tasks")["tasks"])

    def task(self, id: str) -> Task:
        """One task, with more of its output than the list has."""
        return cast(Task, self._call("GET", f"/tasks/{quoted(id)}"))

    def add_task(self, command: Sequence[str], folder: str, gpus: int = 1, name: str | None = None) -> Task:
        """Queue ``command`` (an argument list) to run in ``folder`` on the server's machine with ``gpus`` GPUs."""
        task = {"command": list(command), "folder": folder, "gpus": gpus} | ({"name": name} if name is not None else {})
        return cast(Task, self._call("POST", "/tasks", task))

    def stop_task(self, id: str) -> Task:
        """Take a queued task out of the queue, or end a running one with all its processes."""
        return cast(Task, self._call("POST", f"/tasks/{quoted(id)}/stop"))
