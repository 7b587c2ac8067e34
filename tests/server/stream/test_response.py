from __future__ import annotations

import asyncio
from typing import Any

import pytest

from ailab_server.stream import response as module
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
