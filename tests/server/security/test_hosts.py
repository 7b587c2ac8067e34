from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any

import pytest


@pytest.mark.parametrize(
    "host",
    ["localhost", "LOCALHOST:80", "localhost.", "x.localhost", "127.0.0.1", "127.0.0.1:12345", "[::1]", "[::1]:80",
     "192.168.1.7:12345", "8.8.8.8", "[2001:db8::1]:1", socket.gethostname()],
)  # fmt: skip
def test_own_names_and_addresses_are_answered(app: Any, host: str) -> None:
    assert app.client.get("/system", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:12345", "127.0.0.1.evil.example", "localhost.evil.example", "evillocalhost",
     "127.0.0.1@evil.example", "evil.example#localhost", "localhost/x", "localhost:80:80", "localhost:x", "",
     " localhost", "2130706433", "0x7f.1", "[::1", "[::1]x", "[evil.example]", "\xff"],
)  # fmt: skip
def test_other_names_are_refused_whatever_the_token(app: Any, host: str) -> None:
    answer = app.client.get("/system", headers=[(b"host", host.encode("latin-1"))])
    assert answer.status_code == 400
    assert "allowed_hosts" in answer.json()["detail"]
    assert "access-control-allow-origin" not in answer.headers


def test_a_missing_and_a_doubled_host_are_refused(app: Any) -> None:
    doubled = [(b"host", b"localhost"), (b"host", b"localhost")]
    assert app.client.get("/system", headers=doubled).status_code == 400

    statuses: list[int] = []

    async def ask() -> None:
        async def receive() -> dict[str, Any]:
            return {"type": "http.request"}

        async def send(message: dict[str, Any]) -> None:
            statuses.append(message.get("status", 0))

        scope = {"type": "http", "method": "GET", "path": "/", "raw_path": b"/", "headers": [], "query_string": b""}
        await app.asgi(scope, receive, send)

    asyncio.run_coroutine_threadsafe(ask(), app.loop).result(10)
    assert statuses[0] == 400


def test_the_page_too_is_refused_to_other_names(app: Any) -> None:
    assert app.stranger.get("//", headers={"Host": "evil.example"}).status_code == 400


def test_the_config_adds_names(start_app: Callable[..., Any]) -> None:
    app = start_app(allowed_hosts=["Lab.example.org", "*.gpu.example.org"])
    for host, status in [
        ("lab.example.org", 200),
        ("a.gpu.example.org:80", 200),
        ("gpu.example.org", 400),
        ("xgpu.example.org", 400),
        ("x.lab.example.org", 400),
    ]:
        assert app.client.get("/system", headers={"Host": host}).status_code == status, host
