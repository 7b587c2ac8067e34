"""Reading on in what a run prints."""

import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from ailab_server.workspace.entry import Entry
from ailab_server.workspace.files import open_inside, read_at

__all__ = ["Piece", "read_from", "read_tail"]


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes ``start`` to before ``next`` of an ``output.log`` of ``size`` bytes, as text.

    Attributes:
        file: which file it is; another one, or the same under a cut, has another.
        restarted: it is not the file that was read before, or that was cut: this is its beginning.
    """

    text: str
    size: int
    start: int
    next: int
    file: str
    restarted: bool = False


NOTHING = Piece("", 0, 0, 0, "")
"""Nothing was printed yet, or it is not kept."""


def read_tail(root: Path, entry: Entry, most: int, final: bool = False) -> Piece:
    """The last ``most`` bytes.

    Args:
        final: nothing follows: a character without its end is not waited for.

    Raises:
        OSError: there is no log, or it is none that is read.
    """
    fd = _opened(root, entry)
    try:
        status = os.fstat(fd)
        return _piece(fd, status, max(0, status.st_size - most), most, final)
    finally:
        os.close(fd)


def read_from(root: Path, entry: Entry, offset: int, file: str, most: int, final: bool = False) -> Piece:
    """At most ``most`` bytes from ``offset`` on, of the file that was called ``file``; empty: of whichever is there.

    Raises:
        OSError: as `read_tail`.
    """
    fd = _opened(root, entry)
    try:
        status = os.fstat(fd)
        if offset > status.st_size or (file and file != _name(status)):
            return _piece(fd, status, 0, most, final, restarted=True)
        return _piece(fd, status, offset, most, final)
    finally:
        os.close(fd)


def _opened(root: Path, entry: Entry) -> int:
    # Anew each time: a share shows nothing new otherwise, and a log may be replaced.
    return open_inside(root, [*Path(entry.relative).parts, "output.log"])


def _piece(fd: int, status: os.stat_result, start: int, most: int, final: bool, restarted: bool = False) -> Piece:
    data = read_at(fd, start, min(most, status.st_size - start))
    at_end = start + len(data) >= status.st_size
    # Fewer than four bytes in the middle may hold no whole character: they are sent as they are, so that it goes on.
    if (at_end and not final) or (not at_end and len(data) >= 4):
        data = data[: len(data) - _unfinished(data)]
    text = data.decode("utf-8", "replace")
    return Piece(text, status.st_size, start, start + len(data), _name(status), restarted)


def _unfinished(data: bytes) -> int:
    """How many bytes at the end begin a character whose rest is not there yet."""
    for back in range(1, min(4, len(data) + 1)):
        byte = data[-back]
        if byte & 0xC0 == 0x80:  # in the middle of one
            continue
        length = 2 if 0xC2 <= byte < 0xE0 else 3 if 0xE0 <= byte < 0xF0 else 4 if 0xF0 <= byte < 0xF5 else 1
        return back if length > back else 0
    return 0


def _name(status: os.stat_result) -> str:
    assert stat.S_ISREG(status.st_mode)
    return hashlib.sha256(f"{status.st_dev}/{status.st_ino}".encode()).hexdigest()[:16]
