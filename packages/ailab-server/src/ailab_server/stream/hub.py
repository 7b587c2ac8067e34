"""Who is watching, and what each watcher has yet to be told."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterable
from itertools import islice

from ailab_server.auth import Login, Tokens
from ailab_server.models import (
    PingMessage,
    RemovedMessage,
    TasksMessage,
)

__all__ = ["PING_SECONDS", "Client", "Hub"]

PING_SECONDS = 8.0
_MOST_CLIENTS = 512
_MOST_LINES = 200
"""So many changed runs are sent at once: what waits for a slow browser are ids, not lines."""


class Client:
    """One open stream.

    It holds the *ids* of what changed, never messages: however slow its browser is, it costs no more than the
    list of runs, and what it gets at last is the newest state.

    Args:
        only: the runs it looks at; None: all.
        since: the revision up to which it knows everything; None: it knows nothing.
    """

    def __init__(self, login: Login, only: frozenset[str] | None = None, since: int | None = None) -> None:
        self.login = login
        self.only = only
        self.since = since
        self.changed: dict[str, None] = {}  # a dict for its order
        self.tasks = False
        self.ended = False
        self.pinged = time.monotonic()
        self.wake = asyncio.Event()


class Hub:
    """All open streams. Everything but the ``publish`` methods belongs to the event loop's thread.

    Args:
        snapshot: everything there is, or of some runs, or since a revision, for a user, as the pieces of one line
            (may be slow: it is called in a thread).
        tasks: tasks and system, for a user (likewise).
        run: the JSON of a run's newest summary, or None when it is gone.
        tokens: which logins are still valid.
        most: streams that may be open at a time.
    """

    def __init__(
        self,
        snapshot: Callable[[str, frozenset[str] | None, int | None], list[bytes]],
        tasks: Callable[[str], TasksMessage],
        run: Callable[[str], bytes | None],
        tokens: Tokens,
        most: int | None = None,
    ) -> None:
        self._snapshot = snapshot
        self._tasks = tasks
        self._run = run
        self._tokens = tokens
        self._most = most
        self._clients: set[Client] = set()
        self._lines: dict[str, bytes] = {}  # rendered once, sent to every client
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False
        self._published = 0

    @property
    def closed(self) -> bool:
        """The server stops: whoever waits is to be answered now."""
        return self._closed

    def attach(self) -> None:
        """Serve on the running event loop."""
        self._loop = asyncio.get_running_loop()

    def publish_runs(self, ids: Iterable[str], revision: int = 0) -> None:
        """These runs changed, appeared or went, the last of all those up to ``revision``. From any thread."""
        self._call(self._mark_runs, list(ids), revision)

    def publish_tasks(self) -> None:
        """A task, a GPU or the workspace's availability changed. From any thread."""
        self._call(self._mark_tasks)

    def join(self, login: Login, only: frozenset[str] | None = None, since: int | None = None) -> Client | None:
        """A new stream, or None when there are too many or the server stops."""
        if self._closed or len(self._clients) >= (self._most or _MOST_CLIENTS):
            return None
        client = Client(login, only, since)
        self._clients.add(client)
        return client

    def leave(self, client: Client) -> None:
        """The stream is over."""
        self._clients.discard(client)

    def end(self, key: bytes) -> None:
        """End the streams of a login that was revoked."""
        for client in self._clients:
            if client.login.key == key:
                _end(client)

    def close(self) -> None:
        """End all streams and take no more."""
        self._closed = True
        for client in self._clients:
            _end(client)

    async def first(self, client: Client) -> list[bytes]:
        """The snapshot that a stream begins with, in pieces that all streams share."""
        return await asyncio.to_thread(self._snapshot, client.login.user, client.only, client.since)

    async def next(self, client: Client) -> bytes | None:
        """Wait for news, at most as long as a ping may take.

        The lines to send, or None at the stream's end.
        """
        valid_for = client.login.ends - time.monotonic()
        try:
            async with asyncio.timeout(max(0.0, min(PING_SECONDS, valid_for))):
                await client.wake.wait()
        except TimeoutError:
            pass
        if client.ended or self._tokens.get(client.login.key) is None:
            return None
        client.wake.clear()
        published = self._published
        changed = list(islice(client.changed, _MOST_LINES))
        for id in changed:
            del client.changed[id]
        if client.changed:
            client.wake.set()  # the rest at once, but when the browser has taken these
        tasks, client.tasks = client.tasks, False
        parts = [self._run_line(id) for id in changed]
        if tasks:
            parts.append(_line(await asyncio.to_thread(self._tasks, client.login.user)))
        now = time.monotonic()
        if not client.changed and (not parts or now - client.pinged >= PING_SECONDS):
            client.pinged = now
            parts.append(_line(PingMessage(revision=published)))
        return b"".join(parts)

    def _run_line(self, id: str) -> bytes:
        line = self._lines.get(id)
        if line is None:
            run = self._run(id)
            line = _line(RemovedMessage(id=id)) if run is None else b'{"type":"run","run":' + run + b"}\n"
            if len(self._lines) >= 1_000:
                self._lines.clear()
            self._lines[id] = line
        return line

    def _mark_runs(self, ids: list[str], revision: int) -> None:
        self._published = max(self._published, revision)
        for id in ids:
            self._lines.pop(id, None)
        for client in self._clients:
            wanted = ids if client.only is None else [id for id in ids if id in client.only]
            if wanted:
                client.changed.update(dict.fromkeys(wanted))
                client.wake.set()

    def _mark_tasks(self) -> None:
        for client in self._clients:
            client.tasks = True
            client.wake.set()

    def _call(self, function: Callable[..., None], *arguments: object) -> None:
        if self._loop is None:
            return
        with contextlib.suppress(RuntimeError):  # the loop is closed: the server is on its way out
            self._loop.call_soon_threadsafe(function, *arguments)


def _end(client: Client) -> None:
    client.ended = True
    client.wake.set()


def _line(message: RemovedMessage | TasksMessage | PingMessage) -> bytes:
    return message.model_dump_json().encode() + b"\n"
