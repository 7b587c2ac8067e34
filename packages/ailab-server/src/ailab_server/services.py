"""The server's parts, put together: made once, started and stopped with it, handed to every route."""

import asyncio
import logging
import os
import socket
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pluggy

from ailab_server import __version__, models
from ailab_server.auth import Authenticator, Tokens
from ailab_server.auth.passwords import hash_password, is_hash, parse_hash
from ailab_server.clock import SkewWatch
from ailab_server.config import ConfigError, ServerConfig
from ailab_server.manage.audit import Audit, audit_folder
from ailab_server.manage.edits import Edits
from ailab_server.manage.machine import DiskWatch, MachineWatch
from ailab_server.manage.storage import StorageWatch
from ailab_server.manage.trash import Trash
from ailab_server.notify.notifier import Notifier
from ailab_server.notify.numbers import NewNumbers
from ailab_server.notify.watch import Notification, RunWatch
from ailab_server.scheduler.allocation import Allocation
from ailab_server.scheduler.executor import Executor
from ailab_server.scheduler.foreign import ForeignGpus
from ailab_server.scheduler.scheduler import OUTPUT_BYTES, Scheduler
from ailab_server.scheduler.task import Task
from ailab_server.stream.hub import Hub
from ailab_server.stream.pieces import joined
from ailab_server.strict import text
from ailab_server.workspace import Workspace
from ailab_server.workspace.cache import SummaryCache, default_folder

if TYPE_CHECKING:
    from ailab_server.query import RunIndex

__all__ = ["Services"]

_log = logging.getLogger(__name__)

_OUTPUT_IN_LIST = 2_000


