"""The files that a run logged."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ailab_server.logged.events import Logged, find, latest, steps_to
from ailab_server.models.logged import LoggedFile
from ailab_server.strict import text
from ailab_server.workspace.entry import Entry
from ailab_server.workspace.files import FileTooLarge, open_inside, read_at

__all__ = ["Opened", "files", "opened"]

_LARGEST = 8 << 30
_PIECE = 1 << 18


def files(root: Path, entry: Entry, name: str | None = None) -> list[LoggedFile]:
    """All of them, or those of a name.

    Raises:
        OSError: the run's streams cannot be read.
    """
    return [
        LoggedFile(**logged.head(), size=_size(logged))
        for logged in latest(root, entry, "file", with_file=True)
        if name is None or logged.name == name
    ]


@dataclass
class Opened:
    """A file to be sent: its name as it was logged, its bytes piece by piece, and how many there are."""

    name: str
    size: int
    fd: int

    def pieces(self) -> Iterator[bytes]:
        """What was in the file when it was opened, as far as it is still there."""
        offset = 0
        while offset < self.size and (piece := read_at(self.fd, offset, min(_PIECE, self.size - offset))):
            offset += len(piece)
            yield piece

    def close(self) -> None:
        os.close(self.fd)


def opened(root: Path, entry: Entry, id: str) -> Opened:
    """A file, open for sending; the caller closes it.

    Raises:
        KeyError: there is none of this id.
        OSError: it cannot be read.
        FileTooLarge: it has more than 8 GiB.
    """
    logged = find(root, entry, "file", id)
    if logged.file is None:
        raise KeyError(id)
    fd = open_inside(root, steps_to(entry, "files", logged.file))
    size = os.fstat(fd).st_size
    if size > _LARGEST:
        os.close(fd)
        raise FileTooLarge
    return Opened(text(logged.name, 255), size, fd)


def _size(logged: Logged) -> int:
    said = logged.fields.get("size")
    return said if isinstance(said, int) and not isinstance(said, bool) and 0 <= said < 2**53 else 0
