"""Requests that are too large or never whole, in the numbers that an attacker would send."""

from __future__ import annotations

import contextlib
import resource
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

GIGABYTE = 2**30


def memory(process: Any) -> int:
    """Bytes that a server process has in memory."""
    text = Path(f"/proc/{process.pid}/status").read_text()
    return 1024 * int(text.partition("VmRSS:")[2].split()[0])


def address(server: Any) -> tuple[str, int]:
    host, _, port = server.url.removeprefix("http://").rpartition(":")
    return host, int(port)


def test_a_thousand_half_open_heads_keep_nobody_out(start_server: Callable[..., Any]) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 1_200:
        pytest.skip(f"this system allows {hard} open files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 1_200), hard))
    server = start_server()
    with contextlib.ExitStack() as opened:
        before = memory(server.process)
        for number in range(1_000):
            half = opened.enter_context(socket.create_connection(address(server), timeout=20))
            half.sendall(b"GET /api/v1/system HTTP/1.1\r\nHost: localhost\r\nX-%d: " % number)
        # All of them are there, and nobody waits for their time-out.
        client = server.log_in()
        began = time.monotonic()
        for _ in range(20):
            assert client.get("/system").status_code == 200
        assert time.monotonic() - began < 8.0  # the time-out of heads is ten seconds
        assert memory(server.process) - before < 64 * 2**20
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_gigabyte_is_refused_by_every_route_before_it_is_there(
    start_server: Callable[..., Any], routes: list[tuple[str, str]], filled: Callable[..., str]
) -> None:
    server = start_server()
    client = server.log_in()
    token = client.headers["authorization"]
    before = memory(server.process)
    for method, path in routes:
        if method == "GET":
            continue
        for length in (b"Content-Length: %d" % GIGABYTE, b"Transfer-Encoding: chunked"):
            with socket.create_connection(address(server), timeout=20) as connection:
                head = f"{method} /api/v1{filled(path)} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {token}\r\n"
                connection.sendall(head.encode() + b"Content-Type: application/json\r\n" + length + b"\r\n\r\n")
                piece = b" " * 65536
                if length.endswith(b"chunked"):
                    piece = b"10000\r\n" + piece + b"\r\n"
                sent = 0
                with contextlib.suppress(OSError):  # the server closes long before
                    while sent < GIGABYTE:
                        sent += connection.send(piece)
                assert sent < 64 * 2**20, path
    assert memory(server.process) - before < 32 * 2**20
    assert client.get("/system").status_code == 200


def test_announced_gigabytes_are_answered_at_once(app: Any, routes: list[tuple[str, str]], filled: Any) -> None:
    for method, path in routes:
        if method == "GET":
            continue
        headers = {"Content-Type": "application/json", "Content-Length": str(GIGABYTE)}
        answer = app.client.request(method, filled(path), content=b"", headers=headers)
        assert answer.status_code == 413, path


def test_bodies_that_stall_are_given_up_and_others_answered_meanwhile(start_server: Callable[..., Any]) -> None:
    server = start_server()
    with contextlib.ExitStack() as opened:
        for _ in range(200):
            stalled = opened.enter_context(socket.create_connection(address(server), timeout=20))
            head = b"POST /api/v1/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            stalled.sendall(head + b'Content-Length: 99\r\n\r\n{"')
        client = server.log_in()
        began = time.monotonic()
        assert client.get("/runs").status_code == 200
        assert time.monotonic() - began < 8.0  # the time-out of bodies is ten seconds
