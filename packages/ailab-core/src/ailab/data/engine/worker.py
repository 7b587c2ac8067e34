"""What runs in a worker process: groups of batches by their indices, written into shared memory."""

from __future__ import annotations

import gc
import os
import pickle
import signal
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.reduction import send_handle
from typing import Any, TypeAlias

import numpy as np

from ailab.data.batches.allocation import allocating
from ailab.data.batches.read import Indices
from ailab.data.engine.arena import Arena
from ailab.data.engine.faults import portable
from ailab.data.engine.heap import keep_freed_memory
from ailab.data.engine.memory import Memory, NoSharedMemory
from ailab.data.engine.orphans import end_with
from ailab.data.engine.threads import load_with_threads
from ailab.data.engine.wire import split

__all__ = ["Done", "Failed", "Initialize", "Key", "Load", "Plain", "Settings", "Task", "Work", "packed_key", "run"]

Load: TypeAlias = Callable[[Indices, int], Any]
Initialize: TypeAlias = Callable[[int, int, Load], object]  # the worker's number, and of how many
Work: TypeAlias = tuple[Load, Initialize | None]
Key: TypeAlias = tuple[int, Indices]  # the epoch and the sample indices of a batch
Task: TypeAlias = tuple[int, int, Sequence[tuple[int, Any]]]  # number, slot, `packed_key` of each batch
# Number, slot, size of new memory if any, schema or None: as before, seconds.
Done: TypeAlias = tuple[int, int, int | None, Any, float]


@dataclass
class Plain:
    """Batches in two parts, see `split`, pickled, for which there was no shared memory, and why."""

    number: int
    batches: bytes
    reason: str


@dataclass
class Failed:
    """An exception: stands for the batch whose making raised it; by itself, for the whole task ``number``.

    None: the worker could not begin.
    """

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


def run(
    connection: Connection,
    work: Work | bytes,
    settings: Settings,
    others: Sequence[Connection],
    memories: Mapping[int, Memory],
) -> None:
    """The worker's whole life: until the other end of ``connection`` is closed.

    Args:
        connection: tasks come in and results go out.
        work: what makes a batch, and what to call before that, if anything; pickled unless this process was forked.
        settings: what else is to be known.
        others: connections of the parent's that a fork has copied.
        memories: of the slots that a worker before has left.
    """
    for other in others:
        other.close()
    # Ctrl-C goes to the whole group of processes; the parent decides what comes of it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    end_with(settings.parent)
    keep_freed_memory()
    # What the fork has copied is the parent's to collect. A collection here would write to each of its objects, and
    # thus copy the pages of all of them: with torch imported a pause of 0.1 s, in every worker of every epoch.
    gc.freeze()
    try:
        _Worker(connection, _unpacked(work), settings, memories).serve()
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


def packed_key(key: Key) -> tuple[int, Any]:
    """``key`` as it travels: an array's bytes take a tenth of the time to pickle that the array does."""
    epoch, indices = key
    return epoch, indices.tobytes() if isinstance(indices, np.ndarray) and indices.dtype == np.int64 else indices


def _unpacked_indices(indices: Any) -> Any:
    return np.frombuffer(indices, np.int64) if type(indices) is bytes else indices


class _Worker:
    def __init__(self, connection: Connection, work: Work, settings: Settings, memories: Mapping[int, Memory]) -> None:
        self._connection = connection
        self._settings = settings
        self._arenas = {slot: Arena(memory) for slot, memory in memories.items()}
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
        number, slot, keys = task
        try:
            self._make(number, slot, keys)
        except Exception as error:  # noqa: BLE001 - raised again in the parent
            failed = self._failed(number, error)
            with self._sending:
                self._connection.send(failed)

    def _failed(self, number: int, error: Exception) -> Failed:
        return Failed(number, portable(error, f"worker process {self._settings.number}"))

    def _make(self, number: int, slot: int, keys: Sequence[tuple[int, Any]]) -> None:
        arena = self._arenas.setdefault(slot, Arena())
        begin = time.perf_counter()
        arena.begin()
        try:
            batches: list[Any] = []
            with allocating(arena.take):
                for epoch, indices in keys:
                    try:
                        batches.append(self._load(_unpacked_indices(indices), epoch))
                    except Exception as error:  # noqa: BLE001 - raised again in the parent, after those before it
                        batches.append(self._failed(number, error))
                        break
            structure, arrays = split(batches)
            try:
                fields, fresh = arena.place(arrays)
            except NoSharedMemory as error:
                plain = Plain(number, pickle.dumps((structure, arrays), pickle.HIGHEST_PROTOCOL), str(error))
                with self._sending:
                    self._connection.send(plain)
                return
            schema = structure, fields
            with self._sending:
                known = schema == self._schema
                self._schema = schema
                seconds = time.perf_counter() - begin
                done: Done = (number, slot, fresh and fresh[1], None if known else schema, seconds)
                self._connection.send_bytes(pickle.dumps(done, pickle.HIGHEST_PROTOCOL))
                if fresh is not None:
                    send_handle(self._connection, fresh[0], self._settings.parent)
                    os.close(fresh[0])
        finally:
            arena.end()
