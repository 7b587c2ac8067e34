"""Starting and stopping as an administrator sees it, with real processes: what is said, and what is left behind."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as one:
        return int(one.getsockname()[1])


@pytest.fixture
def without_override() -> list[str]:
    """What a command is run with so that a folder's mode holds for root as well."""
    if os.geteuid() != 0:
        return []
    if shutil.which("setpriv") is None:
        pytest.skip("setpriv is not installed (util-linux)")
    drop = "-dac_override,-dac_read_search"
    return ["setpriv", f"--bounding-set={drop}", f"--inh-caps={drop}"]


@pytest.fixture
def closed(workspace: Path) -> Iterator[Path]:
    """A workspace that may not be read."""
    workspace.chmod(0)
    yield workspace
    workspace.chmod(0o755)


def test_the_originals_config_is_served_as_it_stands(
    tmp_path: Path, new_run: Callable[..., Any], workspace: Path, eventually: Callable[..., Any]
) -> None:
    """On any interface, which encrypts it: with a certificate of the machine's own, and the CA that its log names."""
    new_run().end()
    home = tmp_path / "home"
    home.mkdir()
    config, port = tmp_path / "my_config.json", free_port()
    config.write_text(
        f"""{{
  "host": "*",
  "port": {port},
  "users": {{
    "admin": "CHANGE_THIS"
  }},
  "workspace": "{workspace.parent}/$USER",
  "auto_detect_experiments": true,
  "gpus": [0, 1]
}}
"""
    )
    config.chmod(0o600)
    environment = {**os.environ, "USER": workspace.name, "HOME": str(home)}
    environment.pop("XDG_STATE_HOME", None)
    log = tmp_path / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "ailab.visualization", str(config)], stdout=output, stderr=output, env=environment
        )
    try:
        printed = eventually(
            lambda: process.poll() is not None or re.search(r"^AI Lab server on (\S+)$", log.read_text(), re.M), 30
        )
        assert process.poll() is None, log.read_text()
        assert printed[1].endswith(f":{port}") and printed[1].startswith("https://")
        authority = re.search(r"this machine's CA (\S+),", log.read_text())
        assert authority is not None
        context = ssl.create_default_context(cafile=authority[1])
        with httpx.Client(base_url=f"https://127.0.0.1:{port}/api/v1", verify=context, trust_env=False) as client:
            token = client.post("/login", json={"user": "admin", "password": "CHANGE_THIS"}).json()["token"]
            client.headers["Authorization"] = f"Bearer {token}"
            system = client.get("/system").json()
            assert (system["workspace"], system["role"]) == (str(workspace), "admin")
            assert [gpu["id"] for gpu in system["gpus"]] == [0, 1]
            assert len(eventually(lambda: client.get("/runs").json()["runs"])) == 1
    finally:
        began = time.monotonic()
        process.terminate()
        assert process.wait(30) == 0
    assert time.monotonic() - began < 2.0
    assert "Traceback" not in log.read_text()


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('{"workspace": "WORKSPACE", "port": "80"}', 'port: "80" is not a whole number'),
        ('{"workspace": "WORKSPACE", "prot": 80}', "prot: there is no such key; did you mean 'port'?"),
        ('{"workspace": "WORKSPACE", "gpus": [0, 0]}', "gpus: [0, 0] holds 0 twice"),
        ('{"workspace": "WORKSPACE/none"}', "workspace: 'WORKSPACE/none' is no folder on this machine"),
        ('{"workspace": "WORKSPACE", "users": {"ada": ""}}', "users: ada has an empty password"),
        ('{"workspace": "WORKSPACE", }', "line 1, column"),
    ],
)
def test_a_bad_config_is_one_line_with_file_key_value_and_reason(
    tmp_path: Path, workspace: Path, text: str, line: str
) -> None:
    config = tmp_path / "c.json"
    config.write_text(text.replace("WORKSPACE", str(workspace)))
    config.chmod(0o600)
    done = subprocess.run(
        [sys.executable, "-m", "ailab_server", str(config)], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert done.stderr.startswith(f"{config}: " + line.replace("WORKSPACE", str(workspace)))


def test_a_workspace_that_may_not_be_read_is_one_line(closed: Path, without_override: list[str]) -> None:
    done = subprocess.run(
        [*without_override, sys.executable, "-m", "ailab_server", "--workspace", str(closed), "--port", "0"],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"ailab-server: workspace: '{closed}' cannot be read: Permission denied\n"


def test_a_workspace_that_may_not_be_read_for_a_while(
    start_server: Callable[..., Any], new_run: Callable[..., Any], workspace: Path, without_override: list[str],
    eventually: Callable[..., Any],
) -> None:  # fmt: skip
    run = new_run()
    run.value("loss", 1.0, primary=True)
    server = start_server(under=without_override)
    client = server.log_in()

    def available() -> bool:
        found: bool = client.get("/system").json()["workspace_available"]
        return found

    def primary() -> Any:
        return (client.get("/runs").json()["runs"][0]["primary"] or {}).get("last")

    eventually(lambda: available() and primary() == 1.0)
    workspace.chmod(0)
    try:
        eventually(lambda: not available())
        id = client.get("/runs").json()["runs"][0]["id"]
        assert client.get(f"/runs/{id}").status_code in (200, 503)
        assert client.get(f"/runs/{id}/series", params={"metric": "loss"}).status_code in (200, 503)
        run.value("loss", 2.0)
    finally:
        workspace.chmod(0o755)
    eventually(available)
    eventually(lambda: primary() == 2.0)
    assert f"the workspace {workspace} is not available: Permission denied" in server.log.read_text()
    assert "Traceback" not in server.log.read_text()


@pytest.mark.parametrize("tls", [False, "auto"])
def test_it_stops_in_two_seconds_whatever_its_clients_do(
    start_server: Callable[..., Any], new_run: Callable[..., Any], tmp_path: Path, tls: object,
    eventually: Callable[..., Any],
) -> None:  # fmt: skip
    """Streams that are read and that never are, a request that never ends, one that has not begun."""
    for _ in range(300):
        new_run()
    server = start_server(tls=tls, state_dir=str(tmp_path / "state"))
    port = int(server.url.rpartition(":")[2])
    context = None
    if tls:
        authority = next((tmp_path / "state").rglob("ca.pem"))
        context = ssl.create_default_context(cafile=str(authority))
    with httpx.Client(base_url=f"{server.url}/api/v1", verify=context or True, trust_env=False) as client:
        token = client.post("/login", json={"user": "ada", "password": "correct horse battery staple"}).json()["token"]
        ask = {"Authorization": f"Bearer {token}"}
        eventually(lambda: len(client.get("/runs", headers=ask).json()["runs"]) == 300)
    head = f"GET /api/v1/stream HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
    body = f"POST /api/v1/series HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n".encode()
    body += b"Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
    with contextlib.ExitStack() as opened:

        def connect(send: bytes, room: int | None = None) -> socket.socket:
            plain = socket.socket()
            if room is not None:
                plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
            plain.settimeout(20)
            plain.connect(("127.0.0.1", port))
            one = plain if context is None else context.wrap_socket(plain, server_hostname="localhost")
            opened.callback(one.close)
            one.sendall(send)
            return one

        read = [connect(head) for _ in range(10)]
        for one in read:
            assert one.recv(100).startswith(b"HTTP/1.1 200")
        for _ in range(10):
            connect(head, room=4096)
            connect(head[:-2])
            connect(body)
            connect(b"")
        code, seconds = server.stop(signal.SIGTERM)
        assert (code, seconds < 2.0) == (0, True), f"{code} after {seconds:.2f} s: {server.log.read_text()[-2000:]}"
        for one in read:
            rest = b""
            with contextlib.suppress(ssl.SSLError):
                while part := one.recv(1 << 20):
                    rest = (rest + part)[-5:]
            assert rest == b"0\r\n\r\n", "the stream was cut off, not closed"
    assert "Traceback" not in server.log.read_text()


def test_it_starts_again_at_once_on_the_same_port_after_being_killed(
    start_server: Callable[..., Any], new_run: Callable[..., Any], eventually: Callable[..., Any]
) -> None:
    new_run().end()
    port = free_port()
    first = start_server(port=port)
    client = first.log_in()
    with client.stream("GET", "/stream") as stream:
        assert json.loads(next(stream.iter_lines()))["type"] == "snapshot"
        code, _ = first.stop(signal.SIGKILL)
        assert code == -signal.SIGKILL
    second = start_server(port=port)
    assert second.url == first.url
    assert len(eventually(lambda: second.log_in().get("/runs").json()["runs"])) == 1