class Services:
    """Everything that outlives a request.

    Args:
        config: the checked config.
        manager: the plugins; they supply the executor and hear of ended runs.

    Raises:
        ConfigError: no plugin offers the executor that the config names.
    """

    def __init__(self, config: ServerConfig, manager: pluggy.PluginManager) -> None:
        self.config = config
        self.manager = manager
        limits = config.limits
        self.tokens = Tokens(lifetime=limits.login_hours * 3600.0)
        # Hashing is slow on purpose and needs no GIL: what follows goes on meanwhile.
        self._threads = ThreadPoolExecutor(1, thread_name_prefix="ailab-users")
        self._authenticator = self._threads.submit(_authenticator, dict(config.users))
        self._threads.shutdown(wait=False)
        only = None if config.auto_detect_experiments else config.experiments
        root = Path(config.workspace)
        cache = SummaryCache(default_folder(config.state_dir), root)
        self.workspace = Workspace(
            root, only, self._runs_changed, self._system_changed, cache, poll_seconds=config.poll_seconds
        )
        self._index: RunIndex | None = None
        self._index_lock = threading.Lock()
        executor = manager.hook.ailab_executor(config=config)
        if executor is None:
            raise ConfigError(f"executor: no installed plugin offers {config.executor!r}; `ailab plugins` lists them")
        self.executor = cast(Executor, executor)
        self.audit = Audit(audit_folder(config.state_dir, config.workspace))
        self.edits = Edits(self.workspace)
        self.trash = Trash(self.workspace, only)
        self.storage = StorageWatch(self.workspace, default_folder(config.state_dir))
        # GPUs of another machine, which an executor may have, are none of this one's.
        local = config.gpus if config.executor == "local" else []
        self._foreign = ForeignGpus(local, self._held, self._foreign_changed)
        disks = [
            DiskWatch("workspace", root),
            DiskWatch("state", _disk_of(audit_folder(config.state_dir, config.workspace))),
        ]
        self.machine = MachineWatch(disks, local, self._held, lambda: self._foreign.now)
        self.scheduler = Scheduler(
            Allocation(config.gpus, os.cpu_count() or 1, config.tasks_per_gpu),
            self.executor,
            self._system_changed,
            {"AILAB_WORKSPACE": config.workspace},
            most_waiting=limits.waiting_tasks,
            foreign=lambda: self._foreign.now,
        )
        self.hub = Hub(self.snapshot, self.tasks_message, self.workspace.row, self.tokens, limits.streams)
        self._states: dict[str, str] = {}
        self._skew = SkewWatch()
        workspace = self.workspace
        self._watch = None
        if config.notify is not None:

            def numbers(id: str, skip: bool) -> NewNumbers:
                return NewNumbers(workspace.folder(id) / "streams", skip)

            self._watch = RunWatch(config.notify, workspace.summary, workspace.latest, numbers)

        self._notifier = Notifier(self._send_notifications)

    @property
    def authenticator(self) -> Authenticator:
        """Checks passwords."""
        return self._authenticator.result()

    @property
    def index(self) -> "RunIndex":
        """Chooses among all runs."""
        from ailab_server.query import FactsCache, RunIndex  # late: who only shows runs starts sooner

        with self._index_lock:
            if self._index is None:
                cache = FactsCache(default_folder(self.config.state_dir), self.workspace.root)
                self._index = RunIndex(self.workspace, cache)
            return self._index

    async def start(self) -> None:
        """Begin to read the workspace and to push."""
        self.hub.attach()
        if self._watch is not None:
            self._notifier.start()
        self.workspace.start()
        self._foreign.start()
        self.machine.start()
        self.storage.start()
        self.audit.note("server started", "", "", self.config.workspace)
        await asyncio.wrap_future(self._authenticator)
        # So that whoever asks right after the start finds the runs there; a workspace that takes longer fills
        # up meanwhile. Likewise which GPUs are free: until that is known, none is.
        await asyncio.to_thread(self.workspace.wait_until_read, 1.0)
        await asyncio.to_thread(self._foreign.wait_until_seen, 1.0)

    async def stop(self) -> None:
        """End the streams, then the tasks, then everything else."""
        self.hub.close()
        await asyncio.to_thread(self.scheduler.close)
        self.executor.close()
        await asyncio.to_thread(self._notifier.close)
        self.authenticator.close()
        self.storage.close()
        self.machine.close()
        await asyncio.to_thread(self._foreign.close)
        await asyncio.to_thread(self.workspace.close)
        self.audit.note("server stopped", "", "", self.config.workspace)

    def known(self, user: str) -> str:
        """``user`` if that is one, else words that stand for all others: a name that is none may be a password."""
        return user if user in self.config.users else "(no user)"

    def system(self, user: str) -> models.System:
        """The machine as ``user`` sees it."""
        holders = self.scheduler.holders()
        return models.System(
            name=text(socket.gethostname(), 200),
            version=__version__,
            workspace=text(self.config.workspace),
            workspace_available=self.workspace.available,
            user=text(user, 256),
            role=self.config.role_of(user),
            gpus=[self._gpu(id, holders.get(id, [])) for id in self.config.gpus],
        )

    def task(self, task: Task, output: int = OUTPUT_BYTES) -> models.Task:
        """A task as the API shows it, with so many bytes of its output."""
        return models.Task(
            id=task.id,
            name=text(task.request.name, 200),
            command=[text(argument, 40_000) for argument in task.request.command],
            folder=text(task.request.folder),
            gpus=task.request.gpus,
            state=task.state,
            gpu_ids=list(task.gpu_ids),
            user=text(task.user, 256),
            created=task.created,
            started=task.started,
            finished=task.finished,
            exit_code=task.exit_code,
            run=self.workspace.run_of_task(task.id),
            output=self.scheduler.output(task, output),
        )

    def task_list(self) -> list[models.Task]:
        """All tasks, newest first, each with a few lines of its output."""
        return [self.task(task, _OUTPUT_IN_LIST) for task in self.scheduler.tasks()]

    def tasks_message(self, user: str) -> models.TasksMessage:
        """What a stream says when a task or a GPU changed."""
        return models.TasksMessage(tasks=self.task_list(), system=self.system(user))

    def snapshot(self, user: str, only: frozenset[str] | None = None, since: int | None = None) -> list[bytes]:
        """What a stream begins with, in pieces: the rows of the runs are as long as all else.

        Args:
            only: of these runs; None: of all.
            since: what changed after this revision, a `ChangesMessage`; when that is not known any more, or None,
                everything, a `SnapshotMessage`.
        """
        # First, so that what changes while this is made is told, twice perhaps.
        revision = self.workspace.revision
        removed = None if since is None else self.workspace.removed(since)
        tasks, system = self.task_list(), self.system(user)
        message: models.SnapshotMessage | models.ChangesMessage
        if since is None or removed is None:
            rows = self.workspace.rows(only)
            message = models.SnapshotMessage(runs=[], tasks=tasks, system=system, revision=revision)
        else:
            rows = self.workspace.rows(only, since)
            told = [id for id in removed if only is None or id in only]
            message = models.ChangesMessage(runs=[], removed=told, tasks=tasks, system=system, revision=revision)
        before, after = message.model_dump_json().split('"runs":[]', 1)
        return [before.encode() + b'"runs":[', *joined(rows), b"]" + after.encode() + b"\n"]

    def _gpu(self, id: int, tasks: Sequence[Task]) -> models.Gpu:
        if not tasks:
            return models.Gpu(id=id, task=None, task_name=None, run=None, others=0, foreign=id in self._foreign.now)
        first = tasks[0]
        run = self.workspace.run_of_task(first.id)
        name = text(first.request.name, 200)
        foreign = id in self._foreign.now
        return models.Gpu(id=id, task=first.id, task_name=name, run=run, others=len(tasks) - 1, foreign=foreign)

    def _held(self) -> dict[int, list[str]]:
        return {gpu: [task.id for task in tasks] for gpu, tasks in self.scheduler.holders().items()}

    def _foreign_changed(self) -> None:
        self.scheduler.look_again()

    def _system_changed(self) -> None:
        self.hub.publish_tasks()

    def _runs_changed(self, ids: list[str]) -> None:
        self.hub.publish_runs(ids, self.workspace.revision)
        linked = False
        for id in ids:
            run = self.workspace.glance(id)
            before = self._states.get(id)
            if run is None:
                self._states.pop(id, None)
                if self._watch is not None:
                    self._watch.forget(id)
                continue
            self._states[id] = run.state
            if run.state == "running" != before and (summary := self.workspace.summary(id)) is not None:
                self._skew.look(summary, time.time())
            if self._watch is not None:
                # What was so when the server started is no news.
                for notification in self._watch.look(id, run.state, quiet=not self.workspace.wait_until_read(0)):
                    self._notifier.put(notification)
            linked = linked or (before is None and run.task is not None)
            if before not in (None, run.state):
                self._notify(id)
        if linked:  # a task has got its run
            self.hub.publish_tasks()

    def _send_notifications(self, notifications: Sequence[Notification]) -> None:
        self.manager.hook.ailab_notify(config=self.config.notify, notifications=notifications)

    def _notify(self, id: str) -> None:
        run = self.workspace.summary(id)
        if run is None:  # gone again
            return
        try:
            self.manager.hook.ailab_run_state_changed(run=run)
        except Exception:  # noqa: BLE001 - a plugin may raise anything
            _log.exception("a plugin failed to take the news of run %s", run.id)


def _authenticator(users: dict[str, str]) -> Authenticator:
    return Authenticator(
        {
            name: parse_hash(password) if is_hash(password) else hash_password(password)
            for name, password in users.items()
        }
    )


def _disk_of(folder: Path) -> Path:
    """``folder``, or the nearest above it that is there."""
    return next(path for path in (folder, *folder.parents) if path.is_dir())
