"""What a run tells its user, each thing once, and how it calls plugins: neither ever raises into the training."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

__all__ = ["Reports"]

_logger = logging.getLogger("ailab")


class Reports:
    """What goes wrong around a run, as warnings of the logger ``ailab``.

    Args:
        run_id: the run's, which each of them names.
        log: writes an event into the run: its type, and its fields by name.
    """

    def __init__(self, run_id: str, log: Callable[..., None]) -> None:
        self._id = run_id
        self._log = log
        self._reported: set[str] = set()

    def problem(self, what: str, error: OSError) -> None:
        """Report what the file system refused: once for each kind, or a full disk would fill the screen too."""
        kind = f"{what}: {error.strerror or error}"
        if kind not in self._reported:
            self._reported.add(kind)
            _logger.warning("run %s: %s; logging goes on and tries again", self._id, kind)

    def warn(self, message: str) -> None:
        """Report something, and keep it with the run."""
        _logger.warning("run %s: %s", self._id, message)
        self._log("warning", message=message)

    def notify(self, hook: Callable[..., Any], **arguments: Any) -> None:
        """Call plugins. A failure is reported once for each hook."""
        try:
            hook(**arguments)
        except Exception as error:  # noqa: BLE001 - a plugin's failure must not end a training
            name = getattr(hook, "name", "hook")
            if name not in self._reported:
                self._reported.add(name)
                _logger.warning(
                    "run %s: a plugin failed in %s: %r; it is called again, and not reported again",
                    self._id,
                    name,
                    error,
                )
