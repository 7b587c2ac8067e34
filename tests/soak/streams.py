"""Browsers that watch: one that must know everything in the end, some that look, some that read slowly or never."""

from __future__ import annotations

import asyncio
import json
import random
import socket
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

from soak.servers import Server

__all__ = ["Streams"]

_HOLD_SECONDS = 90.0
"""So long a browser that reads nothing stays: longer than the server waits for it."""


class Streams:
    """Streams of ``server``, in a thread with an event loop, until `stop`.

    Attributes:
        counts: lines of each type, connections of each kind, and how those that never read ended.
        known: what the follower knows: the row of each run, by id.
        wrong: what no server may send.
    """

    def __init__(self, server: Server, lookers: int, slow: int, never: int, seed: int) -> None:
        self.counts: Counter[str] = Counter()
        self.known: dict[str, dict[str, Any]] = {}
        self.wrong: list[str] = []
        self._server = server
        self._random = random.Random(seed)
        self._ending = False
        self._kinds = [self._follow()]
        self._kinds += [self._look(number) for number in range(lookers)]
        self._kinds += [self._crawl() for _ in range(slow)]
        self._kinds += [self._hang(number) for number in range(never)]
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="soak-streams")
        self._thread.start()

    def server_ends(self) -> None:
        """From now on a connection that is refused is no surprise."""
        self._ending = True

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._cancel)
        self._thread.join()

    def _run(self) -> None:
        self._loop.run_until_complete(self._all())
        self._loop.close()

    async def _all(self) -> None:
        self._tasks = [asyncio.create_task(kind) for kind in self._kinds]
        for result in await asyncio.gather(*self._tasks, return_exceptions=True):
            if not isinstance(result, asyncio.CancelledError) and not (self._ending and isinstance(result, OSError)):
                self.wrong.append(f"a browser of the soak failed: {result!r}")

    def _cancel(self) -> None:
        for task in self._tasks:
            task.cancel()

    async def _follow(self) -> None:
        """Keeps its connection, and everything that it was told."""
        while True:
            async for line in self._lines(""):
                message = json.loads(line, parse_constant=self._constant)
                self.counts[f"told {message['type']}"] += 1
                match message["type"]:
                    case "snapshot":
                        self.known = {row["id"]: row for row in message["runs"]}
                    case "run":
                        self.known[message["run"]["id"]] = message["run"]
                    case "removed":
                        self.known.pop(message["id"], None)
                    case "tasks" | "ping":
                        pass
                    case other:
                        self.wrong.append(f"a stream said {other}")
            self.counts["follower cut off"] += 1

    async def _look(self, number: int) -> None:
        """Comes and goes, half of the times with the revision where it stopped."""
        revision = None
        while True:
            until = time.monotonic() + self._random.uniform(1.0, 30.0)
            query = f"?since={revision}" if revision is not None and self._random.random() < 0.5 else ""
            self.counts["looks"] += 1
            async for line in self._lines(query):
                if line.startswith((b'{"type":"snap', b'{"type":"ping', b'{"type":"chan')):
                    revision = json.loads(line, parse_constant=self._constant)["revision"]
                if time.monotonic() > until:
                    break

    async def _crawl(self) -> None:
        """Two kilobytes a second."""
        while True:
            reader, writer = await self._open("", 16_384)
            self.counts["crawls"] += 1
            until = time.monotonic() + 60.0
            try:
                while time.monotonic() < until and await reader.read(2048):
                    await asyncio.sleep(1.0)
            except OSError:
                self.counts["crawls ended by the server"] += 1
            finally:
                writer.close()

    async def _hang(self, number: int) -> None:
        """Asks and never reads: a stream, or series."""
        while True:
            with socket.socket() as connection:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                connection.setblocking(False)
                await self._loop.sock_connect(connection, ("127.0.0.1", self._server.port))
                await self._loop.sock_sendall(
                    connection, self._request("GET", "/stream") if number % 2 else self._much()
                )
                self.counts["hangs"] += 1
                await asyncio.sleep(_HOLD_SECONDS + number)
                self.counts["hangs, the server gave up"] += await self._is_over(connection)

    def _much(self) -> bytes:
        """A question whose answer no buffer of the kernel can hold: every series of every run."""
        question = {"runs": list(self.known)[:1000] or ["none"], "points": 20_000,
                    "metrics": [f"{name}{segment}" for name in ("loss", "train") for segment in (1, 2, 3)]}  # fmt: skip
        body = json.dumps(question).encode()
        head = self._request("POST", "/series", f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n")
        return head + body

    async def _is_over(self, connection: socket.socket) -> bool:
        """Whether the server has let go of a connection: what is under way comes, then nothing more."""
        try:
            async with asyncio.timeout(3.0):
                while await self._loop.sock_recv(connection, 1 << 20):
                    pass
        except TimeoutError:
            return False
        except OSError:
            pass
        return True

    def _request(self, method: str, path: str, more: str = "") -> bytes:
        who = f"Authorization: Bearer {self._server.token}\r\n"
        return f"{method} /api/v1{path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{who}{more}\r\n".encode()

    async def _open(self, query: str, limit: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._server.port, limit=limit)
        writer.write(self._request("GET", f"/stream{query}"))
        return reader, writer

    async def _lines(self, query: str) -> AsyncIterator[bytes]:
        """The lines of a stream until the server ends it."""
        reader, writer = await self._open(query, 1 << 26)
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 200"):
                self.wrong.append(f"a stream answered {head[:100]!r}")
                return
            rest = b""
            while size := int(await reader.readline() or b"0", 16):  # chunk by chunk
                *lines, rest = (rest + await reader.readexactly(size + 2))[:-2].split(b"\n")
                for line in lines:
                    self.counts["lines"] += 1
                    yield line
        except (OSError, asyncio.IncompleteReadError):
            self.counts["streams cut off"] += 1
        finally:
            writer.close()

    def _constant(self, name: str) -> None:
        self.wrong.append(f"a stream held {name}, which is no JSON")
