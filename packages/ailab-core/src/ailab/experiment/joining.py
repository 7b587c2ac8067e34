"""How the ranks of a distributed training find the one run that they all log into, without talking to each other.

The first one makes the run and notes in its ``run.json`` what all ranks know of their launch. The others list the
experiment's folder until that run is there. Nothing is locked, nothing is written for it, and a name is never asked for
before it was listed: NFS would say for half a minute that it is not there.
"""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ailab.experiment.ranks import Ranks, launcher_here
from ailab.experiment.record.files import read_regular
from ailab.experiment.record.layout import RunFolder, holds_run

__all__ = ["earlier_attempt", "find_run", "lives"]

_WAIT_SECONDS = 60.0
"""How long a rank waits for the run of the first one."""
_POLL_SECONDS = (0.02, 0.5)
_NEWEST = 100
"""Of the runs that were there before, so many may be the one that is looked for: it was made moments ago."""


def find_run(experiment: Path, ranks: Ranks, nth: int, seconds: float | None = None) -> str | None:
    """The id of the run that the first rank has made, or makes within so many seconds; None if it makes none.

    A run left behind by an earlier launch of the same name and port is not taken for it: its writer must be the child
    of the same torchrun, or be seen alive.

    Args:
        experiment: the folder of the experiment's runs.
        nth: how many runs this process has started before in this launch; the ranks start theirs in the same order.
        seconds: default: a minute.
    """
    end = time.monotonic() + (_WAIT_SECONDS if seconds is None else seconds)
    look = _Look(experiment, ranks.key, nth, None if ranks.attempt else _NEWEST)
    pause, longest = _POLL_SECONDS
    launcher = launcher_here()
    seen_sizes: dict[str, int] = {}
    while True:
        for name, info in look.runs():
            if info["ranks"].get("attempt") != ranks.attempt:
                continue
            sure = True if ranks.unique else _same_launch(info, launcher, ranks)
            if sure or (sure is None and lives(info)):
                return name
            if sure is False:
                continue
            # On another machine: it lives if it writes.
            size = _written(RunFolder(experiment / name))
            if size > seen_sizes.setdefault(name, size):
                return name
        if time.monotonic() >= end:
            return None
        time.sleep(min(pause, max(0.0, end - time.monotonic())))
        pause = min(1.5 * pause, longest)


def earlier_attempt(experiment: Path, ranks: Ranks, nth: int) -> str | None:
    """The id of the run that the first rank made when torchrun had started this training less often."""
    if not ranks.attempt or not ranks.elastic:
        return None
    launcher = launcher_here()
    for name, info in _Look(experiment, ranks.key, nth, None).runs():
        attempt = info["ranks"].get("attempt")
        if (
            isinstance(attempt, int)
            and attempt < ranks.attempt
            and _same_launch(info, launcher, ranks)
            and not lives(info)
        ):
            return name
    return None


def lives(info: dict[str, Any]) -> bool:
    """Whether the process that a ``run.json`` names is one of this machine, and lives."""
    pid, segments = info.get("pid"), info.get("segments")
    if info.get("host") != socket.gethostname() or not isinstance(pid, int) or pid == os.getpid():
        return False
    latest = segments[-1] if isinstance(segments, list) and segments and isinstance(segments[-1], dict) else info
    began = latest.get("created")
    return _alive(pid, float(began) if isinstance(began, int | float) else 0.0)


class _Look:
    """The runs of an experiment that a launch made, the newest first; files that cannot be it are read once."""

    def __init__(self, experiment: Path, key: str, nth: int, newest: int | None) -> None:
        self._experiment = experiment
        self._wanted = {"key": key, "nth": nth}
        self._newest = newest
        self._others: set[str] = set()

    def runs(self) -> Iterator[tuple[str, dict[str, Any]]]:
        try:
            names = sorted((name for name in os.listdir(self._experiment) if name[0] != "."), reverse=True)
        except OSError:
            return  # not made yet, or the share does not answer for the moment
        if self._newest is not None:
            self._others.update(names[self._newest :])
            self._newest = None
        for name in names:
            if name in self._others or not holds_run(self._experiment / name):
                continue
            try:
                info = json.loads(read_regular(self._experiment / name / "run.json"))
            except (OSError, ValueError):
                continue  # it is being made
            ranks = info.get("ranks") if isinstance(info, dict) else None
            if isinstance(ranks, dict) and self._wanted.items() <= ranks.items():
                yield name, info
            else:
                self._others.add(name)


def _same_launch(info: dict[str, Any], launcher: str | None, ranks: Ranks) -> bool | None:
    """Whether a run's first rank is a child of the same torchrun; None: it ran elsewhere, or it was no torchrun."""
    theirs = info["ranks"].get("launcher")
    if not ranks.elastic or launcher is None or not isinstance(theirs, str):
        return None
    machine = launcher.partition(":")[0]
    return theirs == launcher if theirs.partition(":")[0] == machine else None


def _written(folder: RunFolder) -> int:
    """Bytes in the run's streams."""
    total = 0
    try:
        for name in os.listdir(folder.streams):
            fd = os.open(folder.streams / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)  # NFS asks at each open
            try:
                total += os.fstat(fd).st_size
            finally:
                os.close(fd)
    except OSError:
        pass  # being made
    return total


def _alive(pid: int, before: float) -> bool:
    """Whether the process lives and is old enough to be the one that is meant (numbers are used again)."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        return os.stat(f"/proc/{pid}").st_mtime <= before + 1.0 and state != "Z"
    except OSError:
        return False
