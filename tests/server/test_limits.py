"""Each of the config's limits, where it bites."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


def test_the_largest_body(start_app: Callable[..., Any]) -> None:
    app = start_app(limits={"body_bytes": 2048})
    body = {"user": "a", "password": "b" * 1000}
    assert app.stranger.post("/login", json=body).status_code == 401
    body["password"] *= 2
    assert app.stranger.post("/login", json={**body, "x": "y" * 100}).status_code == 413


def test_streams(start_app: Callable[..., Any]) -> None:
    app = start_app(limits={"streams": 1})
    login = app.services.tokens.check(app.services.tokens.issue("ada")[0])
    assert app.services.hub.join(login) is not None
    refusal = app.client.get("/stream")
    assert refusal.status_code == 503
    assert "too many browsers" in refusal.json()["detail"]


def test_waiting_tasks(start_app: Callable[..., Any], tmp_path: Path) -> None:
    app = start_app(gpus=[0], limits={"waiting_tasks": 1})
    body = {"command": ["sleep", "1000"], "folder": str(tmp_path), "gpus": 1}
    codes = [app.client.post("/tasks", json=body).status_code for _ in range(3)]
    assert codes == [201, 201, 429]


def test_the_hours_of_a_login(start_app: Callable[..., Any], password: str) -> None:

    app = start_app(limits={"login_hours": 2})
    session = app.stranger.post("/login", json={"user": "ada", "password": password}).json()
    assert 7100 < session["expires"] - time.time() <= 7200
    login = app.services.tokens.check(session["token"])
    assert 7100 < login.ends - time.monotonic() <= 7200


def test_connections(start_server: Callable[..., Any]) -> None:
    server = start_server(limits={"connections": 8})
    host, _, port = server.url.removeprefix("http://").rpartition(":")
    with contextlib.ExitStack() as opened:

        def connect() -> socket.socket:
            return opened.enter_context(socket.create_connection((host, int(port)), timeout=20))

        held = [connect() for _ in range(8)]
        for one in held:
            one.sendall(b"GET /api/v1/system HTTP/1.1\r\n")
        late = connect()
        late.sendall(b"GET /api/v1/system HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert late.recv(100).startswith(b"HTTP/1.1 503 ")


def test_how_often_the_workspace_is_looked_at(start_app: Callable[..., Any]) -> None:
    slow, quick = start_app(poll_seconds=60), start_app(poll_seconds=0.05)
    assert (slow.services.workspace.follower.poll_seconds, quick.services.workspace.follower.poll_seconds) == (60, 0.05)
