"""Who did what, when and from where: kept on the server's local disk."""

import hashlib
import heapq
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from ailab_server.manage.journal import Journal
from ailab_server.strict import text

__all__ = ["Audit", "audit_folder"]

_log = logging.getLogger(__name__)

_LONGEST = 500
_REFUSED_A_MINUTE = 30


def audit_folder(state_dir: str | None, workspace: str) -> Path:
    """Where the audit is kept: in the server's state folder, else in the user's, in a folder for each workspace.

    For the admins of one server are not those of another.
    """
    if state_dir is not None:
        return Path(state_dir)
    state = os.environ.get("XDG_STATE_HOME", "")
    base = Path(state) if state.startswith("/") else Path.home() / ".local" / "state"
    # A home on a network share has one folder a machine: each file is one machine's.
    machine = os.uname().nodename.partition(".")[0] or "machine"
    return base / "ailab-server" / machine / hashlib.sha256(os.fsencode(workspace)).hexdigest()[:12]


class Audit:
    """Entries ``{"time", "user", "address", "action", "target", "status", "detail"}``, newest last in the file.

    Refused logins have a file of their own, and at most 30 lines a minute: whoever guesses passwords can neither fill
    the disk nor drive out what else was done. Never is a secret among the entries: neither passwords nor tokens, nor
    the arguments of tasks, nor the name that someone typed who is no user, which may be a password in the wrong field.

    Args:
        folder: on a local disk.
        clock: seconds since the epoch.
    """

    def __init__(self, folder: Path, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._done = Journal(folder, "audit")
        self._refused = Journal(folder, "audit-refused")
        self._lock = threading.Lock()
        self._last = 0.0
        self._minute = -1
        self._in_minute = 0
        self._left_out = 0
        self._failing = False

    def note(
        self, action: str, user: str, address: str, target: str = "", status: int | None = None, detail: str = ""
    ) -> None:
        """Keep an entry. Never raises: a full disk is told in the log, once, and stops nobody's work."""
        self._keep(self._done, action, user, address, target, status, detail)

    def refused_login(self, user: str, address: str, status: int) -> None:
        """Keep that a login was refused; ``user`` must be the name of one, or a word for all others."""
        with self._lock:
            minute = int(self._clock() // 60)
            left_out = 0
            if minute != self._minute:
                self._minute, self._in_minute = minute, 0
                left_out, self._left_out = self._left_out, 0
            self._in_minute += 1
            if self._in_minute > _REFUSED_A_MINUTE:
                self._left_out += 1
                return
        if left_out:
            self._keep(self._refused, "logins refused", "", "", "", None, f"{left_out} more before this")
        self._keep(self._refused, "login refused", user, address, "", status, "")

    def entries(
        self, before: float | None = None, user: str | None = None, action: str | None = None
    ) -> Iterator[dict[str, Any]]:
        """What was kept, the newest first: from before a time, of one user, of one action."""
        found = heapq.merge(
            self._done.newest_first(), self._refused.newest_first(), key=lambda entry: -_time(entry)
        )  # fmt: skip
        for entry in found:
            if (
                (before is None or _time(entry) < before)
                and (user is None or entry.get("user") == user)
                and (action is None or entry.get("action") == action)
            ):
                yield entry

    def page(self, count: int, before: float | None, user: str | None, action: str | None) -> list[dict[str, Any]]:
        """At most ``count`` of `entries`."""
        return list(islice(self.entries(before, user, action), count))

    def _keep(
        self, journal: Journal, action: str, user: str, address: str, target: str, status: int | None, detail: str
    ) -> None:
        with self._lock:
            # No two are at the same time, so that a page can begin where another ended.
            self._last = now = max(round(self._clock(), 6), round(self._last + 1e-6, 6))
            entry = {
                "time": now,
                "user": text(user, 256),
                "address": text(address, 100),
                "action": text(action, 100),
                "target": text(target, _LONGEST),
                "status": status,
                "detail": text(detail, _LONGEST),
            }
            try:
                journal.append(entry)
                self._failing = False
            except OSError as error:
                if not self._failing:
                    _log.error("the audit cannot be kept: %s; trying again with each entry", error)
                self._failing = True


def _time(entry: dict[str, Any]) -> float:
    value = entry.get("time")
    return float(value) if isinstance(value, int | float) else 0.0
