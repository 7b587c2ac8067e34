"""Summaries of runs that are over, kept on the local disk so that a restarted server need not read them again.

The file may be deleted at any time, damaged in any way, and written to by two servers at once: each record carries its
own check and the signature of the files it was made of, and whatever is in doubt is read anew from the workspace.
"""

import contextlib
import hashlib
import json
import logging
import os
import secrets
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

from ailab_server import __version__
from ailab_server.models import RunSummary
from ailab_server.workspace.kept import HEAD_SIZE, Kept, decoded, encoded, record

__all__ = ["SummaryCache", "default_folder"]

_log = logging.getLogger(__name__)


def default_folder(state_dir: str | None) -> Path:
    """Where summaries are kept: in the server's state folder, else in the user's cache."""
    if state_dir is not None:
        return Path(state_dir) / "cache"
    cache = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(cache) if cache.startswith("/") else Path("~/.cache").expanduser()) / "ailab-server"


class SummaryCache:
    """The file for one workspace. No method raises OSError: without a disk there is no cache."""

    def __init__(self, folder: Path, workspace: Path) -> None:
        key = hashlib.sha256(os.fsencode(workspace.absolute())).hexdigest()[:20]
        self.path = folder / f"summaries-{key}"
        # Another version may have other fields, or fill them differently.
        about = [__version__, list(RunSummary.model_fields), os.fsencode(workspace.absolute()).hex()]
        self._title = record(json.dumps(about).encode(), b"")
        self._records = 0
        self._whole = False

    def load(self) -> dict[str, Kept]:
        """What is kept and undamaged, by relative path. Later records replace earlier ones."""
        found: dict[str, Kept] = {}
        self._records, self._whole = 0, False
        try:
            with self._open() as file:
                self._whole = file.read(len(self._title)) == self._title
                if self._whole:
                    for kept in self._read(file):
                        found[kept.relative] = kept
                        self._records += 1
        except FileNotFoundError:
            pass
        except OSError as error:
            _log.warning("the cache %s cannot be read: %s", self.path, error.strerror)
        return found

    def add(self, new: Iterable[Kept], everything: Iterable[Kept], count: int) -> None:
        """Keep ``new`` too. ``everything`` (``count`` runs, the new ones among them) is written anew when the file is
        damaged, absent or mostly out of date.
        """
        try:
            if self._whole and self._records < 2 * count + 1000:
                data = [encoded(kept) for kept in new]
                self._append(b"".join(data))
                self._records += len(data)
            else:
                self._records = self._replace(everything)
                self._whole = True
        except OSError as error:
            self._whole = False
            _log.warning("the cache %s cannot be written: %s", self.path, error.strerror)

    def _open(self) -> IO[bytes]:
        fd = os.open(self.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        if os.fstat(fd).st_uid != os.geteuid():  # somebody else's words are not ours to repeat
            os.close(fd)
            raise OSError(0, "it belongs to another user")
        return os.fdopen(fd, "rb", buffering=1 << 20)

    def _read(self, file: IO[bytes]) -> Iterator[Kept]:
        while head := file.read(HEAD_SIZE):
            kept = decoded(head, file)
            if kept is None:
                self._whole = False  # what follows cannot be told apart; it is read anew, and the file then written
                return
            yield kept

    def _append(self, data: bytes) -> None:
        # In one write, to the end: records of two servers do not mix.
        fd = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            if os.write(fd, data) != len(data):
                raise OSError(0, "the disk is full")
        finally:
            os.close(fd)

    def _replace(self, everything: Iterable[Kept]) -> int:
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        temporary = self.path.with_name(f".{self.path.name}.{secrets.token_hex(4)}")
        count = 0
        try:
            fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with os.fdopen(fd, "wb", buffering=1 << 20) as file:
                file.write(self._title)
                for kept in everything:
                    file.write(encoded(kept))
                    count += 1
            temporary.replace(self.path)  # not synced: a torn file is found out when it is read
        except BaseException:
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise
        return count
