"""The records of a ``.wandb`` file, as ``wandb sync`` reads them: W&B offers no way to read an offline run from Python.

The file is a log of LevelDB behind a header of seven bytes (https://github.com/google/leveldb/blob/main/doc/log_format.md).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

__all__ = ["records"]

_BLOCK = 32_768
_FILE_HEADER = 7
_HEADER = 7  # of a piece: its checksum (4 bytes), length (2) and kind (1)
_FULL, _FIRST, _MIDDLE, _LAST = 1, 2, 3, 4


def records(file: Path) -> Iterator[bytes]:
    """Every whole record, up to the first that is not."""
    data = file.read_bytes()
    at, parts = _FILE_HEADER, []
    while at + _HEADER <= len(data):
        left = _BLOCK - at % _BLOCK
        if left < _HEADER:
            at += left  # no header fits: the rest of the block is filled up
            continue
        length, kind = int.from_bytes(data[at + 4 : at + 6], "little"), data[at + 6]
        end = at + _HEADER + length
        if end > len(data) or kind not in (_FULL, _FIRST, _MIDDLE, _LAST):
            return  # cut off
        parts.append(data[at + _HEADER : end])
        at = end
        if kind in (_FULL, _LAST):
            yield b"".join(parts)
            parts = []
