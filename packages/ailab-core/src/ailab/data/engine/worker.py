"""What runs in a worker process: batches by their indices, written into shared memory."""

from __future__ import annotations

import os
import pickle
import signal
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.reduction import send_handle
from typing import Any, TypeAlias

from ailab.data.batches.allocation import allocating
from ailab.data.engine.arena import Arena
from ailab.data.engine.faults import portable
from ailab.data.engine.memory import NoSharedMemory
from ailab.data.engine.orphans import end_with
from ailab.data.engine.threads import load_with_threads
from ailab.data.engine.wire import split

__all__ = ["Done", "Failed", "Initialize", "Load", "Plain", "Settings", "Task", "Work", "run"]

Load: TypeAlias = Callable[[Sequence[int], int], Any]
Initialize: TypeAlias = Callable[[int, int, Load], object]  # the worker's number, and of how many
Work: TypeAlias = tuple[Load, Initialize | None]
Task: TypeAlias = tuple[int, int, int, Sequence[int]]  # number, slot, epoch, sample indices
Done: TypeAlias = tuple[int, int, int | None, Any]  # number, slot, size of new memory, schema or None: as before


@dataclass
class Plain:
    """A batch for which there was no shared memory, and why."""

    number: int
    batch: bytes
    reason: str


@dataclass
class Failed:
    """The exception that making batch ``number`` raised; None: the worker could not begin."""

    number: int | None
    error: BaseException


@dataclass(frozen=True)
class Settings:
    """What a worker must know besides how to load."""

    number: int
    workers: int
    parent: int
    threads: int = 1
    concurrent: int = 1  # batches made at the same time


def run(connection: Connection, work: Work | bytes, settings: Settings, others: Sequence[Connection]) -> None:
    """The worker's whole life: until the other end of ``connection`` is closed.

    Args:
        connection: tasks come in and results go out.
        work: what makes a batch, and what to call before that, if anything; pickled unless this process was forked.
        settings: what else is to be known.
        others: connections of the parent's that a fork has copied.
    """
    for other in others:
        other.close()
    # Ctrl-C goes to the whole group of processes; the parent decides what comes of it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    end_with(settings.parent)
    try:
        _Worker(connection, _unpacked(work), settings).serve()
    except (BrokenPipeError, ConnectionResetError):
        pass  # the parent wants no more
    except Exception as error:  # noqa: BLE001 - raised again in the parent
        with suppress(BrokenPipeError, ConnectionResetError):
            connection.send(Failed(None, portable(error, f"worker process {settings.number}")))
    # Threads that still read samples would hold up the end.
    os._exit(0)


def _unpacked(work: Work | bytes) -> Work:
    if not isinstance(work, bytes):
        return work
    made: Work = pickle.loads(work)  # noqa: S301 - from our own parent
    return made


class _Worker:
    def __init__(self, connection: Connection, work: Work, settings: Settings) -> None:
        self._connection = connection
        self._settings = settings
        self._arenas: dict[int, Arena] = {}
        self._schema: Any = None  # the one told last
        self._sending = threading.Lock()
        load, initialize = work
        if initialize is not None:
            initialize(settings.number, settings.workers, load)
        self._load = load if settings.threads == 1 else load_with_threads(load, settings.threads)

    def serve(self) -> None:
        """Do tasks until the parent closes its end."""
        if self._settings.concurrent == 1:
            while (task := self._receive()) is not None:
                self._do(task)
            return
        pool = ThreadPoolExecutor(self._settings.concurrent, thread_name_prefix="ailab-batches")
        while (task := self._receive()) is not None:
            pool.submit(self._do, task)

    def _receive(self) -> Task | None:
        try:
            task: Task = self._connection.recv()
        except EOFError:  # caught here: the dataset may raise one of its own
            return None
        return task

    def _do(self, task: Task) -> None:
        number, slot, epoch, indices = task
        try:
            self._make(number, slot, epoch, indices)
        except Exception as error:  # noqa: BLE001 - raised again in the parent
            failed = Failed(number, portable(error, f"worker process {self._settings.number}"))
            with self._sending:
                self._connection.send(failed)

    def _make(self, number: int, slot: int, epoch: int, indices: Sequence[int]) -> None:
        arena = self._arenas.setdefault(slot, Arena())
        arena.begin()
        try:
            with allocating(arena.take):
                batch = self._load(indices, epoch)
            structure, arrays = split(batch)
            try:
                fields, fresh = arena.place(arrays)
            except NoSharedMemory as error:
                plain = Plain(number, pickle.dumps(batch, pickle.HIGHEST_PROTOCOL), str(error))
                with self._sending:
                    self._connection.send(plain)
                return
            schema = structure, fields
            with self._sending:
                known = schema == self._schema
                self._schema = schema
                done: Done = (number, slot, fresh and fresh[1], None if known else schema)
                self._connection.send_bytes(pickle.dumps(done, pickle.HIGHEST_PROTOCOL))
                if fresh is not None:
                    send_handle(self._connection, fresh[0], self._settings.parent)
                    os.close(fresh[0])
        finally:
            arena.end()
