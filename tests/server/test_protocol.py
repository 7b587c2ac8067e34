"""The time-outs for a request's head and for taking the answer, on a real socket."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from ailab_server import protocol
from ailab_server.protocol import TimedProtocol


async def app(scope: Any, receive: Any, send: Any) -> None:
    if scope["path"] == "/much":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(200):
            await send({"type": "http.response.body", "body": bytes(1 << 18), "more_body": True})
        await send({"type": "http.response.body", "body": b""})
        return
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})


@pytest.fixture
def port(loop: asyncio.AbstractEventLoop, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A server whose heads have to be there within a fifth of a second, and whose answers be taken in a half."""
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.2)
    monkeypatch.setattr(protocol, "TAKE_SECONDS", 0.5)
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


def much(port: int) -> socket.socket:
    """A connection that has asked for 50 MiB."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.settimeout(10)
    connection.connect(("127.0.0.1", port))
    connection.sendall(b"GET /much HTTP/1.1\r\nHost: localhost\r\n\r\n")
    return connection


def test_who_takes_nothing_of_an_answer_is_cut_off(
    port: int, eventually: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    with much(port) as connection:
        number = connection.getsockname()[1]
        eventually(lambda: is_open_at_the_server(port, number))
        eventually(lambda: not is_open_at_the_server(port, number))
    assert "Traceback" not in caplog.text


def is_open_at_the_server(port: int, peer: int) -> bool:
    """Whether this process holds the server's end of the connection."""
    inodes = {line.split()[9] for line in Path("/proc/net/tcp").read_text().splitlines()[1:]
              if line.split()[1].endswith(f":{port:04X}") and line.split()[2].endswith(f":{peer:04X}")}  # fmt: skip
    held = set()
    for entry in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            held.add(str(entry.readlink()))
    return any(f"socket:[{inode}]" in held for inode in inodes)


def test_who_takes_an_answer_slowly_gets_all_of_it(port: int) -> None:
    with much(port) as connection:
        taken = 0
        while taken < 200 << 18:
            taken += len(connection.recv(1 << 22))
