"""Code as a zip archive, made while it is read."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterable, Iterator

from ailab.experiment.code.tree import TreeFile

__all__ = ["zip_pieces"]

_PIECE = 1 << 18
_MISSING = "MISSING.txt"


def zip_pieces(
    files: Iterable[TreeFile], read: Callable[[TreeFile], bytes], folder: str, most_bytes: int = 1 << 28
) -> Iterator[bytes]:
    """The bytes of an archive with ``files`` below ``folder``, piece by piece: never more than a file is in memory.

    A file that cannot be read is named in ``MISSING.txt``, and so is what follows once ``most_bytes`` (before packing)
    are in it.

    Args:
        read: what a file holds; its OSError and ValueError say that it cannot be read.
    """
    sink = _Sink()
    missing, total = [], 0
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in files:
            try:
                data = read(file) if total <= most_bytes else None
            except (OSError, ValueError) as error:
                missing.append(f"{file.path}: {error}")
                continue
            if data is None:
                missing.append(f"{file.path}: the archive is full")
                continue
            total += len(data)
            archive.writestr(_entry(f"{folder}/{file.path}", file.executable), data)
            if sink.size >= _PIECE:
                yield sink.take()
        if missing:
            archive.writestr(_entry(f"{folder}/{_MISSING}", False), "\n".join(map(_clean, missing)) + "\n")
    yield sink.take()


def _entry(name: str, executable: bool) -> zipfile.ZipInfo:
    # Without a time: the same code makes the same archive. A backslash would be a separator elsewhere.
    entry = zipfile.ZipInfo(_clean(name).replace("\\", "_"))
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.create_system = 3  # the next line means something on Unix only
    entry.external_attr = (0o100755 if executable else 0o100644) << 16
    return entry


def _clean(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


class _Sink(io.RawIOBase):
    """Takes what is written, and cannot seek: the archive is made from its beginning to its end."""

    def __init__(self) -> None:
        self.size = 0
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False

    def write(self, data: object, /) -> int:
        part = bytes(data)  # type: ignore[call-overload]  # whatever has a buffer
        self._parts.append(part)
        self.size += len(part)
        return len(part)

    def take(self) -> bytes:
        """What was written since the last time."""
        found = b"".join(self._parts)
        self._parts.clear()
        self.size = 0
        return found
