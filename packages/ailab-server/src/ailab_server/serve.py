"""Running the server: sockets, signals, telling when it listens, and a clean stop."""

import asyncio
import contextlib
import errno
import gc
import json
import logging
import os
import secrets
import signal
import socket
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import uvicorn

from ailab_server import logs
from ailab_server.config import ServerConfig, is_loopback
from ailab_server.hooks import server_manager
from ailab_server.late import create_app
from ailab_server.memory import spare_memory
from ailab_server.protocol import TimedProtocol
from ailab_server.services import Services
from ailab_server.tls.certificate import Certificate, MachineCertificate, TlsError, certificate_of
from ailab_server.tls.front import TlsFront

__all__ = ["ListenError", "listen", "serve", "url_of"]

_log = logging.getLogger(__name__)

_RENEW_SECONDS = 60.0
"""How often a renewed certificate, or another address of the machine, is looked for."""


class ListenError(Exception):
    """The address cannot be listened on; the message says why.

    ``wrong`` when the host is none of this machine, which no waiting mends; a taken port is not wrong.
    """

    def __init__(self, message: str, wrong: bool = False) -> None:
        super().__init__(message)
        self.wrong = wrong


def serve(config: ServerConfig, announce: Callable[[str], None], ready_file: Path | None = None) -> None:
    """Serve until SIGTERM or SIGINT; then end streams and tasks. A second signal ends tasks at once.

    Args:
        announce: called with the server's URL once it listens.
        ready_file: gets ``{"url", "pid"}`` once it listens, and is removed at the end.

    Raises:
        ListenError: the address is not to be had, or there is no certificate to encrypt with.
        ConfigError: a key asks for what no installed plugin offers.
    """
    spare_memory()
    logs.set_up()
    certificate = _certificate(config)
    sockets = listen(config.host, config.port)
    url = url_of(config.host, sockets, encrypted=certificate is not None)
    try:
        services = Services(config, server_manager())
        uvicorn_config = uvicorn.Config(
            create_app(services),
            http=TimedProtocol,
            ws="none",
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,  # nobody may say for himself from where he comes
            limit_concurrency=config.limits.connections,
            timeout_graceful_shutdown=1,
        )
        with _ready(ready_file, url) as ready:
            server = _Server(uvicorn_config, services, [ready, lambda: announce(url)], certificate)
            server.run(sockets)
    finally:
        for one in sockets:
            one.close()


def listen(host: str, port: int) -> list[socket.socket]:
    """Bound sockets for ``host`` (``*``: any interface) and ``port`` (0: a free one, on all the same).

    Raises:
        ListenError: with the reason.
    """
    sockets: list[socket.socket] = []
    try:
        for family, address in _addresses(host, port):
            if sockets and port == 0:
                address = (address[0], sockets[0].getsockname()[1], *address[2:])
            sockets.append(_bound(family, address, dual=host == "*"))
    except OSError as error:
        for one in sockets:
            one.close()
        wrong = isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL
        raise ListenError(_why(host, port, error), wrong) from None
    return sockets


def url_of(host: str, sockets: Sequence[socket.socket], encrypted: bool = False) -> str:
    """Where a browser finds the server."""
    scheme = "https" if encrypted else "http"
    port = sockets[0].getsockname()[1]
    if host == "*":
        host = socket.gethostname()
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


