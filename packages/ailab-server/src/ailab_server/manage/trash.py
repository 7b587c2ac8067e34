"""Runs to the workspace's trash and back. Nothing here deletes anything; ``ailab gc`` does, when someone says so."""

import os
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from ailab.experiment.recorded import Run
from ailab.experiment.trash import Trashed, restore, trash, trashed
from ailab_server.manage.edits import SEEN_SECONDS
from ailab_server.manage.places import check_no_links
from ailab_server.workspace import Workspace
from ailab_server.workspace.row import run_id

__all__ = ["HalfDone", "Running", "Trash"]


class Running(Exception):
    """A run that is to go to the trash is running; the message says which, and what to do."""


class HalfDone(Exception):
    """Some of the runs were moved, as the message says, before one could not be."""


class Trash:
    """The trash of one workspace. Everything here is slow, and not for the event loop.

    Args:
        only: of these experiments and no others; None: of all.
    """

    def __init__(self, workspace: Workspace, only: Sequence[str] | None) -> None:
        self._workspace = workspace
        self._only = None if only is None else {Path(name).as_posix() for name in only}
        self._known: dict[Path, Trashed] = {}
        self._lock = threading.Lock()

    def runs(self) -> dict[str, Trashed]:
        """Id → run, the latest first. The id is the one that the run had, and has again when it is restored.

        Raises:
            OSError: the workspace is away.
        """
        os.stat(self._workspace.root)  # else a workspace that is away looks like one with an empty trash
        found = trashed(self._workspace.root, self._known)
        self._known = {run.path: run for run in found}
        shown = [run for run in found if self._only is None or run.experiment in self._only]
        return {run_id(f"{run.experiment}/{run.id}"): run for run in shown}

    def move(self, ids: Sequence[str], by: str) -> dict[str, Trashed]:
        """Move runs to the trash; all of them, or, if one is running or unknown, none.

        Raises:
            KeyError: no run has this id.
            Running: one is running.
            HalfDone: the file system refused one after others had been moved.
            OSError: it refused the first.
        """
        with self._lock:
            # A run that was over may have been resumed since anyone looked at it.
            looked = self._workspace.look_again(ids).wait(SEEN_SECONDS)
            folders = {id: self._workspace.folder(id) for id in ids}
            for id, folder in folders.items():
                run = self._workspace.glance(id)
                if run is not None and run.state == "running":
                    stop = "stop its program" if run.task is None else f"stop its task {run.task}"
                    raise Running(f"{folder.parent.name}/{folder.name} is running: {stop} first, then move it")
            for folder in folders.values():
                self._known.pop(self._workspace.root / ".trash" / folder.parent.name / folder.name, None)

            def move(id: str) -> None:
                check_no_links(self._workspace.root, folders[id])
                try:
                    # The server's own judgement counts, which no wrong clock misleads, if it has just been made.
                    trash(self._workspace.root, Run(folders[id]), force=looked, by=by)
                except ValueError as error:
                    raise Running(str(error).partition(", or delete")[0]) from None

            self._each(list(folders), move)
            moved = self.runs()
        return {id: moved[id] for id in folders if id in moved}

    def restore(self, ids: Sequence[str]) -> dict[str, Trashed]:
        """Move runs back to where they were; all of them, or, if one is unknown, none.

        Raises:
            KeyError: no run in the trash has this id.
            FileExistsError: there is a run of this name again.
            HalfDone: the file system refused one after others had been moved.
            OSError: it refused the first.
        """
        with self._lock:
            inside = self.runs()
            wanted = {id: inside[id] for id in ids}
            self._each(list(wanted), lambda id: restore(self._workspace.root, wanted[id]))
            self._known = {}
        return wanted

    def _each(self, ids: Sequence[str], move: Callable[[str], object]) -> None:
        try:
            for number, id in enumerate(ids):
                try:
                    move(id)
                except (OSError, Running) as error:
                    if number == 0:
                        raise
                    raise HalfDone(f"{number} of {len(ids)} were moved; then: {_why(error)}") from None
        finally:
            self._workspace.look_again(listing=True).wait(SEEN_SECONDS)


def _why(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
