"""What a run prints."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from ailab.client.connection import Connection, quoted
from ailab.client.types import LogTail

__all__ = ["LogCalls"]

_WAIT = 20.0
_PIECE = 2**20


class LogCalls(Connection):
    """What a `Client` can ask about output."""

    def log(self, run: str, tail: int = 65_536) -> LogTail:
        """The end of a run's output, at most ``tail`` bytes (1 to 1,048,576) of it."""
        return cast(LogTail, self._call("GET", f"/runs/{quoted(run)}/log", query={"tail": tail}))

    def follow_log(self, run: str, tail: int | None = None, wait: float = _WAIT) -> Iterator[str]:
        """What a run printed and prints, piece by piece as it comes, until the run is over.

        A log that is cut or replaced meanwhile is told from its new beginning.

        Args:
            tail: begin with the last so many bytes; None: with the first.
            wait: seconds (at most 30) for which one request waits for more.

        Raises:
            ServerError: the server cannot be reached any more, or the run was deleted.
        """
        path = f"/runs/{quoted(run)}/log"
        begin, file = 0, ""
        if tail is not None:
            last = self.log(run, tail)
            begin, file = last["next"], last["file"]
            if last["text"]:
                yield last["text"]
        while True:
            query = {"from": begin, "file": file or None, "wait": wait, "tail": _PIECE}
            found = cast(LogTail, self._call("GET", path, query=query, seconds=wait + 30))
            begin, file = found["next"], found["file"]
            if found["text"]:
                yield found["text"]
            if found["over"] and begin >= found["size"]:
                return
