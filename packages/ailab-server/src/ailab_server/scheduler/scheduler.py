"""The queue.

Takes requests, starts them when their turn and their GPUs have come, remembers how they ended.
"""

import logging
import secrets
import threading
import time
from collections.abc import Callable, Container, Mapping
from dataclasses import replace
from functools import partial

from ailab_server.scheduler.allocation import Allocation
from ailab_server.scheduler.executor import Executor, Handle, Job, Outcome, StartError
from ailab_server.scheduler.processes import TASK_VARIABLE
from ailab_server.scheduler.request import Request
from ailab_server.scheduler.task import Task

__all__ = ["GRACE", "OUTPUT_BYTES", "QueueFull", "Scheduler"]

_log = logging.getLogger(__name__)

GRACE = 5.0
"""Seconds between SIGTERM and SIGKILL."""

OUTPUT_BYTES = 16_384
"""How much of an ended task's output is kept in memory."""


class QueueFull(Exception):
    """As many tasks wait as the server is willing to remember."""


class Scheduler:
    """All tasks of this server. Safe to use from several threads.

    Args:
        allocation: which ids there are, and whose turn it is.
        executor: what runs the tasks.
        changed: called, from any thread, after any task or GPU changed.
        variables: environment variables that every task gets.
        most_waiting: tasks that may wait at a time.
        foreign: the GPUs that others use at the moment; no task is started on them.
    """

    MOST_REMEMBERED = 200

    def __init__(
        self,
        allocation: Allocation,
        executor: Executor,
        changed: Callable[[], None],
        variables: Mapping[str, str] | None = None,
        grace: float = GRACE,
        most_waiting: int = 1_000,
        foreign: Callable[[], Container[int]] = tuple,
    ) -> None:
        self._allocation = allocation
        self._executor = executor
        self._changed = changed
        self._variables = dict(variables or {})
        self._grace = grace
        self._most_waiting = most_waiting
        self._foreign = foreign
        self._tasks: dict[str, Task] = {}
        self._handles: dict[str, Handle] = {}
        self._stopping: set[str] = set()
        self._closing = False
        self._lock = threading.Lock()
        self._nothing_runs = threading.Condition(self._lock)

    def submit(self, request: Request, user: str) -> Task:
        """Queue ``request`` for ``user``; it may already run when this returns.

        Raises:
            QueueFull: too many wait.
            ValueError: it wants more GPUs than there are.
        """
        with self._lock:
            if self._closing or self._allocation.waiting >= self._most_waiting:
                raise QueueFull("the queue is full or the server is stopping: try again later")
            task = Task(secrets.token_hex(10), request, user, time.time())
            self._allocation.enqueue(task.id, request.gpus)
            self._tasks[task.id] = task
            self._start_waiting()
            task = self._tasks[task.id]
        self._changed()
        return task

    def stop(self, id: str) -> Task:
        """Take a waiting task out, or ask a running one to end; nothing happens to one that is over.

        KeyError if unknown.
        """
        with self._lock:
            task = self._tasks[id]
            if task.over:
                return task
            if self._allocation.withdraw(id):
                task = self._tasks[id] = replace(task, state="killed", finished=time.time())
                self._start_waiting()  # it may have been the one that all others waited behind
            else:
                self._stopping.add(id)
                self._handles[id].stop(self._grace)
        self._changed()
        return task

    def get(self, id: str) -> Task:
        """One task; KeyError if unknown."""
        with self._lock:
            return self._tasks[id]

    def tasks(self) -> list[Task]:
        """All tasks, newest first."""
        with self._lock:
            return list(reversed(self._tasks.values()))

    def holders(self) -> dict[int, list[Task]]:
        """GPU id → the tasks that have it, the longest first."""
        with self._lock:
            return {gpu: [self._tasks[task] for task in tasks] for gpu, tasks in self._allocation.holders.items()}

    def output(self, task: Task, limit: int) -> str:
        """The last ``limit`` bytes that ``task`` wrote, or why it never ran."""
        with self._lock:
            handle = self._handles.get(task.id)
        return handle.output(limit) if handle is not None else task.output[-limit:]

    def close(self) -> None:
        """Start nothing more, end everything that runs, and return when it is gone (or cannot be ended)."""
        with self._lock:
            self._closing = True
            for task in self._tasks.values():
                if self._allocation.withdraw(task.id):
                    self._tasks[task.id] = replace(task, state="killed", finished=time.time())
            for id, handle in self._handles.items():
                self._stopping.add(id)
                handle.stop(self._grace)
            if not self._nothing_runs.wait_for(lambda: not self._handles, self._grace + 3.0):
                _log.error("these tasks could not be ended: %s", ", ".join(self._handles))

    def look_again(self) -> None:
        """Start what waits and can: a GPU that others used may be free."""
        with self._lock:
            self._start_waiting()
        self._changed()

    def hurry(self) -> None:
        """While it closes: end what still runs by force, now."""
        with self._lock:
            for handle in self._handles.values():
                handle.stop(0.0)

    def _start_waiting(self) -> None:
        while not self._closing and (turn := self._allocation.take(self._foreign())) is not None:
            id, gpu_ids = turn
            task = self._tasks[id] = replace(self._tasks[id], state="running", gpu_ids=gpu_ids, started=time.time())
            job = Job(id, task.request.command, task.request.folder, gpu_ids, {**self._variables, TASK_VARIABLE: id})
            try:
                self._handles[id] = self._executor.start(job, partial(self._on_end, id))
            except StartError as error:
                self._end(id, Outcome(None, str(error)))
            except Exception:  # noqa: BLE001 - a plugin's executor may raise anything
                _log.exception("the executor failed to start task %s", id)
                self._end(id, Outcome(None, "the server could not start it; its log has the details"))

    def _on_end(self, id: str, outcome: Outcome) -> None:
        with self._lock:
            self._end(id, outcome)
            self._start_waiting()
            self._nothing_runs.notify_all()
        self._changed()

    def _end(self, id: str, outcome: Outcome) -> None:
        handle = self._handles.pop(id, None)
        if handle is not None:
            output = handle.output(OUTPUT_BYTES)
        else:
            output = f"ailab-server: {outcome.error}\n" if outcome.error else ""
        stopped = id in self._stopping
        self._stopping.discard(id)
        self._tasks[id] = replace(
            self._tasks[id],
            state="killed" if stopped else "finished" if outcome.exit_code == 0 else "failed",
            finished=time.time(),
            exit_code=outcome.exit_code,
            error=outcome.error,
            output=output,
        )
        self._allocation.release(id)
        over = [task.id for task in self._tasks.values() if task.over]
        for old in over[: max(0, len(over) - self.MOST_REMEMBERED)]:
            del self._tasks[old]
            self._executor.forget(old)
