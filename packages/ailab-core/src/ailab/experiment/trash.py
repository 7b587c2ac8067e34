"""The workspace's trash: deleting a run moves it there, and only `empty` deletes anything.

``<workspace>/.trash/<experiment>/<run id>/`` is the run's folder as it was, with a ``trash.json`` that says when and by
whom. Moving is one rename, so a run is never half in the trash.
"""

from __future__ import annotations

import errno
import getpass
import json
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ailab.experiment.record.facts import is_time
from ailab.experiment.record.files import read_regular, replace_file
from ailab.experiment.record.layout import discover
from ailab.experiment.recorded import Run

__all__ = ["Trashed", "empty", "restore", "trash", "trashed"]

_FOLDER = ".trash"
_NOTE = "trash.json"


@dataclass(frozen=True)
class Trashed:
    """A run in the trash: where it lies, when it came there (seconds since the epoch) and by whom."""

    path: Path
    when: float
    by: str

    @property
    def id(self) -> str:
        return self.path.name

    @property
    def experiment(self) -> str:
        return self.path.parent.name

    def size(self) -> int:
        """Bytes of all its files."""
        total = 0
        for parent, _, names in os.walk(self.path):
            for name in names:
                total += os.lstat(Path(parent) / name).st_size
        return total


def trash(workspace: Path, run: Run, force: bool = False, by: str | None = None) -> Path:
    """Move a run to the trash; its new place.

    Args:
        by: who does it; this process's user by default.

    Raises:
        ValueError: the run does not lie in this workspace, or is running and not ``force``.
        FileExistsError: the trash holds a run of this name already.
        OSError: the workspace cannot be written to, or a folder on the way is a link.
    """
    workspace = workspace.absolute()
    if run.path.parent.parent.resolve() != workspace.resolve():
        raise ValueError(f"{run.path} is no run of the workspace {workspace}")
    if run.state == "running" and not force:
        raise ValueError(f"{run.id} is running: stop it first, or delete it all the same with --force")
    target = workspace / _FOLDER / run.experiment / run.id
    target.parent.mkdir(parents=True, exist_ok=True)
    _refuse_links(target.parent.parent, target.parent, run.path.parent, run.path)
    if target.exists():
        raise FileExistsError(f"the trash holds a run {run.experiment}/{run.id} already: {target}")
    replace_file(run.path / _NOTE, json.dumps({"time": time.time(), "user": _user() if by is None else by}).encode())
    run.path.rename(target)
    return target


def trashed(workspace: Path, known: Mapping[Path, Trashed] | None = None) -> list[Trashed]:
    """The runs in the trash, the latest first.

    Args:
        known: what an earlier look found, by place, so that those need not be looked into again.
    """
    folder = workspace.absolute() / _FOLDER
    if folder.is_symlink() or not folder.is_dir():
        return []
    return sorted(_look(folder, known or {}), key=lambda run: run.when, reverse=True)


def restore(workspace: Path, run: Trashed) -> Path:
    """Move a run back to where it was; that place.

    Raises:
        FileExistsError: there is a run of this name again.
        OSError: the workspace cannot be written to, or a folder on the way is a link.
    """
    target = workspace.absolute() / run.experiment / run.id
    if target.exists():
        raise FileExistsError(f"{target} exists already: move it away first")
    target.parent.mkdir(parents=True, exist_ok=True)
    _refuse_links(target.parent, run.path.parent.parent, run.path.parent, run.path)
    run.path.rename(target)
    (target / _NOTE).unlink(missing_ok=True)
    return target


def empty(run: Trashed) -> None:
    """Delete a run that is in the trash, for ever.

    Raises:
        OSError: a part of it cannot be deleted.
        ValueError: it is not in a trash.
    """
    if run.path.parent.parent.name != _FOLDER or run.path.is_symlink():
        raise ValueError(f"{run.path} is not in a workspace's trash: nothing is deleted")
    shutil.rmtree(run.path)


def _refuse_links(*folders: Path) -> None:
    """What lies in a workspace is not trusted to stay in it: nothing is moved through a link.

    Raises:
        OSError: one of them is a link.
    """
    for folder in folders:
        if folder.is_symlink():
            raise OSError(errno.ELOOP, "nothing is moved through a link", str(folder))


def _look(folder: Path, known: Mapping[Path, Trashed]) -> Iterator[Trashed]:
    for path in discover(folder, known):
        if path in known:
            yield known[path]
            continue
        note: dict[str, Any] = {}
        try:
            content = json.loads(read_regular(path / _NOTE))
            note = content if isinstance(content, dict) else {}
        except (FileNotFoundError, ValueError):
            pass  # put there by hand: since when is told by the folder
        when = note.get("time")
        yield Trashed(path, float(when) if is_time(when) else path.stat().st_ctime, str(note.get("user", "")))


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return str(os.getuid())
