"""What people add to runs afterwards: tags and notes."""

import threading
from collections.abc import Sequence
from typing import NamedTuple

from ailab.experiment.recorded import Run
from ailab_server.manage.places import check_no_links
from ailab_server.workspace import Workspace

__all__ = ["SEEN_SECONDS", "Annotations", "Edits"]

SEEN_SECONDS = 2.0
"""So long an answer waits, at most, until what was changed is in the list and has been told to all who watch."""


class Annotations(NamedTuple):
    """A run's tags and notes."""

    tags: list[str]
    notes: str


class Edits:
    """Changes tags and notes by an event in a file of its own, so that a run may be written at the same time.

    Everything here is slow, and not for the event loop.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        # Two changes of one run's tags must not forget one another; a share that hangs for one run, not hold all.
        self._locks = [threading.Lock() for _ in range(64)]

    def change_tags(
        self, id: str, tags: Sequence[str] | None, add: Sequence[str], remove: Sequence[str]
    ) -> Annotations:
        """Replace a run's tags, if ``tags`` are given; then take some off and add others.

        Raises:
            KeyError: no such run.
            ValueError: one is no tag.
            OSError: the run's folder cannot be written to.
        """
        with self._lock(id):
            run = self._run(id)
            before = run.tags if tags is None else tags
            run.set_tags([*(tag for tag in before if tag not in remove), *add])
        return self._seen(id, run)

    def change_notes(self, id: str, text: str) -> Annotations:
        """Replace a run's notes; empty for none. As `change_tags`."""
        with self._lock(id):
            run = self._run(id)
            run.set_notes(text)
        return self._seen(id, run)

    def _run(self, id: str) -> Run:
        folder = self._workspace.folder(id)
        check_no_links(self._workspace.root, folder)
        return Run(folder)

    def _seen(self, id: str, run: Run) -> Annotations:
        self._workspace.look_again([id]).wait(SEEN_SECONDS)
        return Annotations(list(run.tags), run.notes)

    def _lock(self, id: str) -> threading.Lock:
        return self._locks[hash(id) % len(self._locks)]
