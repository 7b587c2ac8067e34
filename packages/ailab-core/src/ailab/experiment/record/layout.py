"""Where things lie in a workspace: ``<workspace>/<experiment>/<run id>/``."""

from __future__ import annotations

import os
import time
from collections.abc import Container, Iterator
from dataclasses import dataclass
from pathlib import Path

from ailab.experiment.names import check_file_name
from ailab.experiment.waiting import each

__all__ = ["SCHEMA", "RunFolder", "create_run_folder", "discover"]

SCHEMA = 1
"""The number in ``run.json`` that says which form of run folder this is."""

_ID_ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"  # no characters that are mistaken for one another


@dataclass(frozen=True)
class RunFolder:
    """The paths inside one run's folder."""

    path: Path

    @property
    def info(self) -> Path:
        return self.path / "run.json"

    @property
    def config(self) -> Path:
        return self.path / "config.json"

    @property
    def source(self) -> Path:
        return self.path / "src"

    @property
    def streams(self) -> Path:
        return self.path / "streams"

    @property
    def images(self) -> Path:
        return self.path / "images"

    @property
    def output(self) -> Path:
        return self.path / "output.log"

    @property
    def tables(self) -> Path:
        return self.path / "tables"

    @property
    def texts(self) -> Path:
        return self.path / "texts"

    @property
    def files(self) -> Path:
        return self.path / "files"

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"


def create_run_folder(workspace: Path, experiment: str, run_id: str | None = None) -> RunFolder:
    """Make a new run's folder; or, with a ``run_id``, make or find that one.

    The id is the local time and five random characters, so ids sort by age and machines need not agree on anything.

    Raises:
        ValueError: ``experiment`` or ``run_id`` cannot be a folder's name.
        OSError: the workspace cannot be written to.
    """
    check_file_name("experiment", experiment)
    parent = Path(workspace) / experiment
    if run_id is not None:
        folder = RunFolder(parent / check_file_name("run_id", run_id))
        for part in (folder.streams, folder.images, folder.checkpoints):
            part.mkdir(parents=True, exist_ok=True)
        return folder
    parent.mkdir(parents=True, exist_ok=True)
    while True:
        suffix = "".join(_ID_ALPHABET[byte % len(_ID_ALPHABET)] for byte in os.urandom(5))
        folder = RunFolder(parent / f"{time.strftime('%Y-%m-%d_%H.%M.%S')}_{suffix}")
        try:
            folder.path.mkdir()
        except FileExistsError:
            continue
        for part in (folder.streams, folder.images, folder.checkpoints):
            part.mkdir()
        return folder


def discover(workspace: Path, known: Container[Path] = ()) -> Iterator[Path]:
    """The run folders of a workspace: every ``<experiment>/<run id>`` that holds a ``run.json``.

    Folders are listed, never asked for by name: over NFS a name that was once missing stays missing for half a minute.
        Links and names that
    begin with a dot (the workspace's trash) are passed over. A folder in ``known`` is yielded without looking inside it
    again.

    Raises:
        OSError: the workspace itself cannot be listed.
    """
    for experiment in _folders(workspace):
        try:
            runs = list(_folders(experiment))
        except OSError:
            continue  # taken away between the two listings
        for run, holds in zip(runs, each(runs, lambda run: run in known or _holds_run(run)), strict=True):
            if holds:
                yield run


def _folders(path: Path) -> Iterator[Path]:
    with os.scandir(path) as entries:
        for entry in sorted(entries, key=lambda e: e.name):
            if not entry.name.startswith(".") and entry.is_dir(follow_symlinks=False):
                yield Path(entry.path)


def _holds_run(path: Path) -> bool:
    try:
        return "run.json" in os.listdir(path)
    except OSError:
        return False
