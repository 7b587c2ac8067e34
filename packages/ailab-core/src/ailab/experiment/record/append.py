"""A file that one process appends to, and that never raises into the caller."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable
from pathlib import Path

__all__ = ["AppendFile"]

_PENDING_LIMIT = 8 << 20
"""Bytes kept in memory while the disk refuses them: a quarter of a million numbers."""

_PATIENCE_SECONDS = 1.0
"""How long a caller waits for another thread that is inside the kernel with this file."""

_CAREFUL = frozenset({"careful"})


class AppendFile:
    """Appends reach the kernel before `write` returns and so survive the process; `sync` brings them to the disk.

    While the file system refuses (full, gone, read-only, hung) data wait in memory, up to a bound, and go out in order
    once it recovers. ``problem`` is called with the error each time something is refused; ``lost`` counts the bytes
    that found no room in memory either.

    Linux lets nobody write to the end of a file on NFS while that end is on its way to the server, which fstat and
    fsync send it, and with a server that is away that takes until it is back. So with ``may_hang`` callers keep out of
    the kernel during a `sync`. It writes for them, and they wait for that; but no longer than a second, then their data
    wait in memory.

    Who must be faster than `write` may call ``os.write(file.fd, data)`` while ``file.gate`` is empty, and gives what
    the kernel did not take to `refused`; it must always write as many bytes, so that two threads cannot tear each
    other's. With ``may_hang`` the gate is never empty: between a look at it and the write a `sync` may begin.

    Args:
        path: the file; it must not exist, unless ``resume``.
        problem: takes a message and the error.
        resume: go on at the end of a file that an earlier process wrote.

    Attributes:
        fd: the same number for the life of the object; leads to the null device while there is no file.
        gate: not empty while data must wait in memory, or go through `write`: why.
        gone: the file was deleted under its writer, or its server no longer knows it.
        may_hang: the file system is a network's. False at first; set before anybody else writes.

    Raises:
        FileExistsError: on construction: the file has a writer already.
    """

    def __init__(self, path: Path, problem: Callable[[str, OSError], None], resume: bool = False) -> None:
        self.path = path
        self.lost = 0
        self.gate: set[str] = set()
        self.gone = False
        self.fd = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        self._resume = resume
        self._problem = problem
        self._pending = bytearray()
        # Both reentrant: a signal handler that ends the run may interrupt the very thread that holds them.
        self._memory = threading.RLock()
        self._kernel = threading.RLock()
        self._synced = 0
        self._unsynced = bytearray()
        try:
            self._open(path)
        except FileExistsError:
            os.close(self.fd)
            self.fd = -1
            raise  # two writers in one file would lose data on a share
        except OSError as error:
            self.gate.add("no file")
            problem(f"cannot make {path}", error)  # `sync` tries again

    def __del__(self) -> None:
        # Not sooner: a thread that is about to write must not meet somebody else's file under the number.
        if getattr(self, "fd", -1) >= 0:
            os.close(self.fd)

    @property
    def closed(self) -> bool:
        return "closed" in self.gate

    @property
    def may_hang(self) -> bool:
        return "careful" in self.gate

    @may_hang.setter
    def may_hang(self, value: bool) -> None:
        (self.gate.add if value else self.gate.discard)("careful")

    @property
    def _open_to_all(self) -> bool:
        return self.gate <= _CAREFUL

    def write(self, data: bytes) -> None:
        """Append ``data``, one whole record or line. Never raises OSError."""
        if self._open_to_all:
            if self._kernel.acquire(timeout=_PATIENCE_SECONDS):
                try:
                    if self._open_to_all:
                        written, error = 0, None
                        try:
                            written = os.write(self.fd, data)
                        except OSError as refusal:
                            error = refusal
                        if written != len(data):
                            self.refused(data[written:], error, begun=written > 0)
                        return
                finally:
                    self._kernel.release()
            else:
                self.gate.add("stalled")
        self.refused(data)

    def refused(self, data: bytes, error: OSError | None = None, begun: bool = False) -> None:
        """Keep ``data`` for later; ``begun``: the rest of something whose beginning is in the file already."""
        with self._memory:
            if self.closed:
                return
            late = self._open_to_all and error is None and not begun
            if begun:
                self._pending[:0] = data  # must follow its beginning, whatever its size
            elif len(self._pending) + len(data) > _PENDING_LIMIT:
                self.lost += len(data)
            else:
                self._pending += data
            self.gate.add("pending")
        if error is not None:
            self._problem(f"cannot write to {self.path}", error)
        if late or ("syncing" in self.gate and "stalled" not in self.gate):
            self._wait(late)

    def sync(self) -> bool:
        """Write what waits and ask the disk or server to keep everything. One thread at a time.

        Returns whether all of it is safe; never raises OSError.
        """
        if self.closed:
            return True
        if not self.may_hang:
            return self._sync()
        with self._kernel:
            self.gate.add("syncing")
            try:
                return self._sync() and self._let_in()
            finally:
                self.gate.discard("syncing")

    def stalled(self) -> None:
        """Nobody knows when the file system answers: callers need not wait for it as well."""
        self.gate.add("stalled")

    def answered(self) -> None:
        """The file system is back; what waits goes out with the next `sync`."""
        with self._memory:
            self.gate.discard("stalled")

    def move_to(self, path: Path, first: bytes = b"") -> None:
        """Go on in a new file, which begins with ``first``.

        Raises:
            OSError: it cannot be made.
        """
        with self._memory:
            self.gate.add("pending")
        self._resume = False
        self._open(path)
        self.path = path
        with self._memory:
            self._pending[:0] = first
        self.gone = False
        self.gate.discard("gone")

    def close(self) -> None:
        """Sync for the last time and close."""
        self.sync()
        self.abandon()

    def abandon(self) -> None:
        """Close without writing: what a forked child does with its parent's files."""
        self.gate.add("closed")
        null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        os.dup2(null, self.fd, inheritable=False)
        os.close(null)

    def waiting(self) -> int:
        """Bytes that are in memory only."""
        return len(self._pending)

    def _open(self, path: Path) -> None:
        # Without O_APPEND, as nobody else writes: an NFS client asks the server for the size before each append, and
        # Linux lets no pwrite of such a descriptor go anywhere but to the end.
        how = os.O_CLOEXEC | os.O_CREAT | (0 if self._resume else os.O_EXCL)
        fd = os.open(path, os.O_RDWR | how, 0o644)
        try:
            self._synced = os.lseek(fd, 0, os.SEEK_END)
            self._unsynced.clear()
            os.dup2(fd, self.fd, inheritable=False)
        finally:
            os.close(fd)
        self.gate.discard("no file")

    def _check_gone(self) -> None:
        if self.gone or os.fstat(self.fd).st_nlink == 0:
            raise OSError(errno.ESTALE, "the file was deleted", str(self.path))

    def _failed(self, what: str, error: OSError) -> None:
        if error.errno == errno.ESTALE:
            self.gone = True
            self.gate.add("gone")
        self._problem(what, error)

    def _sync(self) -> bool:
        try:
            if "no file" in self.gate:
                self._open(self.path)
            self._check_gone()
            self._rewrite()
            self._flush()
        except OSError as error:
            self._failed(f"cannot write to {self.path}", error)
            return False
        try:
            end = os.lseek(self.fd, 0, os.SEEK_CUR)
            if end == self._synced:
                return True
            self._remember(end)
            os.fsync(self.fd)
        except OSError as error:
            self._failed(f"cannot sync {self.path}", error)
            return False
        self._synced = end
        self._unsynced.clear()
        return True

    def _let_in(self) -> bool:
        """Write what came during a sync, and open the gate in the same moment."""
        try:
            self._flush("syncing")
        except OSError as error:
            self._failed(f"cannot write to {self.path}", error)
            return False
        return True

    def _wait(self, late: bool) -> None:
        """Until a sync that is under way has written what waits; who came as it ended writes it."""
        if not self._kernel.acquire(timeout=_PATIENCE_SECONDS):
            self.gate.add("stalled")
            return
        try:
            if late:
                self._flush()
        except OSError as refusal:
            self._problem(f"cannot write to {self.path}", refusal)
        finally:
            self._kernel.release()

    def _flush(self, *reasons: str) -> None:
        """Write what waits; that was the reason for the gate to be closed, and so were ``reasons``."""
        with self._kernel:
            while True:
                with self._memory:
                    chunk = bytes(self._pending[: 1 << 20])
                    if not chunk:
                        self.gate.difference_update(("pending", *reasons))
                        return
                written = os.write(self.fd, chunk)
                with self._memory:
                    del self._pending[:written]

    def _remember(self, end: int) -> None:
        """Keep a copy of what is about to be synced: a failing fsync throws the kernel's copy away."""
        begin = self._synced + len(self._unsynced)
        want = min(end - begin, _PENDING_LIMIT - len(self._unsynced))
        if want > 0:
            self._unsynced += os.pread(self.fd, want, begin)

    def _rewrite(self) -> None:
        """After a failed fsync: put back what the kernel may have dropped."""
        done = 0
        while done < len(self._unsynced):
            done += os.pwrite(self.fd, self._unsynced[done:], self._synced + done)