class _Server(uvicorn.Server):
    def __init__(
        self,
        config: uvicorn.Config,
        services: Services,
        started: Sequence[Callable[[], None]],
        certificate: Certificate | None,
    ) -> None:
        super().__init__(config)
        self._services = services
        self._when_started = started
        self._certificate = certificate
        self._front: TlsFront | None = None
        self._renewing: asyncio.Task[None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        # Encrypted connections are accepted by our own front, plain ones by uvicorn.
        await super().startup(sockets if self._certificate is None else [])
        gc.freeze()  # what is there now stays: it is not looked through again and again
        gc.enable()
        if self.started:
            if self._certificate is not None:
                self._encrypt(sockets or [], self._certificate)
            for tell in self._when_started:
                tell()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # First, because uvicorn waits for open answers before it tells the app to stop.
        self._services.hub.close()
        if self._renewing is not None:
            self._renewing.cancel()
        if self._front is not None:
            await self._front.close()
        await super().shutdown(sockets)

    def _encrypt(self, sockets: Sequence[socket.socket], certificate: Certificate) -> None:
        def protocol() -> asyncio.Protocol:
            return TimedProtocol(self.config, self.server_state, self.lifespan.state)

        self._front = TlsFront(sockets, protocol, lambda: certificate.context, self._services.config.limits.connections)
        self._front.start()
        self._renewing = asyncio.create_task(_renew(certificate))

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        # uvicorn's own raises the signal again at the end, so that a clean stop looks like a death.
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._on_signal)
        try:
            yield
        finally:
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(number)

    def _on_signal(self) -> None:
        if self.should_exit:
            self.force_exit = True
            self._services.scheduler.hurry()
        self.should_exit = True


def _certificate(config: ServerConfig) -> Certificate | None:
    if not config.encrypted:
        return None
    try:
        found = certificate_of(config)
    except TlsError as error:
        raise ListenError(str(error), wrong=True) from None
    if isinstance(found, MachineCertificate):
        _log.info(
            "the certificate is signed by this machine's CA %s, SHA-256 %s; browsers take it"
            " after `ailab-server trust %s` on their machine",
            found.ca_file, found.fingerprint, found.ca_file,
        )  # fmt: skip
    return found


async def _renew(certificate: Certificate) -> None:
    while True:
        await asyncio.sleep(_RENEW_SECONDS)
        await asyncio.to_thread(certificate.refresh)


@contextlib.contextmanager
def _ready(path: Path | None, url: str) -> Iterator[Callable[[], None]]:
    written = False

    def write() -> None:
        nonlocal written
        if path is not None:
            temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
            temporary.write_text(json.dumps({"url": url, "pid": os.getpid()}) + "\n", encoding="utf-8")
            temporary.replace(path)
            written = True

    try:
        yield write
    finally:
        if path is not None and written:
            path.unlink(missing_ok=True)


def _addresses(host: str, port: int) -> list[tuple[int, tuple[Any, ...]]]:
    if host == "*":
        if _has_ipv6():
            return [(socket.AF_INET6, ("::", port))]
        return [(socket.AF_INET, ("0.0.0.0", port))]
    answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    found: list[tuple[int, tuple[Any, ...]]] = [(int(item[0]), tuple(item[4])) for item in answers]
    # 127.0.0.1 before ::1: "localhost" is both, and a machine may lack the second.
    found.sort(key=lambda item: item[0] != socket.AF_INET)
    if is_loopback(host):
        found = found[:1]
    return list(dict.fromkeys(found))


def _has_ipv6() -> bool:
    # A kernel may know IPv6 and have no address of it, in a container for instance.
    if not socket.has_dualstack_ipv6():
        return False
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as trial:
            trial.bind(("::", 0))
    except OSError:
        return False
    return True


def _bound(family: int, address: tuple[Any, ...], dual: bool) -> socket.socket:
    # With the protocol named: asyncio turns Nagle's algorithm off only on sockets that say they are TCP, and with it
    # every second request of a connection waits 40 ms for the client's delayed acknowledgement.
    one = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0 if dual else 1)
        one.bind(address)
        # Now, not later: two servers may both be bound to a port while neither listens.
        one.listen(2048)
    except BaseException:
        one.close()
        raise
    return one


def _why(host: str, port: int, error: OSError) -> str:
    if isinstance(error, socket.gaierror):
        return f"host: {host!r} is no name that this machine can resolve"
    if error.errno == errno.EADDRINUSE:
        return f"port: {port} on {host} is in use by another program: choose another, or 0 for a free one"
    if error.errno == errno.EACCES:
        return f"port: {port} needs more rights than this user has: choose one above 1023"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"host: {host!r} is no address of this machine"
    return f"host: {host!r}, port {port} cannot be listened on: {error.strerror}"
