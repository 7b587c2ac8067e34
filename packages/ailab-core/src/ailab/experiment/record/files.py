"""Reading and replacing whole files on a share that others use at the same time."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from pathlib import Path

__all__ = ["open_regular", "put_file", "read_regular", "read_seen", "replace_file"]

_AT_ONCE = 1 << 24


def replace_file(path: Path, data: bytes) -> None:
    """Put ``data`` at ``path``; a reader, on any machine and after any crash, sees the old file or the whole new one.

    Raises:
        OSError: as the file system says; then ``path`` is what it was.
    """
    put_file(path, data)
    folder = os.open(path.parent, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # some network file systems cannot sync a folder
            raise
    finally:
        os.close(folder)


def put_file(path: Path, data: bytes, *, mode: int = 0o644, sync: bool = True) -> None:
    """As `replace_file`, but after a loss of power the file may be the old one or, without ``sync``, cut.

    Raises:
        OSError: as the file system says; then ``path`` is what it was.
    """
    temporary = path.with_name(f".{path.name}.{os.urandom(4).hex()}")
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        try:
            view = memoryview(data)
            while view:
                view = view[os.write(fd, view) :]
            if sync:
                os.fsync(fd)  # NFS and quotas report a full disk only here
        finally:
            os.close(fd)
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise


def open_regular(path: Path) -> int:
    """A descriptor of a regular file, opened for reading.

    What lies in a workspace is not trusted: a link is not followed, and a pipe or device neither blocks nor is read.

    Raises:
        OSError: the file cannot be opened, or is not a regular file (EINVAL).
    """
    return _opened(path)[0]


def read_regular(path: Path | str, offset: int = 0, limit: int = 1 << 62) -> bytes:
    """At most ``limit`` bytes of a regular file from ``offset`` on. Opens it anew: NFS shows nothing new otherwise.

    Raises:
        OSError: as `open_regular`.
    """
    return read_seen(path, offset, limit)[0]


def read_seen(path: Path | str, offset: int = 0, limit: int = 1 << 62) -> tuple[bytes, os.stat_result]:
    """As `read_regular`, and what the file was when it was opened.

    Raises:
        OSError: as `open_regular`.
    """
    fd, found = _opened(path)
    try:
        want = min(limit, found.st_size - offset)
        data = os.pread(fd, min(want, _AT_ONCE), offset) if want > 0 else b""
        if len(data) == want or not data:
            return data, found
        parts = [data]
        while (rest := want - sum(map(len, parts))) > 0:
            part = os.pread(fd, min(rest, _AT_ONCE), offset + want - rest)
            if not part:
                break
            parts.append(part)
        return b"".join(parts), found
    finally:
        os.close(fd)


def _opened(path: Path | str) -> tuple[int, os.stat_result]:
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    found = os.fstat(fd)
    if not stat.S_ISREG(found.st_mode):
        os.close(fd)
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    return fd, found
