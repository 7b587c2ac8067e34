"""Noticing a clock that is wrong: this machine's at the start, another's by the dates it writes."""

import logging
import time

from ailab_server.models import RunSummary

__all__ = ["AHEAD_SECONDS", "SkewWatch", "wrong_clock"]

_log = logging.getLogger(__name__)

_EARLIEST = 1704067200.0  # 2024-01-01: before this program was written, and what a dead battery leaves is far before
AHEAD_SECONDS = 300.0
"""A run that is dated so far in the future comes from a machine whose clock is another."""

_MOST_HOSTS = 1_000


def wrong_clock(now: float) -> str | None:
    """What is wrong with this machine's clock when it says ``now`` (seconds since the epoch), or None."""
    if now >= _EARLIEST:
        return None
    shown = time.strftime("%Y-%m-%d %H:%M", time.gmtime(now))
    return (
        f"this machine's clock says {shown} UTC, which is long over: set it, or wait until it is set from the network"
    )


class SkewWatch:
    """Logs, once for each host, that its clock or this machine's is wrong."""

    def __init__(self) -> None:
        self._told: set[str] = set()

    def look(self, run: RunSummary, now: float) -> None:
        """Look at a run that has just changed."""
        ahead = run.updated - now
        if ahead < AHEAD_SECONDS or run.host in self._told or len(self._told) >= _MOST_HOSTS:
            return
        self._told.add(run.host)
        _log.warning(
            "run %s of host %s is dated %.0f minutes in the future: the clock there or on this machine is wrong",
            run.name, run.host or "unknown", ahead / 60,
        )  # fmt: skip
