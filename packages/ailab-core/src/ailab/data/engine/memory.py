"""Memory that two processes share and that no name, and so no crash, can leave behind."""

from __future__ import annotations

import mmap
import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np

__all__ = ["Memory", "NoSharedMemory", "available_memory", "create"]

_MEMINFO = Path("/proc/meminfo")
_CGROUP = Path("/sys/fs/cgroup")
_POPULATE_WRITE = 23  # of <sys/mman.h>; Python has no name for it
_RESERVE = 0.9  # a system that is given its last tenth kills a process for it


class NoSharedMemory(OSError):
    """The system does not give as much shared memory as asked for."""


class Memory:
    """``size`` bytes behind a file descriptor, mapped here; unmapped once nothing refers to this object.

    Attributes:
        address: where it begins in this process.
    """

    __slots__ = ("_map", "address", "size")

    def __init__(self, descriptor: int, size: int) -> None:
        self.size = size
        self._map = mmap.mmap(descriptor, size)  # keeps a descriptor of its own
        self.address: int = np.frombuffer(self._map, np.uint8).ctypes.data

    def touch(self) -> None:
        """Enter all of it into this process's page table at once, which page by page takes longer than the batches.

        A fork has the mapping, but not its entries. Where the system cannot do it (Linux before 5.14), nothing
        happens: each page is entered when it is first used.
        """
        with suppress(OSError, ValueError):
            self._map.madvise(_POPULATE_WRITE)


def create(size: int) -> int:
    """A descriptor of ``size`` bytes of anonymous memory, all of them really there; close it when mapped.

    Raises:
        NoSharedMemory: there is not that much. Without this check the process would die of SIGBUS on the first
            touch of a page that the system promised and does not have.
    """
    available = available_memory()
    if available is not None and size > available * _RESERVE:
        raise NoSharedMemory(f"{size:,} bytes of shared memory asked for, {available:,} bytes of memory are free")
    problems = []
    for make in _MAKERS:
        try:
            descriptor = make()
        except OSError as error:
            problems.append(str(error))
            continue
        try:
            _reserve(descriptor, size)
        except OSError as error:
            os.close(descriptor)
            problems.append(str(error))
            continue
        return descriptor
    raise NoSharedMemory(f"{size:,} bytes of shared memory cannot be had: {'; '.join(problems)}")


def _reserve(descriptor: int, size: int) -> None:
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(descriptor, 0, size)
        return
    # macOS. A file that is only made longer has no memory behind it yet.
    zeros = bytes(2**20)
    while size > 0:
        size -= os.write(descriptor, zeros[:size])


def available_memory() -> int | None:
    """The bytes that may still be used, by the machine and by this process's cgroup; None where unknown."""
    found = [value for value in (_free_on_machine(), _free_in_cgroup()) if value is not None]
    return min(found) if found else None


def _free_on_machine() -> int | None:
    try:
        lines = _MEMINFO.read_text().splitlines()
    except OSError:
        return None
    for line in lines:
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return None


def _free_in_cgroup() -> int | None:
    try:
        limit = int((_CGROUP / "memory.max").read_text())
        used = int((_CGROUP / "memory.current").read_text())
        # Files read before are given up when memory is short.
        lines = (_CGROUP / "memory.stat").read_text().splitlines()
    except (OSError, ValueError):  # no cgroup of version 2, or "max": no limit
        return None
    files = sum(int(line.split()[1]) for line in lines if line.startswith("inactive_file "))
    return max(limit - used + files, 0)


def _memfd() -> int:
    if not hasattr(os, "memfd_create"):
        raise OSError("this system has no memfd_create")
    return os.memfd_create("ailab-batches", os.MFD_CLOEXEC)  # not bounded by the size of /dev/shm


def _file(folder: str | None) -> Callable[[], int]:
    def make() -> int:
        with tempfile.TemporaryFile(dir=folder) as file:  # has no name from the start
            return os.dup(file.fileno())

    return make


_MAKERS: tuple[Callable[[], int], ...] = (_memfd, _file("/dev/shm"), _file(None))
