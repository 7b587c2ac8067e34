"""Encrypted connections to a server process, and what else comes to its port."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from ailab.client import Client, ServerError
from ailab_server import serve
from ailab_server.tls.authority import Authority
from ailab_server.tls.certificate import FileCertificate, MachineCertificate
from ailab_server.tls.front import TlsFront


@pytest.fixture
def server(start_server: Callable[..., Any], tmp_path: Path) -> Any:
    return start_server(tls="auto", state_dir=str(tmp_path / "state"))


@pytest.fixture
def trusting(tmp_path: Path, server: Any) -> ssl.SSLContext:
    """What a browser believes that has imported the CA."""
    return ssl.create_default_context(cafile=str(tmp_path / "state" / "tls" / "ca.pem"))


def port_of(server: Any) -> int:
    return int(server.url.rpartition(":")[2])


def connect(server: Any) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port_of(server)), timeout=20)


def certificate_of(server: Any, trusting: ssl.SSLContext) -> bytes:
    """What the server shows, DER."""
    with connect(server) as plain, trusting.wrap_socket(plain, server_hostname="localhost") as connection:
        shown = connection.getpeercert(binary_form=True)
    assert shown
    return shown


def test_who_trusts_the_ca_talks_to_every_name_and_the_others_do_not(server: Any, trusting: ssl.SSLContext) -> None:
    assert server.url.startswith("https://127.0.0.1:")
    for host in ("127.0.0.1", "localhost"):
        url = f"https://{host}:{port_of(server)}/api/v1/system"
        assert httpx.get(url, verify=trusting, trust_env=False).status_code == 401
    with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        httpx.get(f"{server.url}/", trust_env=False)


def test_the_log_tells_the_fingerprint_and_the_line_to_type(server: Any, tmp_path: Path) -> None:
    folder = tmp_path / "state" / "tls"
    log = server.log.read_text()
    assert f"SHA-256 {MachineCertificate(folder, []).fingerprint}" in log
    assert f"`ailab-server trust {folder / 'ca.pem'}`" in log


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.*is deprecated:DeprecationWarning")
def test_old_versions_are_refused(server: Any, trusting: ssl.SSLContext) -> None:
    trusting.set_ciphers("ALL:@SECLEVEL=0")
    trusting.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    for version in (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1):
        trusting.maximum_version = version
        with connect(server) as plain, pytest.raises(OSError):
            trusting.wrap_socket(plain, server_hostname="localhost")


def test_plain_http_gets_a_hint_that_any_page_can_read(server: Any) -> None:
    url = server.url.replace("https:", "http:") + "/api/v1/login"
    for method in ("GET", "POST"):
        answer = httpx.request(method, url, headers={"Origin": "http://x.example"}, trust_env=False)
        assert answer.status_code == 400
        assert answer.headers["access-control-allow-origin"] == "*"
        assert "https://" in answer.json()["detail"]


def test_plain_http_does_nothing_else(server: Any, password: str) -> None:
    url = server.url.replace("https:", "http:") + "/api/v1/login"
    answer = httpx.post(url, json={"user": "ada", "password": password}, trust_env=False)
    assert answer.status_code == 400
    assert "token" not in answer.text
    assert "login: user ada" not in server.log.read_text()


def test_what_is_neither_harms_nobody(server: Any, trusting: ssl.SSLContext) -> None:
    for sent in (b"", b"\x16", b"\x16\x03\x01\x02\x00\x01\x00", b"\x00" * 50, b"GET / HT", b"\xff"):
        with connect(server) as connection:
            connection.sendall(sent)
            connection.shutdown(socket.SHUT_WR)
            with contextlib.suppress(ConnectionResetError):  # it is closed, politely or not
                assert not connection.recv(1000).startswith(b"HTTP")
    assert httpx.get(f"{server.url}/api/v1/runs", verify=trusting, trust_env=False).status_code == 401
    assert "Traceback" not in server.log.read_text()


def test_silent_connections_do_not_keep_others_out(server: Any, trusting: ssl.SSLContext) -> None:
    silent = [connect(server) for _ in range(100)]
    try:
        for one in silent[50:]:
            one.sendall(b"\x16")
        assert httpx.get(f"{server.url}/api/v1/runs", verify=trusting, trust_env=False).status_code == 401
    finally:
        for one in silent:
            one.close()


def test_a_stream_flows_and_the_server_stops_within_two_seconds(
    server: Any, trusting: ssl.SSLContext, password: str, new_run: Callable[..., Any]
) -> None:
    with httpx.Client(base_url=f"{server.url}/api/v1", verify=trusting, trust_env=False, timeout=20) as client:
        token = client.post("/login", json={"user": "ada", "password": password}).json()["token"]
        with (
            connect(server) as idle,
            trusting.wrap_socket(idle, server_hostname="localhost"),
            client.stream("GET", "/stream", headers={"Authorization": f"Bearer {token}"}) as stream,
        ):
            lines = stream.iter_lines()
            assert json.loads(next(lines))["type"] == "snapshot"
            new_run()
            assert json.loads(next(lines))["type"] == "run"
            code, seconds = server.stop()
            rest = list(lines)
    assert code == 0, server.log.read_text()
    assert seconds < 2.0
    assert all(json.loads(line) for line in rest)
    assert "Traceback" not in server.log.read_text()


def test_a_certificate_of_ones_own(start_server: Callable[..., Any], tmp_path: Path) -> None:
    authority = Authority.create("x", ["localhost"], [])
    both = tmp_path / "both.pem"
    both.write_bytes(authority.issue(["localhost"], []))
    both.chmod(0o600)
    (tmp_path / "ca.pem").write_bytes(authority.public_pem())
    server = start_server(tls={"cert": str(both), "key": str(both)})
    trusting = ssl.create_default_context(cafile=str(tmp_path / "ca.pem"))
    assert authority.is_fresh(ssl.DER_cert_to_PEM_cert(certificate_of(server, trusting)).encode(), ["localhost"], [])
    assert "signed by this machine's CA" not in server.log.read_text()


class _Echo(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.write(b"hello")  # type: ignore[attr-defined]
        transport.close()


def test_a_renewed_certificate_is_shown_to_the_next_connection(
    loop: asyncio.AbstractEventLoop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, eventually: Callable[..., Any]
) -> None:
    authority = Authority.create("x", ["localhost"], [])
    both = tmp_path / "both.pem"
    both.write_bytes(authority.issue(["localhost"], []))
    certificate = FileCertificate(both, both)
    trusting = ssl.create_default_context(cadata=authority.public_pem().decode())
    monkeypatch.setattr(serve, "_RENEW_SECONDS", 0.01)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        front = TlsFront([listener], _Echo, lambda: certificate.context, 10)

        async def start() -> asyncio.Task[None]:
            front.start()
            return asyncio.create_task(serve._renew(certificate))

        renewing = asyncio.run_coroutine_threadsafe(start(), loop).result(10)

        def shown() -> bytes | None:
            with (
                socket.create_connection(listener.getsockname(), timeout=20) as plain,
                trusting.wrap_socket(plain, server_hostname="localhost") as connection,
            ):
                assert connection.recv(100) == b"hello"
                return connection.getpeercert(binary_form=True)

        first = shown()
        (tmp_path / "new.pem").write_bytes(authority.issue(["localhost"], []))
        (tmp_path / "new.pem").replace(both)
        eventually(lambda: shown() != first)
        loop.call_soon_threadsafe(renewing.cancel)
        asyncio.run_coroutine_threadsafe(front.close(), loop).result(10)


def test_more_connections_than_may_be_on_their_way_in_are_closed(loop: asyncio.AbstractEventLoop) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        front = TlsFront([listener], _Echo, lambda: context, 2)
        loop.call_soon_threadsafe(front.start)
        first = [socket.create_connection(listener.getsockname(), timeout=20) for _ in range(2)]
        with socket.create_connection(listener.getsockname(), timeout=20) as third:
            assert third.recv(1) == b""
        for one in first:
            one.setblocking(False)
            with pytest.raises(BlockingIOError):
                one.recv(1)
        asyncio.run_coroutine_threadsafe(front.close(), loop).result(10)
        for one in first:
            one.settimeout(20)
            assert one.recv(1) == b""
            one.close()


def test_the_python_client_talks_to_it_with_the_ca_and_is_told_how_without(
    server: Any, tmp_path: Path, password: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ServerError, match="is not trusted here: .* set SSL_CERT_FILE to it"):
        Client(server.url, "ada", password)
    with pytest.raises(ServerError, match="refused: this server is encrypted: write https://"):
        Client(server.url.replace("https", "http"), "ada", password)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "state" / "tls" / "ca.pem"))
    with Client(server.url, "ada", password) as client:
        assert client.system()["user"] == "ada"
