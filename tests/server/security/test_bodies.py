from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from ailab_server.security.bodies import BodyCheck

LOGIN = {"user": "ada", "password": "x"}


@pytest.mark.parametrize(
    "kind",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x",
     "text/plain;application/json",
     "application/jsonx", "application/json+x", "", "application/xml"],
)  # fmt: skip
def test_a_body_that_is_not_declared_as_json_is_refused(app: Any, workspace: Any, kind: str) -> None:
    task = json.dumps({"command": ["touch", "x"], "folder": str(workspace)}).encode()
    for path, body in [("/tasks", task), ("/login", json.dumps(LOGIN).encode()), ("/tasks/x/stop", b"{}")]:
        for method in ("POST", "PUT", "DELETE", "PATCH"):
            answer = app.client.request(method, path, content=body, headers={"Content-Type": kind})
            assert answer.status_code == 415, (method, path)
    assert app.services.scheduler.tasks() == []


def test_a_body_without_a_type_is_refused(app: Any) -> None:
    assert app.client.post("/login", content=b"{}").status_code == 415


@pytest.mark.parametrize("kind", ["application/json", "Application/JSON; charset=utf-8"])
def test_json_is_taken(app: Any, kind: str) -> None:
    answer = app.client.post("/login", content=json.dumps(LOGIN).encode(), headers={"Content-Type": kind})
    assert answer.status_code == 401  # understood, and the password is wrong


def test_a_large_body_is_refused_by_its_length(app: Any) -> None:
    read = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal read
        while True:
            read += 1
            yield b" " * 65536

    headers = {"Content-Type": "application/json", "Content-Length": str(2**40)}
    assert app.client.post("/login", content=endless(), headers=headers).status_code == 413
    assert read <= 1


@pytest.mark.parametrize("length", ["-1", "x", "9" * 500])
def test_a_length_that_is_none_is_refused(app: Any, length: str) -> None:
    headers = {"Content-Type": "application/json", "Content-Length": length}
    assert app.client.post("/login", content=b"{}", headers=headers).status_code == 413


def call(check: BodyCheck, receive: Callable[[], Any], *headers: tuple[bytes, bytes]) -> list[int]:
    statuses: list[int] = []

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    kind = (b"content-type", b"application/json")
    scope = {"type": "http", "method": "POST", "path": "/", "headers": [kind, *headers]}
    asyncio.run(check(scope, receive, send))
    return statuses


async def never(*_: Any) -> None:
    raise AssertionError("the app was reached")


def test_a_chunked_body_is_counted_and_not_kept() -> None:
    taken = 0

    async def receive() -> dict[str, Any]:
        nonlocal taken
        taken += 1
        return {"type": "http.request", "body": b"x" * 1000, "more_body": True}

    assert call(BodyCheck(never, largest=10_000), receive, (b"transfer-encoding", b"chunked")) == [413]
    assert taken == 11


def test_a_stalled_body_is_given_up() -> None:
    async def receive() -> dict[str, Any]:
        await asyncio.sleep(3600)
        return {}

    assert call(BodyCheck(never, seconds=0.05), receive, (b"content-length", b"5")) == [408]


def test_nobody_is_answered_who_left_before_the_body_was_there() -> None:
    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    assert call(BodyCheck(never), receive, (b"content-length", b"5")) == []


def test_the_app_gets_the_body_whole_and_then_the_disconnect() -> None:
    messages = iter(
        [
            {"type": "http.request", "body": b"ab", "more_body": True},
            {"type": "http.request", "body": b"cd", "more_body": False},
            {"type": "http.disconnect"},
        ]
    )
    seen = []

    async def receive() -> dict[str, Any]:
        return next(messages)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.extend([await receive(), await receive()])

    call(BodyCheck(app), receive, (b"content-length", b"4"))
    assert seen == [{"type": "http.request", "body": b"abcd", "more_body": False}, {"type": "http.disconnect"}]
