"""Opening a file inside the workspace without being led out of it.

What lies in a workspace was written by others. Every step down is taken from the folder before it and refuses
links, so nothing that is swapped in between two looks can lead elsewhere; pipes and devices are recognised
before they are read.
"""

import errno
import os
import stat
from collections.abc import Sequence
from pathlib import Path

__all__ = ["FileTooLarge", "is_plain_name", "open_inside", "read_at", "read_inside"]

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class FileTooLarge(Exception):
    """The file is larger than what is read whole."""


def is_plain_name(name: str) -> bool:
    """Whether ``name`` is one step down: no separator, no NUL, neither ``.`` nor ``..``."""
    try:
        length = len(os.fsencode(name))
    except UnicodeEncodeError:  # JSON can spell characters that no file name can hold
        return False
    return name not in (".", "..") and not any(c in name for c in "/\\\0") and 0 < length <= 255


def open_inside(root: Path, steps: Sequence[str], folder: bool = False) -> int:
    """A descriptor of the regular file (or the folder) at ``root``/``steps``, opened for reading; the caller closes it.

    Raises:
        OSError: there is no such file, or it (or a folder on the way) is a link or no regular file.
    """
    if not steps or not all(is_plain_name(step) for step in steps):
        raise OSError(errno.ENOENT, "no such file")
    above = os.open(root, _FOLDER)
    try:
        for step in steps[:-1]:
            below = os.open(step, _FOLDER | os.O_NOFOLLOW, dir_fd=above)
            os.close(above)
            above = below
        fd = os.open(steps[-1], (_FOLDER | os.O_NOFOLLOW) if folder else _FILE, dir_fd=above)
    finally:
        os.close(above)
    if not folder and not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise OSError(errno.EINVAL, "not a regular file")
    return fd


def read_inside(
    root: Path, steps: Sequence[str], largest: int | None = None, last: int | None = None
) -> tuple[bytes, int]:
    """The content of a regular file at ``root``/``steps``, and its size in bytes.

    Args:
        largest: refuse a file of more bytes.
        last: read only so many bytes from the end.

    Raises:
        OSError: as `open_inside`.
        FileTooLarge: it has more than ``largest`` bytes.
    """
    fd = open_inside(root, steps)
    try:
        size = os.fstat(fd).st_size
        if largest is not None and size > largest:
            raise FileTooLarge
        offset = 0 if last is None else max(0, size - last)
        return read_at(fd, offset, size - offset), size
    finally:
        os.close(fd)


def read_at(fd: int, offset: int, count: int) -> bytes:
    """``count`` bytes from ``offset`` on; fewer if the file ends before."""
    data = bytearray()
    while len(data) < count:
        part = os.pread(fd, min(count - len(data), 1 << 20), offset + len(data))
        if not part:  # it was cut shorter meanwhile
            break
        data += part
    return bytes(data)
