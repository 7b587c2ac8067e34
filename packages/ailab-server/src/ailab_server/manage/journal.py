"""A file of JSON lines on a local disk that is appended to, rotated by size, and read from its end."""

import fcntl
import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

__all__ = ["Journal"]


class Journal:
    """``name.jsonl`` and, as it grows, ``name.1.jsonl`` (the next older) to ``name.N.jsonl``, which goes at last.

    Two servers may share a folder: each line is one write, and rotating holds a lock. A line that was cut short by a
    full disk or a dying machine is passed over.

    Args:
        folder: on a local disk; made when first needed, for this user only.
        largest: bytes after which a file is set aside.
        kept: so many older files stay.
    """

    def __init__(self, folder: Path, name: str, largest: int = 4 << 20, kept: int = 8) -> None:
        self._folder = folder
        self._name = name
        self._largest = largest
        self._kept = kept
        self._lock = threading.Lock()

    def append(self, entry: dict[str, Any]) -> None:
        """Add a line.

        Raises:
            OSError: the disk does not take it.
        """
        # ASCII only: whatever a name holds, a terminal that shows the file gets no control character.
        line = json.dumps(entry, allow_nan=False, separators=(",", ":")).encode("ascii").replace(b"\x7f", b"\\u007f")
        with self._lock:
            fd = self._open()
            try:
                # A line that was cut short must not take this one along.
                size = os.fstat(fd).st_size
                begin = b"" if size == 0 or os.pread(fd, 1, size - 1) == b"\n" else b"\n"
                os.write(fd, begin + line + b"\n")
            finally:
                os.close(fd)

    def newest_first(self) -> Iterator[dict[str, Any]]:
        """The lines, from the last to the first; a file is read when its turn comes."""
        for number in range(self._kept + 1):
            try:
                data = self._file(number).read_bytes()
            except OSError:
                continue
            for line in reversed(data.split(b"\n")):
                if line:
                    try:
                        entry = json.loads(line)
                    except ValueError:
                        continue
                    if isinstance(entry, dict):
                        yield entry

    def _open(self) -> int:
        """The file to append to, locked."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        while True:
            fd = os.open(self._file(0), flags, 0o600)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX)
                found = os.fstat(fd)
                if found.st_nlink and found.st_ino == os.stat(self._file(0)).st_ino:
                    if found.st_size < self._largest:
                        return fd
                    self._rotate()
            except FileNotFoundError:
                pass  # another server has just set it aside
            except BaseException:
                os.close(fd)
                raise
            os.close(fd)

    def _rotate(self) -> None:
        for number in reversed(range(self._kept)):
            file = self._file(number)
            if file.exists():
                file.replace(self._file(number + 1))

    def _file(self, number: int) -> Path:
        return self._folder / (f"{self._name}.{number}.jsonl" if number else f"{self._name}.jsonl")
