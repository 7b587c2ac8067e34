"""Files kept once, under the hash of what they hold: ``<workspace>/.ailab/objects/ab/cdef...``."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from ailab.experiment.record.files import put_file

__all__ = ["ObjectStore"]


class ObjectStore:
    """Any number of writers on any machines, without a lock: an object appears whole and never changes.

    Args:
        workspace: the folder of all experiments.
    """

    def __init__(self, workspace: Path) -> None:
        self.folder = workspace / ".ailab" / "objects"
        self._made: set[str] = set()

    def put(self, data: bytes) -> str:
        """Keep ``data``; returns their SHA-256 in hexadecimal.

        Raises:
            OSError: the workspace cannot be written to.
        """
        key = hashlib.sha256(data).hexdigest()
        if self.holds(key, len(data)):
            return key
        path = self.path(key)
        if key[:2] not in self._made:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._made.add(key[:2])
        # Not synced, thousands would take minutes: after a loss of power the size is wrong and `holds` says so.
        put_file(path, data, mode=0o444, sync=False)
        return key

    def holds(self, key: str, size: int) -> bool:
        """Whether the object is there, with that many bytes."""
        try:
            return os.stat(self.path(key)).st_size == size
        except OSError:
            return False

    def get(self, key: str) -> bytes:
        """What an object holds.

        Raises:
            OSError: it cannot be read.
            ValueError: it is not what was put there.
        """
        data = self.path(key).read_bytes()
        if hashlib.sha256(data).hexdigest() != key:
            raise ValueError(f"the object {self.path(key)} is damaged: its hash is another")
        return data

    def path(self, key: str) -> Path:
        return self.folder / key[:2] / key[2:]
