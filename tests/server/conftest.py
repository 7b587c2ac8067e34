"""Runs to read, an app to ask, and a real server process to start and stop."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import httpx
import pytest

from ailab.experiment.record.layout import create_run_folder
from ailab.experiment.record.writer import RecordWriter
from ailab_server.auth import passwords
from ailab_server.config import ServerConfig
from ailab_server.hooks import server_manager
from ailab_server.late import create_app
from ailab_server.services import Services

PASSWORD = "correct horse battery staple"

PNG = (
    b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x00\x00\x00\x00:~\x9bU"
    b"\x00\x00\x00\nIDATx\x9cc`\x00\x00\x00\x02\x00\x01H\xaf\xa4q\x00\x00\x00\x00IEND\xaeB`\x82"
)


@pytest.fixture
def eventually() -> Callable[..., Any]:
    """Call a function until it returns something true, and return that; fail after 15 seconds."""

    def wait(check: Callable[[], Any], seconds: float = 15.0) -> Any:
        end = time.monotonic() + seconds
        while not (result := check()):
            assert time.monotonic() < end, f"still {result!r} after {seconds} s"
            time.sleep(0.01)
        return result

    return wait


@pytest.fixture
def alive() -> Callable[[int], bool]:
    """Whether a process runs; a zombie does not."""

    def look(pid: int) -> bool:
        try:
            return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0] != b"Z"
        except OSError:
            return False

    return look


@dataclass
class LiveRun:
    """A run that a test writes."""

    path: Path
    writer: RecordWriter

    def value(self, name: str, value: float, step: int | None = None, primary: bool = False) -> None:
        self.writer.scalar(name, value, step, primary)

    def image(self, name: str, data: bytes = PNG, step: int | None = None) -> None:
        file = f"{name}.png" if step is None else f"{name}.{step}.png"
        (self.path / "images" / file).write_bytes(data)
        self.writer.event("image", name=name, step=step, file=file)

    def end(self, state: str = "finished", **fields: Any) -> None:
        self.writer.event("status", state=state, **fields)
        self.writer.close()


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    folder = tmp_path / "workspace"
    folder.mkdir()
    return folder


@pytest.fixture
def new_run(workspace: Path) -> Iterator[Callable[..., LiveRun]]:
    """Begin a run in the workspace."""
    writers = []

    def begin(experiment: str = "digits", config: Any = None, **info: Any) -> LiveRun:
        folder = create_run_folder(workspace, experiment)
        described = {"schema": 1, "created": time.time(), "host": "gpu1", "user": "ada", **info}
        folder.config.write_text(json.dumps(config if config is not None else {"lr": 0.1}))
        folder.info.write_text(json.dumps(described))
        writer = RecordWriter(folder, lambda message, error: pytest.fail(f"{message}: {error}"))
        writers.append(writer)
        writer.event("status", state="running")
        return LiveRun(folder.path, writer)

    yield begin
    for writer in writers:
        writer.close()


@pytest.fixture
def make_config(workspace: Path) -> Callable[..., ServerConfig]:
    def make(**keys: Any) -> ServerConfig:
        return ServerConfig.model_validate({"workspace": str(workspace), "users": {"ada": PASSWORD}, **keys})

    return make


@pytest.fixture
def password() -> str:
    return PASSWORD


class Caller:
    """Calls an ASGI app whose event loop turns in a thread of its own."""

    def __init__(self, app: Any, loop: asyncio.AbstractEventLoop, headers: dict[str, str] | None = None) -> None:
        self._loop = loop
        self._app = app
        transport = httpx.ASGITransport(app, raise_app_exceptions=False, client=("127.0.0.1", 5000))
        self._client = httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:12345", headers=headers)

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        """``path`` below /api/v1, or any from the root when it begins with ``//``."""
        path = path[1:] if path.startswith("//") else f"/api/v1{path}"
        called = self._client.request(method, path, **options)
        return asyncio.run_coroutine_threadsafe(called, self._loop).result(30)

    def raw(self, method: str, target: str) -> tuple[int, dict[bytes, bytes], bytes]:
        """Send a target as it is (httpx resolves dots): status, headers and body."""

        async def call() -> list[Any]:
            sent: list[Any] = []

            async def receive() -> dict[str, Any]:
                return {"type": "http.request", "body": b"", "more_body": False}

            async def send(message: Any) -> None:
                sent.append(message)

            path, _, query = target.partition("?")
            token = self._client.headers.get("authorization", "").encode()
            scope = {
                "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http",
                "path": unquote(path), "raw_path": path.encode(), "query_string": query.encode(), "root_path": "",
                "headers": [(b"host", b"127.0.0.1"), (b"authorization", token)],
                "server": ("127.0.0.1", 12345), "client": ("127.0.0.1", 5000),
            }  # fmt: skip
            await self._app(scope, receive, send)
            return sent

        start, *rest = asyncio.run_coroutine_threadsafe(call(), self._loop).result(30)
        return start["status"], dict(start["headers"]), b"".join(message.get("body", b"") for message in rest)

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.request("GET", path, **options)

    def post(self, path: str, **options: Any) -> httpx.Response:
        return self.request("POST", path, **options)


