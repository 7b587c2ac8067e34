"""What is wrong in a workspace: damaged, abandoned and unknown things, found and never mended."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ailab.experiment.record import SCHEMA, scalars
from ailab.experiment.record.layout import discover
from ailab.experiment.record.series import read_series
from ailab.experiment.recorded import Run
from ailab.experiment.trash import trashed

__all__ = ["Finding", "check_run", "check_workspace"]

_LEFT_SECONDS = 3600
_LITTLE_SPACE = 1 << 30


@dataclass(frozen=True)
class Finding:
    """Something to know about: where, what, and whether it is a ``problem`` or a ``note``."""

    where: str
    what: str
    kind: str = "problem"


def check_workspace(folder: Path) -> Iterator[Finding]:
    """Look at every run and at the workspace itself."""
    if not os.access(folder, os.W_OK):
        yield Finding(str(folder), "cannot be written to by this user")
    free = shutil.disk_usage(folder).free
    if free < _LITTLE_SPACE:
        yield Finding(str(folder), f"only {free / 2**20:.0f} MiB are free")
    runs = set(discover(folder))
    for path in sorted(runs):
        yield from check_run(Run(path))
    for experiment in sorted(entry for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith(".")):
        for path in sorted(entry for entry in experiment.iterdir() if entry.is_dir()):
            if path not in runs and (path / "streams").is_dir():
                yield Finding(_name(path), "has streams and no run.json: its run never began, or the file was lost")
    count = len(trashed(folder))
    if count:
        yield Finding(str(folder / ".trash"), f"{count} runs are in the trash; 'ailab gc' shows what they take", "note")


def check_run(run: Run) -> Iterator[Finding]:
    """Everything in a run that cannot be read, and what it says of itself that cannot be right."""
    where = _name(run.path)
    schema = run.info.get("schema")
    if run.info and schema != SCHEMA:
        yield Finding(where, f"run.json has schema {schema!r}; this version reads {SCHEMA}: upgrade ailab")
    state, _ = run.state, run.config
    for problem in run.problems:
        yield Finding(where, problem)
    if state == "running":
        return  # what cannot be read yet may only be on its way
    if state == "stale":
        yield Finding(where, "says that it runs and has been silent: its process or machine died", "note")
    for writer, names in run.writers().items():
        path = run.folder.streams / f"{writer}.scalars"
        try:
            size = os.stat(path, follow_symlinks=False).st_size
            _, good = read_series(path, names)
        except OSError as error:
            yield Finding(where, f"streams/{path.name} cannot be read: {error.strerror or error}")
            continue
        if good < size:
            yield Finding(
                where,
                f"streams/{path.name} is damaged at byte {good}: {(size - good) / scalars.SIZE:.1f} of "
                f"{size / scalars.SIZE:.1f} records are lost",
            )
    for image in run.images:
        if not (run.folder.images / image.file).is_file():
            yield Finding(where, f"images/{image.file} was logged and is not there")
    for folder in (run.path, run.folder.images):
        for path in folder.glob(".*") if folder.is_dir() else ():
            if path.is_file() and _old(path):
                yield Finding(where, f"{path.name} was left by a process that died while writing", "note")
    if run.created is not None and run.created > time.time() + 60:
        yield Finding(where, "began in the future: the clocks of its machine and this one differ")


def _old(path: Path) -> bool:
    return time.time() - path.lstat().st_mtime > _LEFT_SECONDS


def _name(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"
