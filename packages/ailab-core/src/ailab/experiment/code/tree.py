"""The list of files that a snapshot is: ``{"schema": 1, "files": [[path, hash, bytes, executable], ...]}``."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

__all__ = ["TreeFile", "parse_tree"]

_KEY = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class TreeFile:
    """A file of a snapshot: its path with slashes, the SHA-256 of what it holds, its size in bytes."""

    path: str
    key: str
    size: int
    executable: bool


def parse_tree(data: bytes) -> list[TreeFile]:
    """The files that an object lists. What lies in a workspace is not trusted: each path is checked to lead down.

    Raises:
        ValueError: it is no list of files, or a path in it leads out of the folder.
    """
    try:
        rows = json.loads(data)["files"]
        files = [TreeFile(str(path), str(key), int(size), bool(mode)) for path, key, size, mode in rows]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ValueError(f"this is no list of a snapshot's files: {error}") from None
    for file in files:
        if any(part in ("", ".", "..") for part in file.path.split("/")) or "\0" in file.path:
            raise ValueError(f"a snapshot's list of files leads out of its folder: {file.path!r}")
        if not _KEY.fullmatch(file.key):
            raise ValueError(f"a snapshot's list of files names no object: {file.key!r}")
    return files
