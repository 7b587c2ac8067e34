"""A run that is over as the cache keeps it, and as a helper that reads runs hands it over: a record with its check."""

import json
import struct
import zlib
from typing import IO, NamedTuple

__all__ = ["HEAD_SIZE", "Kept", "decoded", "encoded", "record"]

_HEAD = struct.Struct("<4sIII")  # magic, length of the head, of the row, CRC-32 of both lengths and both parts
_LENGTHS = struct.Struct("<II")
_MAGIC = b"ALr1"
_LARGEST = 16 << 20

HEAD_SIZE = _HEAD.size


class Kept(NamedTuple):
    """One run: ``row`` is the JSON of its `RunSummary`; the rest is what the server must know without parsing it."""

    relative: str
    signature: str
    created: float
    revision: int
    state: str
    task: str | None
    row: bytes


def record(head: bytes, row: bytes) -> bytes:
    """Two byte strings behind their lengths and a check of all."""
    lengths = _LENGTHS.pack(len(head), len(row))
    check = zlib.crc32(row, zlib.crc32(head, zlib.crc32(lengths)))
    return _HEAD.pack(_MAGIC, len(head), len(row), check) + head + row


def encoded(kept: Kept) -> bytes:
    """A record, with its check."""
    head = [kept.relative, kept.signature, kept.created, kept.revision, kept.state, kept.task]
    return record(json.dumps(head).encode(), kept.row)


def decoded(head: bytes, file: IO[bytes]) -> Kept | None:
    """The record whose first 16 bytes are ``head`` and whose rest ``file`` has next; None if it is damaged."""
    if len(head) < _HEAD.size:
        return None
    magic, size, row_size, check = _HEAD.unpack(head)
    if magic != _MAGIC or size > _LARGEST or row_size > _LARGEST:
        return None
    data = file.read(size + row_size)
    if len(data) != size + row_size or zlib.crc32(data, zlib.crc32(head[4:12])) != check:
        return None
    relative, signature, created, revision, state, task = json.loads(data[:size])
    return Kept(relative, signature, created, revision, state, task, data[size:])
