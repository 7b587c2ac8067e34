"""Which runs there are, by listing only the folders in which something changed."""

import os
import time
from collections.abc import Container
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["Listing", "is_local"]

_YOUNG_NS = 3_000_000_000
_TRUST_SECONDS = 30.0


@dataclass
class _Experiment:
    changed: int = -1
    listed: float = -1.0
    runs: dict[str, bool] = field(default_factory=dict)  # name → it holds a run.json


class Listing:
    """Follows the folders ``<root>/<experiment>/<run>`` that hold a ``run.json``; links and dotted names are none.

    A folder's time of change tells whether names came or went. It is asked of the opened folder, since a share answers
    a mere stat from a cache; and not trusted while it is young (two changes may bear the same time) nor for longer than
    half a minute.
    """

    def __init__(self, root: Path) -> None:
        self._root = os.fspath(root)
        self._experiments: dict[str, _Experiment] = {}

    def look(self, known: Container[str] = (), local: bool = False) -> tuple[list[str], list[str]]:
        """The runs that appeared and those that went since the last look, as paths relative to the root.

        Args:
            known: folders that are taken for runs without a look inside.
            local: a file system of this machine: it can be asked for a name, in half the time of a list of names.

        Raises:
            OSError: the root cannot be listed.
        """
        names = _folders(self._root)
        appeared, gone = [], []
        for name in [name for name in self._experiments if name not in names]:
            gone += self._paths(name, self._experiments.pop(name).runs)
        for name in names:
            seen = self._experiments.setdefault(name, _Experiment())
            before = seen.runs
            if self._relist(name, seen, known, local):
                appeared += [path for path in self._paths(name, seen.runs) if not before.get(_last(path))]
                gone += [path for path in self._paths(name, before) if not seen.runs.get(_last(path))]
        return appeared, gone

    def _paths(self, experiment: str, runs: dict[str, bool]) -> list[str]:
        return [f"{experiment}/{run}" for run, holds in runs.items() if holds]

    def _relist(self, name: str, seen: _Experiment, known: Container[str], local: bool) -> bool:
        holds = _has_run if local else _holds_run
        path = f"{self._root}/{name}"
        try:
            fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except (FileNotFoundError, NotADirectoryError):
            changed = bool(seen.runs)
            seen.runs, seen.changed = {}, -1
            return changed
        except OSError:
            return False  # not now: what was known stays to be seen
        try:
            changed_at = os.fstat(fd).st_mtime_ns
            now = time.monotonic()
            if changed_at == seen.changed and now - seen.listed < _TRUST_SECONDS:
                return False
            found = _folders(fd)
        except OSError:
            return False
        finally:
            os.close(fd)
        seen.runs = {
            run: seen.runs.get(run, False) or f"{name}/{run}" in known or holds(f"{path}/{run}") for run in found
        }
        trusted = all(seen.runs.values()) and abs(time.time_ns() - changed_at) > _YOUNG_NS
        seen.changed, seen.listed = (changed_at if trusted else -1), now
        return True


def _last(path: str) -> str:
    return path.rpartition("/")[2]


def _folders(where: str | int) -> dict[str, None]:
    with os.scandir(where) as entries:
        names = [e.name for e in entries if not e.name.startswith(".") and e.is_dir(follow_symlinks=False)]
    return dict.fromkeys(sorted(names))


def _holds_run(path: str) -> bool:
    # Listed, not asked for by name: over NFS a name that was once missing stays missing for half a minute.
    try:
        return "run.json" in os.listdir(path)
    except OSError:
        return False


def _has_run(path: str) -> bool:
    try:
        os.lstat(f"{path}/run.json")
    except PermissionError:  # a folder may be listed and not entered; it is told as one that cannot be read
        return _holds_run(path)
    except OSError:
        return False
    return True


def is_local(path: Path) -> bool:
    """Whether ``path`` lies on a file system of this machine, where a stat tells at once that a file has grown."""
    try:
        device = os.stat(path).st_dev
        lines = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return False
    wanted = f"{os.major(device)}:{os.minor(device)}"
    for line in reversed(lines):
        left, _, right = line.partition(" - ")
        if left.split()[2] == wanted:
            return right.split()[0] in _LOCAL
    return False


_LOCAL = {"ext2", "ext3", "ext4", "xfs", "btrfs", "tmpfs", "overlay", "zfs", "f2fs", "bcachefs"}
