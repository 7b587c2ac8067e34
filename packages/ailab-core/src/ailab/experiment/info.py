"""``run.json``: written at once with what is known at once, completed in the background."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ailab.experiment.encode import to_jsonable
from ailab.experiment.record.files import replace_file

__all__ = ["InfoFile"]

_LATER_SECONDS = 1.0


class InfoFile:
    """The contents of a ``run.json`` and their one writer.

    Args:
        path: the file.
        facts: its first contents.
        problem: called with a message and the error when it cannot be replaced.
        later: has a function called soon, in another thread.

    Raises:
        OSError: it cannot be written the first time.
    """

    def __init__(
        self,
        path: Path,
        facts: dict[str, Any],
        problem: Callable[[str, OSError], None],
        later: Callable[[Callable[[], None]], object],
    ) -> None:
        self._path = path
        self._facts = facts
        self._problem = problem
        self._later = later
        self._lock = threading.RLock()  # reentrant: a signal handler may end the run in the midst of `add`
        self._thread: threading.Thread | None = None
        self._closing = threading.Event()
        self._asked = False
        self._abandoned = False
        replace_file(self._path, self._content())

    def add(self, **facts: Any) -> None:
        """Add or replace top-level fields. The file follows soon."""
        if self._abandoned:
            return
        with self._lock:
            self._facts.update(facts)
            if self._asked:
                return
            self._asked = True
        self._later(self.write)

    def add_dataset(self, name: str, version: Any) -> None:
        """Record the version of a dataset that the run uses; where a class comes in several versions, all of them."""
        with self._lock:
            known: dict[str, list[Any]] = dict(self._facts.get("datasets", {}))
            versions = known.get(name, [])
            if version not in versions:
                self.add(datasets={**known, name: [*versions, version]})

    def complete(self, look: Callable[[], dict[str, Any]]) -> None:
        """Add, from a thread and a second later, what ``look`` finds out: it must not slow the start of a training."""

        def work() -> None:
            self._closing.wait(_LATER_SECONDS)
            try:
                found = look()
            except OSError as error:
                self._problem("cannot record the environment", error)
                return
            self.add(**found)

        self._thread = threading.Thread(target=work, name="ailab-environment", daemon=True)
        self._thread.start()

    def write(self) -> None:
        """Bring the file up to date."""
        with self._lock:
            self._asked = False
            content = self._content()
        try:
            replace_file(self._path, content)
        except OSError as error:
            self._problem(f"cannot replace {self._path}", error)

    def close(self, seconds: float = 15.0) -> None:
        """Wait until everything is known, at most so long."""
        self._closing.set()
        if self._thread is not None:
            self._thread.join(timeout=seconds)

    def abandon(self) -> None:
        """In a forked child: leave the file to the parent, its one writer."""
        self._lock = threading.RLock()  # the parent's may have been held by a thread that does not exist here
        self._abandoned = True

    def _content(self) -> bytes:
        return json.dumps(to_jsonable(self._facts), indent=2, allow_nan=False).encode()
