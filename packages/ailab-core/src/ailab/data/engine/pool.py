"""Worker processes: they get tasks, and what they return is taken in as it comes."""

from __future__ import annotations

import os
import pickle
import select
import time
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from multiprocessing.connection import Connection
from multiprocessing.reduction import recv_handle
from typing import Any

from ailab.data.engine import start
from ailab.data.engine.faults import WorkerDied, describe_exit, out_of_memory_kills
from ailab.data.engine.grouping import Grouping
from ailab.data.engine.memory import Memory
from ailab.data.engine.results import FailedResult, PlainResult, Result, SlotResult
from ailab.data.engine.ring import Ring
from ailab.data.engine.shelf import Shelf
from ailab.data.engine.worker import Failed, Initialize, Key, Load, Plain, Settings, packed_key

__all__ = ["Pool"]

_LARGE = 4096  # indices: a task of more may not fit into a pipe that nobody reads from at the moment
_SHOWN = 8  # indices
_LEASES = 2  # a loop's variable still holds the batch before while the next one is asked for
_PATIENCE = 0.5  # seconds that a worker has to finish what it is doing


class _Member:
    """A worker and what the parent knows of it."""

    def __init__(self, number: int, process: Any, connection: Connection, ring: Ring) -> None:
        self.number = number
        self.process = process
        self.pid: int = process.pid
        self.connection = connection
        self.ring = ring
        self.tasks: dict[int, tuple[int, Sequence[Key]]] = {}  # number -> slot and batches of those under way


