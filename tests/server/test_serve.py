"""The server as a process: starting, serving over HTTP, pushing, stopping."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Queue
from typing import Any

import httpx
import pytest

from ailab_server.serve import ListenError, listen, url_of
from ailab_server.stream.hub import PING_SECONDS


@contextmanager
def streaming(client: httpx.Client) -> Iterator[Queue[dict[str, Any] | None]]:
    """The messages of an open stream as they come; None at its end."""
    messages: Queue[dict[str, Any] | None] = Queue()

    def read() -> None:
        try:
            with client.stream("GET", "/stream", timeout=60.0) as answer:
                assert answer.headers["content-type"] == "application/x-ndjson"
                for line in answer.iter_lines():
                    messages.put(json.loads(line))
        finally:
            messages.put(None)

    thread = threading.Thread(target=read)
    thread.start()
    try:
        yield messages
    finally:
        thread.join(timeout=30)
        assert not thread.is_alive(), "the stream was not closed"


def next_where(messages: Queue[dict[str, Any] | None], right: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
    """The first message that is ``right``."""
    while True:
        message = messages.get(timeout=20)
        assert message is not None, "the stream ended"
        if right(message):
            return message


def test_the_address_is_printed_and_the_ready_file_comes_and_goes(
    start_server: Callable[..., Any], tmp_path: Path
) -> None:
    server = start_server()
    ready = tmp_path / "ready0.json"
    assert json.loads(ready.read_text()) == {"url": server.url, "pid": server.process.pid}
    code, _ = server.stop()
    assert code == 0
    assert not ready.exists()
    printed = re.findall(r"^AI Lab server on (http://127\.0\.0\.1:\d+)$", server.log.read_text(), re.MULTILINE)
    assert printed == [server.url]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_within_two_seconds_with_a_stream_open_and_a_task_running(
    start_server: Callable[..., Any],
    eventually: Callable[..., Any],
    alive: Callable[[int], bool],
    tmp_path: Path,
    number: signal.Signals,
) -> None:
    server = start_server(gpus=[0])
    client = server.log_in()
    command = ["sh", "-c", "sleep 1000 & echo $$ $!; wait"]
    task = client.post("/tasks", json={"command": command, "folder": str(tmp_path), "gpus": 1}).json()
    pids = eventually(lambda: client.get(f"/tasks/{task['id']}").json()["output"]).split()
    with streaming(client) as messages:
        next_where(messages, lambda message: message["type"] == "snapshot")
        code, seconds = server.stop(number)
        while messages.get(timeout=10) is not None:
            pass
    assert code == 0, server.log.read_text()
    assert seconds < 2.0
    assert len(pids) == 2
    assert not any(alive(int(pid)) for pid in pids)
    assert "Traceback" not in server.log.read_text()


def test_a_second_signal_does_not_wait_for_a_stubborn_task(
    start_server: Callable[..., Any],
    eventually: Callable[..., Any],
    alive: Callable[[int], bool],
    tmp_path: Path,
) -> None:
    server = start_server()
    client = server.log_in()
    command = ["sh", "-c", "trap 'echo asked' TERM; echo up; while true; do sleep 0.05; done"]
    task = client.post("/tasks", json={"command": command, "folder": str(tmp_path)}).json()
    eventually(lambda: client.get(f"/tasks/{task['id']}").json()["output"] == "up\n")
    pid = next(entry.name for entry in Path("/proc").iterdir() if entry.name.isdecimal() and _marked(entry, task["id"]))
    server.process.send_signal(signal.SIGTERM)
    output = next(Path("/proc", pid, "fd").glob("1")).resolve()
    eventually(lambda: "asked" in output.read_text())
    code, seconds = server.stop()
    assert code == 0
    assert seconds < 3.0  # the grace would have been five
    assert not alive(int(pid))


def _marked(entry: Path, task: str) -> bool:
    try:
        return task.encode() in (entry / "environ").read_bytes()
    except OSError:
        return False


def test_a_stream_shows_runs_and_tasks_as_they_change(
    start_server: Callable[..., Any], new_run: Callable[..., Any], tmp_path: Path
) -> None:
    server = start_server(gpus=[7])
    client = server.log_in()
    run = None
    with streaming(client) as messages:
        first = messages.get(timeout=10)
        assert first is not None
        assert (first["type"], first["runs"], first["tasks"]) == ("snapshot", [], [])

        run = new_run()
        appeared = next_where(messages, lambda m: m["type"] == "run")["run"]
        run.value("loss", 0.5, primary=True)
        run.writer.event("progress", value=0.5)
        grown = next_where(messages, lambda m: m["type"] == "run" and m["run"]["progress"] and m["run"]["primary"])[
            "run"
        ]
        assert grown["id"] == appeared["id"]
        assert grown["revision"] > appeared["revision"]
        assert grown["primary"]["last"] == 0.5
        run.end()
        next_where(messages, lambda m: m["type"] == "run" and m["run"]["state"] == "finished")

        body = {"command": ["sleep", "1000"], "folder": str(tmp_path), "gpus": 1}
        task = client.post("/tasks", json=body).json()
        held = next_where(messages, lambda m: m["type"] == "tasks")
        assert held["tasks"][0]["state"] == "running"
        assert held["system"]["gpus"] == [
            {"id": 7, "task": task["id"], "task_name": "sleep", "run": None, "others": 0, "foreign": False}
        ]
        client.post(f"/tasks/{task['id']}/stop")
        freed = next_where(messages, lambda m: m["type"] == "tasks" and m["tasks"][0]["state"] == "killed")
        assert freed["system"]["gpus"][0]["task"] is None

        began = time.monotonic()
        client.post("/logout")
        while messages.get(timeout=10) is not None:
            pass
        assert time.monotonic() - began < PING_SECONDS / 2  # at once, not at the next ping


def test_the_tasks_environment_holds_no_secret_of_the_server(
    start_server: Callable[..., Any], eventually: Callable[..., Any], workspace: Path
) -> None:
    server = start_server(env={"AILAB_PASSWORD": "canary1", "API_TOKEN": "canary2"}, gpus=[4, 2])
    client = server.log_in()
    body = {
        "command": [sys.executable, "-c", "import os; print(dict(os.environ))"],
        "folder": str(workspace),
        "gpus": 2,
    }
    id = client.post("/tasks", json=body).json()["id"]
    task = eventually(lambda: (now := client.get(f"/tasks/{id}").json())["state"] == "finished" and now)
    environment = eval(task["output"])
    assert "canary" not in task["output"]
    assert environment["CUDA_VISIBLE_DEVICES"] == "2,4"
    assert environment["AILAB_WORKSPACE"] == str(workspace)
    assert environment["AILAB_TASK_ID"] == id


def test_the_log_holds_no_password_and_no_token(start_server: Callable[..., Any], password: str) -> None:
    server = start_server()
    client = server.log_in()
    token = client.headers["authorization"].removeprefix("Bearer ")
    client.get("/system")
    client.get(f"/nothing?token={token}")
    client.post("/login", json={"user": "ada", "password": password + "x"})
    client.get("/system", headers={"User-Agent": "\x1b[2J"})
    server.stop()
    log = server.log.read_text()
    assert "login: user ada" in log
    assert token not in log
    assert password not in log
    assert "\x1b" not in log


def test_a_port_in_use_is_one_line(start_server: Callable[..., Any], tmp_path: Path, workspace: Path) -> None:
    port = int(start_server().url.rpartition(":")[2])
    config = tmp_path / "second.json"
    config.write_text(json.dumps({"workspace": str(workspace), "port": port}))
    done = subprocess.run(
        [sys.executable, "-m", "ailab_server", str(config)], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.splitlines()[-1] == (
        f"{config}: port: {port} on 127.0.0.1 is in use by another program: choose another, or 0 for a free one"
    )
    assert "Traceback" not in done.stderr


def test_without_users_a_login_is_made_up_and_shown_once(start_server: Callable[..., Any]) -> None:
    server = start_server(users={})
    match = re.search(r"until this server stops: user (\S+), password (\S+)$", server.log.read_text(), re.MULTILINE)
    assert match is not None
    url = f"{server.url}/api/v1"
    assert httpx.get(f"{url}/runs", trust_env=False).status_code == 401
    answer = httpx.post(f"{url}/login", json={"user": match[1], "password": match[2]}, trust_env=False)
    assert answer.status_code == 200


def connect(server: Any) -> socket.socket:
    host, _, port = server.url.removeprefix("http://").rpartition(":")
    return socket.create_connection((host, int(port)), timeout=20)


def test_odd_requests_get_400_and_the_server_goes_on(start_server: Callable[..., Any]) -> None:
    server = start_server()
    for request_text in (
        b"GET /api/v1/system HTTP/1.0\r\n\r\n",
        b"GET /api/v1/system HTTP/1.1\r\n\r\n",
        b"GET /api/v1/system HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n",
        b"GET /api/v1/system HTTP/1.1\r\nHost: evil.example\r\n\r\n",
        b"GET http://evil.example/ HTTP/1.1\r\nHost: evil.example\r\n\r\n",
        b"POST /api/v1/login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
        b"GET /\0 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ):
        with connect(server) as connection:
            connection.sendall(request_text)
            connection.shutdown(socket.SHUT_WR)
            assert connection.recv(65536).startswith(b"HTTP/1.1 400 "), request_text
    assert httpx.get(f"{server.url}/api/v1/system", trust_env=False).status_code == 401


def test_an_endless_head_is_refused_before_it_is_there(start_server: Callable[..., Any]) -> None:
    server = start_server()
    with connect(server) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nX: ")
        sent = 0
        with pytest.raises(OSError):  # the server closes long before
            while sent < 2**30:
                sent += connection.send(b"x" * 65536)
        assert sent < 64 * 2**20


def test_an_endless_body_is_refused_before_it_is_there(start_server: Callable[..., Any]) -> None:
    server = start_server()
    with connect(server) as connection:
        head = b"POST /api/v1/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        connection.sendall(head + b"Transfer-Encoding: chunked\r\n\r\n")
        chunk = b"10000\r\n" + b"x" * 65536 + b"\r\n"
        sent = 0
        with pytest.raises(OSError):  # the server closes long before
            while sent < 2**30:
                connection.sendall(chunk)
                sent += len(chunk)
        assert sent < 64 * 2**20


def test_no_users_at_all_on_an_open_host_never_starts(tmp_path: Path, workspace: Path) -> None:
    config = tmp_path / "open.json"
    config.write_text(json.dumps({"workspace": str(workspace), "host": "*", "port": 0}))
    done = subprocess.run(
        [sys.executable, "-m", "ailab_server", str(config)], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 2
    assert done.stderr.startswith(f"{config}: users: there are none")


def test_listening() -> None:
    sockets = listen("127.0.0.1", 0)
    try:
        port = sockets[0].getsockname()[1]
        assert url_of("127.0.0.1", sockets) == f"http://127.0.0.1:{port}"
        assert url_of("::1", sockets) == f"http://[::1]:{port}"
        assert url_of("*", sockets) == f"http://{socket.gethostname()}:{port}"
        with pytest.raises(ListenError, match=f"{port} on 127.0.0.1 is in use"):
            listen("127.0.0.1", port)
    finally:
        for one in sockets:
            one.close()
    with pytest.raises(ListenError, match="no name that this machine can resolve") as unknown:
        listen("no-such-host.invalid", 0)
    with pytest.raises(ListenError, match=r"no address of this machine") as foreign:
        listen("192.0.2.1", 0)
    assert unknown.value.wrong and foreign.value.wrong


def test_a_workspace_that_vanishes_is_shown_as_such_and_comes_back(
    start_server: Callable[..., Any], new_run: Callable[..., Any], workspace: Path
) -> None:
    run = new_run()
    server = start_server()
    client = server.log_in()
    away = workspace.with_name("away")
    with streaming(client) as messages:
        first = next_where(messages, lambda m: m["type"] == "snapshot")
        assert first["system"]["workspace_available"]
        workspace.rename(away)
        next_where(messages, lambda m: m["type"] == "tasks" and not m["system"]["workspace_available"])
        assert len(client.get("/runs").json()["runs"]) == 1  # what was known stays to be seen
        assert client.get("/system").json()["workspace_available"] is False
        away.rename(workspace)
        next_where(messages, lambda m: m["type"] == "tasks" and m["system"]["workspace_available"])
        run.value("loss", 0.25, primary=True)
        next_where(messages, lambda m: m["type"] == "run" and m["run"]["primary"])
        server.stop()
    log = server.log.read_text()
    assert f"the workspace {workspace} is not available: No such file or directory" in log
    assert f"the workspace {workspace} is back" in log
    assert "Traceback" not in log


def test_a_folder_alone_is_enough_to_try_it(workspace: Path, new_run: Callable[..., Any], tmp_path: Path) -> None:
    new_run().end()
    ready = tmp_path / "ready.json"
    command = [sys.executable, "-m", "ailab_server", "--workspace", str(workspace), "--port", "0"]
    with subprocess.Popen(
        [*command, "--ready-file", str(ready)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        made_up = process.stderr.readline()
        url = process.stdout.readline().removeprefix("AI Lab server on ").strip()
        match = re.search(r"^no config file; until this server stops: user (\S+), password (\S+)$", made_up)
        assert match is not None
        assert url.startswith("http://127.0.0.1:")
        with httpx.Client(base_url=f"{url}/api/v1", trust_env=False) as client:
            token = client.post("/login", json={"user": match[1], "password": match[2]}).json()["token"]
            client.headers["Authorization"] = f"Bearer {token}"
            assert len(client.get("/runs").json()["runs"]) == 1
            assert client.get("/system").json()["role"] == "admin"
        process.terminate()
        assert process.wait(10) == 0
        assert match[2] not in process.stderr.read()


def test_what_is_wrong_with_a_certificate_is_one_line(tmp_path: Path, workspace: Path) -> None:
    (tmp_path / "x.pem").write_text("rubbish")
    config = tmp_path / "c.json"
    tls = {"cert": str(tmp_path / "x.pem"), "key": str(tmp_path / "x.pem")}
    config.write_text(json.dumps({"workspace": str(workspace), "port": 0, "tls": tls}))
    config.chmod(0o600)
    done = subprocess.run(
        [sys.executable, "-m", "ailab_server", str(config)], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[-1].startswith(f"{config}: tls: ")
    assert "do not belong together, or are no PEM files" in done.stderr


def test_requests_on_one_connection_do_not_wait_for_acknowledgements(start_server: Callable[..., Any]) -> None:
    client = start_server().log_in()
    took = []
    for _ in range(20):
        began = time.monotonic()
        client.get("/runs/none").close()
        took.append(time.monotonic() - began)
    # Linux delays an acknowledgement by 40 ms; the fastest of twenty shows it whatever else the machine does.
    assert sorted(took)[5] < 0.035


@pytest.mark.parametrize("host", ["127.0.0.1", "*"])
def test_sockets_say_that_they_are_tcp(host: str) -> None:
    for one in listen(host, 0):
        assert one.proto == socket.IPPROTO_TCP  # what asyncio goes by when it sets TCP_NODELAY
        one.close()