@dataclass
class App:
    """The whole app in this process, a client that is logged in to it as ``ada``, and one that is not."""

    services: Services
    client: Caller
    stranger: Caller
    asgi: Any
    loop: asyncio.AbstractEventLoop


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """An event loop that turns in a thread."""
    made = asyncio.new_event_loop()
    thread = threading.Thread(target=made.run_forever)
    thread.start()
    yield made
    made.call_soon_threadsafe(made.stop)
    thread.join()
    made.run_until_complete(made.shutdown_default_executor())
    made.close()


@pytest.fixture
def start_app(
    make_config: Callable[..., ServerConfig], loop: asyncio.AbstractEventLoop, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., App]]:
    """Start an app with some config keys; it stops at the test's end."""
    monkeypatch.setattr(passwords, "_N", 2)  # hashing is tested elsewhere, and dear
    started: list[Services] = []

    def start(manager: Any = None, **keys: Any) -> App:
        services = Services(make_config(**keys), manager or server_manager())
        started.append(services)
        asgi = create_app(services)
        asyncio.run_coroutine_threadsafe(services.start(), loop).result(30)
        token, _ = services.tokens.issue("ada")
        return App(services, Caller(asgi, loop, {"Authorization": f"Bearer {token}"}), Caller(asgi, loop), asgi, loop)

    yield start
    for services in started:
        asyncio.run_coroutine_threadsafe(services.stop(), loop).result(30)


@pytest.fixture
def app(start_app: Callable[..., App]) -> App:
    return start_app(gpus=[0, 1])


@dataclass
class ServerProcess:
    """``python -m ailab_server`` as a user runs it."""

    process: subprocess.Popen[bytes]
    url: str
    log: Path
    client: httpx.Client = field(init=False)

    def log_in(self, password: str = PASSWORD) -> httpx.Client:
        self.client = httpx.Client(base_url=f"{self.url}/api/v1", timeout=20.0, trust_env=False)
        answer = self.client.post("/login", json={"user": "ada", "password": password})
        answer.raise_for_status()
        self.client.headers["Authorization"] = f"Bearer {answer.json()['token']}"
        return self.client

    def stop(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, float]:
        """End it; its exit code, and how many seconds it took."""
        began = time.monotonic()
        self.process.send_signal(number)
        code = self.process.wait(timeout=30)
        return code, time.monotonic() - began


@pytest.fixture
def start_server(
    tmp_path: Path, workspace: Path, eventually: Callable[..., Any]
) -> Iterator[Callable[..., ServerProcess]]:
    """Start a server process with some config keys and environment variables, ``under`` another program."""
    servers: list[ServerProcess] = []

    def start(env: dict[str, str] | None = None, under: Sequence[str] = (), **keys: Any) -> ServerProcess:
        number = len(servers)
        config = tmp_path / f"config{number}.json"
        config.write_text(json.dumps({"workspace": str(workspace), "users": {"ada": PASSWORD}, "port": 0, **keys}))
        config.chmod(0o600)
        ready, log = tmp_path / f"ready{number}.json", tmp_path / f"server{number}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [*under, sys.executable, "-m", "ailab_server", str(config), "--ready-file", str(ready)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(env or {})},
            )
        server = ServerProcess(process, "", log)
        servers.append(server)
        eventually(lambda: ready.exists() or process.poll() is not None, seconds=30)
        assert process.poll() is None, log.read_text()
        server.url = json.loads(ready.read_text())["url"]
        return server

    yield start
    for server in servers:
        if server.process.poll() is None:
            server.stop()
        if hasattr(server, "client"):
            server.client.close()