class Pool:
    """``workers`` processes that call ``load(indices, epoch)``.

    Args:
        load: makes a batch; a method of an object with a ``dataset`` gives better messages.
        workers: at least 1.
        context: how processes start: "fork", "forkserver", "spawn", a context of multiprocessing, or None for
            Python's default.
        threads: in each process, to read samples.
        prefetch: tasks that a worker gets in advance, including the one it works on.
        initialize: called in each worker before anything else, with its number, that of all workers, and ``load``.
        concurrent: batches that one worker makes at the same time, where it has threads.
        most: batches of a task, where these are small and quickly made; see `Grouping`.
        shelf: the slots of a pool before, to be used again by forked processes: their memory is there already,
            which takes long to get for large batches. This pool puts its own there when it is closed.

    Raises:
        TypeError: ``load`` cannot be pickled, and ``context`` needs that.
    """

    def __init__(
        self,
        load: Load,
        workers: int,
        *,
        context: Any = None,
        threads: int = 1,
        prefetch: int = 2,
        initialize: Initialize | None = None,
        concurrent: int = 1,
        most: int = 1,
        shelf: Shelf | None = None,
    ) -> None:
        self._owner = os.getpid()
        self._prefetch = max(prefetch, concurrent + 1 if concurrent > 1 else 1)
        self._concurrent = concurrent
        self._grouping = Grouping(most if concurrent == 1 else 1)
        self._numbers = 0
        self._wanted: set[int] = set()
        self._kills = out_of_memory_kills()
        self._poll = select.poll()
        self._members: list[_Member] = []
        self._by_descriptor: dict[int, _Member] = {}
        self._closed = False
        forked = start.context_of(context).get_start_method() == "fork"
        self._shelf = shelf if forked else None
        rings = [] if self._shelf is None else self._shelf.take(workers)
        rings += [Ring(_LEASES) for _ in range(workers - len(rings))]
        settings = partial(Settings, workers=workers, parent=self._owner, threads=threads, concurrent=concurrent)
        try:
            for process, connection in start.processes(
                (load, initialize), [settings(number) for number in range(workers)], context, rings
            ):
                number = len(self._members)
                member = _Member(number, process, connection, rings[number])
                self._members.append(member)
                for descriptor in (connection.fileno(), process.sentinel):
                    self._poll.register(descriptor, select.POLLIN)
                    self._by_descriptor[descriptor] = member
        except BaseException:
            self.close()
            raise

    @property
    def capacity(self) -> int:
        """How many tasks the workers take at a time."""
        return self._prefetch * len(self._members)

    @property
    def group(self) -> int:
        """How many batches the next task should be of."""
        return self._grouping.size

    @property
    def size(self) -> int:
        """The bytes of shared memory in use."""
        return sum(member.ring.size for member in self._members)

    @property
    def pids(self) -> list[int]:
        """The processes' ids."""
        return [member.pid for member in self._members]

    def submit(self, keys: Sequence[Key]) -> int | None:
        """Have these batches made by the worker with the fewest tasks; None if no worker takes more for now.

        Returns:
            The task's number.
        """
        member = min(self._members, key=lambda member: len(member.tasks))
        pending = len(member.tasks)
        # A worker that reads its pipe only between tasks must never be sent more than the pipe holds.
        if pending >= self._prefetch:
            return None
        if pending and self._concurrent == 1 and sum(len(indices) for _, indices in keys) > _LARGE:
            return None
        number, slot = self._numbers, member.ring.take()
        self._numbers += 1
        member.tasks[number] = slot, keys
        self._wanted.add(number)
        # A worker that has ended may have left a word why: `receive` finds it.
        with suppress(BrokenPipeError, ConnectionResetError):
            # As Connection.send, whose own kind of pickler costs more than all the rest of it.
            task = number, slot, list(map(packed_key, keys))
            member.connection.send_bytes(pickle.dumps(task, pickle.HIGHEST_PROTOCOL))
        return number

    def receive(self, timeout: float | None = None) -> list[tuple[int, Result]]:
        """Wait for results: some tasks' numbers and what became of them; none if ``timeout`` seconds are over.

        Raises:
            WorkerDied: a worker process has ended.
            Exception: a worker could not begin.
        """
        results = []
        ready = {descriptor for descriptor, _ in self._poll.poll(None if timeout is None else max(timeout, 0) * 1000)}
        for descriptor in ready:
            member = self._by_descriptor[descriptor]
            if descriptor == member.connection.fileno():
                try:
                    result = self._read(member)
                except (EOFError, ConnectionResetError):
                    self._fail(member)
                if result is not None:
                    results.append(result)
            elif member.connection.fileno() not in ready:  # else its last words come first
                self._fail(member)
        return results

    def forget(self) -> None:
        """None of the tasks so far is wanted any more."""
        self._wanted.clear()

    def close(self, wait: bool = True) -> None:
        """End the processes. Batches that were delivered stay as they are.

        ``wait``: until they have ended; False: those that have nothing to do end by themselves.
        """
        if self._closed or os.getpid() != self._owner:  # a fork's copy of this object has no say
            return
        self._closed = True
        busy = any(member.tasks for member in self._members)
        for member in self._members:
            member.connection.close()
        if self._shelf is not None and not busy and not wait:
            # They write nothing more, and to end takes them some 10 ms.
            for member in self._members:
                member.ring.abandon()
            self._shelf.put([member.ring for member in self._members], [member.process for member in self._members])
            return
        deadline = time.monotonic() + (_PATIENCE if busy else 4 * _PATIENCE)
        for end in (lambda process: None, lambda process: process.terminate(), lambda process: process.kill()):
            for member in self._members:
                if member.process.is_alive():
                    end(member.process)
            for member in self._members:
                member.process.join(max(deadline - time.monotonic(), 0))
            deadline = time.monotonic() + _PATIENCE
        left = []
        for member in self._members:
            if not member.process.is_alive():
                member.process.close()  # gives its descriptor back
                member.ring.abandon()
                left.append(member.ring)
        if self._shelf is not None:
            self._shelf.put(left)

    @property
    def closed(self) -> bool:
        """Whether its processes have ended, by `close` or an error."""
        return self._closed

    def __del__(self) -> None:
        if not getattr(self, "_closed", True):
            self.close()

    def _read(self, member: _Member) -> tuple[int, Result] | None:
        message = member.connection.recv()
        number: int | None = message.number if isinstance(message, Failed | Plain) else message[0]
        if number is None:
            self.close()
            raise message.error
        slot, keys = member.tasks.pop(number)
        result: Result
        if isinstance(message, Failed | Plain):
            member.ring.forget(slot)
            result = FailedResult(message) if isinstance(message, Failed) else PlainResult(message)
        else:
            _, _, fresh, schema, seconds = message
            memory = None if fresh is None else self._mapped(member, fresh)
            result = SlotResult(member.ring, slot, member.ring.told(slot, memory, schema))
            self._grouping.learn(len(keys), seconds, result.size, sum(len(indices) for _, indices in keys))
        if number not in self._wanted:
            result.discard()
            return None
        self._wanted.remove(number)
        return number, result

    def _mapped(self, member: _Member, size: int) -> Memory:
        descriptor = recv_handle(member.connection)
        try:
            return Memory(descriptor, size)
        finally:
            os.close(descriptor)

    def _fail(self, member: _Member) -> None:
        member.process.join(_PATIENCE)
        _, keys = next(iter(member.tasks.values()), (0, ()))
        doing = f"while reading samples {_shown(keys)}" if keys else "while it waited for work"
        code = member.process.exitcode
        self.close()
        raise WorkerDied(describe_exit(member.number, member.pid, code, doing, self._kills))


def _shown(keys: Sequence[Key]) -> str:
    indices = [int(index) for _, indices in keys for index in indices]
    if len(indices) <= _SHOWN:
        return str(indices)
    return f"[{', '.join(map(str, indices[: _SHOWN - 1]))}, … {len(indices)} in all]"
