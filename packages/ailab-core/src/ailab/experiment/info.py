"""``run.json``: written at once with what is known at once, completed in the background."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ailab.experiment.environment import git_state, packages
from ailab.experiment.record.files import replace_file

__all__ = ["InfoFile"]


class InfoFile:
    """The contents of a ``run.json`` and their one writer.

    Args:
        path: the file.
        facts: its first contents.
        problem: called with a message and the error when it cannot be replaced.

    Raises:
        OSError: it cannot be written the first time.
    """

    def __init__(self, path: Path, facts: dict[str, Any], problem: Callable[[str, OSError], None]) -> None:
        self._path = path
        self._facts = facts
        self._problem = problem
        self._lock = threading.RLock()  # reentrant: a signal handler may end the run in the midst of `add`
        self._thread: threading.Thread | None = None
        self._abandoned = False
        self._write()

    def add(self, **facts: Any) -> None:
        """Add or replace top-level fields."""
        if self._abandoned:
            return
        with self._lock:
            self._facts.update(facts)
            try:
                self._write()
            except OSError as error:
                self._problem(f"cannot replace {self._path}", error)

    def add_dataset(self, name: str, version: Any) -> None:
        """Record the version of a dataset that the run uses; where a class comes in several versions, all of them."""
        with self._lock:
            known: dict[str, list[Any]] = dict(self._facts.get("datasets", {}))
            versions = known.get(name, [])
            if version not in versions:
                self.add(datasets={**known, name: [*versions, version]})

    def complete(self, folder: Path) -> None:
        """Find out, in a thread, what takes a moment: the installed packages and git's state of ``folder``."""

        def look() -> None:
            self.add(packages=packages(), git=git_state(folder))

        self._thread = threading.Thread(target=look, name="ailab-environment", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Wait until everything is in the file."""
        if self._thread is not None:
            self._thread.join(timeout=15.0)

    def abandon(self) -> None:
        """In a forked child: leave the file to the parent, its one writer."""
        self._lock = threading.RLock()  # the parent's may have been held by a thread that does not exist here
        self._abandoned = True

    def _write(self) -> None:
        replace_file(self._path, json.dumps(self._facts, indent=2, allow_nan=False).encode())
