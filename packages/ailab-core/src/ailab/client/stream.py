"""What changes on a server, as it happens."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from typing import cast

from ailab.client.connection import Connection, ServerError
from ailab.client.types import StreamMessage

__all__ = ["StreamCalls"]

_SILENCE = 30.0
"""Seconds without a line after which the server is taken for gone; it sends one at least every ten."""

_PAUSES = (0.1, 0.5, 2.0)
"""Seconds between attempts to come back, the last again and again."""


class StreamCalls(Connection):
    """What a `Client` can follow."""

    def watch(self, runs: Sequence[str] = (), patience: float = 60.0) -> Iterator[StreamMessage]:
        """All runs and tasks as they are (``"snapshot"``), then each change, without end: leave the loop when done.

        After a connection that was lost it goes on with what changed meanwhile (``"changes"``), or, when the server
        does not remember that far, with a new ``"snapshot"``, which replaces all that was told before. A reader may
        be slow: of what changed several times it gets the newest state.

        Args:
            runs: ids of the only runs to tell of; all without any.
            patience: seconds for which a server that went away is looked for.

        Raises:
            ServerError: the server cannot be reached any more, or refuses.
        """
        since: int | None = None
        heard = time.monotonic()
        attempts = 0
        while True:
            lost = ServerError(f"{self.address} ended its stream again and again")
            try:
                for message in self._told(runs, since):
                    heard, attempts = time.monotonic(), 0
                    since = cast(int, message.get("revision", since))
                    yield message
                    heard = time.monotonic()  # not counting the time that the reader took
            except ServerError as error:
                if since is None or self._closed or error.status not in (None, 503):  # never began; left; refused
                    raise
                lost = error
            if time.monotonic() - heard > patience:
                raise lost
            time.sleep(_PAUSES[min(attempts, len(_PAUSES) - 1)])
            attempts += 1

    def _told(self, runs: Sequence[str], since: int | None) -> Iterator[StreamMessage]:
        """The messages of one connection, until it ends."""
        with self._opened("GET", "/stream", query={"run": list(runs), "since": since}, seconds=_SILENCE) as answer:
            while (line := answer.line()).endswith(b"\n"):  # what is cut off will be told again
                try:
                    yield cast(StreamMessage, json.loads(line))
                except ValueError:
                    raise ServerError(f"{self.address} did not answer like an ailab-server") from None
