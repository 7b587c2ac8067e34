"""A file that one process appends to, and that never raises into the caller."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

__all__ = ["AppendFile"]

_PENDING_LIMIT = 8 << 20
"""Bytes kept in memory while the disk refuses them: a quarter of a million numbers."""


class AppendFile:
    """Appends reach the kernel before `write` returns and so survive the process; `sync` brings them to the disk.

    While the file system refuses (full, gone, read-only) data wait in memory, up to a bound, and go out in order once
    it recovers. ``problem`` is
    called with the error each time something is refused; ``lost`` counts the bytes that found no room in memory either.

    Raises:
        FileExistsError: on construction: the file has a writer already.
    """

    def __init__(self, path: Path, problem: Callable[[str, OSError], None]) -> None:
        self.path = path
        self.lost = 0
        self._problem = problem
        self._pending = bytearray()
        # Reentrant: a signal handler that ends the run may interrupt the very thread that holds it.
        self._lock = threading.RLock()
        self._dirty = False
        self._closed = False
        self._fd = -1
        try:
            self._open()
        except FileExistsError:
            raise  # two writers in one file would lose data on a share
        except OSError as error:
            problem(f"cannot make {path}", error)  # `sync` tries again

    def write(self, data: bytes) -> None:
        """Append ``data``, one whole record or line. Never raises OSError."""
        with self._lock:
            if self._closed:
                return
            self._dirty = True
            if not self._pending:
                try:
                    written = os.write(self._fd, data) if self._fd >= 0 else 0
                except OSError as error:
                    written = 0
                    self._problem(f"cannot write to {self.path}", error)
                if written == len(data):
                    return
                data = data[written:]  # the rest of a begun record must follow, whatever its size
            elif len(self._pending) + len(data) > _PENDING_LIMIT:
                self.lost += len(data)
                return
            self._pending += data

    def sync(self) -> bool:
        """Write what waits and ask the disk or server to keep everything.

        Returns whether all of it is safe; never raises OSError.
        """
        with self._lock:
            if self._closed or not self._dirty:
                return True
            self._dirty = False
            try:
                if self._fd < 0:
                    self._open()
                while self._pending:
                    del self._pending[: os.write(self._fd, self._pending)]
            except OSError as error:
                self._dirty = True
                self._problem(f"cannot write to {self.path}", error)
                return False
            fd = os.dup(self._fd)  # so that a slow fsync blocks no writer
        try:
            os.fsync(fd)
        except OSError as error:
            self._dirty = True
            self._problem(f"cannot sync {self.path}", error)
            return False
        finally:
            os.close(fd)
        return True

    def close(self) -> None:
        """Sync for the last time and close."""
        self.sync()
        self.abandon()

    def abandon(self) -> None:
        """Close without writing: what a forked child does with its parent's files."""
        self._closed = True
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _open(self) -> None:
        self._fd = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o644)
