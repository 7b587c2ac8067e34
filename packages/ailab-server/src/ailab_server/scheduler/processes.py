"""Finding and ending all processes of a task, those that left its process group among them."""

import contextlib
import os
import signal
from collections.abc import Iterable
from pathlib import Path

__all__ = ["TASK_VARIABLE", "exists", "members", "send", "task_of"]

TASK_VARIABLE = "AILAB_TASK_ID"
"""Every process of a task inherits this.

It finds those that started a session of their own (torchrun's workers do).
"""

_PROC = Path("/proc")


def members(group: int, task: str) -> set[int]:
    """The living processes of a task: of its group or session, or with its id in their environment.

    Zombies do not count.
    Without ``/proc`` (macOS): the group's number while anything of the group lives.
    """
    if not (_PROC / "self" / "stat").exists():
        return {group} if _group_lives(group) else set()
    mark = f"{TASK_VARIABLE}={task}".encode()
    own = os.getpid()
    found = set()
    for entry in os.listdir(_PROC):
        if not entry.isdecimal() or int(entry) == own:
            continue
        try:
            # The name, in parentheses, may hold anything; the fields after its last ")" are fixed.
            state, _, pgrp, session, *_ = (_PROC / entry / "stat").read_bytes().rpartition(b")")[2].split()
        except (OSError, ValueError):
            continue  # it ended meanwhile
        if state in (b"Z", b"X"):
            continue
        if group in (int(pgrp), int(session)) or _is_marked(entry, mark):
            found.add(int(entry))
    return found


def exists(pid: int) -> bool:
    """Whether a process of this number is alive, or dead and not yet buried, in this container."""
    return (_PROC / str(pid)).exists()


def task_of(pid: int) -> str | None:
    """The task that a process belongs to, by its environment, or that of its session's or group's first process."""
    mark = f"{TASK_VARIABLE}=".encode()
    try:
        _, _, pgrp, session, *_ = (_PROC / str(pid) / "stat").read_bytes().rpartition(b")")[2].split()
    except (OSError, ValueError):
        return None
    for one in dict.fromkeys((pid, int(session), int(pgrp))):
        try:
            variables = (_PROC / str(one) / "environ").read_bytes().split(b"\0")
        except OSError:  # another user's, or gone
            continue
        for variable in variables:
            if variable.startswith(mark):
                return variable.removeprefix(mark).decode("utf-8", "replace")
    return None


def send(group: int, pids: Iterable[int], number: signal.Signals) -> None:
    """Signal ``pids``: at once where they are the group, one by one where they left it."""
    strays = set()
    whole_group = False
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            if os.getpgid(pid) == group:
                whole_group = True
            else:
                strays.add(pid)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if whole_group:
            os.killpg(group, number)
    for pid in strays:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def _is_marked(entry: str, mark: bytes) -> bool:
    try:
        return mark in (_PROC / entry / "environ").read_bytes().split(b"\0")
    except OSError:  # another user's, or gone
        return False


def _group_lives(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
