"""Accepting encrypted connections; whoever speaks plain HTTP to the port is told what to type."""

import asyncio
import json
import logging
import socket
import ssl
from collections.abc import Callable, Sequence

__all__ = ["TlsFront"]

_log = logging.getLogger(__name__)

_SECONDS = 10.0
"""For a connection to show what it is, and then for its handshake."""

_HANDSHAKE = 0x16  # the first byte of TLS (RFC 8446, section 5.1)
_LONGEST_HEAD = 65536

_BODY = json.dumps(
    {
        "type": "about:blank",
        "title": "Bad Request",
        "status": 400,
        "detail": "this server is encrypted: write https:// instead of http:// before its address",
    }
).encode()
# Any page may read this: it says the same to everyone, and explains a failed "Add Server".
_HINT = (
    b"HTTP/1.1 400 Bad Request\r\nContent-Type: application/problem+json\r\nAccess-Control-Allow-Origin: *\r\n"
    b"X-Content-Type-Options: nosniff\r\nContent-Security-Policy: default-src 'none'; sandbox\r\n"
    b"Cache-Control: no-store\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(_BODY), _BODY)
)


class TlsFront:
    """Listens on sockets and hands connections to a protocol behind TLS.

    asyncio's own server would do but for two things: it answers plain HTTP with silence, and its certificate
    is that of the start.

    Args:
        sockets: listening ones.
        protocol: makes the protocol of a connection.
        context: gives what to encrypt the next connection with.
        most: connections that may be on their way in at a time; further ones are closed.
    """

    def __init__(
        self,
        sockets: Sequence[socket.socket],
        protocol: Callable[[], asyncio.Protocol],
        context: Callable[[], ssl.SSLContext],
        most: int,
    ) -> None:
        self._sockets = list(sockets)
        self._protocol = protocol
        self._context = context
        self._most = most
        self._accepting: list[asyncio.Task[None]] = []
        self._opening: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Accept from now on, on the running event loop."""
        for one in self._sockets:
            one.setblocking(False)
            self._accepting.append(asyncio.create_task(self._accept(one)))

    async def close(self) -> None:
        """Accept no more, and drop what is only on its way in."""
        tasks = [*self._accepting, *self._opening]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, _ = await loop.sock_accept(listener)
            except OSError as error:  # no descriptor is free, or the caller has gone already
                _log.warning("a connection cannot be accepted: %s", error.strerror)
                await asyncio.sleep(0.2)
                continue
            if len(self._opening) >= self._most:
                connection.close()
                continue
            task = asyncio.create_task(self._open(connection))
            self._opening.add(task)
            task.add_done_callback(self._opening.discard)

    async def _open(self, connection: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        connection.setblocking(False)
        handed_on = False
        try:
            async with asyncio.timeout(_SECONDS):
                first = await _peek(connection)
            if first and first[0] == _HANDSHAKE:
                handed_on = True  # asyncio closes it from here on, also when the handshake fails
                await loop.connect_accepted_socket(
                    self._protocol, connection, ssl=self._context(), ssl_handshake_timeout=_SECONDS,
                    ssl_shutdown_timeout=0.5,
                )  # fmt: skip
            elif first.isalpha():
                async with asyncio.timeout(_SECONDS):
                    await _hint(connection)
        except (OSError, TimeoutError):  # gone, too slow, or does not trust the certificate: nobody to tell
            pass
        finally:
            if not handed_on:
                connection.close()


async def _peek(connection: socket.socket) -> bytes:
    """The first byte, left where it is; b"" when there is none any more."""
    loop = asyncio.get_running_loop()
    while True:
        try:
            return connection.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            pass
        readable = loop.create_future()
        loop.add_reader(connection, _wake, readable)
        try:
            await readable
        finally:
            loop.remove_reader(connection)


def _wake(readable: "asyncio.Future[None]") -> None:
    if not readable.done():
        readable.set_result(None)


async def _hint(connection: socket.socket) -> None:
    """Answer a request in plain HTTP once its head is there."""
    loop = asyncio.get_running_loop()
    head = b""
    while b"\r\n\r\n" not in head and len(head) < _LONGEST_HEAD:
        part = await loop.sock_recv(connection, 4096)
        if not part:
            return
        head += part
    await loop.sock_sendall(connection, _HINT)
    connection.shutdown(socket.SHUT_WR)
    # What is still to be read would make the kernel take the answer back (RST), so it is read, for a moment.
    async with asyncio.timeout(1.0):
        while await loop.sock_recv(connection, 65536):
            pass
