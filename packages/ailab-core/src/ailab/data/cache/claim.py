"""Who builds a cache, so that others wait instead of doing the same.

Nothing depends on it but time: caches appear by renaming a finished folder, so two builders at once are wasteful
and no more. That is why neither a lock that some network disks lack nor equal clocks are needed.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import time
import uuid
from pathlib import Path

__all__ = ["Claim", "Watch"]

SILENCE = 60.0  # seconds after which a builder elsewhere that says nothing counts as dead
BEAT = 2.0  # seconds between its signs of life


class Claim:
    """This process says that it builds, in ``file``; ``folder`` is where it does."""

    def __init__(self, file: Path, folder: Path) -> None:
        self._file, self._folder = file, folder
        self._beats = 0
        self._due = 0.0

    def take(self) -> bool:
        """Whether the claim is now ours; False if there is one already."""
        try:
            number = os.open(self._file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
        except FileExistsError:
            return False
        with os.fdopen(number, "w") as file:
            file.write(self._text())
        return True

    def beat(self) -> None:
        """Give a sign of life, if one is due."""
        if time.monotonic() < self._due:
            return
        self._due = time.monotonic() + BEAT
        self._beats += 1
        # A full disk or a claim taken over by somebody else is no reason to stop.
        with contextlib.suppress(OSError):
            self._file.write_text(self._text())

    def release(self) -> None:
        self._file.unlink(missing_ok=True)

    def _text(self) -> str:
        return json.dumps(
            {"host": socket.gethostname(), "pid": os.getpid(), "folder": self._folder.name, "beat": self._beats}
        )


class Watch:
    """Watches somebody else's claim in ``file``."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._seen: str | None = None
        self._since = time.monotonic()

    def dead(self) -> str | None:
        """The name of the folder that a dead builder has left, perhaps empty; None while it may be alive."""
        try:
            text = self._file.read_text()
        except FileNotFoundError:
            return None
        if text != self._seen:
            self._seen, self._since = text, time.monotonic()
        try:
            said = json.loads(text)
            host, pid, folder = said["host"], int(said["pid"]), Path(said["folder"]).name
        except (ValueError, LookupError, TypeError):  # killed while it wrote
            host, pid, folder = "", 0, ""
        gone = host == socket.gethostname() and not _alive(pid)
        return folder if gone or time.monotonic() - self._since > SILENCE else None

    def remove(self) -> None:
        """Remove the claim. Of several that do so at once, one succeeds; the others notice nothing."""
        aside = self._file.with_name(f"{self._file.name}.{uuid.uuid4().hex}")
        with contextlib.suppress(FileNotFoundError):
            self._file.rename(aside)
            aside.unlink()


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # somebody else's process
    return True
