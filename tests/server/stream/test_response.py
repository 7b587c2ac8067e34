from __future__ import annotations

import asyncio
import tracemalloc
from typing import Any

import pytest

from ailab_server.auth import Tokens
from ailab_server.stream import response as module
from ailab_server.stream.hub import Hub as RealHub
from ailab_server.stream.response import StreamResponse


class Hub:
    """Gives out ``lines``, then waits for ever or ends."""

    def __init__(self, lines: list[bytes | None]) -> None:
        self.lines = lines
        self.left = False

    async def first(self, client: Any) -> list[bytes]:
        return [b"fir", b"st\n"]

    async def next(self, client: Any) -> bytes | None:
        if not self.lines:
            await asyncio.Event().wait()
        return self.lines.pop(0)

    def leave(self, client: Any) -> None:
        self.left = True


def play(hub: Hub, disconnect: bool, stuck: bool = False) -> list[Any]:
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        if not disconnect:
            await asyncio.Event().wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)
        if stuck and message["type"] == "http.response.body":
            await asyncio.Event().wait()

    async def run() -> None:
        async with asyncio.timeout(10):
            await StreamResponse(None, hub)({"type": "http"}, receive, send)  # type: ignore[arg-type]

    asyncio.run(run())
    assert hub.left
    return sent


def test_lines_then_a_clean_end() -> None:
    start, *bodies = play(Hub([b"a\n", b"b\n", None]), disconnect=False)
    assert dict(start["headers"])[b"content-type"] == b"application/x-ndjson"
    assert b"content-length" not in dict(start["headers"])
    assert [(body["body"], body["more_body"]) for body in bodies] == [
        (b"first\n", True), (b"a\n", True), (b"b\n", True), (b"", False),
    ]  # fmt: skip


def test_a_browser_that_goes_is_left() -> None:
    play(Hub([]), disconnect=True)


def test_a_browser_that_takes_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SEND_SECONDS", 0.01)
    play(Hub([]), disconnect=False, stuck=True)


def test_a_browser_that_takes_nothing_costs_no_memory() -> None:
    """However much changes while a tab sleeps, what waits for it are the ids of the runs."""
    row = b'{"id":"%d","values":"' + b"x" * 2_000 + b'"}'
    runs = {str(number): row % number for number in range(200)}
    tokens = Tokens()
    hub = RealHub(lambda user, only, since: [*runs.values(), b"\n"], None, runs.get, tokens)  # type: ignore[arg-type]

    async def scene() -> None:
        hub.attach()
        login = tokens.check(tokens.issue("ada")[0])
        assert login is not None
        client = hub.join(login)
        assert client is not None
        sent: list[int] = []
        taken = asyncio.Event()

        async def send(message: Any) -> None:
            if message["type"] == "http.response.body":
                sent.append(len(message["body"]))
                await taken.wait()

        async def receive() -> Any:
            await asyncio.Event().wait()

        answering = asyncio.create_task(StreamResponse(client, hub)({"type": "http"}, receive, send))
        while not sent:
            await asyncio.sleep(0)
        tracemalloc.start()
        try:
            for number in range(10_000):
                hub.publish_runs([str(number % 200)])
                if number % 100 == 0:
                    await asyncio.sleep(0)
            await asyncio.sleep(0)
            assert len(client.changed) == 200
            assert tracemalloc.get_traced_memory()[0] < 200_000  # one round of all lines is 400 KB
        finally:
            tracemalloc.stop()
        taken.set()
        while client.changed:
            await asyncio.sleep(0)
        hub.close()
        await answering
        assert max(sent) <= (1 << 18) + 200 * len(row)

    asyncio.run(scene())
