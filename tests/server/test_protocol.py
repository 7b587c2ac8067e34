"""The time-out for a request's head, on a real socket."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn

from ailab_server import protocol
from ailab_server.protocol import TimedProtocol


async def app(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})


@pytest.fixture
def port(loop: asyncio.AbstractEventLoop, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A server whose heads have to be there within a fifth of a second."""
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.2)
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, http=TimedProtocol, ws="none", lifespan="off", log_config=None, access_log=False)
    server = uvicorn.Server(config)
    # Not serve(): it takes over the signals, and this is not the main thread.
    serving = asyncio.run_coroutine_threadsafe(server._serve([listening]), loop)
    yield listening.getsockname()[1]
    server.should_exit = True
    serving.result(10)
    listening.close()


def closed(connection: socket.socket) -> bool:
    try:
        return connection.recv(1000) == b""
    except ConnectionResetError:
        return True


@pytest.mark.parametrize("sent", [b"", b"G", b"GET / HTTP/1.1\r\nHost: localhost\r\n"])
def test_a_head_that_does_not_come_closes_the_connection(port: int, sent: bytes) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(sent)
        assert closed(connection)


def test_dripping_headers_does_not_help(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=0.02) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\n")
        for number in range(1000):
            try:
                connection.sendall(b"X-%d: y\r\n" % number)
                if connection.recv(100) == b"":
                    return
            except TimeoutError:
                continue
            except OSError:
                return
        pytest.fail("the connection stayed open")


def test_a_second_request_has_its_own_time(port: int) -> None:
    whole = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        for _ in range(3):
            connection.sendall(whole)
            assert connection.recv(1000).startswith(b"HTTP/1.1 200")
        connection.sendall(whole[:10])
        assert closed(connection)


def test_a_hundred_half_open_connections_do_not_keep_a_whole_one_out(port: int) -> None:
    half = [socket.create_connection(("127.0.0.1", port), timeout=10) for _ in range(100)]
    for connection in half:
        connection.sendall(b"GET / HTT")
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert connection.recv(1000).startswith(b"HTTP/1.1 200")
    for connection in half:
        assert closed(connection)
        connection.close()
