"""Tasks: queueing a command, watching it, stopping it.

Whoever may call these runs programs as the server's user.
"""

import logging
from typing import Annotated

from fastapi import APIRouter, Path

from ailab_server.errors import ProblemError
from ailab_server.models import NewTask, Task, TaskList
from ailab_server.routes.context import Caller, Noted, Parts, may
from ailab_server.scheduler.request import BadRequest, check_request
from ailab_server.scheduler.scheduler import QueueFull

router = APIRouter(tags=["tasks"])
_log = logging.getLogger(__name__)

TaskId = Annotated[str, Path(max_length=300, description="a task's id, from an earlier answer")]


@router.get("/tasks")
def list_tasks(parts: Parts) -> TaskList:
    """All tasks that the server remembers, newest first."""
    return TaskList(tasks=parts.task_list())


@router.post("/tasks", status_code=201)
def add_task(new: NewTask, caller: Caller, parts: Parts, noted: Noted) -> Task:
    """Queue a command.

    It starts, in its own process group, as soon as enough GPUs are free and all before it have started.
    """
    try:
        request = check_request(new.command, new.folder, new.gpus, new.name, len(parts.config.gpus))
        task = parts.scheduler.submit(request, caller.user)
    except BadRequest as error:
        raise ProblemError(422, str(error)) from None
    except QueueFull as error:
        raise ProblemError(429, str(error), {"Retry-After": "60"}) from None
    # Not its arguments, which may hold a key or a password.
    noted.detail = f"task {task.id}, {request.gpus} GPUs: {request.command[0]} in {request.folder}"
    _log.info("task %s queued by %s: %s", task.id, caller.user, list(request.command))
    return parts.task(task)


@router.get("/tasks/{task}")
def get_task(task: TaskId, parts: Parts) -> Task:
    """One task, with more of its output than the list shows."""
    try:
        return parts.task(parts.scheduler.get(task))
    except KeyError:
        raise _no_task() from None


@router.post("/tasks/{task}/stop")
def stop_task(task: TaskId, caller: Caller, parts: Parts, noted: Noted) -> Task:
    """A queued task never starts.

    A running one gets SIGTERM, all its processes, and SIGKILL five seconds later. Another user's task takes an
    admin to stop.
    """
    try:
        if parts.scheduler.get(task).user != caller.user and not may(caller, "admin", parts):
            raise ProblemError(403, "this task is another user's: they or an admin may stop it")
        stopped = parts.scheduler.stop(task)
        noted.detail = f"of {stopped.user}"
    except KeyError:
        raise _no_task() from None
    _log.info("task %s stopped by %s", stopped.id, caller.user)
    return parts.task(stopped)


def _no_task() -> ProblemError:
    return ProblemError(404, "there is no such task; the server forgets old ones, and all when it is restarted")
